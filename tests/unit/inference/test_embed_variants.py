"""Embeddings of alleles against those of their whole windows, read one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cistron.errors import InputError, ReferenceMismatchError, WindowError
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.inference import embed_variants as module
from cistron.inference.embed import embed
from cistron.inference.embed_variants import embed_variants
from cistron.inference.scoring.allele_windows import AlleleWindows

WIDTH = 48


def expected(
    model: Any, tokenizer: Any, windows: Any, which: str, around: int | None, **options: Any
) -> dict[str, Any]:
    """Mean over the strands of the whole window's embedding, pooled over the part around the allele."""
    found = []
    for window in windows:
        text = getattr(window, f"{which}_sequence")
        middle, allele = len(window.upstream), len(getattr(window, which))
        span = None
        if around is not None:
            span = (max(0, middle - around), min(len(text), middle + allele + around))
        found.append(next(embed(model, tokenizer, [text], intervals=[span], **options)).layers)
    return {layer: np.mean([each[layer] for each in found], axis=0) for layer in found[0]}


@pytest.mark.parametrize("strands", ["both", "forward"])
@pytest.mark.parametrize(
    ("around", "pooling"),
    [(None, "mean"), (3, "mean"), (None, "max"), (5, "max"), (None, "last"), (1, "last")],
)
def test_alleles_give_what_their_windows_give(
    model: Any, tokenizer: Any, genome: Any, variants_of: Any, strands: Any, around: int | None, pooling: Any
) -> None:
    variants = [*variants_of("2", 12, 1), *variants_of("tiny", 6, 2)]
    cut = AlleleWindows(genome, WIDTH, strands)
    found = embed_variants(
        model, tokenizer, genome, variants, width=WIDTH, strands=strands, around=around, pooling=pooling
    )
    compared = 0
    for variant, each in zip(variants, found, strict=True):
        windows = cut.of(variant)
        assert each.variant is variant
        if isinstance(windows, AlleleStatus):
            assert (each.ref, each.alt, each.difference, each.status) == (None, None, None, windows)
            continue
        compared += 1
        for which, vectors in (("ref", each.ref), ("alt", each.alt)):
            wanted = expected(model, tokenizer, windows, which, around, pooling=pooling)
            assert vectors is not None
            for layer, vector in vectors.items():
                np.testing.assert_allclose(vector, wanted[layer], rtol=1e-9, atol=1e-12)
    assert compared >= 10


def test_layers_have_the_names_they_were_asked_for(genos: Any, tokenizer: Any, genome: Any) -> None:
    variant = Variant("2", 200, genome.texts["2"][199], "ACGT"["CGTA".index(genome.texts["2"][199])])
    found = next(embed_variants(genos, tokenizer, genome, [variant], width=WIDTH, layers=[1, "model.norm"]))
    windows = AlleleWindows(genome, WIDTH).of(variant)
    wanted = expected(genos, tokenizer, windows, "alt", None, layers=[1, "model.norm"])
    assert found.alt is not None
    assert list(found.alt) == ["1", "model.norm"]
    for layer, vector in wanted.items():
        np.testing.assert_allclose(found.alt[layer], vector, rtol=1e-9)


def test_the_difference_is_alternative_minus_reference_and_not_zero(
    model: Any, tokenizer: Any, genome: Any, variants_of: Any
) -> None:
    found = [
        e for e in embed_variants(model, tokenizer, genome, variants_of("2", 5, 3), width=WIDTH) if e.ref
    ]
    for each in found:
        assert each.difference is not None
        for layer, vector in each.difference.items():
            np.testing.assert_array_equal(vector, each.alt[layer] - each.ref[layer])
            assert np.abs(vector).max() > 0


def test_order_batches_and_company_leave_the_vectors_as_they_are(
    model: Any, tokenizer: Any, genome: Any, variants_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    variants = variants_of("2", 15, 4)
    together = list(embed_variants(model, tokenizer, genome, variants, width=WIDTH))
    monkeypatch.setattr(module, "BLOCK", 4)
    backwards = embed_variants(model, tokenizer, genome, variants[::-1], width=WIDTH, batch_tokens=1)
    for one, other in zip(together, list(backwards)[::-1], strict=True):
        assert one.status == other.status
        for layer, vector in (one.alt or {}).items():
            assert other.alt is not None
            np.testing.assert_allclose(vector, other.alt[layer], rtol=1e-9, atol=1e-12)


def test_alleles_of_one_place_share_the_reading_of_what_lies_upstream(
    genos: Any, tokenizer: Any, genome: Any
) -> None:
    base = genome.texts["2"][199]
    variants = [Variant("2", 200, base, other) for other in "ACGT" if other != base]
    read: list[int] = []
    found = embed_variants(
        genos, tokenizer, genome, variants, width=WIDTH, strands="forward", progress=read.append
    )
    assert len(list(found)) == 3
    assert sum(read) == WIDTH // 2 + 4 * (WIDTH - WIDTH // 2)


def test_a_ref_that_differs_stops_the_run_or_has_a_status(genos: Any, tokenizer: Any, genome: Any) -> None:
    base = genome.texts["2"][199]
    wrong = Variant("2", 200, "ACGT"["CGTA".index(base)], base)
    with pytest.raises(ReferenceMismatchError, match=r"REF differs from text\.fa at 2:200"):
        list(embed_variants(genos, tokenizer, genome, [wrong], width=WIDTH))
    found = next(embed_variants(genos, tokenizer, genome, [wrong], width=WIDTH, check_ref="warn"))
    assert found.status is AlleleStatus.REF_MISMATCH


@pytest.mark.parametrize(
    ("variant", "status"),
    [
        (Variant("9", 5, "A", "C"), AlleleStatus.CONTIG_UNKNOWN),
        (Variant("2", 200, "N", "*"), AlleleStatus.SPANNING),
        (Variant("2", 200, "N", "<DUP>"), AlleleStatus.SYMBOLIC),
    ],
)
def test_what_has_no_sequence_has_a_status(
    genos: Any, tokenizer: Any, genome: Any, variant: Variant, status: AlleleStatus
) -> None:
    found = next(embed_variants(genos, tokenizer, genome, [variant], width=WIDTH, check_ref="warn"))
    assert found.status is status


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"pooling": "none"}, InputError),
        ({"around": 0}, InputError),
        ({"width": 5000}, WindowError),
        ({"width": 4}, WindowError),
    ],
)
def test_settings_without_a_meaning_are_refused(
    genos: Any, tokenizer: Any, genome: Any, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        list(embed_variants(genos, tokenizer, genome, [], **{"width": WIDTH, **options}))
