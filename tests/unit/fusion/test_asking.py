from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.fusion.answers import reasoning_in
from cistron.fusion.asking import Listener, pathway_in, score_of
from cistron.fusion.described import describe
from cistron.fusion.pairs import as_variant
from cistron.fusion.run import FusionRun
from cistron.fusion.saved import FusedModel, build, save_fused
from cistron.genome import Variant


class Bytes:
    """Writes texts whose tokens are bytes; 0 ends an answer."""

    stops = (0,)

    def text(self, ids: Sequence[int]) -> str:
        return bytes(ids).decode(errors="replace").strip()


def test_pieces_of_a_text_are_the_text_and_no_letter_is_cut() -> None:
    text = "\n Größe:  α β\n\nAnswer: gout \n"
    pieces: list[str] = []
    listener = Listener(Bytes(), pieces.append)
    listener.put(torch.empty(1, 0, dtype=torch.long))  # as `generate` begins
    for token in [*text.encode(), 0]:
        listener.put(torch.tensor([token]))
    listener.end()
    assert "".join(pieces) == text.strip()
    assert not any("\ufffd" in piece for piece in pieces)


def test_what_tell_raises_stops_the_text() -> None:
    def refuse(piece: str) -> None:
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        Listener(Bytes(), refuse).put(torch.tensor([65]))


@pytest.mark.parametrize(
    ("reference", "variant", "spelled"),
    [
        ("AACGT", "AATGT", Variant("reference", 2, "AC", "AT")),
        ("AACGT", "AAGT", Variant("reference", 2, "AC", "A")),
        ("AACGT", "AACCGT", Variant("reference", 3, "C", "CC")),
        ("ACGT", "TACGT", Variant("reference", 1, "A", "TA")),
        ("ACGT", "CGT", Variant("reference", 1, "AC", "C")),
    ],
)
def test_two_sequences_are_a_variant_that_turns_one_into_the_other(
    reference: str, variant: str, spelled: Variant
) -> None:
    found, genome = as_variant(DiagnosisRecord("r", "?", "", reference, variant))
    assert found == spelled
    assert genome.fetch("reference", found.start, found.start + len(found.ref)) == found.ref
    assert reference[: found.start] + found.alt + reference[found.start + len(found.ref) :] == variant


@pytest.fixture(scope="module")
def untrained(planted_run: FusionRun) -> FusedModel:
    return build(planted_run, ["ague", "gout"])


def test_an_allele_is_scored_within_its_record(untrained: FusedModel) -> None:
    bases = "ACGTTGCA" * 8
    score = score_of(untrained, DiagnosisRecord("r", "?", "", bases, bases[:30] + "C" + bases[31:]))
    assert score is not None
    assert score.llr is not None
    assert score.status is None


@pytest.mark.parametrize(
    ("text", "reasoning"),
    [
        ("<think>\nIt is.\n</think>\n\nAnswer: gout", "It is."),
        ("No line at all", "No line at all"),
        ("Answer: gout", ""),
        ("Answer: ague?\nNo.\nAnswer: gout", "Answer: ague?\nNo."),
    ],
)
def test_reasoning_is_what_stands_before_the_last_answer(text: str, reasoning: str) -> None:
    assert reasoning_in(text) == reasoning


def test_only_lines_on_a_pathway_are_its_text() -> None:
    told = "Network Definition of the pathway: A -> B\nGenes in the pathway: A; a"
    assert pathway_in(f"Chromosome Number: 1\n{told}\n\nWhat?") == told
    assert pathway_in("What?") == ""


def test_a_saved_model_is_described_without_its_bases_and_its_size_is_that_of_all_weights(
    untrained: FusedModel, tmp_path: Path
) -> None:
    folder = tmp_path / "run/model"
    save_fused(folder, untrained)
    found = describe(folder.parent)
    assert (found.folder, found.mode, found.labels) == (folder, "fused", untrained.labels)
    assert found.bases == untrained.bases
    answerer: Any = untrained.answerer
    own = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    base = sum(p.numel() for n, p in answerer.fused.language.model.named_parameters() if "lora_" not in n)
    dna = sum(p.numel() for p in answerer.encoder.loaded.built.model.parameters())
    assert found.loaded_bytes() == own + 4 * (base + dna)
