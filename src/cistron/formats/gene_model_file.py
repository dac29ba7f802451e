"""Model files of gene-benchmark (YAML): how entities become vectors, and what is fitted to them.

descriptor: {class_name: CSVDescriptions, class_args: {csv_file_path: texts.csv}}
encoder: {class_name: PreComputedEncoder, class_args: {encoder_model_name: vectors.csv}}
base_model: {class_name: LogisticRegression, class_args: {max_iter: 5000}}
post_processing: average
model_name: mine
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cistron.errors import InputError
from cistron.formats.atomic import atomic_output

_KEYS: Final = ("descriptor", "encoder", "base_model", "post_processing", "model_name")
POST_PROCESSING: Final = ("average", "concat")


@dataclass(frozen=True)
class Component:
    """A class by name, with what it is made from."""

    class_name: str
    class_args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelFile:
    """What a model file says.

    Attributes:
        encoder: Text or symbol → vector.
        descriptor: Entity → text; None leaves entities as they are.
        base_model: What is fitted; None is the default of the kind of task.
        post_processing: How the vectors of several entities in a row become one: `average` or `concat`.
        model_name: For the report; None where the file has none.
    """

    encoder: Component
    descriptor: Component | None = None
    base_model: Component | None = None
    post_processing: str = "average"
    model_name: str | None = None


def read_model_file(path: str | Path) -> ModelFile:
    """What a model file says; relative paths in it are left as they are.

    Raises:
        InputError: The file is missing, is not YAML, has no encoder, or holds something unknown.
    """
    content = _yaml(path)
    if not isinstance(content, dict) or "encoder" not in content:
        raise InputError(f"{path} is no model file: it needs an entry 'encoder' with a class_name")
    strange = sorted(set(content) - set(_KEYS))
    if strange:
        raise InputError(f"{path} has an unknown entry '{strange[0]}'; known: {', '.join(_KEYS)}")
    post = str(content.get("post_processing", "average"))
    if post not in POST_PROCESSING:
        raise InputError(f"{path}: post_processing '{post}' is not one of {', '.join(POST_PROCESSING)}")
    name = content.get("model_name")
    return ModelFile(
        component_of(content["encoder"], path),
        None if "descriptor" not in content else component_of(content["descriptor"], path),
        None if "base_model" not in content else component_of(content["base_model"], path),
        post,
        None if name is None else str(name),
    )


def component_of(content: object, path: str | Path) -> Component:
    """A class by name from decoded YAML.

    Raises:
        InputError: It has no class_name, or its class_args are no mapping.
    """
    arguments = content.get("class_args") or {} if isinstance(content, dict) else None
    if not isinstance(content, dict) or "class_name" not in content or not isinstance(arguments, dict):
        raise InputError(f"{path}: a part of a model needs a class_name, and class_args as a mapping")
    return Component(str(content["class_name"]), arguments)


def write_vectors_model(path: str | Path, vectors: str | Path, name: str) -> None:
    """Write the model file that takes its vectors from a table, as gene-benchmark's own script reads it.

    Raises:
        OutputError: The folder is missing, read-only or full.
    """
    import yaml  # type: ignore[import-untyped]

    content = {
        "encoder": {"class_name": "PreComputedEncoder", "class_args": {"encoder_model_name": str(vectors)}},
        "model_name": name,
    }
    with atomic_output(Path(path)) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def read_names(path: str | Path) -> list[str]:
    """The names in a YAML list, or in a text file with one on each line.

    All of them are text, also those that YAML takes for something else (`NO`, `ON`, `1`).

    Raises:
        InputError: The file is missing, holds nothing, or is YAML but no list.
    """
    content = _yaml(path)
    names = content.split() if isinstance(content, str) else content
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path} should hold a list of names, as YAML or one on each line")
    return names


def _yaml(path: str | Path) -> Any:
    """A YAML file in which every scalar is text, but for those of class_args."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
        plain, typed = yaml.load(text, Loader=yaml.BaseLoader), yaml.safe_load(text)  # noqa: S506
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError(f"{path} is not readable YAML: {str(problem).splitlines()[0]}") from None
    return typed if isinstance(typed, dict) else plain
