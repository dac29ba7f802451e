"""Cistron: an open platform for genomic foundation models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from cistron.client.connecting import connect
    from cistron.inference.load import LoadedModel, load
    from cistron.inference.score import VariantScore, score_variants

_LAZY = {
    "connect": "cistron.client.connecting",
    "load": "cistron.inference.load",
    "LoadedModel": "cistron.inference.load",
    "score_variants": "cistron.inference.score",
    "VariantScore": "cistron.inference.score",
}

__all__ = ["LoadedModel", "VariantScore", "__version__", "connect", "load", "score_variants"]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import cistron` stays instant."""
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'cistron' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
