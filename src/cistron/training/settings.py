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

    A name leads through parts of dataclasses, keys of mappings and numbers of tuples: `optim.lr`,
    `model.hidden_size`, `stages.0.steps`. Tuples of plain values are written with commas, nothing as `none`,
    values of mappings as JSON.

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


def _replaced(node: Any, path: list[str], value: str, full: str) -> Any:
    """A copy of `node` in which the part that `path` leads to is `value`."""
    head, *rest = path
    parts = _parts(node)
    where = full.removesuffix(".".join(path))
    if not parts:
        raise UnknownNameError(f"setting '{full}': {where.rstrip('.')} is a value and has no parts")
    if head not in parts:
        raise UnknownNameError(unknown("setting", where + head, (where + name for name in parts)))
    current = parts[head]
    if rest:
        fresh = _replaced(current, rest, value, full)
    elif isinstance(node, dict):
        fresh = _from_json(value, current, full)
    else:
        kind = type(current) if isinstance(node, tuple) else get_type_hints(type(node))[head]
        fresh = _parsed(value, kind, current, full)
    if isinstance(node, dict):
        return {**node, head: fresh}
    if isinstance(node, tuple):
        return (*node[: int(head)], fresh, *node[int(head) + 1 :])
    return dataclasses.replace(node, **{head: fresh})


def _parts(node: Any) -> dict[str, Any]:
    """Name → value of what `node` is made of; empty for a plain value."""
    if dataclasses.is_dataclass(node):
        return {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
    if isinstance(node, tuple):
        return {str(number): part for number, part in enumerate(node)}
    return dict(node) if isinstance(node, dict) else {}


def _parsed(text: str, kind: Any, current: Any, full: str) -> Any:
    """`text` as `kind`: a plain type, an optional one, or a tuple written with commas.

    A dataclass can be written as text where one text is all it needs, such as a `Source` by its path; but
    one that is there already is changed part by part, so that its other parts are not lost unnoticed.
    """
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        return tuple(_parsed(part, element, None, full) for part in text.split(",") if part)
    if _parts(current):
        inside = ", ".join(f"{full}.{name}" for name in _parts(current))
        raise UnknownNameError(f"setting '{full}' is a group; set one of {inside}")
    choices = [option for option in get_args(kind) if option is not type(None)]
    if choices and text == "none":
        return None
    plain = choices[0] if choices else kind
    try:
        if plain is bool:
            return {"true": True, "false": False}[text.lower()]
        return plain(float(text)) if plain is int and float(text).is_integer() else plain(text)
    except (ValueError, KeyError, TypeError):
        raise UnknownNameError(f"setting '{full}': {text!r} is not a {plain.__name__}") from None


def _from_json(text: str, current: Any, full: str) -> Any:
    """`text` read as JSON, of the same kind as `current` unless that is None."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    number = isinstance(current, float) and type(value) is int
    if current is None or type(value) is type(current) or number:
        return float(value) if number else value
    raise UnknownNameError(f"setting '{full}': {text!r} is not a {type(current).__name__}")
