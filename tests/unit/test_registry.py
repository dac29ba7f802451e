"""Plugs are found by file name and by entry point, and imported only when asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cistron.errors import CistronError, UnknownNameError
from cistron.registry import Registry, unknown
from cistron.training import RECIPES


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[str]:
    """A package `plugroom` with two plugs, and another distribution that brings two more."""
    package = tmp_path / "plugroom"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "alpha_one.py").write_text("PLUG = 'first'\n")
    (package / "beta.py").write_text("PLUG = 'second'\n")
    (package / "_private.py").write_text("raise RuntimeError('never imported')\n")
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "elsewhere.py").write_text("THEIRS = 'third'\nOTHER_BETA = 'not this'\n")
    metadata = tmp_path / "elsewhere-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[cistron.plugroom]\ngamma = elsewhere:THEIRS\nbeta = elsewhere:OTHER_BETA\n"
        "[cistron.their_rooms]\ndelta = elsewhere:THEIRS\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield Registry("plugroom", "PLUG", "plug")
    for name in [name for name in sys.modules if name.split(".")[0] in ("plugroom", "elsewhere")]:
        del sys.modules[name]


def test_names_are_files_and_entry_points_sorted_without_importing_any(room):
    assert room.names() == ["alpha-one", "beta", "broken", "gamma"]
    assert not {"plugroom.beta", "plugroom.broken", "elsewhere"} & sys.modules.keys()


def test_a_plug_is_its_files_constant_with_either_dash(room):
    assert room.get("alpha-one") == room.get("alpha_one") == "first"
    assert room.get("gamma") == "third"


def test_an_entry_point_does_not_replace_a_plug_of_the_room(room):
    assert room.get("beta") == "second"


def test_a_room_whose_folder_has_another_s_name_takes_a_group_of_its_own(room):
    assert Registry("plugroom", "PLUG", "plug", group="cistron.their_rooms").names() == [
        "alpha-one",
        "beta",
        "broken",
        "delta",
    ]


def test_a_broken_plug_keeps_its_own_error(room):
    with pytest.raises(RuntimeError, match="imported"):
        room.get("broken")


def test_an_unknown_name_is_refused_with_the_nearest(room):
    with pytest.raises(UnknownNameError) as caught:
        room.get("bta")
    assert str(caught.value) == "no plug is called 'bta'; did you mean beta?"
    assert isinstance(caught.value, CistronError)


def test_without_a_near_name_all_are_listed():
    assert unknown("plug", "zzz", ["b", "a"]) == "no plug is called 'zzz'; known: a, b"
    assert unknown("plug", "zzz", []) == "no plug is called 'zzz'; known: none"


def test_a_name_may_have_the_dot_that_its_file_cannot_have():
    assert RECIPES.get("genos-1.2b") is RECIPES.get("genos_1_2b")
