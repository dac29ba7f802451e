"""A model on a service as a respondent: asked over the network, judged like one that is here."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from cistron.client.connecting import connect
from cistron.errors import InputError
from cistron.evals.answers import Answer, Continuations, Likelihoods, Scores, Vectors
from cistron.evals.remote_genomes import RemoteGenomes
from cistron.evals.requests import (
    MIDDLE,
    Contigs,
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    Request,
    ScoreRequest,
    beyond_context,
    digest,
    seed_of,
)

if TYPE_CHECKING:
    from cistron.client.remote import EmbedOptions, GenerateOptions, RemoteModel, ScoreOptions
    from cistron.client.service import ServedModel, Service

SCHEMES: Final = ("http://", "https://")


def is_address(name: str) -> bool:
    """Whether `--model name` means a service."""
    return name.startswith(SCHEMES)


def connected(address: str, key: str | None) -> RemoteRespondent:
    """The model of a service.

    Args:
        address: `http://HOST:PORT`, which is its first model, or `http://HOST:PORT#MODEL`.
        key: From `cistron keys create`; None where none is needed.

    Raises:
        ServiceError: The service cannot be reached, refuses, does not have that model, or does not say which
            weights it has.
    """
    url, _, name = address.partition("#")
    remote = connect(url, key, model=name or None)
    from cistron.client.service import Service

    with ExitStack() as opened:
        opened.callback(remote.close)
        service = Service(remote.url, key)
        opened.callback(service.close)
        found = RemoteRespondent(remote, service, service.model(name or None))
        opened.pop_all()
    return found


@dataclass(frozen=True)
class RemoteRespondent:
    """Implements `cistron.evals.Respondent` with the verbs of a service, where these mean the same.

    Attributes:
        remote: The verbs.
        service: What else the service tells.
        served: The model that answers.
    """

    remote: RemoteModel
    service: Service
    served: ServedModel

    def close(self) -> None:
        """Close the connections."""
        self.remote.close()
        self.service.close()

    @property
    def name(self) -> str:
        """The model as the service calls it, and where the service is."""
        return f"{self.served.name} at {self.remote.url.partition('://')[2]}"

    @cached_property
    def sha256(self) -> str:
        """Hash of weights, arithmetic and version of the service."""
        return digest(["service", self.served.sha256, self.served.arithmetic, self.service.version])

    @property
    def facts(self) -> Mapping[str, str]:
        """Service, weights, size and arithmetic."""
        return {
            "service": f"{self.remote.url}, Cistron {self.service.version}",
            "weights": self.served.sha256[:16],
            "parameters": f"{self.served.parameters:,}",
            "context": f"{self.served.context_length:,} tokens",
            "arithmetic": self.served.arithmetic,
        }

    def refuses(self, request: Request) -> str | None:
        """Why the service would not be asked the same as a model that is here.

        Raises:
            ServiceError: The service does not tell what its genomes hold.
        """
        reason = beyond_context(request, self.served.context_length)
        if reason is not None:
            return reason
        if isinstance(request, ScoreRequest):
            return self._other_scores(request) or self.genomes.refuses(request, self._width(request))
        if isinstance(request, LikelihoodRequest):
            longest = max(map(len, request.sequences), default=0)
            if request.window is not None and longest > request.window:
                return f"a service reads sequences in windows of its own, not of {request.window:,} bp"
            return self._beyond_limit("sequence", longest)
        if isinstance(request, EmbedRequest):
            if request.layer == MIDDLE:
                return "a service does not say which layer is the middle one; give a task its number"
            return self._beyond_limit("sequence", max(map(len, request.sequences), default=0))
        if isinstance(request, GenerateRequest):
            return self._beyond_limit("generated", request.tokens * request.samples)
        return f"a service does not answer requests to {request.kind}"

    def answer(self, request: Request) -> Answer:
        """Answer with the service's verb of that kind.

        Raises:
            ServiceError: The service refuses, or stays out of reach.
            InputError: A continuation is kept back by the service's screen.
        """
        if isinstance(request, ScoreRequest):
            return self._scores(request)
        if isinstance(request, LikelihoodRequest):
            found = list(self.remote.log_likelihood(request.sequences, strands=request.strands))
            return Likelihoods(
                np.array([each.total for each in found], dtype=np.float64),
                np.array([each.bases for each in found], dtype=np.int64),
            )
        if isinstance(request, EmbedRequest):
            options: EmbedOptions = {"pooling": request.pooling, "strands": request.strands}
            if request.layer is not None:
                options["layers"] = [request.layer]
            vectors = [each.vector for each in self.remote.embed(request.sequences, **options)]
            return Vectors(np.stack(vectors))
        assert isinstance(request, GenerateRequest)
        texts = [self._continuations(request, prompt) for prompt in request.prompts]
        return Continuations(np.array(texts, dtype=np.str_))

    @cached_property
    def genomes(self) -> RemoteGenomes:
        """The service's genomes."""
        return RemoteGenomes(self.service)

    def _scores(self, request: ScoreRequest) -> Scores:
        assert isinstance(request.reference, Path)
        assert request.strands != "reverse"
        options: ScoreOptions = {
            "width": self._width(request),
            "strands": request.strands,
            "indel": request.indel,
        }
        genome = self.genomes.same_as(request.reference, {each.chrom for each in request.variants})
        found = list(self.remote.score_variants(request.variants, genome, **options))
        return Scores(
            np.array([np.nan if each.llr is None else each.llr for each in found], dtype=np.float64),
            np.array([np.nan if each.flank is None else each.flank for each in found], dtype=np.float64),
            np.array(["" if each.status is None else each.status.name for each in found], dtype=np.str_),
        )

    def _continuations(self, request: GenerateRequest, prompt: str) -> list[str]:
        options: GenerateOptions = {
            "samples": request.samples,
            "temperature": request.temperature,
            "seed": seed_of(request, prompt),
        }
        if request.top_k is not None:
            options["top_k"] = request.top_k
        found = self.remote.generate([prompt], tokens=request.tokens, **options)
        return [_given_out(each.continuation, each.refused) for each in found]

    def _width(self, request: ScoreRequest) -> int:
        return request.width or self.served.width

    def _other_scores(self, request: ScoreRequest) -> str | None:
        """Why the service's scores would be others than those asked for."""
        if isinstance(request.reference, Contigs):
            return "a service scores variants on its own genomes; the task brings its own sequences"
        if request.strands == "reverse":
            return "a service does not read the reverse strand alone"
        if request.circular or request.window_slack:
            return "a service puts each variant into the middle of its window on a linear contig"
        if any(each.end is not None for each in request.variants):
            return "a service is asked about alleles that are spelled out"
        longest = max(max(len(each.ref), len(each.alt)) for each in request.variants)
        return self._beyond_limit("allele", longest)

    def _beyond_limit(self, name: str, needed: int) -> str | None:
        """Why the service would turn a request away."""
        most = self.service.limits.get(name)
        if most is None or needed <= most:
            return None
        return f"needs {needed:,} bases at once; the service's limit ({name}) is {int(most):,}"


def _given_out(continuation: str | None, refused: str | None) -> str:
    if continuation is None:
        raise InputError(f"the service keeps a continuation back: {refused}")
    return continuation
