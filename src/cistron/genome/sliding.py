"""Windows that slide along a sequence of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cistron.errors import WindowError


def slide(pieces: Iterable[str], window: int, stride: int | None = None) -> Iterator[tuple[int, str]]:
    """Yield (start, bases) of the windows of a sequence, holding no more than one window and one piece.

    They start at 0, `stride`, 2 · `stride` … and cover every base. The last one ends with the sequence and is
    as long as the others, so it may overlap more; a sequence shorter than `window` is one window. An empty
    sequence has none.

    Args:
        pieces: The sequence, in pieces of any length.
        window: Length of a window in bp.
        stride: Step between starts in bp; `window` when None.

    Raises:
        WindowError: `window` is not positive, or `stride` is not between 1 and `window`.
    """
    step = checked_stride(window, stride)
    held, start, upcoming = "", 0, 0
    for piece in pieces:
        held += piece
        while start + len(held) >= upcoming + window:
            yield upcoming, held[upcoming - start : upcoming - start + window]
            upcoming += step
            # What lies before the next window is kept as far as the last window may reach back.
            spare = max(0, min(upcoming, start + len(held) - window) - start)
            held, start = held[spare:], start + spare
    end = start + len(held)
    if upcoming == 0 and held:
        yield 0, held
    elif upcoming - step + window < end:
        yield end - window, held[-window:]


def checked_stride(window: int, stride: int | None) -> int:
    """`stride`, or `window` when None.

    Raises:
        WindowError: `window` is not positive, or `stride` is not between 1 and `window`.
    """
    if window < 1:
        raise WindowError(f"a window of {window} bp holds nothing; give a positive length")
    if stride is not None and not 1 <= stride <= window:
        raise WindowError(
            f"a stride of {stride:,} bp does not suit windows of {window:,} bp; give 1 to {window:,}"
        )
    return window if stride is None else stride
