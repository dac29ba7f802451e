"""`cistron doctor`: what is installed here, and does the shipped model give its recorded value?"""

from __future__ import annotations

import json
import math
import os
import platform
from importlib.metadata import version
from typing import Annotated, Any

import typer

from cistron import __version__
from cistron.errors import WeightsError

PROBE = "ACGTTGCATGCCATAGGCTAACGTTAGCCTATGGCATGCAACGT" * 8
"""An arbitrary fixed sequence of 352 bases."""

TOLERANCE = 1e-3
"""Nats over the whole probe: far above what rounding in another order changes, far below what damage does."""


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Report versions, device and threads, and compare the shipped model with its recorded value."""
    import torch

    from cistron.inference.load import load, pick_device

    model = load()
    found = next(model.log_likelihood([PROBE])).total
    expected = float(model.card["golden_log_likelihood"])
    healthy = math.isclose(found, expected, abs_tol=TOLERANCE)
    facts: dict[str, Any] = {
        "cistron": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        **{name: version(name) for name in ("numpy", "pysam", "pyarrow", "safetensors")},
        "device": str(pick_device("auto")),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "model": f"{model.name} (sha256 {model.sha256[:12]}…)",
        "log-likelihood of the probe": found,
        "recorded": expected,
        "tolerance": TOLERANCE,
        "healthy": healthy,
    }
    if as_json:
        print(json.dumps(facts, indent=2))
    else:
        for name, value in facts.items():
            print(f"{name:28} {value}")
    if not healthy:
        raise WeightsError(
            f"the self-test gave {found:.6f} nats and {expected:.6f} was recorded; "
            "scores on this machine cannot be trusted, please report the lines above"
        )


COMMAND = doctor
