"""What a user asks of `cistron generate`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cistron.cli.generating.output import ENDINGS, JSON_LINES
from cistron.cli.journaled import is_stream
from cistron.errors import InputError, OutputError
from cistron.formats.atomic import STREAM, refuse_same_file, refuse_unwritable


@dataclass(frozen=True)
class GenerateRequest:
    """What the user asked for; see `cistron generate --help`."""

    tokens: int
    output: str = STREAM
    inputs: tuple[str, ...] = ()
    samples: int = 1
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    alphabet: Literal["dna", "any"] = "dna"
    avoid: tuple[str, ...] = ()
    gc: str | None = None
    max_homopolymer: int | None = None
    attempts: int = 20
    screens: tuple[str, ...] = ()
    require_screening: bool = False
    with_prompt: bool = True
    as_json: bool = False
    model: str = "default"
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 16_384
    threads: int | None = None
    resume: bool = False

    @property
    def json_lines(self) -> bool:
        """Whether the output is JSON Lines and not FASTA."""
        return self.as_json or self.output.endswith(JSON_LINES)


def require_paths(request: GenerateRequest) -> None:
    """Return silently when the output can be written, to say otherwise now and not after hours of work.

    Raises:
        InputError: A stream is to be resumed.
        OutputError: The output's name, folder or kind will not do.
    """
    if request.resume and STREAM in (request.output, *request.inputs):
        raise InputError("--resume needs files: standard input and output cannot be taken up again")
    if is_stream(request.output):
        return
    if not request.output.endswith(ENDINGS):
        raise OutputError(f"cannot write {request.output}: its name should end in {', '.join(ENDINGS)}")
    if request.as_json and not request.output.endswith(JSON_LINES):
        raise OutputError(f"--json writes JSON Lines; let the name of {request.output} end in {JSON_LINES}")
    for source in request.inputs:
        refuse_same_file(source, request.output)
    refuse_unwritable(request.output)
