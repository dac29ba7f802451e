"""What reports say of the model and the genome they were made with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cistron.genome import Reference
from cistron.genome.contigs import recognise_build

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel


def model_facts(model: LoadedModel) -> dict[str, str]:
    """Name → value, in the order to show them."""
    return {
        "Model": model.name,
        "Architecture": model.spec.architectures[0],
        "Context": f"{model.model.config.context_length:,} bases",
        "Weights sha256": model.sha256,
    }


def reference_fact(reference: Reference) -> str:
    """The genome's file and the build that its contigs have the lengths of."""
    return f"{reference.name} ({recognise_build(reference.contigs) or 'build unknown'})"
