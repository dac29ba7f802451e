"""Annotated genomes that the experiments run on: those at hand, and any that a user names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.evals.requests import Contigs
from cistron.evals.task import Option, Setting
from cistron.formats.bgzf import first_bytes, is_bgzf, is_gzip
from cistron.formats.coding_genes import read_coding_genes
from cistron.formats.fasta import Fasta
from cistron.formats.fasta_stream import stream_fasta
from cistron.genome import Interval, Reference
from cistron.genome.coding import CodingGene, RnaGene, clean_genes


@dataclass(frozen=True)
class Source:
    """A genome and its annotation, below the data folder.

    Attributes:
        name: Variant of a task's name.
        title: What to call it in a figure.
        fasta: The sequence.
        annotation: What `cistron.formats.coding_genes` reads.
        licence: Of both.
        table: Genetic code where the annotation names none.
        first: Number of a contig's first base in the annotation.
        circular: Circular contigs that the annotation does not call so.
        begin: Genes from this base of their contig on are used, 0-based.
        bacterial: Whether ribosomes find their start by a site upstream of it.
        elsewhere: FASTA that the Markov baseline is fitted on; empty for the genome itself without the
            windows that are read.
        elsewhere_title: What that is.
    """

    name: str
    title: str
    fasta: str
    annotation: str
    licence: str = "open"
    table: int = 1
    first: int = 1
    circular: tuple[str, ...] = ()
    begin: int = 0
    bacterial: bool = False
    elsewhere: str = ""
    elsewhere_title: str = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Everything that must be there, below the data folder."""
        return tuple(path for path in (self.fasta, self.annotation, self.elsewhere) if path)


_ECOLI: Final = "genomes/ecoli_k12/GCF_000005845.2_ASM584v2_genomic"

SOURCES: Final = (
    Source("ecoli", "E. coli K-12", f"{_ECOLI}.fna.gz", f"{_ECOLI}.gff.gz", table=11, bacterial=True),
    Source(
        "yeast",
        "S. cerevisiae",
        "genomes/yeast_R64/Saccharomyces_cerevisiae.R64-1-1.dna.toplevel.fa.gz",
        "genomes/yeast_R64/SGD_features.tab.gz",
    ),
    Source(
        "phix174",
        "phage φX174",
        "genomes/phix174/NC_001422_1.fna",
        "genomes/phix174/NC_001422.1_pseudocircular.gff",
        table=11,
        first=0,
        circular=("NC_001422.1",),
        bacterial=True,
        elsewhere=f"{_ECOLI}.fna.gz",
        elsewhere_title="E. coli K-12, its host",
    ),
    Source(
        "drosophila",
        "D. melanogaster chr4",
        "genomes/drosophila_chr4/DmelanDM6_4_GCF_000001215.4_Release_6_plus_ISO1_MT_genomic.fna.gz",
        "genomes/drosophila_chr4/DmelanDM6_4.gff.gz",
    ),
    Source(
        "human",
        "human chr20, test part",
        "human/chr20.fa.gz",
        "human/gencode_v19",
        begin=20_000_000,
        elsewhere="human/chr22_partial.fa.gz",
        elsewhere_title="human chr22",
    ),
)
"""Genomes of the data folder. Human genes are those that no model of this project was trained on."""

OPTIONS: Final[Mapping[str, Option]] = {
    "fasta": "",
    "annotation": "",
    "table": 1,
    "first": 1,
    "circular": "",
    "bacterial": 0,
}
"""Options of the variant `genome` of every task, which runs on files of the user's own."""


@dataclass(frozen=True)
class Genome:
    """A genome with the genes that read cleanly.

    Attributes:
        source: Where it comes from.
        asked: What a request names: the FASTA, or its sequences where it cannot be read from the middle.
        reference: The bases.
        genes: Clean coding genes, one coding sequence each, by place.
        rna: Genes of RNA.
        genic: Every gene's and feature's extent.
        circular: Circular contigs.
        notes: What was left out and why.
        fitted_on: FASTA for the Markov baseline; None for the genome itself.
    """

    source: Source
    asked: Path | Contigs
    reference: Reference
    genes: tuple[CodingGene, ...]
    rna: tuple[RnaGene, ...]
    genic: tuple[Interval, ...]
    circular: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())
    fitted_on: Path | None = None


