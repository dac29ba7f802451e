"""Models as captum and tangermeme see them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cistron.errors import InputError
from cistron.genome import Interval
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.inference.interpretation.one_hot import OneHotAdapter, one_hot
from cistron.inference.likelihood import log_likelihood
from cistron.inference.mutagenesis import mutate
from cistron.models import MODELS
from cistron.models.markov import fit
from cistron.tokenizers.nucleotide import TOKENIZER as NUCLEOTIDE

SMALL = 1e-6
TOKENIZER = NUCLEOTIDE()


def bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def tiny_ngram() -> torch.nn.Module:
    """An n-gram memory beside a network, in float64, with counts and weights that matter."""
    spec = MODELS.get("ngram")
    torch.manual_seed(5)
    model = spec.build(spec.sizes["ngram-tiny"])
    model.memory.fit([bases(4000, 8)])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.double().eval()


def smooth_genos() -> torch.nn.Module:
    """A model that uses all its experts, so that its output has no jumps."""
    spec = MODELS.get("genos")
    torch.manual_seed(3)
    return spec.build(replace(spec.sizes["genos-tiny"], num_experts_per_tok=4)).double().eval()


@pytest.fixture(scope="module", params=["genos", "ngram"])
def model(request, genos):
    return genos if request.param == "genos" else tiny_ngram()


def test_the_adapter_gives_the_log_likelihood_of_the_sequence(model):
    text = bases(50, 1) + "NN" + bases(40, 2)
    (expected,) = log_likelihood(model, TOKENIZER, [text])
    adapter = OneHotAdapter(model, TOKENIZER)
    with torch.no_grad():
        found = adapter(one_hot(text).double().unsqueeze(0))
    assert found.shape == (1, 1)
    assert found.item() == pytest.approx(expected.total, abs=1e-9)


def test_gradients_equal_finite_differences(model):
    adapter = OneHotAdapter(model, TOKENIZER)
    X = one_hot(bases(40, 3)).double().unsqueeze(0).requires_grad_()
    (gradient,) = torch.autograd.grad(adapter(X).sum(), X)
    for base, position in ((0, 0), (2, 5), (1, 20), (3, 39)):
        step = torch.zeros_like(X)
        step[0, base, position] = SMALL
        with torch.no_grad():
            numeric = (adapter(X + step) - adapter(X - step)).item() / (2 * SMALL)
        assert gradient[0, base, position].item() == pytest.approx(numeric, rel=1e-5, abs=1e-6)


def test_only_the_chosen_positions_are_scored(genos):
    adapter = OneHotAdapter(genos, TOKENIZER, slice(10, 20))
    X = one_hot(bases(30, 4)).double().unsqueeze(0)
    with torch.no_grad():
        predicted = adapter.log_probabilities(X)
        assert adapter(X).item() == pytest.approx((X * predicted)[..., 10:20].sum().item())


def test_the_hook_is_gone_after_an_error(genos):
    model = genos
    adapter = OneHotAdapter(model, TOKENIZER)
    with pytest.raises((RuntimeError, IndexError)):
        adapter(torch.zeros(1, 3, 8, dtype=torch.float64))
    assert not model.model.embed_tokens._forward_hooks


def test_a_model_without_embeddings_is_refused():
    model = fit([bases(500, 1)], 2)
    with pytest.raises(InputError, match="no embeddings, so it has no gradient; use method 'ism'"):
        OneHotAdapter(model, TOKENIZER)


def test_tangermeme_makes_the_same_substitutions(genos, make_genome):
    from tangermeme.saturation_mutagenesis import saturation_mutagenesis

    model, text = genos, bases(30, 6)
    raw = saturation_mutagenesis(
        OneHotAdapter(model, TOKENIZER),
        one_hot(text).double().unsqueeze(0),
        raw_outputs=True,
        dtype=torch.float64,
        device="cpu",
    )
    theirs = (raw.y_hat - raw.y0[:, None, None])[0, :, :, 0].numpy()
    genome = make_genome(c=text)
    scores = mutate(
        model, TOKENIZER, genome, [Interval("c", 0, 30)], width=64, strands="forward", window_slack=0
    )
    ours = MutationMap.of(genome, Interval("c", 0, 30), scores).llr
    changed = np.isfinite(ours)
    np.testing.assert_allclose(theirs[changed], ours[changed], atol=1e-8)


def test_tangermeme_saliency_is_three_quarters_of_the_logo(genos, make_genome):
    from tangermeme.saliency import saliency

    model, text = genos, bases(30, 7)
    theirs = saliency(
        OneHotAdapter(model, TOKENIZER),
        one_hot(text).double().unsqueeze(0),
        dtype=torch.float64,
        device="cpu",
    )
    genome = make_genome(c=text)
    scores = mutate(
        model, TOKENIZER, genome, [Interval("c", 0, 30)], method="gradient", width=60, strands="forward"
    )
    ours = MutationMap.of(genome, Interval("c", 0, 30), scores).importance
    # Tiles of 31 positions: the first holds the whole sequence in one window.
    np.testing.assert_allclose(theirs[0].sum(0).numpy(), 0.75 * ours, atol=1e-10)


def test_captum_attributions_add_up_to_the_difference_from_the_baseline():
    from captum.attr import IntegratedGradients

    adapter = OneHotAdapter(smooth_genos(), TOKENIZER)
    X = one_hot(bases(24, 9)).double().unsqueeze(0)
    baseline = torch.full_like(X, 0.25)
    found, missing = IntegratedGradients(adapter).attribute(
        X, baselines=baseline, target=0, n_steps=64, return_convergence_delta=True
    )
    with torch.no_grad():
        difference = (adapter(X) - adapter(baseline)).item()
    assert found.sum().item() == pytest.approx(difference, rel=1e-6)
    assert abs(missing.item()) < 1e-4
