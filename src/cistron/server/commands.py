"""Jobs as commands: what each kind reads, writes, and says on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from cistron.server.settings import Settings

KindName = Literal["score", "embed", "likelihood", "generate"]

INPUT: Final = "input"
RESULT: Final = "result"
REPORT: Final = "report.html"


class JobOptions(BaseModel):
    """What every kind of job takes."""

    model_config = ConfigDict(extra="forbid")

    model: str | None = Field(None, description="Name of a served model; the first one by default.")


class ScoreJob(JobOptions):
    """Score the variants of a VCF or BCF; see `cistron score --help`."""

    genome: str | None = Field(None, description="Genome that the variants were called on.")
    width: int | None = Field(None, ge=8, le=1_048_576, description="Window in bp.")
    strands: Literal["both", "forward"] = "both"
    indel: Literal["neutral", "equal-tokens"] = "neutral"
    check_ref: Literal["error", "warn", "exclude"] = "warn"
    suffix: Literal["exact", "auto"] = "exact"
    window_slack: int = Field(0, ge=0, le=1_048_576, description="Let near variants share windows, in bp.")
    keep_samples: bool = Field(False, description="Keep sample columns; they are dropped on arrival if not.")
    report: bool = Field(False, description="Also write an HTML report.")
    consequences: bool = Field(
        False, description="Also write genes and consequences; the genome needs an annotation in GFF3 or GTF."
    )
    format: Literal["vcf.gz", "tsv", "parquet"] = "vcf.gz"


class EmbedJob(JobOptions):
    """Embed the sequences of a FASTA; see `cistron embed --help`."""

    pooling: Literal["mean", "max", "last"] = "mean"
    strands: Literal["forward", "both"] = "forward"
    format: Literal["parquet", "npy", "h5ad"] = "parquet"


class LikelihoodJob(JobOptions):
    """Score the sequences of a FASTA; see `cistron likelihood --help`."""

    strands: Literal["forward", "both"] = "forward"
    format: Literal["tsv", "parquet"] = "tsv"


class GenerateJob(JobOptions):
    """Continue the sequences of a FASTA; see `cistron generate --help`."""

    tokens: Annotated[int, Field(ge=1, le=1_048_576)]
    samples: int = Field(1, ge=1, le=10_000)
    temperature: float = Field(1.0, ge=0, le=100)
    top_k: int | None = Field(None, ge=1, le=1_000)
    top_p: float | None = Field(None, gt=0, le=1)
    seed: int = Field(0, ge=0, lt=2**63)
    format: Literal["fa", "jsonl"] = "fa"


@dataclass(frozen=True)
class Kind:
    """A kind of job.

    Attributes:
        options: What it takes.
        scope: What a key needs for it beside `jobs`.
        variants: Whether its input is a VCF; a FASTA otherwise.
        words: Options → the command's words besides input, output and model.
    """

    options: type[JobOptions]
    scope: str
    variants: bool
    words: Callable[[Mapping[str, Any], Settings, Path], list[str]]


def _score(options: Mapping[str, Any], settings: Settings, folder: Path) -> list[str]:
    words = ["-r", str(settings.genomes[options["genome"]])]
    words += _given(options, "width", "strands", "indel", "check_ref", "suffix", "window_slack")
    words += ["--report", str(folder / REPORT)] if options["report"] else []
    if options.get("consequences"):
        words += ["--annotation", str(settings.annotations[options["genome"]])]
    return words


def _embed(options: Mapping[str, Any], settings: Settings, folder: Path) -> list[str]:
    return _given(options, "pooling", "strands")


def _likelihood(options: Mapping[str, Any], settings: Settings, folder: Path) -> list[str]:
    return _given(options, "strands")


def _generate(options: Mapping[str, Any], settings: Settings, folder: Path) -> list[str]:
    words = _given(options, "tokens", "samples", "temperature", "top_k", "top_p", "seed")
    words += ["--json"] if options["format"] == "jsonl" else []
    return [*words, "--require-screening"] if settings.screening == "require" else words


KINDS: Final[Mapping[KindName, Kind]] = {
    "score": Kind(ScoreJob, "score", True, _score),
    "embed": Kind(EmbedJob, "embed", False, _embed),
    "likelihood": Kind(LikelihoodJob, "score", False, _likelihood),
    "generate": Kind(GenerateJob, "generate", False, _generate),
}


def input_path(folder: Path, kind: KindName) -> Path:
    """Where a job's input lies."""
    return folder / (f"{INPUT}.vcf" if KINDS[kind].variants else f"{INPUT}.fa")


def result_path(folder: Path, options: Mapping[str, Any]) -> Path:
    """Where a job's result lies."""
    return folder / f"{RESULT}.{options['format']}"


def command_of(
    kind: KindName, model: str, options: Mapping[str, Any], settings: Settings, folder: Path
) -> list[str]:
    """The words behind `cistron` that do a job; run again after a kill it goes on where it was.

    Args:
        kind: One of `KINDS`.
        model: Name of a served model.
        options: Of that kind, filled in.
        settings: The operator's.
        folder: The job's.
    """
    source = str(input_path(folder, kind))
    given = ["--prompts", source] if kind == "generate" else [source]
    common = ["-o", str(result_path(folder, options)), "-m", settings.models[model], "--resume"]
    common += ["--device", settings.device, "--dtype", settings.dtype]
    common += [] if settings.threads is None else ["--threads", str(settings.threads)]
    return [kind, *given, *common, *KINDS[kind].words(options, settings, folder)]


def _given(options: Mapping[str, Any], *names: str) -> list[str]:
    """`--name value` of those that have one."""
    return [
        word
        for name in names
        if options[name] is not None
        for word in (f"--{name.replace('_', '-')}", str(options[name]))
    ]