def open_genome(source: Source, setting: Setting) -> Genome:
    """Read a genome and its annotation.

    Raises:
        InputError: A file is missing or damaged, or no gene of it reads cleanly.
    """
    asked = _bases(_located(setting, source.fasta))
    reference = Fasta(asked) if isinstance(asked, Path) else asked
    annotation = read_coding_genes(
        _located(setting, source.annotation),
        reference,
        table=source.table,
        first=source.first,
        circular=source.circular,
    )
    source, contig = _restricted(source, setting, reference)
    wanted = [g for g in annotation.coding if contig in ("", g.chrom) and min(g.parts)[0] >= source.begin]
    genes, reasons = clean_genes(wanted, reference)
    reasons = {**annotation.passed_over, **reasons}
    if not genes:
        hint = (
            f"do starts count from {1 - source.first}? set first={1 - source.first}" if source.first else ""
        )
        raise InputError(
            f"no gene of {source.annotation} reads cleanly ({_told(reasons)}); "
            + (hint or "is it of this assembly?")
        )
    notes = (f"{len(genes):,} coding genes read cleanly; left out: {_told(reasons) or 'none'}",)
    elsewhere = setting.path(source.elsewhere) if source.elsewhere else None
    circular = tuple(sorted(annotation.circular))
    return Genome(
        source,
        asked,
        reference,
        tuple(genes),
        tuple(
            r for r in annotation.rna if contig in ("", r.interval.chrom) and r.interval.start >= source.begin
        ),
        annotation.genic,
        circular,
        notes,
        elsewhere,
    )


def named_source(setting: Setting) -> Source:
    """The genome that a user's options name; its paths are as given, not below the data folder.

    Raises:
        InputError: FASTA or annotation is not given.
    """
    values = setting.options
    if not values["fasta"] or not values["annotation"]:
        raise InputError("name your genome: --set fasta=genome.fa --set annotation=genes.gff3")
    return Source(
        "genome",
        Path(str(values["fasta"])).name,
        str(Path(str(values["fasta"])).resolve()),
        str(Path(str(values["annotation"])).resolve()),
        table=int(values["table"]),
        first=int(values["first"]),
        circular=tuple(name for name in str(values["circular"]).split(",") if name),
        bacterial=bool(int(values["bacterial"])),
    )


def sequences_of(path: Path) -> Iterable[tuple[str, str]]:
    """Name and upper-case bases of each contig of a FASTA file, plain or gzip of any kind."""
    name, pieces = None, list[bytes]()
    for found, bases in stream_fasta(path):
        if found != name:
            if name is not None:
                yield name, b"".join(pieces).decode("ascii", "replace").upper()
            name, pieces = found, []
        pieces.append(bases)
    if name is not None:
        yield name, b"".join(pieces).decode("ascii", "replace").upper()


def _restricted(source: Source, setting: Setting, reference: Reference) -> tuple[Source, str]:
    """The source from the base on that the options name, and the one contig that they name; "" for all.

    Raises:
        InputError: The genome does not have that contig.
    """
    contig, begin = str(setting.options.get("contig", "")), int(setting.options.get("begin", 0))
    if contig and contig not in reference.contigs:
        known = ", ".join(list(reference.contigs)[:4])
        raise InputError(f"contig={contig} is not in {source.fasta}, whose contigs are {known} …")
    return replace(source, begin=max(begin, source.begin)), contig


def _located(setting: Setting, path: str) -> Path:
    """A file of the user's own by its absolute path, any other below the data folder."""
    return Path(path) if Path(path).is_absolute() else setting.path(path)


def _bases(path: Path) -> Path | Contigs:
    head = first_bytes(path)
    if is_gzip(head) and not is_bgzf(head):
        return Contigs(tuple(sequences_of(path)), path.name)
    return path


def _told(reasons: Mapping[str, int]) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in reasons.items() if count)
