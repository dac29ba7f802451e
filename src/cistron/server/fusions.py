"""Fused models that the operator installed; they answer questions about alleles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from cistron.errors import CistronError
from cistron.fusion.described import describe
from cistron.fusion.saved import FusedModel, load_fused
from cistron.server.logs import LOG
from cistron.server.memory import Memory
from cistron.server.problems import RefusedError, not_served
from cistron.server.settings import Settings


class Fusions:
    """The installed fused models by name, each loaded with its base models when first asked.

    Args:
        settings: Folders, device, and where base models lie.
        memory: Where they are kept, beside the other models.

    Raises:
        WeightsError: A folder is no fused model, or damaged.
        RefusedError: A language model is named for a fused model that is not installed.
    """

    def __init__(self, settings: Settings, memory: Memory) -> None:
        self._settings: Final = settings
        self._memory: Final = memory
        self.installed: Final = {name: describe(folder) for name, folder in settings.fusions.items()}
        for name in settings.languages:
            if name not in self.installed:
                raise not_served("fused model", name, self.installed)

    def named(self, name: str | None) -> str:
        """The name of an installed model for what a request calls it; the first one when it names none.

        Raises:
            RefusedError: None is installed (501), or none of that name (404).
        """
        if not self.installed:
            raise RefusedError(501, "no fused model is installed here; start with --fusion NAME=FOLDER")
        if name is not None and name not in self.installed:
            raise not_served("fused model", name, self.installed)
        return name or next(iter(self.installed))

    def is_loaded(self, name: str) -> bool:
        """Whether a model is in memory."""
        return _key(name) in self._memory.names

    @contextmanager
    def use(self, name: str) -> Iterator[FusedModel]:
        """The model of that name, which stays in memory until the block ends.

        Raises:
            RefusedError: It cannot be loaded now (503), or there is never room for it (507).
        """
        with self._memory.use(_key(name), lambda: self._size(name), lambda: self._load(name)) as model:
            yield model

    def _size(self, name: str) -> int:
        with _for_the_operator(name):
            dna, language = self._moved(name)
            return self.installed[name].loaded_bytes(dna=dna, language=language)

    def _load(self, name: str) -> FusedModel:
        with _for_the_operator(name):
            dna, language = self._moved(name)
            folder, device = self.installed[name].folder, self._settings.device
            return load_fused(folder, dna=dna, language=language, device=device)

    def _moved(self, name: str) -> tuple[str | None, str | None]:
        """Where base models lie, if elsewhere than in training; a DNA model may be served by its name."""
        read = self.installed[name].bases.get("dna", {}).get("name", "")
        return self._settings.models.get(read), self._settings.languages.get(name)


def _key(name: str) -> str:
    """Apart from the names of models, which hold no blank."""
    return f"fusion {name}"


@contextmanager
def _for_the_operator(name: str) -> Iterator[None]:
    """Tell the log alone why a model cannot be loaded: callers cannot mend it, nor should they see paths."""
    try:
        yield
    except CistronError as error:
        LOG.error("fused model '%s' cannot be loaded: %s", name, error)
        raise RefusedError(
            503, f"the fused model '{name}' cannot be loaded; the service's log says why"
        ) from None
