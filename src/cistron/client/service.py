"""What a service tells of itself: its version, its limits, its models and its genomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpx

from cistron.client.patience import refusal
from cistron.client.refusals import ServiceError
from cistron.client.remote import TIMEOUT, connection


@dataclass(frozen=True)
class ServedModel:
    """A model that a service has.

    Attributes:
        name: As the service calls it.
        sha256: Of its weights.
        arithmetic: And where it runs, such as `float32 on cuda`.
        parameters: How many.
        context_length: Longest sequence in tokens.
        width: Recommended window for variants in bp.
    """

    name: str
    sha256: str
    arithmetic: str
    parameters: int
    context_length: int
    width: int


class Service:
    """A service of this package; see `docs/design/server.md`.

    Args:
        url: Where it listens.
        key: From `cistron keys create`; None where none is needed.
    """

    def __init__(self, url: str, key: str | None) -> None:
        self.url: Final = url
        self._http: Final = httpx.Client(**connection(url, key, TIMEOUT))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    @property
    def version(self) -> str:
        """Of the code behind it."""
        return str(self._about["version"])

    @property
    def limits(self) -> Mapping[str, float]:
        """What it turns away, by the names of `cistron.server.settings.Limits`."""
        found: dict[str, float] = self._about["limits"]
        return found

    @property
    def genomes(self) -> list[str]:
        """Names of its genomes."""
        return [str(each["name"]) for each in self._about["genomes"]]

    def model(self, name: str | None) -> ServedModel:
        """One of its models, the first when none is named.

        Raises:
            ServiceError: It has no such model, does not say which weights that has, or cannot be asked.
        """
        listed = {each["id"]: each for each in self._told("/v1/models")["data"]}
        found = listed.get(next(iter(listed)) if name is None else name)
        if found is None:
            raise ServiceError(f"{self.url} serves no model '{name}'; it has {', '.join(listed)}")
        if not found.get("sha256") or not found.get("arithmetic"):
            raise ServiceError(
                f"{self.url} does not say which weights answer, so answers cannot be told apart; it needs a "
                "newer cistron serve"
            )
        return ServedModel(
            found["id"],
            found["sha256"],
            found["arithmetic"],
            found["parameters"],
            found["context_length"],
            found["width"],
        )

    def contigs(self, genome: str) -> dict[str, int]:
        """Contig → length in bp.

        Raises:
            ServiceError: The service refuses or cannot be reached.
        """
        found: dict[str, int] = self._told(f"/v1/genomes/{genome}")["contigs"]
        return found

    def bases(self, genome: str, chrom: str, start: int, end: int) -> str:
        """Upper-case bases of `chrom[start:end]`, 0-based half-open.

        Raises:
            ServiceError: The service refuses or cannot be reached.
        """
        path = f"/v1/genomes/{genome}/bases"
        return str(self._told(path, chrom=chrom, start=start, end=end)["bases"])

    @cached_property
    def _about(self) -> dict[str, Any]:
        found: dict[str, Any] = self._told("/v1/service-info")
        return found

    def _told(self, path: str, **query: str | int) -> Any:
        outcome: httpx.Response | httpx.TransportError
        try:
            outcome = self._http.get(path, params=query)
        except httpx.TransportError as error:
            outcome = error
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            return outcome.json()
        raise refusal(outcome, self.url)
