"""Which sequences run together."""

from __future__ import annotations

from collections.abc import Sequence


def by_length(lengths: Sequence[int], batch_tokens: int) -> list[list[int]]:
    """Indices in batches of similar length: at most `batch_tokens` with padding, and at least one row.

    Depends on the lengths alone, so that a run that is repeated forms the same batches.

    Args:
        lengths: Tokens of each sequence.
        batch_tokens: Most tokens in a batch, rows times the longest.
    """
    batches: list[list[int]] = []
    # The longest first: what needs most memory is met at once, not after hours.
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        batch = batches[-1] if batches else []
        if batch and (len(batch) + 1) * lengths[batch[0]] <= batch_tokens:
            batch.append(index)
        else:
            batches.append([index])
    return batches
