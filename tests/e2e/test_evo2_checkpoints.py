"""From a published Evo 2 checkpoint to scores, as a user does it."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
import torch

import cistron
from cistron.models.stripedhyena2 import SIZES, StripedHyena2
from cistron.weights.convert.evo2_config import size_of


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    """A checkpoint of random weights in the published layout, in two parts."""
    folder = tmp_path_factory.mktemp("evo2")
    torch.manual_seed(4)
    tensors = StripedHyena2(SIZES["evo2-tiny"]).bfloat16().state_dict()
    torch.save(tensors | {"unembed.weight": tensors["embedding_layer.weight"]}, folder / "evo2_tiny.pt")
    whole = (folder / "evo2_tiny.pt").read_bytes()
    (folder / "evo2_tiny.pt.part0").write_bytes(whole[:70_000])
    (folder / "evo2_tiny.pt.part1").write_bytes(whole[70_000:])
    (folder / "evo2_tiny.pt").unlink()
    return folder


@pytest.fixture(scope="module")
def converted(published, tmp_path_factory, command) -> Path:
    out = tmp_path_factory.mktemp("models") / "evo2"
    ran = command("models", "convert", published / "evo2_tiny.pt.part0", out)
    assert (ran.code, "evo2-tiny, fp8 off" in ran.err) == (0, True), ran.err
    return out


def test_a_converted_checkpoint_loads_with_its_tokenizer_and_scores_alike_in_any_batch(converted):
    model = cistron.load(converted)
    assert model.tokenizer.name == "byte"
    sequences = ["ACGTACGGTTAACG", "acgtaNNNcg", "GGC", "A" * 200]
    alone = [next(iter(model.log_likelihood([sequence]))) for sequence in sequences]
    for one, other in zip(alone, model.log_likelihood(sequences), strict=True):
        assert one.bases == other.bases
        assert one.total == pytest.approx(other.total, abs=1e-4)
    assert alone[1].bases == 6


def test_a_converted_checkpoint_scores_a_vcf(converted, bench, command, scores_of):
    vcf, out = bench.vcf(bench.snv(300), f"1 305 {bench.ref(305)} {bench.ref(305)}GG"), bench.out / "out.vcf"
    ran = command("score", vcf, "-r", bench.fasta(), "-o", out, "-m", converted, "--width", "128")
    assert ran.code == 0, ran.err
    assert all(isinstance(row["llr"], float) for row in scores_of(out))
    assert len(scores_of(out)) == 2


def test_a_named_size_can_be_asked_for_and_a_wrong_one_is_refused_in_one_line(published, command, tmp_path):
    assert command("models", "convert", published, tmp_path / "a", "--config", "evo2-tiny").code == 0
    ran = command("models", "convert", published, tmp_path / "b", "--config", "evo2-1b-base")
    assert "it has the shapes of evo2-tiny" in ran.error
    assert not (tmp_path / "b").exists()


def test_eight_bit_emulation_is_refused_for_what_is_no_evo2_checkpoint(converted, command, tmp_path):
    ran = command("models", "convert", converted, tmp_path / "a", "--fp8", "emulate")
    assert "--fp8 concerns checkpoints of Evo 2" in ran.error


def test_a_window_beyond_the_context_is_refused(converted, bench, command):
    vcf, out = bench.vcf(bench.snv(300)), bench.out / "out.vcf"
    ran = command("score", vcf, "-r", bench.fasta(), "-o", out, "-m", converted, "--width", "8192")
    assert "the largest width is 4,096" in ran.error
    assert "evo2-1b-base (8,192)" in ran.error


CHECKPOINT = os.environ.get("CISTRON_EVO2_CHECKPOINT")
EXPECTED = {
    "evo2-1b-base": (0.50195, 79.556),
    "evo2-7b-base": (0.35205, 85.921),
    "evo2-7b": (0.34766, 86.346),
}
"""Cross-entropy in nats and accuracy in per cent: means over the sequences of `prompts.csv` of `evo2`."""


@pytest.mark.slow
@pytest.mark.skipif(
    not CHECKPOINT or "CISTRON_EVO2_PROMPTS" not in os.environ,
    reason="CISTRON_EVO2_CHECKPOINT (an official .pt, or a folder made of one) and CISTRON_EVO2_PROMPTS "
    "(prompts.csv of the package evo2) point to no files",
)
def test_official_weights_give_the_published_loss_and_accuracy(tmp_path, command):
    folder = Path(str(CHECKPOINT))
    if not (folder / "config.json").is_file():
        assert command("models", "convert", folder, tmp_path / "model").code == 0
        folder = tmp_path / "model"
    model = cistron.load(folder, dtype="bfloat16")
    size = str(size_of(model.model.config))
    with Path(os.environ["CISTRON_EVO2_PROMPTS"]).open(newline="") as stream:
        sequences = [row["Sequence"] for row in csv.DictReader(stream)]
    losses, accuracies = [], []
    for sequence in sequences:
        ids = torch.from_numpy(model.tokenizer.encode(sequence)).unsqueeze(0)
        with torch.no_grad():
            logits = model.model(ids).logits[0, :-1].float()
        losses.append(float(torch.nn.functional.cross_entropy(logits, ids[0, 1:])))
        accuracies.append(100 * float((logits.argmax(-1) == ids[0, 1:]).float().mean()))
    loss, accuracy = EXPECTED[size]
    # The smallest model was trained on eight-bit sums, of which ours are an emulation.
    within = 0.03 if size == "evo2-1b-base" else 1e-3
    assert len(sequences) == 4
    assert sum(losses) / 4 == pytest.approx(loss, abs=within)
    assert sum(accuracies) / 4 == pytest.approx(accuracy, abs=100 * within)
