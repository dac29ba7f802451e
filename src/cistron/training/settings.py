"""Change values inside a frozen dataclass by dotted name, as `--set optim.lr=3e-4` does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from cistron.errors import InputError, ResumeError, UnknownNameError
from cistron.registry import unknown

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

R = TypeVar("R", bound="DataclassInstance")


def apply_settings(run: R, settings: Iterable[str]) -> R:
    """Return `run` with every `name=value` of `settings` applied in turn.

    A name leads through parts of dataclasses, keys of mappings and numbers of tuples: `optim.lr`,
    `model.hidden_size`, `stages.0.steps`. Tuples of plain values are written with commas, nothing as `none`,
    values of mappings as JSON, tuples of groups as a JSON list.

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


def resumed(run: R, saved: Path) -> R:
    """The run that `saved`, a `run.json`, holds; `run` itself where there is no such file.

    Args:
        run: What the recipe gives today; says what kind of run is expected, and its name.
        saved: The file.

    Raises:
        ResumeError: The file holds a run of another recipe.
        InputError: It is damaged.
    """
    if not saved.is_file():
        return run
    try:
        content = dict(json.loads(saved.read_text(encoding="utf-8")))
        kind = content.pop("run")
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{saved} is damaged: it describes no run") from None
    wanted = getattr(run, "name", "")
    if kind != type(run).__name__ or content.get("name", "") != wanted:
        raise ResumeError(
            f"{saved} belongs to another recipe ({content.get('name') or kind}, "
            f"not {wanted or type(run).__name__}); name the recipe that the run was started with"
        )
    return from_plain(type(run), content, str(saved))


def from_plain(kind: type[R], values: Mapping[str, Any], where: str) -> R:
    """The dataclass `kind` from what `to_json` wrote of it; what is not written has its default.

    Args:
        kind: A dataclass of plain values, mappings, tuples and such dataclasses.
        values: Field name → JSON value.
        where: What to name in messages.

    Raises:
        InputError: A field is unknown, missing, or of another kind.
    """
    known = {field.name for field in dataclasses.fields(kind)}
    strange = sorted(set(values) - known)
    if strange:
        raise InputError(f"{where}: {unknown('setting', strange[0], known)}")
    hints = get_type_hints(kind)
    try:
        return kind(
            **{name: _typed(hints[name], value, f"{where}: {name}") for name, value in values.items()}
        )
    except TypeError as problem:
        raise InputError(f"{where}: {problem}") from None


def differences(before: Any, after: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (dotted name, old, new) where two runs differ, named as `--set` would; values as JSON.

    A tuple is one value where its length changed; a key that one of two mappings lacks is `-` there.
    """
    old, new = _parts(before), _parts(after)
    resized = isinstance(before, tuple) and len(old) != len(new)
    if old and new and type(before) is type(after) and not resized:
        for part in {**old, **new}:
            full = f"{name}.{part}" if name else part
            yield from differences(old.get(part, _MISSING), new.get(part, _MISSING), full)
    elif before != after:
        yield name, _shown(before), _shown(after)


_MISSING = object()
"""Stands for a key that one of two mappings does not have."""


def _shown(value: Any) -> str:
    return "-" if value is _MISSING else json.dumps(value, default=dataclasses.asdict)


def _typed(kind: Any, value: Any, where: str) -> Any:
    """A JSON value as `kind`."""
    if get_origin(kind) in (Union, UnionType):
        return _first_fitting(get_args(kind), value, where)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_typed(get_args(kind)[0], part, where) for part in value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return from_plain(kind, value, where)
    if get_origin(kind) is dict and isinstance(value, dict):
        return value
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise InputError(f"{where} cannot be {json.dumps(value)}")


def _first_fitting(kinds: Iterable[Any], value: Any, where: str) -> Any:
    """A JSON value as the first of several kinds that it fits."""
    for kind in kinds:
        try:
            return _typed(kind, value, where)
        except InputError:
            continue
    raise InputError(f"{where} cannot be {json.dumps(value)}")


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
    """`text` as `kind`: a plain type, one of several, a tuple written with commas, or a dataclass.

    A dataclass can be written as text where one value is all it needs, such as a `Source` by its path; but
    one that is there already is changed part by part, so that its other parts are not lost unnoticed.
    """
    if get_origin(kind) in (Union, UnionType):
        return _parsed_choice(text, get_args(kind), current, full)
    if get_origin(kind) is tuple:
        element = get_args(kind)[0]
        if text.startswith("["):
            return _from_list(text, kind, full)
        return tuple(_parsed(part, element, None, full) for part in text.split(",") if part)
    if _parts(current):
        inside = ", ".join(f"{full}.{name}" for name in _parts(current))
        raise UnknownNameError(f"setting '{full}' is a group; set one of {inside}")
    try:
        return _plain(text, kind, full)
    except (ValueError, KeyError, TypeError):
        raise UnknownNameError(f"setting '{full}': {text!r} is not a {kind.__name__}") from None


def _from_list(text: str, kind: Any, full: str) -> Any:
    """A tuple written as a JSON list, whose elements may be groups."""
    try:
        return _typed(kind, json.loads(text), f"setting '{full}'")
    except InputError as problem:
        raise UnknownNameError(str(problem)) from None
    except ValueError:
        raise UnknownNameError(f"setting '{full}': {text!r} is not a JSON list") from None


def _plain(text: str, kind: Any, full: str) -> Any:
    """`text` as a plain type, or as a dataclass of which it is the first field."""
    if kind is bool:
        return {"true": True, "false": False}[text.lower()]
    if kind is int and float(text).is_integer():
        return int(float(text))
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        first = dataclasses.fields(kind)[0].name
        return kind(**{first: _parsed(text, get_type_hints(kind)[first], None, full)})
    return kind(text)


def _parsed_choice(text: str, kinds: tuple[Any, ...], current: Any, full: str) -> Any:
    """`text` as one of several kinds: `none`, a tuple where there is a comma, else the plain one."""
    if NoneType in kinds and text == "none":
        return None
    tuples = [kind for kind in kinds if get_origin(kind) is tuple]
    plain = [kind for kind in kinds if kind is not NoneType and kind not in tuples]
    if tuples and ("," in text or not plain):
        return _parsed(text, tuples[0], current, full)
    return _parsed(text, plain[0], None if isinstance(current, tuple) else current, full)


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
