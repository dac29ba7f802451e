"""What names mean, and what the parts of a request are held to."""

from __future__ import annotations

from pathlib import Path

import pytest

from cistron.cli.serving.options import memory_bytes
from cistron.server.bodies import json_depth
from cistron.server.settings import Settings


@pytest.mark.parametrize(
    ("models", "asked", "found"),
    [
        ({"default": "d"}, None, "default"),
        ({"default": "d"}, "Genos-1.2B", "default"),
        ({"default": "d"}, "1.2B", "default"),
        ({"default": "d"}, "Genos-10B", None),
        ({"default": "d"}, "/etc/passwd", None),
        ({"a": "x", "1.2B": "y"}, "Genos-1.2B", "1.2B"),
        ({"a": "x", "Genos-10B": "y"}, "10B", "Genos-10B"),
        ({"a": "x", "b": "y"}, None, "a"),
    ],
)
def test_a_model_answers_to_its_own_and_the_published_names(
    models: dict[str, str], asked: str | None, found: str | None
) -> None:
    assert Settings(Path(), models=models).model_named(asked) == found


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("::", False),
    ],
)
def test_only_loopback_is_one_s_own_machine(host: str, own: bool) -> None:
    assert Settings(Path(), host=host).is_loopback is own


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        (b"", 0),
        (b"[[]]", 2),
        (b'{"a": [1, {"b": 2}]}', 3),
        (b'"[[[["', 0),
        (b'"\\"[[[["', 0),
        (b'["a\\\\", [', 2),
        (b"]]]][", 0),
        (b'"unended [[[', 0),
    ],
)
def test_brackets_in_text_are_no_depth(text: bytes, depth: int) -> None:
    assert json_depth(text) == depth


def test_memory_is_told_in_powers_of_1024() -> None:
    assert [memory_bytes(text) for text in ("5", "2K", "1.5M", "8g")] == [5, 2048, 3 << 19, 8 << 30]
