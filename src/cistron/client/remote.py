"""A service with the verbs of a model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self, TypedDict, Unpack

import httpx

from cistron.client import jobs
from cistron.client.diagnosis import (
    DiagnoseOptions,
    EvidenceOptions,
    RemoteDiagnosis,
    RemoteEvidence,
    diagnose_question,
    diagnosis_of,
    evidence_of,
    evidence_question,
)
from cistron.client.patience import Patience, refusal, wait_of
from cistron.client.refusals import ServiceError
from cistron.client.wire import (
    VARIANTS,
    Question,
    RemoteEmbedding,
    RemoteGenerated,
    RemoteLikelihood,
    RemoteScore,
    embed_question,
    embeddings_of,
    generate_question,
    generated_of,
    in_requests,
    likelihood_question,
    likelihoods_of,
    score_question,
    scores_of,
    sequences_in_requests,
)
from cistron.formats.atomic import refuse_same_file, refuse_unwritable
from cistron.genome import Variant

Kind = Literal["score", "embed", "likelihood", "generate"]

TIMEOUT: Final = 300.0
"""Seconds that an answer may take."""


class ScoreOptions(TypedDict, total=False):
    """Keyword arguments of `RemoteModel.score_variants`; see `cistron.inference.score`."""

    width: int
    strands: Literal["both", "forward"]
    indel: Literal["neutral", "equal-tokens"]


class EmbedOptions(TypedDict, total=False):
    """Keyword arguments of `RemoteModel.embed`; see `cistron.inference.embed`."""

    layers: Sequence[str | int]
    pooling: Literal["mean", "max", "last"]
    strands: Literal["forward", "both"]


class GenerateOptions(TypedDict, total=False):
    """Keyword arguments of `RemoteModel.generate`; see `cistron.inference.generate`."""

    samples: int
    temperature: float
    top_k: int
    top_p: float
    seed: int


class RemoteModel:
    """A model on a service, with the verbs of a local one; closes its connections as a context manager.

    Requests are repeated where the service is busy, restarts or cannot be reached for a moment. All verbs are
    iterators and send a few items at a time.

    Arguments are those of `cistron.connect`.
    """

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        model: str | None = None,
        timeout: float = TIMEOUT,
        patience: Patience | None = None,
    ) -> None:
        self.url: Final = url.rstrip("/")
        self._model: Final = {} if model is None else {"model": model}
        self._patience: Final = patience or Patience()
        self._http: Final = httpx.Client(**connection(self.url, key, timeout))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def score_variants(
        self, variants: Iterable[Variant], genome: str | None = None, **options: Unpack[ScoreOptions]
    ) -> Iterator[RemoteScore]:
        """Yield a score for each variant, in order.

        Args:
            variants: One alternative allele each.
            genome: Name of one of the service's genomes; may be left out where it has one.
            options: As `cistron.inference.score.score_variants`.

        Raises:
            ServiceError: The service refuses, or stays out of reach.
        """
        for some in in_requests(variants, VARIANTS):
            yield from scores_of(some, self._ask(score_question(some, genome, {**self._model, **options})))

    def log_likelihood(
        self, sequences: Iterable[str], *, strands: Literal["forward", "both"] = "forward"
    ) -> Iterator[RemoteLikelihood]:
        """Yield the log-likelihood of each sequence, in order.

        Raises:
            ServiceError: The service refuses, or stays out of reach.
        """
        for some in sequences_in_requests(sequences):
            question = likelihood_question(some, {**self._model, "strands": strands})
            yield from likelihoods_of(self._ask(question))

    def embed(self, sequences: Iterable[str], **options: Unpack[EmbedOptions]) -> Iterator[RemoteEmbedding]:
        """Yield the embedding of each sequence, in order.

        Raises:
            ServiceError: The service refuses, or stays out of reach.
        """
        for some in sequences_in_requests(sequences):
            yield from embeddings_of(some, self._ask(embed_question(some, {**self._model, **options})))

    def generate(
        self, prompts: Iterable[str], *, tokens: int, **options: Unpack[GenerateOptions]
    ) -> Iterator[RemoteGenerated]:
        """Yield continuations of the prompts, which go in one request: seeds count a request's prompts.

        Raises:
            ServiceError: The service refuses, or stays out of reach.
        """
        texts = list(prompts)
        question = generate_question(texts, tokens, {**self._model, **options})
        yield from generated_of(texts, self._ask(question))

    def diagnose(self, **options: Unpack[DiagnoseOptions]) -> RemoteDiagnosis:
        """What a fused model of the service answers about an allele; for research, not a diagnosis.

        Raises:
            ServiceError: The service refuses, has no fused model, or stays out of reach.
        """
        return diagnosis_of(self._ask(diagnose_question(options)))

    def explain_diagnosis(self, **options: Unpack[EvidenceOptions]) -> RemoteEvidence:
        """Which bases moved a fused model's answer; errors are those of `diagnose`."""
        return evidence_of(self._ask(evidence_question(options)))

    def run_file(self, kind: Kind, source: str | Path, output: str | Path, **options: Any) -> None:
        """Send a file, wait until the service has worked on it, and write the result.

        Args:
            kind: `score` takes a VCF or BCF, and makes an annotated VCF; the others take a FASTA.
            source: The file to send.
            output: Where the result goes.
            options: Of the job; see `ScoreJob` and its like in `cistron.server.commands`.

        Raises:
            ServiceError: The service refuses, the job fails, or it stays out of reach.
            InputError: The file cannot be read.
            OutputError: The result cannot be written.
        """
        refuse_same_file(source, output)
        refuse_unwritable(output)
        with jobs.opened(source) as upload:
            sent = jobs.submission(kind, upload, {**self._model, **options})
            job = self._send("POST", "/v1/jobs", **sent).json()
        while job["state"] in jobs.OPEN:
            time.sleep(jobs.POLL_SECONDS)
            job = self._send("GET", f"/v1/jobs/{job['id']}").json()
        jobs.require_done(job)
        jobs.write_result(self._send("GET", job["result"]).content, output)

    def _ask(self, question: Question) -> Any:
        return self._send("POST", question.path, json=question.body).json()

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        for planned in [*self._patience.waits(), None]:
            outcome = self._attempt(method, path, content)
            if isinstance(outcome, httpx.Response) and outcome.is_success:
                return outcome
            longest = self._patience.longest_seconds
            wait = None if planned is None else wait_of(outcome, planned, longest)
            if wait is None:
                break
            jobs.rewind(content)
            time.sleep(wait)
        raise refusal(outcome, self.url)

    def _attempt(
        self, method: str, path: str, content: dict[str, Any]
    ) -> httpx.Response | httpx.TransportError:
        try:
            return self._http.request(method, path, **content)
        except httpx.TransportError as error:
            return error


def connection(url: str, key: str | None, timeout: float) -> dict[str, Any]:
    """What an httpx client is made with.

    Raises:
        ServiceError: The URL is none.
    """
    if not url.startswith(("http://", "https://")):
        raise ServiceError(f"'{url}' is no address of a service; write http://HOST:PORT")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return {"base_url": url, "headers": headers, "timeout": timeout}
