from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output, refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.manifest import write_manifest


def test_a_file_appears_whole_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "out.vcf.gz"
    with atomic_output(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.parent == tmp_path
        assert temporary.name.endswith("out.vcf.gz")
        temporary.write_text("whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_after_a_failure_the_old_file_is_untouched_and_nothing_else_remains(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "out.txt"
    path.write_text("old")

    def fail() -> None:
        with atomic_output(path) as temporary:
            temporary.write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_followed_and_a_device_is_written_directly(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to(target)
    with atomic_output(link) as temporary:
        temporary.write_text("text")
    assert link.is_symlink()
    assert target.read_text() == "text"
    with atomic_output("/dev/null") as device:
        device.write_text("text")
    assert Path("/dev/null").is_char_device()


def test_places_that_cannot_be_written_are_named_with_the_reason(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch()
    cases = {
        tmp_path / "missing" / "out": r"missing/out: the folder .*missing does not exist",
        plain / "out": "plain is not a folder",
        tmp_path: "it is a folder",
        Path("/proc/out"): r"cannot write /proc/out",
    }
    for path, message in cases.items():
        with pytest.raises(OutputError, match=message) as caught, atomic_output(path):
            pytest.fail("the block must not run")
        assert "\n" not in str(caught.value)


def test_a_read_only_folder_is_called_read_only(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    try:
        (folder / "probe").touch()
    except PermissionError:
        pass
    else:
        pytest.skip("this user may write into read-only folders")
    with pytest.raises(OutputError, match="locked is read-only"), atomic_output(folder / "out"):
        pytest.fail("the block must not run")


def test_a_full_disk_is_one_clear_line_and_leaves_nothing(full_disk: AbstractContextManager[Path]) -> None:
    with full_disk as folder:
        with pytest.raises(OutputError, match="out: the disk is full"), atomic_output(folder / "out") as path:
            path.write_bytes(bytes(1 << 20))
        assert list(folder.iterdir()) == []


def test_an_output_that_is_the_input_is_refused(tmp_path: Path) -> None:
    source, link = tmp_path / "in.vcf", tmp_path / "link.vcf"
    source.touch()
    link.symlink_to(source)
    for output in (source, link, tmp_path / "." / "in.vcf"):
        with pytest.raises(OutputError, match="is the input"):
            refuse_same_file(source, output)
    refuse_same_file(source, tmp_path / "other.vcf")
    refuse_same_file("-", "-")


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"cistron" * 100_000)
    assert sha256_file(path) == hashlib.sha256(b"cistron" * 100_000).hexdigest()


def test_a_manifest_lies_beside_its_output_and_keeps_the_order(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "out.vcf.gz", {"version": "1", "model": {"name": "M\u00fcller"}, "a": 2})
    assert path == tmp_path / "out.vcf.gz.manifest.json"
    assert list(json.loads(path.read_text())) == ["version", "model", "a"]
    assert "M\u00fcller" in path.read_text()


def test_a_place_that_can_be_written_is_not_refused(tmp_path: Path) -> None:
    refuse_unwritable(tmp_path / "new.vcf")
    (tmp_path / "old.vcf").touch()
    refuse_unwritable(tmp_path / "old.vcf")
    (tmp_path / "link.vcf").symlink_to(tmp_path / "missing" / "out.vcf")
    with pytest.raises(OutputError, match="does not exist"):
        refuse_unwritable(tmp_path / "link.vcf")
