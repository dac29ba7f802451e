"""The job behind `cistron tracks effect`: variants in, their effects on predicted tracks in INFO.

Effects go to a journal first and to the output only when all are known, so a stopped run can go on.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import journal_beside
from cistron.cli.predicting import opened_head
from cistron.cli.progress import note, progress_bar
from cistron.cli.scoring.request import CheckRef, ScoreRequest, check_build, check_paths
from cistron.cli.tracks.effect_fields import Entry, TrackFields
from cistron.errors import InputError, OutputError
from cistron.formats.atomic import refuse_same_file, sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import GeneFile, gene_files
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.vcf import VcfReader, VcfWriter
from cistron.genome import Variant
from cistron.genome.contigs import ContigNames
from cistron.genome.gene_index import GeneIndex

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.inference.track_effect import TrackEffect
    from cistron.weights.heads import SavedHead

_BLOCK: Final = 8
"""Alleles between two entries of the journal."""

_ENDINGS: Final = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")


@dataclass(frozen=True)
class EffectRequest:
    """What the user asked for; see `cistron tracks effect --help`."""

    vcf: str
    head: Path
    reference: Path
    output: str
    model: str | None = None
    annotation: Path | None = None
    width: int | None = None
    check_ref: CheckRef = "error"
    plots: Path | None = None
    most: int = 10
    device: str = "auto"
    threads: int | None = None
    tag: str | None = None
    overwrite: bool = False
    resume: bool = False

    @property
    def as_scoring(self) -> ScoreRequest:
        """What it has in common with `cistron score`, whose refusals hold here too."""
        return ScoreRequest(
            self.vcf, self.reference, self.output, check_ref=self.check_ref, tag=self.tag, resume=self.resume
        )


def run_effect(request: EffectRequest) -> None:
    """Predict what the variants of a file do to the tracks of a head, and write them out.

    Raises:
        CistronError: What the caller can fix.
    """
    _check_paths(request)
    with ExitStack() as held:
        reference = held.enter_context(Fasta(request.reference))
        reader = held.enter_context(VcfReader(request.vcf))
        check_build(request.as_scoring, reader, reference)
        saved, model = opened_head(request.head, request.model, request.device, request.threads)
        run = _Run(request, reader, reference, saved, model, _index(request, reader, reference))
        identity = run.identity()
        fields = TrackFields.of(saved, request.tag, identity)
        fields.refuse_taken(reader, overwrite=request.overwrite)
        journal = held.enter_context(journal_beside(request.output, identity, resume=request.resume))
        run.fill(journal)
        counts = run.write(journal, fields)
        if not request.as_scoring.streams:
            write_manifest(request.output, run.manifest(identity, counts))
        if request.plots is not None:
            run.draw(journal, request.plots)
        journal.remove()
    scored = counts["SCORED"]
    note(f"{scored:,} of {counts.total():,} alleles have effects; wrote {request.output}")


@dataclass(frozen=True)
class _Run:
    """What a run works with."""

    request: EffectRequest
    reader: VcfReader
    reference: Fasta
    saved: SavedHead
    model: LoadedModel
    genes: GeneIndex | None

    def identity(self) -> dict[str, Any]:
        """Everything the effects depend on."""
        from cistron.inference.tracks import track_head, window_of

        track_head(self.saved)
        annotation = [] if self.request.annotation is None else gene_files(self.request.annotation)
        return {
            "version": __version__,
            "input_sha256": self.reader.sha256,
            "reference_sha256": sha256_file(self.request.reference),
            "head_sha256": sha256_file(self.request.head / "head.safetensors"),
            "model": self.model.name,
            "model_sha256": self.model.sha256,
            "annotation_sha256": [sha256_file(path) for path in annotation if path.is_file()],
            "width": window_of(self.saved, self.request.width)[0],
            "check_ref": self.request.check_ref,
            "device": self.model.device.type,
            "dtype": self.model.dtype,
            "block": _BLOCK,
        }

    def variants(self) -> Iterator[Variant]:
        """Every allele, in order."""
        return (variant for record in self.reader for variant in record.variants)

    def fill(self, journal: Journal) -> None:
        """Predict for the alleles that the journal does not have yet."""
        done = min(journal.done * _BLOCK, total := sum(1 for _ in self.variants()))
        effects = self.effects(islice(self.variants(), done, None))
        with progress_bar("Predicting", total, "variants", done=done) as advance:
            while block := [Entry.of(effect) for effect in islice(effects, _BLOCK)]:
                journal.append(json.dumps(block).encode())
                advance(len(block))

    def effects(self, variants: Iterator[Variant]) -> Iterator[TrackEffect]:
        """Effects of variants, in order."""
        from cistron.inference.track_effect import predict_track_effects

        return predict_track_effects(
            self.model.model,
            self.model.tokenizer,
            self.saved,
            self.reference,
            variants,
            width=self.request.width,
            genes=self.genes,
            check_ref="error" if self.request.check_ref == "error" else "warn",
            lengths=self.reader.contig_lengths,
        )

    def entries(self, journal: Journal) -> Iterator[Entry]:
        """What the journal holds, in order."""
        return (Entry(*entry) for payload in journal for entry in json.loads(payload))

    def write(self, journal: Journal, fields: TrackFields) -> Counter[str]:
        """Write every record with its effects, and return how many alleles have which status."""
        entries = self.entries(journal)
        counts: Counter[str] = Counter()
        drop = fields.own(self.reader) if self.request.overwrite else []
        writer = VcfWriter(self.request.output, self.reader, fields.definitions(), command_line(), drop=drop)
        with writer:
            for record in self.reader:
                found = list(islice(entries, len(record.variants)))
                counts.update(entry.status or "SCORED" for entry in found)
                excluded = any(entry.status == "REF_MISMATCH" for entry in found)
                if not (self.request.check_ref == "exclude" and excluded):
                    writer.write(record, fields.values(found) if found else None)
        if writer.index_note:
            note(writer.index_note)
        return counts

    def manifest(self, identity: dict[str, Any], counts: Counter[str]) -> dict[str, Any]:
        """How the output was made."""
        files = {
            "input": self.request.vcf,
            "reference": str(self.request.reference),
            "head": str(self.request.head),
            "annotation": None if self.request.annotation is None else str(self.request.annotation),
        }
        alleles = dict(sorted(counts.items()))
        return {"command": command_line(), **files, **identity, "seed": None, "alleles": alleles}

    def draw(self, journal: Journal, folder: Path) -> None:
        """Draw the variants with the largest changes, each into a file of its own."""
        from cistron.inference.tracks import track_head
        from cistron.reports.tracks_effect import write_effect_figure

        sizes = [
            (max(map(abs, entry.lfc)), variant)
            for variant, entry in zip(self.variants(), self.entries(journal), strict=True)
            if entry.status is None
        ]
        largest = sorted(sizes, key=lambda pair: -pair[0])[: self.request.most]
        folder.mkdir(exist_ok=True)
        tracks = track_head(self.saved).config.tracks
        for effect in self.effects(iter([variant for _, variant in largest])):
            assert effect.place is not None
            genes = [] if self.genes is None else self.genes(effect.place)
            v = effect.variant
            name = re.sub(r"[^\w.-]", "", f"{v.chrom}_{v.pos}_{v.ref[:20]}_{v.alt[:20]}")
            write_effect_figure(folder / f"{name}.png", effect, tracks, genes)
        note(f"drew {len(largest)} variants into {folder}")


def _check_paths(request: EffectRequest) -> None:
    if not request.as_scoring.streams and not request.output.endswith(_ENDINGS):
        raise OutputError(f"cannot write {request.output}: its name should end in {', '.join(_ENDINGS)}")
    check_paths(request.as_scoring)
    if request.annotation is not None:
        refuse_same_file(request.annotation, request.output)
    if request.plots is not None and not request.plots.parent.is_dir():
        raise OutputError(
            f"cannot write to {request.plots}: the folder {request.plots.parent} does not exist"
        )


def _index(request: EffectRequest, reader: VcfReader, reference: Fasta) -> GeneIndex | None:
    """The genes of the contigs that the variants lie on; None without annotation.

    Raises:
        InputError: There are none.
    """
    if request.annotation is None:
        return None
    names = ContigNames(reference.contigs)
    wanted = {names.resolve(record.chrom) for record in reader}
    annotation = GeneFile(request.annotation, reference)
    genes, exons = (
        [one for one in annotation.features(kind) if one.chrom in wanted] for kind in ("gene", "exon")
    )
    if reader.count and not genes:
        raise InputError(
            f"{request.annotation} has no gene on the contigs of {reader.name}; give that of the assembly"
        )
    return GeneIndex(genes, exons)
