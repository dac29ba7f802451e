"""A model of the shape of Evo 2 7B on a machine without a GPU, with random weights."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch

from cistron.models.stripedhyena2 import SIZES, StripedHyena2
from cistron.tokenizers.byte import ByteTokenizer
from cistron.weights.jsonfile import write_object
from cistron.weights.shards import write_shards

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "CISTRON_EVO2_7B" not in os.environ,
        reason="writes 13 GB and needs 16 GB of memory; set CISTRON_EVO2_7B=1 to run it",
    ),
]
CONFIG = SIZES["evo2-7b"]
SCORE = """
import json, sys, time
from pathlib import Path
import torch
from cistron.inference.likelihood import log_likelihood
from cistron.weights.folder import load_folder

def memory(kind):
    return int(Path("/proc/self/status").read_text().partition(kind + ":")[2].split()[0]) / 2**20

start = time.perf_counter()
built = load_folder(sys.argv[1], mmap=True)
loaded = time.perf_counter()
(found,) = log_likelihood(built.model, built.tokenizer, ["ACGTTGCA" * 64])
done = time.perf_counter()
dtypes = sorted({str(tensor.dtype) for tensor in built.model.state_dict().values()})
print(json.dumps({
    "bases": found.bases, "per base": found.per_base, "dtypes": dtypes,
    "load s": loaded - start, "score s": done - loaded,
    "peak GiB": memory("VmHWM"), "not in files GiB": memory("RssAnon"),
}))
"""


class RandomTensors(Mapping[str, torch.Tensor]):
    """The tensors of a checkpoint, each made when asked for: the same random numbers again and again."""

    def __init__(self) -> None:
        with torch.device("meta"):
            self._shapes = {name: tensor.shape for name, tensor in StripedHyena2(CONFIG).state_dict().items()}
        self._numbers = torch.randn(2**20)

    def __getitem__(self, name: str) -> torch.Tensor:
        shape = self._shapes[name]
        if name.endswith("inv_freq"):
            return CONFIG.rope_theta ** -torch.linspace(0, 1, shape[0])
        if name.endswith("log_poles"):
            return -torch.rand(shape)
        residues = name.endswith("residues")
        numbers = 0.1 * self._numbers if residues else (0.01 * self._numbers).bfloat16()
        return numbers.repeat(-(-shape.numel() // len(numbers)))[: shape.numel()].view(shape)

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)


def test_7b_scores_a_sequence_in_bfloat16_on_a_machine_with_24_gigabytes(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    if shutil.disk_usage(tmp_path).free < 16e9:
        pytest.skip(f"needs 16 GB of disk at {tmp_path}")
    try:
        write_shards(tmp_path, RandomTensors(), None, 2_000_000_000)
        write_object(tmp_path / "config.json", CONFIG.to_dict())
        ByteTokenizer().save(tmp_path)
        command = [sys.executable, "-c", SCORE, tmp_path]
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    finally:
        for path in tmp_path.glob("*.safetensors"):
            path.unlink()
    found = json.loads(ran.stdout)
    for name, value in found.items():
        record_property(name, value)
    assert found["bases"] == 511
    assert -20 < found["per base"] < 0
    assert found["dtypes"] == ["torch.bfloat16", "torch.float32"]
    assert found["peak GiB"] < 20
    assert found["not in files GiB"] < 6
