"""What the end-to-end tests share: a tiny model, a small genome, and ways to run the command."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pysam
import pytest
import torch
from typer.testing import CliRunner

import cistron
from cistron.cli.main import build_app
from cistron.formats.fasta import Fasta
from cistron.models.genos import MODEL
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.weights.folder import save_folder

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
EXAMPLE = Path(cistron.__file__).parent / "resources" / "example"


@pytest.fixture
def one_thread_after() -> Iterator[None]:
    """For tests that change the number of threads."""
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder of the Genos architecture with random weights; its context is 4,096 tokens."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = MODEL.build(MODEL.sizes["genos-tiny"]).eval()
    save_folder(folder, model, NucleotideTokenizer(), MODEL, {"license": "mit"})
    return folder


@pytest.fixture(scope="session")
def language(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random language model of the Qwen3 type whose tokens are bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    marks = ["<|im_start|>", "<|im_end|>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_ = Tokenizer(models.BPE(vocab={token: at for at, token in enumerate(marks + letters)}, merges=[]))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    bytes_.add_special_tokens(marks)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_, eos_token="<|im_end|>")
    tokenizer.chat_template = CHAT
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=1_024,
    )
    folder = tmp_path_factory.mktemp("language")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        Qwen3ForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def example() -> Path:
    """The bundled example: `prnp.vcf` and `prnp_chr20.fa.gz`."""
    return EXAMPLE


@pytest.fixture(scope="session")
def chr20() -> Iterator[Fasta]:
    """The bundled chromosome 20, with bases between 4,600,001 and 4,750,000."""
    with Fasta(EXAMPLE / "prnp_chr20.fa.gz") as fasta:
        yield fasta


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip."""
    default = Path(__file__).parents[3] / "shared" / "data"
    folder = Path(os.environ.get("CISTRON_DATA", default))
    if not (folder / "variants").is_dir():
        pytest.skip("needs the real data: set CISTRON_DATA to its folder")
    return folder


@dataclass
class Bench:
    """A folder with a genome of two contigs, and an empty folder for outputs.

    Attributes:
        folder: Where inputs lie.
        out: Where outputs go; tests look at everything that is in it.
        model: The tiny model's folder.
        sequences: Contig → bases; written to `genome.fa` by `fasta`.
    """

    folder: Path
    out: Path
    model: Path
    sequences: dict[str, str] = field(default_factory=dict)

    def fasta(self, name: str = "genome.fa", **sequences: str) -> Path:
        """Write a FASTA of the given contigs, the standard ones when none is given."""
        path = self.folder / name
        contigs = sequences or self.sequences
        path.write_text("".join(f">{contig}\n{_wrapped(bases)}\n" for contig, bases in contigs.items()))
        return path

    def vcf(
        self,
        *records: str,
        name: str = "in.vcf",
        header: tuple[str, ...] | None = None,
        columns: str = COLUMNS,
    ) -> Path:
        """Write a VCF; records are `CHROM POS REF ALT [INFO]` or whole tab-separated lines."""
        lines = [f"##contig=<ID={name},length={len(bases)}>" for name, bases in self.sequences.items()]
        lines = ["##fileformat=VCFv4.3", *(lines if header is None else header), columns]
        path = self.folder / name
        path.write_text("\n".join([*lines, *map(_line, records)]) + "\n")
        return path

    def ref(self, pos: int, length: int = 1, contig: str = "1") -> str:
        """Reference bases from the 1-based position `pos`."""
        return self.sequences[contig][pos - 1 : pos - 1 + length]

    def snv(self, pos: int, contig: str = "1") -> str:
        """A record of a substitution at the 1-based position `pos`."""
        ref = self.ref(pos, contig=contig)
        return f"{contig} {pos} {ref} {other(ref)}"

    def left(self) -> list[str]:
        """Names of everything in the output folder, hidden files included."""
        return sorted(path.name for path in self.out.iterdir())


