"""Signal along a genome: bigWig files and a FASTA, cut into windows of three parts that share no base."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from cistron.errors import InputError

STRANDS = ("+", "-", ".")


@dataclass(frozen=True)
class Track:
    """One track.

    Attributes:
        name: What it is called.
        files: bigWig files; several are replicates and are averaged. What they do not cover has no signal.
        strand: `+` or `-` where the signal is of one strand, `.` where it is of both.
        negate: The files hold negative numbers, as many do for the minus strand.
    """

    name: str
    files: tuple[str, ...]
    strand: str = "."
    negate: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise InputError(f"track '{self.name}' has no files")
        if self.strand not in STRANDS:
            raise InputError(
                f"track '{self.name}' has the strand '{self.strand}'; known: {', '.join(STRANDS)}"
            )
        if not self.name or PurePath(self.name).name != self.name:
            raise InputError(f"'{self.name}' cannot be the name of a track, which is also that of a file")


@dataclass(frozen=True)
class TrackPlan:
    """What to prepare.

    Attributes:
        reference: FASTA of the genome, in which the tracks have their coordinates.
        tracks: The tracks.
        train: Regions or BED files to learn from; where empty, all that is not held out of the contigs that
            every file covers.
        validation: Regions or BED files that decide when to stop.
        test: Regions or BED files to measure on at the end.
        blacklist: BED files of bases whose signal is not to be trusted.
        width: Of a window in bp.
        stride: Between the starts of windows in bp; half a window when None.
        most_unknown: Windows with a larger share of bases that are N or blacklisted are dropped; in those
            that stay, such bases do not count.
    """

    reference: str
    tracks: tuple[Track, ...]
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    width: int = 32_000
    stride: int | None = None
    most_unknown: float = 0.5

    def __post_init__(self) -> None:
        names = [track.name for track in self.tracks]
        if not names or len(set(names)) < len(names):
            raise InputError(f"tracks need names, each its own; found {', '.join(names) or 'no track'}")
        if not 0 <= self.most_unknown < 1:
            raise InputError(f"most_unknown is {self.most_unknown}; give a share from 0 to below 1")
