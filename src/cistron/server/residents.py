"""The models that are served, each loaded when first asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from cistron.formats.atomic import sha256_file
from cistron.inference.load import DTYPES, LoadedModel, load, pick_device
from cistron.server.memory import Memory
from cistron.server.problems import not_served
from cistron.server.settings import Settings
from cistron.weights import CHECKSUMS
from cistron.weights.checksums import combined
from cistron.weights.folder import read_config
from cistron.weights.hub import resolve
from cistron.weights.jsonfile import read_object
from cistron.weights.named import count_parameters
from cistron.weights.shards import weight_files


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
        settings: Names, device and arithmetic.
        memory: Where they are kept.
    """

    def __init__(self, settings: Settings, memory: Memory) -> None:
        self._settings: Final = settings
        self._memory: Final = memory
        self._facts: Final[dict[str, tuple[str, str]]] = {}
        self.described = cache(self._described)
        self.fingerprint = cache(self._fingerprint)

    @contextmanager
    def use(self, name: str) -> Iterator[LoadedModel]:
        """The model of that name, which stays in memory until the block ends.

        Raises:
            RefusedError: It is not served (404), or there is no room for it now (503) or ever (507).
            WeightsError: Its folder is damaged.
        """
        with self._memory.use(name, lambda: self._size(name), lambda: self._load(name)) as model:
            yield model

    def sha256(self, name: str) -> str:
        """Hash of the weights of a model that answered once."""
        return self._facts[name][0]

    def device(self, name: str) -> str:
        """Where a model that answered once runs, such as `cuda`."""
        return self._facts[name][1]

    @property
    def arithmetic(self) -> str:
        """What all models compute in, and where, such as `float32 on cuda`."""
        dtype = str(DTYPES[self._settings.dtype]).removeprefix("torch.")
        return f"{dtype} on {pick_device(self._settings.device).type}"

    @property
    def names(self) -> list[str]:
        """Names of the models in memory."""
        return [name for name in self._memory.names if name in self._settings.models]

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

    def _fingerprint(self, name: str) -> str:
        """Hash of the weights of a served model, which need not be loaded, as its folder records it.

        Raises:
            RefusedError: It is not served.
        """
        folder = resolve(self._source(name))
        recorded = read_object(folder / CHECKSUMS) if (folder / CHECKSUMS).is_file() else {}
        return combined(
            recorded[path.name]["sha256"] if path.name in recorded else sha256_file(path)
            for path in weight_files(folder)
        )

    def _source(self, name: str) -> str:
        if name not in self._settings.models:
            raise not_served("model", name, self._settings.models)
        return self._settings.models[name]

    def _size(self, name: str) -> int:
        return self.described(name).parameters * DTYPES[self._settings.dtype].itemsize

    def _load(self, name: str) -> LoadedModel:
        model = load(self._source(name), device=self._settings.device, dtype=self._settings.dtype)
        self._facts[name] = model.sha256, model.device.type
        return model
