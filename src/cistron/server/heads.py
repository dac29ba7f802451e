"""Trained heads that the operator installed: pathogenicity of variants, tracks along the genome."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from jaxtyping import Float

from cistron.errors import WeightsError
from cistron.formats.consequences import Consequences
from cistron.genome import Interval, Reference, Variant
from cistron.genome.alleles import AlleleStatus
from cistron.heads.allele_pair import AllelePair
from cistron.heads.coverage_track import TrackHead
from cistron.inference.load import LoadedModel, load
from cistron.inference.tracks import predict_regions
from cistron.server.problems import RefusedError
from cistron.server.settings import HEADS
from cistron.training.pathogenicity.alleles import AlleleReader
from cistron.training.pathogenicity.answers import answers
from cistron.weights.heads import MODEL, SETTINGS, SavedHead, load_head, read_head

if TYPE_CHECKING:
    from cistron.server.settings import Settings

_KINDS: Final[dict[str, type]] = {"pathogenicity": AllelePair, "tracks": TrackHead}


@dataclass(frozen=True)
class InstalledHead:
    """A head, and the model that it reads.

    Attributes:
        name: What the head's folder is called.
        saved: The head.
        model: A model of its own, since adapters change it while the head is asked.
    """

    name: str
    saved: SavedHead
    model: LoadedModel

    @property
    def reads_consequences(self) -> bool:
        """Whether it wants to know what a variant does to genes."""
        columns: Sequence[str] = getattr(self.saved.head.config, "columns", ())
        return any(column.startswith("so:") for column in columns)


class Heads:
    """The installed heads, loaded when first asked for.

    Args:
        settings: Folders, device and models.

    Raises:
        WeightsError: A folder is no head folder, or the head does not do what it is installed for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings: Final = settings
        self._lock: Final = threading.Lock()
        self._loaded: Final[dict[str, InstalledHead]] = {}
        self.names: Final = tuple(settings.heads)
        for name, folder in settings.heads.items():
            if name not in HEADS:
                raise RefusedError(404, f"--head {name}: it is for {' or '.join(HEADS)}")
            read_head(_inner(folder))

    def require(self, name: str) -> str:
        """`name`, where a head is installed for it.

        Raises:
            RefusedError: None is (501).
        """
        if name not in self.names:
            raise RefusedError(501, f"no head for {name} is installed here; start with --head {name}=FOLDER")
        return name

    def of(self, name: str) -> InstalledHead:
        """The head that is installed for one of `HEADS`.

        Raises:
            RefusedError: None is (501).
            WeightsError: It belongs to another model, or does something else.
        """
        self.require(name)
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = self._load(name)
            return self._loaded[name]

    def _load(self, name: str) -> InstalledHead:
        given = self._settings.heads[name]
        folder = _inner(given)
        told: Mapping[str, Any] = read_head(folder)["backbone"]
        own = folder / MODEL
        served = self._settings.models
        source = str(own) if own.is_dir() else served.get(told["name"], told["name"])
        model = load(source, device=self._settings.device, dtype="float32")
        saved = load_head(folder, model.built.model, name=model.name, sha256=model.sha256)
        if not isinstance(saved.head, _KINDS[name]) or "width" not in saved.facts:
            raise WeightsError(
                f"the head '{given.name}' is not one for {name}; `cistron {name} train` makes one"
            )
        saved.head.to(model.device)
        return InstalledHead(given.name, saved, model)


def _inner(folder: Path) -> Path:
    """The head folder inside what a training leaves, or the folder itself."""
    return folder / "head" if (folder / "head" / SETTINGS).is_file() else folder


def pathogenic(
    head: InstalledHead, reference: Reference, variants: Sequence[Variant], consequences: Consequences | None
) -> list[float | AlleleStatus]:
    """The head's probability that each variant is pathogenic, or why it has none.

    Args:
        head: From `cistron pathogenicity train`.
        reference: Genome of the variants.
        variants: The alleles.
        consequences: Of the genome's genes, where the head reads them.
    """
    facts, pair = head.saved.facts, cast(AllelePair, head.saved.head)
    reader = AlleleReader(
        head.model,
        pair,
        reference,
        width=facts["width"],
        around=facts["around"],
        layers=head.saved.backbone.layers,
    )
    return answers(reader, variants, consequences)


def signal(head: InstalledHead, reference: Reference, region: Interval) -> dict[str, Float[np.ndarray, "L"]]:
    """Track → its predicted signal at every base of a region; NaN where the reference has no base."""
    tracks: Sequence[str] = cast(Any, head.saved.head.config).tracks
    values = np.full((len(tracks), len(region)), np.nan, dtype=np.float32)
    for part in predict_regions(head.model.model, head.model.tokenizer, head.saved, reference, [region]):
        values[:, part.start - region.start : part.end - region.start] = part.values
    return dict(zip(tracks, values, strict=True))
