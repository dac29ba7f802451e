"""The job behind `cistron fusion plan`."""

from __future__ import annotations

from cistron.cli.progress import note
from cistron.fusion import RECIPES


def run_plan(recipe: str, dna: str, memory: float, devices: int) -> None:
    """Print what a published run takes on each device.

    Raises:
        CistronError: The run or the DNA model is unknown, or a library is missing.
    """
    if recipe == "list":
        print("\n".join(RECIPES.names()))
        return
    from cistron.fusion.memory import plan

    found = plan(RECIPES.get(recipe)(), dna, devices=devices)
    for part, count in found.parameters.items():
        print(f"{part}\t{count:,} parameters")
    for part in ("language", "dna", "trained", "activations", "logits", "total"):
        print(f"{part}\t{getattr(found, part) / 2**30:.1f} GiB")
    fits = "fits" if found.total <= memory * 2**30 else "does not fit"
    note(
        f"{fits} {memory:g} GiB on each of {devices} devices; without the DNA model once its states are kept"
    )
