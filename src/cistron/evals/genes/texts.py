"""Descriptions of genes as vectors: a bag of words, or any sentence-transformers model in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.extras import MissingExtraError
from cistron.evals.probing.estimators import require_scikit_learn

MOST_WORDS: Final = 1024
"""Words of a bag, as in gene-benchmark's."""


def bag_of_words(texts: Sequence[str], most: int = MOST_WORDS) -> Float[np.ndarray, "N W"]:
    """How often each of the most frequent words occurs in each text; no outcome is looked at.

    Raises:
        InputError: There are no words.
        MissingExtraError: scikit-learn is not installed.
    """
    require_scikit_learn()
    from sklearn.feature_extraction.text import CountVectorizer

    try:
        counts = CountVectorizer(max_features=most).fit_transform(texts)
    except ValueError:
        raise InputError(f"the {len(texts):,} descriptions hold no words") from None
    return np.asarray(counts.toarray(), dtype=np.float64)


def sentence_vectors(texts: Sequence[str], folder: str | Path) -> Float[np.ndarray, "N D"]:
    """A vector for each text by a sentence-transformers model; nothing is fetched from the network.

    Args:
        texts: Any.
        folder: Of the model; it holds `modules.json`.

    Raises:
        InputError: It is no such folder.
        MissingExtraError: sentence-transformers is not installed.
    """
    if not (Path(folder) / "modules.json").is_file():
        raise InputError(f"{folder} is no folder of a sentence-transformers model: it has no modules.json")
    if find_spec("sentence_transformers") is None:
        raise MissingExtraError("text encoders need: pip install 'cistron[text]'")
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    model = SentenceTransformer(str(folder), local_files_only=True, device="cpu")
    found = model.encode(list(texts), show_progress_bar=False, convert_to_numpy=True)
    return np.asarray(found, dtype=np.float64)
