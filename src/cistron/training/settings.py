"""Change values inside a frozen dataclass by dotted name, as `--set optim.lr=3e-4` does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from cistron.errors import UnknownNameError
from cistron.registry import unknown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def apply_settings(run: R, settings: Iterable[str]) -> R:
    """Return `run` with every `name=value` of `settings` applied in turn.

    Raises:
        UnknownNameError: No such name (the message suggests one), or the value has the wrong type.
    """
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UnknownNameError(f"--set {setting}: expected NAME=VALUE")
        run = _replaced(run, name.split("."), value, name)
    return run


def to_json(run: DataclassInstance) -> str:
    """The run as indented JSON, for `run.json`."""
    return json.dumps({"run": type(run).__name__, **dataclasses.asdict(run)}, indent=2) + "\n"


def _replaced(node: R, path: list[str], value: str, full: str) -> R:
    hints = get_type_hints(type(node))
    head, *rest = path
    if head not in hints:
        raise UnknownNameError(unknown("setting", full if not rest else head, hints))
    current = getattr(node, head)
    if rest:
        if not dataclasses.is_dataclass(current) or isinstance(current, type):
            raise UnknownNameError(f"setting '{full}': {head} is a value and has no parts")
        return dataclasses.replace(node, **{head: _replaced(current, rest, value, full)})
    if dataclasses.is_dataclass(current) and not isinstance(current, type):
        parts = ", ".join(f"{full}.{name}" for name in get_type_hints(type(current)))
        raise UnknownNameError(f"setting '{full}' is a group; set one of {parts}")
    return dataclasses.replace(node, **{head: _parsed(value, hints[head], full)})


def _parsed(text: str, kind: Any, full: str) -> Any:
    """`text` as `kind`: a plain type, an optional one, or a tuple written with commas."""
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        return tuple(_parsed(part, element, full) for part in text.split(",") if part)
    choices = [option for option in get_args(kind) if option is not type(None)]
    if choices and text == "none":
        return None
    plain = choices[0] if choices else kind
    if dataclasses.is_dataclass(plain):
        return plain(text)  # type: ignore[operator, call-arg]  # such as a Source, written as its path
    try:
        if plain is bool:
            return {"true": True, "false": False}[text.lower()]
        return plain(float(text)) if plain is int and float(text).is_integer() else plain(text)
    except (ValueError, KeyError):
        raise UnknownNameError(f"setting '{full}': {text!r} is not a {plain.__name__}") from None
