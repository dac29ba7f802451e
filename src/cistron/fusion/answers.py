"""What a text answers: its last `Answer:` line, as one of the labels or as a miss."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

ANSWER: Final = "Answer:"
"""What the line with the answer begins with."""

_LINE: Final = re.compile(r"^[ \t>*_#-]*answer[ \t*_]*:(.*)$", re.IGNORECASE | re.MULTILINE)

_THOUGHT: Final = re.compile(r"</?think>")


def normalised(answer: str) -> str:
    """An answer to compare: its first part before a semicolon, lower case, without decoration."""
    text = answer.partition(";")[0].replace("’", "'").strip(' \t\r\n.*_`"').lower()
    return " ".join(text.split())


def extracted(text: str) -> str | None:
    """The normalised answer of the last line that gives one; None without such a line."""
    lines = [normalised(line) for line in _LINE.findall(text)]
    return next((line for line in reversed(lines) if line), None)


def reasoning_in(text: str) -> str:
    """What a text says before its last answer line, without the marks of a thought; all of it without one."""
    lines = list(_LINE.finditer(text))
    before = text[: lines[-1].start()] if lines else text
    return _THOUGHT.sub("", before).strip()


def label_in(text: str, labels: Collection[str]) -> str | None:
    """The label that a text answers, or None: no answer line, or one that names no label."""
    found = extracted(text)
    return found if found is not None and found in labels else None


def found_anywhere(text: str, truth: str) -> bool:
    """Whether a text is right by the published rule: the true label occurs somewhere in it.

    By this rule reasoning that names a disease and rejects it is right, and `renal cell carcinoma` is
    found in `papillary renal cell carcinoma`.
    """
    return truth in text.lower()


def completion(label: str, reasoning: str = "") -> str:
    """What the language model is to say."""
    thought = f"<think>\n{reasoning}\n</think>\n\n" if reasoning else ""
    return f"{thought}{ANSWER} {label}"