@dataclass
class Ran:
    """What a run of the command gave."""

    code: int
    out: bytes
    err: str

    @property
    def error(self) -> str:
        """The one line on stderr of a run that failed as it should, without `cistron: `."""
        assert self.code == 1, (self.code, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("cistron: "), self.err
        return lines[0].removeprefix("cistron: ")


Run = Callable[..., Ran]
"""Runs the command with the words given; `stdin` holds bytes."""


@pytest.fixture
def bench(tmp_path: Path, tiny: Path) -> Bench:
    """An empty output folder and a random genome: contig `1` of 3,000 and `2` of 1,000 bases."""
    made = Bench(tmp_path, tmp_path / "out", tiny)
    made.out.mkdir()
    bases = random.Random(5)
    made.sequences = {
        "1": "".join(bases.choices("ACGT", k=3000)),
        "2": "".join(bases.choices("ACGT", k=1000)),
    }
    return made


@pytest.fixture(scope="session")
def command() -> Run:
    """Runs the command inside this process; what is a bug and not the caller's to fix is raised."""
    app = build_app()

    def run(*words: object, stdin: bytes | None = None) -> Ran:
        found = CliRunner().invoke(app, [str(word) for word in words], input=stdin, catch_exceptions=False)
        return Ran(found.exit_code, found.stdout_bytes, found.stderr)

    return run


@pytest.fixture
def score(command: Run, bench: Bench) -> Run:
    """Runs `cistron score` with the tiny model at a width of 64 bp: `score(variants, reference, output)`."""

    def run(vcf: object, fasta: object, out: object, *more: object, stdin: bytes | None = None) -> Ran:
        words = [vcf, "-r", fasta, "-o", out, "-m", bench.model]
        width = [] if "--width" in more else ["--width", 64]
        return command("score", *words, *width, *more, stdin=stdin)

    return run


@pytest.fixture(scope="session")
def installed() -> list[str]:
    """The installed command, as a process is started with it."""
    script = Path(sys.executable).with_name("cistron")
    return [str(script)] if script.exists() else [sys.executable, "-m", "cistron"]


@pytest.fixture(scope="session")
def process(installed: list[str]) -> Run:
    """Runs the installed command in a process of its own; takes what `subprocess.run` takes."""

    def run(*words: object, stdin: bytes | None = None, **options: Any) -> Ran:
        line = [*installed, *map(str, words)]
        options = {"env": ONE_THREAD, **options}
        started = subprocess.run(line, input=stdin, capture_output=True, check=False, **options)
        return Ran(started.returncode, started.stdout, started.stderr.decode())

    return run


@pytest.fixture(scope="session")
def scores_of() -> Callable[[Path], list[dict[str, Any]]]:
    """Reads the alleles of an output as `{chrom, pos, ref, alt, llr, flank, status}`, in order."""

    def read(path: Path, tag: str = "") -> list[dict[str, Any]]:
        rows = []
        with pysam.VariantFile(str(path)) as records:
            for record in records:
                for number, alt in enumerate(record.alts or ()):
                    row = {"chrom": record.chrom, "pos": record.pos, "ref": record.ref, "alt": alt}
                    for name in ("llr", "flank", "status"):
                        values = record.info.get(f"CISTRON_{tag}{name.upper()}")
                        value = None if values is None else values[number]
                        row[name] = None if value == "." else value
                    rows.append(row)
        return rows

    return read


def other(base: str) -> str:
    """A base that is not this one."""
    return {"A": "C", "C": "G", "G": "T", "T": "A"}[base]


def _wrapped(bases: str, width: int = 60) -> str:
    return "\n".join(bases[i : i + width] for i in range(0, len(bases), width))


def _line(record: str) -> str:
    if "\t" in record:
        return record
    chrom, pos, ref, alt, *info = record.split(" ")
    return "\t".join([chrom, pos, ".", ref, alt, ".", ".", info[0] if info else "."])
