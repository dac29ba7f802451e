"""Find plugs by file name inside a room, and in other packages by entry point.

One file is one plug and its file name is its name: `models/genos.py` with a constant `MODEL` is the model
`genos`. Another package joins by an entry point in the group `cistron.<room>` that points to such a constant.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from cistron.errors import UnknownNameError

T = TypeVar("T")

_IN_FILE_NAMES = str.maketrans("_.", "--")
"""A module's name can hold neither a dash nor a dot; a plug's name has dashes for both."""


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The plugs of one room, imported only when asked for.

    Attributes:
        package: Import name of the package whose modules are the plugs, such as `cistron.models`.
        constant: Name of the constant every plug defines, such as `MODEL`.
        kind: The word used in error messages, such as `model`.
        group: Of entry points; None is `cistron.` and the last part of the package's name.
    """

    package: str
    constant: str
    kind: str
    group: str | None = None

    @cached_property
    def _sources(self) -> dict[str, str]:
        """Plug name → `module:attribute`."""
        package = importlib.import_module(self.package)
        found = {
            info.name.replace("_", "-"): f"{self.package}.{info.name}:{self.constant}"
            for info in pkgutil.iter_modules(package.__path__)
            if not info.name.startswith("_")
        }
        group = self.group or "cistron." + self.package.rsplit(".", 1)[-1]
        for point in entry_points(group=group):
            found.setdefault(point.name, point.value)
        return found

    def names(self) -> list[str]:
        """Names of all plugs, sorted, without importing them."""
        return sorted(self._sources)

    def get(self, name: str) -> T:
        """Import and return the plug called `name`; `genos-1.2b` and `genos_1_2b` are `genos-1-2b`.

        Raises:
            UnknownNameError: No such plug; the message suggests the nearest names.
        """
        source = self._sources.get(name) or self._sources.get(name.translate(_IN_FILE_NAMES))
        if source is None:
            raise UnknownNameError(unknown(self.kind, name, self.names()))
        module, _, attribute = source.partition(":")
        plug: T = getattr(importlib.import_module(module), attribute)
        return plug


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """One line that says `name` is not a known `kind` and suggests what may have been meant."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known) or 'none'}"
    return f"no {kind} is called '{name}'; {hint}"
