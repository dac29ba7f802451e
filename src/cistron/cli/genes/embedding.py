"""The job behind `cistron genes embed`."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.errors import InputError, OutputError
from cistron.evals.answers import Vectors
from cistron.evals.genes.atlas import gene_models
from cistron.evals.genes.cutting import Cutting, Pieces
from cistron.evals.genes.regions import Region
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.requests import EmbedRequest
from cistron.evals.store import AnswerStore
from cistron.formats.atomic import sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.gene_model_file import read_names, write_vectors_model
from cistron.formats.gene_models import GeneFile, gene_files
from cistron.formats.gene_vectors import write_gene_vectors
from cistron.formats.manifest import write_manifest
from cistron.genome.annotation import GeneModel


@dataclass(frozen=True)
class GeneEmbedding:
    """What the user asked for; see `cistron genes embed --help`."""

    reference: Path
    annotation: Path
    output: Path
    model: str = "default"
    genes: Path | None = None
    region: Region = "tss"
    width: int = 2048
    windows: int = 8
    layer: str = "last"
    pooling: Literal["mean", "max", "last"] = "mean"
    strands: Literal["forward", "both"] = "forward"
    cache: Path | None = None
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None


def embed_genes(asked: GeneEmbedding) -> None:
    """Write the vectors, the model file and the manifest, and say what was left out.

    Raises:
        CistronError: What the caller can fix.
    """
    if asked.output.suffix != ".csv":
        raise OutputError(f"cannot write {asked.output}: gene-benchmark reads tables that end in .csv")
    cutting = Cutting(asked.region, asked.width, asked.windows)
    with Fasta(asked.reference) as reference:
        models, repeated = _once(asked.annotation, reference)
        wanted = read_names(asked.genes) if asked.genes is not None else list(models)
        cut = {
            name: cutting.cut_gene(models[name], reference)
            for name in dict.fromkeys(wanted)
            if name in models
        }
    pieces = Pieces({name: windows for name, windows in cut.items() if windows is not None})
    if not pieces.windows:
        raise InputError(
            f"none of the {len(set(wanted)):,} genes has the region {asked.region} on {asked.reference}"
        )
    model = loaded(asked.model, asked.device, asked.dtype, asked.threads)
    table = _embedded(LoadedRespondent(model, model.name), pieces, asked)
    write_gene_vectors(asked.output, table)
    write_vectors_model(asked.output.with_suffix(".yaml"), asked.output, f"{model.name}, {asked.region}")
    write_manifest(asked.output, _manifest(asked, model, cutting, len(table), len(set(wanted)), repeated))
    note(
        f"wrote {len(table):,} of {len(set(wanted)):,} genes to {asked.output};"
        f" {len(repeated):,} symbols lie at several places and were left out"
    )


def _once(annotation: Path, reference: Fasta) -> tuple[dict[str, GeneModel], list[str]]:
    """Symbol → model of every gene at one place, and the symbols of the others."""
    file = GeneFile(annotation, reference)
    genes = [gene for gene in file.features("gene") if gene.name]
    counts = Counter(gene.name for gene in genes)
    once = [gene for gene in genes if counts[gene.name] == 1]
    found = gene_models(once, file.features("exon"), file.features("CDS"))
    return found, [name for name, count in counts.items() if count > 1]


def _embedded(respondent: LoadedRespondent, pieces: Pieces, asked: GeneEmbedding) -> dict[str, Any]:
    windows = pieces.asked(pieces.windows)
    request = EmbedRequest(windows, _layer(asked.layer), asked.pooling, asked.strands)
    reason = respondent.refuses(request)
    if reason is not None:
        raise InputError(f"{respondent.name} {reason}")
    with ExitStack() as stack:
        folder = asked.cache or Path(stack.enter_context(TemporaryDirectory()))
        advance = stack.enter_context(progress_bar("Embedding", len(windows), "windows"))
        answer = AnswerStore(folder, keep=True).answer(respondent, request, advance)
    assert isinstance(answer, Vectors)
    return pieces.vectors(windows, answer.vectors)


def _layer(name: str) -> str | int | None:
    return None if name == "last" else int(name) if name.lstrip("-").isdigit() else name


def _manifest(
    asked: GeneEmbedding, model: Any, cutting: Cutting, written: int, wanted: int, repeated: list[str]
) -> dict[str, object]:
    files = [asked.reference, *gene_files(asked.annotation)]
    return {
        "cistron": __version__,
        "command": command_line(),
        "model": {"name": model.name, "weights_sha256": model.sha256},
        "gene": {**asdict(cutting), "strand": "transcribed", "pooled": "mean over windows, by their lengths"},
        "layer": asked.layer,
        "pooling": asked.pooling,
        "strands": asked.strands,
        "genes": {"written": written, "asked": wanted, "at_several_places": repeated},
        "inputs": {str(path): sha256_file(path) for path in files if path.exists()},
    }
