import pytest

from cistron.fusion.answers import completion, extracted, found_anywhere, label_in, normalised

LABELS = {"renal cell carcinoma", "papillary renal cell carcinoma", "alzheimer's disease"}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Answer: renal cell carcinoma", "renal cell carcinoma"),
        ("<think>\nAnswer: melanoma?\n</think>\n\nanswer:  Renal  Cell Carcinoma.", "renal cell carcinoma"),
        ("**Answer:** Alzheimer’s disease; and more", "alzheimer's disease"),
        ("Answer: papillary renal cell carcinoma", "papillary renal cell carcinoma"),
        ("It is renal cell carcinoma", None),
        ("Answer: a carcinoma", None),
        ("Answer:", None),
        ("", None),
    ],
)
def test_only_the_last_answer_line_counts_and_only_if_it_is_a_label(text: str, label: str | None) -> None:
    assert label_in(text, LABELS) == label


def test_an_empty_last_line_does_not_hide_the_answer_before() -> None:
    assert extracted("Answer: gout\nAnswer:") == "gout"


def test_the_published_rule_finds_a_label_inside_another_and_inside_rejected_thoughts() -> None:
    assert found_anywhere("Answer: papillary renal cell carcinoma", "renal cell carcinoma")
    assert found_anywhere("It is not Melanoma. Answer: gout", "melanoma")
    assert label_in("It is not Melanoma. Answer: gout", {"melanoma", "gout"}) is None


def test_what_is_to_be_said_is_what_is_found_again() -> None:
    label = normalised(" Gout; hyperuricaemia ")
    assert label == "gout"
    assert extracted(completion(label, "Step 1: Answer: croup")) == label
