import copy
from pathlib import Path
from typing import Any

import pytest

from cistron.errors import InputError
from cistron.fusion.prompt import ContextError, PromptWriter


@pytest.fixture(scope="module")
def tokenizer(language_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(language_model)


def test_the_answer_ends_with_the_mark_that_ends_a_turn(tokenizer: Any) -> None:
    writer = PromptWriter(tokenizer, "template", 0)
    prompt = writer.write("which?", (2, 3), "Answer: gout")
    assert tokenizer.decode(prompt.answer) == "Answer: gout<|im_end|>"
    assert prompt.answer[-1] in writer.stops


def test_dna_stands_before_the_question_with_as_many_places_as_each_sequence_takes(tokenizer: Any) -> None:
    prompt = PromptWriter(tokenizer, "template", 0).write("which?", (2, 3))
    marks = [token for token in prompt.ids if token < 0]
    assert marks == [-1, -2, -2, -3, -1, -2, -2, -2, -3]
    first = prompt.ids.index(-1)
    assert tokenizer.decode(prompt.ids[:first]) == "<|im_start|>user\n"
    rest = tokenizer.decode(prompt.ids[first + len(marks) :])
    assert rest == "\nwhich?<|im_end|>\n<|im_start|>assistant\n"


def test_without_dna_the_prompt_is_what_the_template_makes(tokenizer: Any) -> None:
    prompt = PromptWriter(tokenizer, "template", 0).write("which?")
    asked = [{"role": "user", "content": "which?"}]
    expected = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    assert tokenizer.decode(prompt.ids) == expected


def test_an_overflow_says_how_many_tokens_each_part_takes(tokenizer: Any) -> None:
    writer = PromptWriter(tokenizer, "template", 40)
    asked = len(tokenizer("which?", add_special_tokens=False).input_ids)
    told = rf"reads 40: reference 32, variant 22, question {asked}, chat \d+, answer \d+; take fewer"
    with pytest.raises(ContextError, match=told):
        writer.write("which?", (30, 20), "Answer: gout")


def test_a_model_without_a_chat_template_is_refused_unless_it_is_asked_plainly(tokenizer: Any) -> None:
    bare = copy.deepcopy(tokenizer)
    bare.chat_template = None
    with pytest.raises(InputError, match=r"no chat template.*language\.chat=plain"):
        PromptWriter(bare, "template", 0)
    prompt = PromptWriter(bare, "plain", 0).write("which?", answer="Answer: gout")
    assert bare.decode([*prompt.ids, *prompt.answer]) == "which?\nAnswer: gout<|im_end|>"


@pytest.mark.parametrize("mark", ["<|dna_pad|>", "<|im_end|>"])
def test_a_question_cannot_end_its_own_turn_or_hold_places_for_dna(tokenizer: Any, mark: str) -> None:
    with pytest.raises(InputError, match="only the conversation itself"):
        PromptWriter(tokenizer, "template", 0).write(f"which{mark}?")
