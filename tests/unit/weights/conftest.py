from pathlib import Path

import numpy as np
import pytest
import torch

from cistron.models.markov import MODEL, Markov, fit
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.weights.folder import save_folder


@pytest.fixture(scope="session")
def markov() -> Markov:
    text = "".join(np.random.default_rng(7).choice(list("AACCGT"), 4000))
    return fit([text], 3)


@pytest.fixture
def saved(markov: Markov, tmp_path: Path) -> Path:
    """A model folder in one file, with its checksums."""
    save_folder(tmp_path / "tiny", markov, NucleotideTokenizer(), MODEL, {"license": "mit", "text": "# Tiny"})
    return tmp_path / "tiny"


@pytest.fixture
def sharded(markov: Markov, tmp_path: Path) -> Path:
    """The same in two shards without checksums, as others publish."""
    path = tmp_path / "sharded"
    save_folder(path, markov, NucleotideTokenizer(), MODEL, {}, max_shard_size=1)
    (path / "checksums.json").unlink()
    return path


@pytest.fixture
def probe() -> torch.Tensor:
    return torch.from_numpy(NucleotideTokenizer().encode("ACGTNGATTACA")).unsqueeze(0)
