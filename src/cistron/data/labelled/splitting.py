"""Who learns, who stops, who judges: items into parts, and what one part gives away of another."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from cistron.data.labelled import SPLITS, Item, LabelledData
from cistron.errors import InputError
from cistron.genome.contigs import plain_name
from cistron.metrics.leaks import Finding, Part, leaks

Parts = Mapping[str, list[Item]]
"""Items by `train`, `validation` and `test`."""

_SPELLINGS = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"} | {
    "val": "validation",
    "dev": "validation",
    "test": "test",
}


def split_items(
    data: LabelledData, given: Mapping[str, Sequence[Item]], *, seed: int
) -> dict[str, list[Item]]:
    """Items in their parts.

    Files of their own come first. What is missing then comes from the training files: by the column that says
    so, by chromosome, by group, or at random. The part of a group or item depends on its name and the seed
    alone, so more data does not move it.

    Args:
        data: Says how.
        given: Items of the files of each part.
        seed: Of the draw.

    Raises:
        InputError: A rule or the name of a part is unknown, or a part that is needed would be empty.
    """
    parts: dict[str, list[Item]] = {split: list(given.get(split, ())) for split in SPLITS}
    lacking = [split for split in ("validation", "test") if not parts[split]]
    if lacking:
        whole, parts["train"] = parts["train"], []
        for item, split in zip(whole, _assigned(data, whole, lacking, seed), strict=True):
            parts[split].append(item)
    for split in SPLITS:
        if not parts[split]:
            raise InputError(f"no item is in the {split} part; give data.{split} or change the split")
    return parts


def _assigned(data: LabelledData, items: Sequence[Item], lacking: Sequence[str], seed: int) -> Iterable[str]:
    if data.split is not None:
        return [_named(item, data.split) for item in items]
    if data.by == "chromosome":
        return [_by_chromosome(item, data) for item in items]
    if data.by not in ("group", "random"):
        raise InputError(f"data.by is '{data.by}'; known: group, chromosome, random")
    shares = _shares(data, lacking)
    keys = [
        (item.group if data.by == "group" else "") or f"{number} {item.name}"
        for number, item in enumerate(items)
    ]
    return [_drawn(key, shares, seed) for key in keys]


def _named(item: Item, column: str) -> str:
    split = _SPELLINGS.get(item.split.lower())
    if split is None:
        raise InputError(f"{item.name} has '{item.split}' in {column}; it must be train, validation or test")
    return split


def _by_chromosome(item: Item, data: LabelledData) -> str:
    if item.place is None:
        raise InputError(f"{item.name} has no place, so it cannot be split by chromosome")
    for split, chromosomes in (("validation", data.validation_chromosomes), ("test", data.test_chromosomes)):
        if plain_name(item.place[0]) in map(plain_name, chromosomes):
            return split
    return "train"


def _shares(data: LabelledData, lacking: Sequence[str]) -> dict[str, float]:
    """Of the training files, what stays and what goes to the parts that have no files."""
    if len(data.shares) != 3 or min(data.shares) < 0 or not 0 < sum(data.shares) <= 1 + 1e-9:
        raise InputError(f"data.shares are {data.shares}; three numbers that sum to 1")
    wanted = {s: share for s, share in zip(SPLITS, data.shares, strict=True) if s == "train" or s in lacking}
    return {split: share / sum(wanted.values()) for split, share in wanted.items()}


def _drawn(key: str, shares: Mapping[str, float], seed: int) -> str:
    digest = hashlib.sha256(f"{seed} {key}".encode()).digest()
    at = int.from_bytes(digest[:8], "big") / 2**64
    for split, until in zip(shares, accumulate(shares.values()), strict=True):
        if at < until:
            return split
    return next(iter(shares))


def leak_report(parts: Parts) -> dict[str, list[Finding]]:
    """What the training part gives away of each other part; absent where that is nothing."""
    train = _part(parts["train"])
    found = {split: leaks(train, _part(parts[split])) for split in ("validation", "test")}
    return {split: findings for split, findings in found.items() if findings}


def _part(items: Sequence[Item]) -> Part:
    placed = all(item.place is not None for item in items)
    pairs = any(len(item.sequences) > 1 for item in items)
    return Part(
        # Windows of neighbouring variants overlap by nature; there groups and the places of alleles count.
        sequences=["" if pairs else item.sequences[0] for item in items],
        labels=[] if pairs else [item.labels for item in items],
        groups=[item.group for item in items],
        places=[item.place for item in items if item.place is not None] if placed else [],
    )


def counted(parts: Parts) -> str:
    """`train 800 (benign 400, pathogenic 400), validation …`: for one line of text."""
    texts = []
    for split, items in parts.items():
        classes = Counter(item.labels[0] for item in items)
        few = ", ".join(f"{label} {count:,}" for label, count in sorted(classes.items()))
        texts.append(f"{split} {len(items):,}" + (f" ({few})" if len(classes) <= 6 else ""))
    return ", ".join(texts)
