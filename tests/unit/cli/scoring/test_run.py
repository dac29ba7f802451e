from __future__ import annotations

from pathlib import Path

import pytest

from cistron.cli.scoring.finished import _kind
from cistron.cli.scoring.request import ScoreRequest
from cistron.cli.scoring.run import _inside
from cistron.formats.vcf import VcfRecord
from cistron.genome import Interval, Variant
from cistron.genome.splits import Regions


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [
        ("A", "C", "SNV"),
        ("AC", "GT", "MNV"),
        ("A", "ACC", "insertion"),
        ("ACC", "A", "deletion"),
        ("A", "<DEL>", "other"),
        ("A", "*", "other"),
        ("A", "A[2:5[", "other"),
    ],
)
def test_the_class_of_a_variant_goes_by_its_spelling(ref: str, alt: str, kind: str) -> None:
    assert _kind(Variant("1", 10, ref, alt)) == kind


@pytest.mark.parametrize(
    ("variants", "inside"),
    [
        ([Variant("1", 100, "A", "C")], True),
        ([Variant("1", 99, "A", "C")], False),
        ([Variant("1", 98, "ACG", "A")], True),
        ([Variant("1", 98, "AC", "A")], False),
        ([Variant("1", 50, "A", "<DEL>", 100)], True),
        ([Variant("1", 50, "A", "<DEL>", 99)], False),
        ([Variant("1", 50, "A", "C"), Variant("1", 50, "A", "<DEL>", 100)], True),
        ([Variant("1", 111, "A", "C")], False),
        ([Variant("2", 100, "A", "C")], False),
    ],
)
def test_a_record_is_inside_when_any_base_of_it_is(variants: list[Variant], inside: bool) -> None:
    regions = Regions([Interval("1", 99, 110)])
    record = VcfRecord(0, variants[0].chrom, variants[0].pos, ".", variants, "")
    assert _inside(regions, record) is inside
    assert _inside(None, record)


@pytest.mark.parametrize(("tag", "name"), [(None, "CISTRON_LLR"), ("big", "CISTRON_big_LLR")])
def test_field_names_carry_the_tag(tag: str | None, name: str) -> None:
    assert ScoreRequest("a.vcf", Path("a.fa"), "b.vcf", tag=tag).field("LLR") == name


@pytest.mark.parametrize(
    ("output", "streams"), [("-", True), ("/dev/null", True), ("new.vcf", False), ("/tmp", False)]
)
def test_a_stream_is_what_nothing_can_lie_beside(output: str, streams: bool) -> None:
    assert ScoreRequest("a.vcf", Path("a.fa"), output).streams is streams
