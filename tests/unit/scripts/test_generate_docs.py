from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

Scripts = dict[str, ModuleType]


def test_each_region_is_compared_with_the_baseline_that_is_best_there(
    scripts: Scripts, result_files: Callable[..., None]
) -> None:
    result_files()
    table = scripts["tables"].table("nats")
    exons = "| exons | 54,321 | 1.2500 (1.2490 to 1.2510) | Markov, order 3: 1.3000 (1.2990 to 1.3010) "
    assert f"{exons}| −0.0500 (−0.0510 to −0.0490) |" in table
    assert "| Markov, order 12: 1.1000 (1.0990 to 1.1010) | +0.0500 (+0.0490 to +0.0510) |" in table
    assert "interval below zero in: exons." in table
    assert "exons: in an exon; repeats: in a repeat." in table


def test_a_model_that_beats_nothing_is_said_to(scripts: Scripts, result_files: Callable[..., None]) -> None:
    result_files(nats={"beats_every_markov_model": {"exons": False, "repeats": False}})
    assert "interval below zero in: no region." in scripts["tables"].table("nats")


def test_the_brca1_table_says_whether_the_locus_was_read(
    scripts: Scripts, result_files: Callable[..., None]
) -> None:
    result_files()
    table = scripts["tables"].table("brca1")
    assert "| variants (loss of function) | 3,893 (823) |" in table
    assert "| shipped minus Markov, order 12 | +0.110 (+0.100 to +0.120) |" in table
    assert "The reference sequence of the locus was not part of the training data" in table


def test_every_table_named_in_a_document_exists(scripts: Scripts) -> None:
    docs = scripts["generate_docs"]
    files = [docs.ROOT / "README.md", *docs.ROOT.glob("docs/**/*.md")]
    named = {found[1] for path in files for found in docs.BLOCK.findall(path.read_text())}
    assert named
    assert named <= set(scripts["tables"].names())
