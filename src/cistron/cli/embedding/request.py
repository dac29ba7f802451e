"""What a user may ask of `cistron embed`, checked and opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cistron import __version__
from cistron.cli.embedding.inputs import BedTexts, Cutting, FastaTexts, TableTexts, Texts, parse_span
from cistron.cli.embedding.work import ALLELES, Allele, SequenceWork, Settings, VariantWork, Work
from cistron.cli.loading import loaded
from cistron.errors import InputError, WindowError
from cistron.formats.atomic import STREAM, refuse_same_file, sha256_file
from cistron.formats.bgzf import first_bytes
from cistron.formats.fasta import Fasta
from cistron.formats.npy import rows_path
from cistron.formats.sequence_table import SequenceTable
from cistron.formats.spool import seekable
from cistron.formats.vcf import VcfReader
from cistron.formats.vectors import refuse_unwritable_vectors
from cistron.genome.sliding import checked_stride

if TYPE_CHECKING:
    from cistron.inference.embedding.pooling import Pooling
    from cistron.inference.load import LoadedModel

Kind = Literal["fasta", "bed", "vcf", "table"]

KINDS: dict[Kind, tuple[str, ...]] = {
    "fasta": (".fa", ".fasta", ".fna", ".ffn"),
    "bed": (".bed",),
    "vcf": (".vcf", ".bcf"),
    "table": (".tsv", ".parquet"),
}


@dataclass(frozen=True)
class EmbedRequest:
    """What the user asked for; see `cistron embed --help`."""

    input: str
    output: str
    reference: Path | None = None
    model: str = "default"
    layers: tuple[str | int, ...] = ()
    pooling: Pooling = "mean"
    strands: Literal["forward", "both"] | None = None
    window: int | None = None
    stride: int | None = None
    interval: str | None = None
    width: int | None = None
    around: int | None = None
    alleles: tuple[Allele, ...] = ()
    check_ref: Literal["error", "warn"] = "error"
    column: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 16_384
    threads: int | None = None
    resume: bool = False

    def settings(self, kind: Kind) -> Settings:
        """What vectors depend on; variants are read on both strands unless told otherwise."""
        strands = self.strands or ("both" if kind == "vcf" else "forward")
        return Settings(self.layers, self.pooling, strands)


def input_kind(name: str, path: Path) -> Kind:
    """What an input is, by its ending or, on standard input, by its first bytes.

    Raises:
        InputError: It is none of `KINDS`.
    """
    if name == STREAM:
        head = first_bytes(path)
        if head.startswith(b">"):
            return "fasta"
        if head.startswith(b"##fileformat=VCF"):
            return "vcf"
        raise InputError("standard input is neither FASTA nor VCF; name a file")
    plain = name.removesuffix(".gz").removesuffix(".bgz")
    for kind, endings in KINDS.items():
        if plain.endswith(endings):
            return kind
    endings_known = ", ".join(ending for endings in KINDS.values() for ending in endings)
    raise InputError(
        f"{name} is of an unknown kind; inputs end in {endings_known}, all but .parquet also in .gz"
    )


@contextmanager
def readable(name: str) -> Iterator[Path]:
    """A path that can be read twice: pipes are copied to a temporary file."""
    if name != STREAM and (Path(name).is_file() or not Path(name).exists()):
        yield Path(name)
        return
    with seekable(name) as path:
        yield path


def check_paths(request: EmbedRequest) -> None:
    """Refuse outputs that cannot be written or would destroy an input.

    Raises:
        OutputError: The output's ending, place or name does not do.
        InputError: A stream cannot be resumed.
    """
    refuse_unwritable_vectors(request.output)
    written = [Path(request.output)]
    if request.output.endswith(".npy"):
        written.append(rows_path(request.output))
    for target in written:
        refuse_same_file(request.input, target)
        if request.reference is not None:
            refuse_same_file(request.reference, target)
    if request.resume and request.input == STREAM:
        raise InputError("--resume needs a file: standard input cannot be taken up again")


_BELONGS: dict[str, tuple[Kind, ...]] = {
    "reference": ("bed", "vcf"),
    "window": ("fasta", "bed", "table"),
    "stride": ("fasta", "bed", "table"),
    "interval": ("fasta", "bed", "table"),
    "width": ("bed", "vcf"),
    "around": ("vcf",),
    "alleles": ("vcf",),
    "column": ("table",),
}


def check_options(request: EmbedRequest, kind: Kind) -> None:
    """Refuse options that would be without effect, and combinations without a meaning.

    Raises:
        InputError: There is one, or the reference is missing.
        WindowError: Window and stride do not suit each other.
    """
    for option, kinds in _BELONGS.items():
        if getattr(request, option) and kind not in kinds:
            name = "allele" if option == "alleles" else option
            raise InputError(f"--{name} goes with input of the kind {' or '.join(kinds)}, and this is {kind}")
    if kind in _BELONGS["reference"] and request.reference is None:
        raise InputError(f"{request.input} needs the genome it refers to; give --reference REF.fa")
    if kind == "vcf" and request.pooling == "none":
        raise InputError("--pooling none: alleles may differ in length, so positions cannot be compared")
    if request.stride is not None and request.window is None:
        raise InputError("--stride goes with --window")
    if request.width is not None and kind == "bed" and (request.window or request.interval):
        raise InputError(
            "--width pools intervals with what lies around them; leave out --window and --interval"
        )
    if request.window is not None:
        checked_stride(request.window, request.stride)


def opened(request: EmbedRequest, kind: Kind, path: Path, open_files: ExitStack) -> tuple[LoadedModel, Work]:
    """The model, and the work on an input that was opened before it, since that is quick to fail."""
    reference = variants = table = None
    if request.reference is not None:
        reference = open_files.enter_context(Fasta(request.reference))
    if kind == "vcf":
        variants = open_files.enter_context(VcfReader(path))
    if kind == "table":
        table = SequenceTable(path, request.column or "sequence")
    model = loaded(request.model, request.device, request.dtype, request.threads)
    if variants is not None:
        assert reference is not None
        return model, _variant_work(request, model, variants, reference)
    texts: Texts
    cutting = _cutting(request, model)
    if table is not None:
        texts = TableTexts(table, cutting)
    elif reference is not None:
        texts = BedTexts(path, reference, cutting, _checked_width(request, model))
    else:
        texts = FastaTexts(path, cutting)
    span = None if request.interval is None else parse_span(request.interval)
    return model, SequenceWork(model, request.settings(kind), texts, span)


def _variant_work(request: EmbedRequest, model: LoadedModel, variants: VcfReader, reference: Fasta) -> Work:
    from cistron.inference.score import checked_width
    from cistron.inference.scoring.allele_windows import AlleleWindows

    settings = request.settings("vcf")
    windows = AlleleWindows(
        reference,
        checked_width(model.model, request.width),
        settings.strands,
        check_ref=request.check_ref,
        lengths=variants.contig_lengths,
    )
    return VariantWork(model, settings, variants, windows, request.around, request.alleles or ALLELES)


def _cutting(request: EmbedRequest, model: LoadedModel) -> Cutting:
    most = model.model.config.context_length
    if request.window is not None and request.window > most:
        raise WindowError(f"--window {request.window:,} exceeds the {most:,} bases that the model reads")
    return Cutting(request.window, request.stride, most)


def _checked_width(request: EmbedRequest, model: LoadedModel) -> int | None:
    from cistron.inference.score import checked_width

    return None if request.width is None else checked_width(model.model, request.width)


def identity_of(request: EmbedRequest, kind: Kind, path: Path, model: LoadedModel) -> dict[str, Any]:
    """Everything the vectors depend on; also what the output says about itself."""
    reference = request.reference
    asked = {
        "layers": [str(layer) for layer in request.layers] or ["last, after the final norm"],
        "pooling": request.pooling,
        "strands": request.settings(kind).strands,
        "window": request.window,
        "stride": request.window if request.stride is None else request.stride,
        "interval": request.interval,
        "width": _width(request, kind, model),
        "around": request.around,
        "alleles": list(request.alleles or ALLELES) if kind == "vcf" else None,
        "check_ref": request.check_ref if kind == "vcf" else None,
        "column": (request.column or "sequence") if kind == "table" else None,
    }
    return {
        "version": __version__,
        "input_sha256": sha256_file(path),
        "reference_sha256": None if reference is None else sha256_file(reference),
        "model": model.name,
        "model_sha256": model.sha256,
        **asked,
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens,
    }


def _width(request: EmbedRequest, kind: Kind, model: LoadedModel) -> int | None:
    if kind == "vcf" and request.width is None:
        return model.model.config.width
    return request.width
