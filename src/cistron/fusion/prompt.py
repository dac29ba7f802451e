"""What the language model is asked, as token ids, with places for the DNA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cistron.errors import CistronError, InputError
from cistron.registry import unknown

START, PAD, END = "<|dna_start|>", "<|dna_pad|>", "<|dna_end|>"
"""Marks around the DNA of one sequence, and the place of one of its positions."""

CHATS: Final = ("template", "plain")


class ContextError(CistronError):
    """Question, DNA and answer together are longer than the language model reads."""


@dataclass(frozen=True)
class Prompt:
    """One conversation.

    Attributes:
        ids: Everything before the answer. Marks of the DNA are negative: `-1` where a sequence begins, `-2`
            a position of it, `-3` where it ends; they are no tokens of the language model.
        answer: The answer with the mark that ends a turn; empty where it is to be found.
    """

    ids: tuple[int, ...]
    answer: tuple[int, ...] = ()


class PromptWriter:
    """Writes prompts for one language model.

    Args:
        tokenizer: The language model's.
        chat: `template` or `plain`.
        context: Most tokens of prompt and answer.

    Attributes:
        stops: Tokens that end an answer.

    Raises:
        InputError: The language model has no chat template, or `chat` is unknown.
    """

    def __init__(self, tokenizer: Any, chat: str, context: int) -> None:
        if chat not in CHATS:
            raise InputError(unknown("way to ask", chat, CHATS))
        if chat == "template" and not getattr(tokenizer, "chat_template", None):
            raise InputError(
                "the language model has no chat template: take an instruction-tuned one, or set "
                "language.chat=plain"
            )
        if tokenizer.eos_token_id is None:
            raise InputError("the language model's tokenizer has no token that ends a text")
        self._tokenizer, self._chat, self._context = tokenizer, chat, context
        self.stops: tuple[int, ...] = tuple(
            dict.fromkeys((self._encode(self._ending())[-1], _eos(tokenizer)))
        )

    def write(self, question: str, positions: Sequence[int] = (), answer: str | None = None) -> Prompt:
        """A prompt, and its answer where that is to be learnt.

        Args:
            question: What is asked.
            positions: Of each sequence of DNA, how many positions it takes; none for a prompt of text alone.
            answer: What the language model is to say.

        Raises:
            InputError: The question holds a token that belongs to the conversation, not to what is said.
            ContextError: It is too long; the message says how many tokens each part takes.
        """
        for mark in (START, PAD, END, *self._tokenizer.all_special_tokens):
            if mark in question:
                raise InputError(f"the question holds {mark}, which only the conversation itself may")
        before, _, behind = self._turn().partition(_HERE)
        dna = [mark for count in positions for mark in (-1, *[-2] * count, -3)]
        head, tail = self._encode(before), self._encode(("\n" if dna else "") + question + behind)
        said = () if answer is None else tuple(self._encode(answer + self._ending()))
        prompt = Prompt((*head, *dna, *tail), said)
        self._refuse_overflow(prompt, positions, question)
        return prompt

    def answer(self, text: str) -> tuple[int, ...]:
        """Token ids of an answer with the mark that ends it."""
        return tuple(self._encode(text + self._ending()))

    def text(self, ids: Sequence[int]) -> str:
        """What generated ids say."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True)).strip()

    def room(self, prompts: Sequence[Prompt]) -> int:
        """Tokens that an answer to any of these prompts may have."""
        return (
            max(self._context - max(len(prompt.ids) for prompt in prompts), 1) if self._context else _ENDLESS
        )

    def _refuse_overflow(self, prompt: Prompt, positions: Sequence[int], question: str) -> None:
        total = len(prompt.ids) + len(prompt.answer)
        if not self._context or total <= self._context:
            return
        asked = len(self._encode(question))
        blocks = [count + 2 for count in positions]
        parts = [f"{name} {n:,}" for name, n in zip(("reference", "variant"), blocks, strict=False)]
        rest = len(prompt.ids) - sum(blocks) - asked
        told = ", ".join([*parts, f"question {asked:,}", f"chat {rest:,}", f"answer {len(prompt.answer):,}"])
        raise ContextError(
            f"{total:,} tokens where the language model reads {self._context:,}: {told}; take fewer "
            "projector.positions, records.question=short, or a longer context"
        )

    def _turn(self) -> str:
        """A question's turn and the beginning of the answer's, with `_HERE` for the question."""
        if self._chat == "plain":
            return f"{_HERE}\n"
        asked = [{"role": "user", "content": _HERE}]
        return str(
            self._tokenizer.apply_chat_template(
                asked, tokenize=False, add_generation_prompt=True, enable_thinking=True
            )
        )

    def _ending(self) -> str:
        """What follows an answer: the template's own mark, or the token that ends a text."""
        eos = str(self._tokenizer.eos_token)
        if self._chat == "plain":
            return eos
        turns = [{"role": "user", "content": _HERE}, {"role": "assistant", "content": _THERE}]
        rest = str(self._tokenizer.apply_chat_template(turns, tokenize=False)).rpartition(_THERE)[2]
        return rest.strip() or eos

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)


_ENDLESS: Final = 1 << 20
_HERE, _THERE = "QUESTIONSTANDSHERE", "ANSWERSTANDSHERE"


def _eos(tokenizer: Any) -> int:
    return int(tokenizer.eos_token_id)
