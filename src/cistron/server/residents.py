"""Models in memory: loaded when first asked for, the one unused for longest put out when there is no room."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cistron.inference.load import DTYPES, LoadedModel, load
from cistron.server.metrics import Metrics
from cistron.server.problems import RefusedError, not_served
from cistron.server.settings import Settings
from cistron.weights.folder import read_config
from cistron.weights.hub import resolve
from cistron.weights.named import count_parameters


@dataclass
class _Resident:
    model: LoadedModel
    size: int
    users: int = 0


@dataclass(frozen=True)
class Described:
    """What can be told of a model without loading it.

    Attributes:
        architecture: Name of its plug.
        parameters: Number of parameters.
        context_length: Longest sequence in tokens.
        width: Recommended window in bp.
        hidden_size: Width of its last hidden state.
    """

    architecture: str
    parameters: int
    context_length: int
    width: int
    hidden_size: int


class Residents:
    """The models that are served, by name. Safe to use from several threads.

    Args:
        settings: Names, device, arithmetic and memory.
        metrics: Where loaded bytes are told.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings: Final = settings
        self._metrics: Final = metrics
        self._lock: Final = threading.RLock()
        self._loaded: Final[OrderedDict[str, _Resident]] = OrderedDict()
        self._facts: Final[dict[str, tuple[str, str]]] = {}
        self.described = cache(self._described)

    @contextmanager
    def use(self, name: str) -> Iterator[LoadedModel]:
        """The model of that name, which stays in memory until the block ends.

        Raises:
            RefusedError: It is not served (404), or there is no room for it now (503) or ever (507).
            WeightsError: Its folder is damaged.
        """
        with self._lock:
            resident = self._loaded.get(name) or self._load(name)
            self._loaded.move_to_end(name)
            resident.users += 1
        try:
            yield resident.model
        finally:
            with self._lock:
                resident.users -= 1

    def sha256(self, name: str) -> str:
        """Hash of the weights of a model that answered once."""
        return self._facts[name][0]

    def device(self, name: str) -> str:
        """Where a model that answered once runs, such as `cuda`."""
        return self._facts[name][1]

    @property
    def names(self) -> list[str]:
        """Names of the models in memory."""
        with self._lock:
            return list(self._loaded)

    def _described(self, name: str) -> Described:
        """Facts about a served model, from its `config.json`.

        Raises:
            RefusedError: It is not served.
        """
        spec, config = read_config(resolve(self._source(name)))
        values: dict[str, Any] = config.to_dict()
        hidden = values.get("hidden_size") or values.get("base", {}).get("hidden_size") or 0
        parameters = count_parameters(spec, config)
        architecture = str(values.get("model_type", ""))
        return Described(architecture, parameters, config.context_length, config.width, int(hidden))

    def _source(self, name: str) -> str:
        if name not in self._settings.models:
            raise not_served("model", name, self._settings.models)
        return self._settings.models[name]

    def _load(self, name: str) -> _Resident:
        size = self.described(name).parameters * DTYPES[self._settings.dtype].itemsize
        self._make_room(name, size)
        model = load(self._source(name), device=self._settings.device, dtype=self._settings.dtype)
        self._facts[name] = model.sha256, model.device.type
        self._loaded[name] = resident = _Resident(model, size)
        self._metrics.loaded.labels(name).set(size)
        return resident

    def _make_room(self, name: str, size: int) -> None:
        most = self._settings.memory
        if most is None:
            return
        if size > most:
            raise RefusedError(
                507, f"model '{name}' takes {size:,} bytes; this service keeps {most:,} at most"
            )
        for other in [key for key, resident in self._loaded.items() if not resident.users]:
            if self._held() + size <= most:
                return
            del self._loaded[other]
            self._metrics.loaded.labels(other).set(0)
        if self._held() + size > most:
            raise RefusedError(
                503, f"no room for model '{name}' while others are in use", {"Retry-After": "5"}
            )

    def _held(self) -> int:
        return sum(resident.size for resident in self._loaded.values())
