"""The verbs of a remote model for `asyncio`: several requests are on their way at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar, Unpack

import httpx

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
from cistron.client.remote import TIMEOUT, EmbedOptions, GenerateOptions, ScoreOptions, connection
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
from cistron.genome import Variant

T = TypeVar("T")
U = TypeVar("U")

_ON_THEIR_WAY: Final = 8


class AsyncRemoteModel:
    """As `cistron.client.remote.RemoteModel`, with asynchronous iterators for verbs.

    Arguments are those of `cistron.client.remote.connect`.
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
        self._http: Final = httpx.AsyncClient(**connection(self.url, key, timeout))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    def score_variants(
        self, variants: Iterable[Variant], genome: str | None = None, **options: Unpack[ScoreOptions]
    ) -> AsyncIterator[RemoteScore]:
        """Yield a score for each variant, in order; errors are those of `RemoteModel`."""

        async def ask(some: list[Variant]) -> list[RemoteScore]:
            question = score_question(some, genome, {**self._model, **options})
            return scores_of(some, await self._ask(question))

        return _in_order(in_requests(variants, VARIANTS), ask)

    def log_likelihood(
        self, sequences: Iterable[str], *, strands: Literal["forward", "both"] = "forward"
    ) -> AsyncIterator[RemoteLikelihood]:
        """Yield the log-likelihood of each sequence, in order; errors are those of `RemoteModel`."""

        async def ask(some: list[str]) -> list[RemoteLikelihood]:
            question = likelihood_question(some, {**self._model, "strands": strands})
            return likelihoods_of(await self._ask(question))

        return _in_order(sequences_in_requests(sequences), ask)

    def embed(
        self, sequences: Iterable[str], **options: Unpack[EmbedOptions]
    ) -> AsyncIterator[RemoteEmbedding]:
        """Yield the embedding of each sequence, in order; errors are those of `RemoteModel`."""

        async def ask(some: list[str]) -> list[RemoteEmbedding]:
            return embeddings_of(some, await self._ask(embed_question(some, {**self._model, **options})))

        return _in_order(sequences_in_requests(sequences), ask)

    def generate(
        self, prompts: Iterable[str], *, tokens: int, **options: Unpack[GenerateOptions]
    ) -> AsyncIterator[RemoteGenerated]:
        """Yield continuations of the prompts, which go in one request; errors are those of `RemoteModel`."""

        async def ask(texts: list[str]) -> list[RemoteGenerated]:
            question = generate_question(texts, tokens, {**self._model, **options})
            return generated_of(texts, await self._ask(question))

        return _in_order([list(prompts)], ask)

    async def diagnose(self, **options: Unpack[DiagnoseOptions]) -> RemoteDiagnosis:
        """What a fused model answers about an allele; errors are those of `RemoteModel`."""
        return diagnosis_of(await self._ask(diagnose_question(options)))

    async def explain_diagnosis(self, **options: Unpack[EvidenceOptions]) -> RemoteEvidence:
        """Which bases moved a fused model's answer; errors are those of `RemoteModel`."""
        return evidence_of(await self._ask(evidence_question(options)))

    async def _ask(self, question: Question) -> Any:
        for planned in [*self._patience.waits(), None]:
            outcome = await self._attempt(question)
            if isinstance(outcome, httpx.Response) and outcome.is_success:
                return outcome.json()
            longest = self._patience.longest_seconds
            wait = None if planned is None else wait_of(outcome, planned, longest)
            if wait is None:
                break
            await asyncio.sleep(wait)
        raise refusal(outcome, self.url)

    async def _attempt(self, question: Question) -> httpx.Response | httpx.TransportError:
        try:
            return await self._http.post(question.path, json=question.body)
        except httpx.TransportError as error:
            return error


async def _in_order(
    chunks: Iterable[list[T]], ask: Callable[[list[T]], Awaitable[list[U]]]
) -> AsyncIterator[U]:
    """Yield the answers of all chunks in their order, a few of them on their way at a time."""
    asked: deque[asyncio.Future[list[U]]] = deque()
    try:
        for chunk in chunks:
            asked.append(asyncio.ensure_future(ask(chunk)))
            if len(asked) == _ON_THEIR_WAY:
                for answer in await asked.popleft():
                    yield answer
        while asked:
            for answer in await asked.popleft():
                yield answer
    finally:
        for waiting in asked:
            waiting.cancel()
