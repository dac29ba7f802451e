"""The figure of what a variant does to predicted tracks: reference, alternative, and their difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from cistron.genome.annotation import GeneModel
from cistron.reports.tracks_plot import write_track_figure

if TYPE_CHECKING:
    from cistron.inference.track_effect import TrackEffect


def write_effect_figure(
    path: Path, effect: TrackEffect, tracks: Sequence[str], genes: Sequence[GeneModel]
) -> None:
    """Write one PNG, SVG or PDF with three panels for each track, the variant marked.

    Args:
        path: Where; its ending decides.
        effect: With a window.
        tracks: Names.
        genes: Those in the window.

    Raises:
        OutputError: The file cannot be written.
    """
    assert effect.place is not None
    panels: dict[str, Float[np.ndarray, "L"]] = {}
    for number, track in enumerate(tracks):
        ref, alt = effect.ref[number], effect.alt[number]
        panels |= {f"{track}, REF": ref, f"{track}, ALT": alt, f"{track}, ALT − REF": alt - ref}
    # Both alleles of a track on one scale, their difference on its own.
    scales = [2 * number + kind for number in range(len(tracks)) for kind in (0, 0, 1)]
    write_track_figure(path, panels, effect.place, genes, marks=[effect.variant.start], scales=scales)
