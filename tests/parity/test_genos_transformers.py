"""Genos against transformers' Mixtral, which the published checkpoints are stored as."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch.overrides import TorchFunctionMode
from transformers import AutoModelForCausalLM, MixtralConfig, MixtralForCausalLM

from cistron.models.genos import MODEL, Genos, GenosConfig, from_published, to_published
from cistron.tokenizers import TOKENIZERS
from cistron.weights.folder import load_folder, save_folder

CONFIGS = {
    "grouped heads": GenosConfig(
        16, 32, 48, 2, 4, 2, 8, 4, max_position_embeddings=256, initializer_range=0.2
    ),
    "wide heads, eight experts": GenosConfig(
        128, 48, 64, 3, 4, 4, 16, 8, max_position_embeddings=512, initializer_range=0.15
    ),
    "one key/value head, top 1": GenosConfig(
        24, 64, 32, 2, 8, 1, 8, 3, num_experts_per_tok=1, rope_theta=1e4, initializer_range=0.2
    ),
    "top 3 of 4": GenosConfig(16, 32, 40, 1, 2, 2, 16, 4, num_experts_per_tok=3, initializer_range=0.3),
}
TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-10}


class KeepFloat64(TorchFunctionMode):
    """Leaves float64 tensors alone where transformers rounds them to float32 (norms, router).

    Without it a float64 reference is only exact to 1e-7.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        narrowing = func is torch.Tensor.float or (func is torch.Tensor.to and torch.float32 in args)
        if narrowing and args[0].dtype == torch.float64:
            return args[0]
        return func(*args, **(kwargs or {}))


def ours(config: GenosConfig, dtype: torch.dtype) -> Genos:
    torch.manual_seed(7)
    return Genos(config).to(dtype).eval()


def theirs(model: Genos, folder: Path, dtype: torch.dtype) -> MixtralForCausalLM:
    tokenizer = TOKENIZERS.get("nucleotide")()
    save_folder(folder, model, tokenizer, MODEL, {})
    # Its default, a grouped product, does not exist in float64.
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, experts_implementation="eager").eval()


def tokens(config: GenosConfig, length: int = 61) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.randint(1, config.vocab_size, (3, length), generator=generator)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CONFIGS)
def test_logits_and_every_hidden_state_equal_those_of_transformers(
    name: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    config = CONFIGS[name]
    model = ours(config, dtype)
    reference = theirs(model, tmp_path / "model", dtype)
    ids = tokens(config)
    layers = range(config.num_hidden_layers + 1)
    with torch.no_grad(), KeepFloat64():
        expected = reference(ids, output_hidden_states=True)
        found = model(ids, capture=list(layers))
    assert float(expected.logits.abs().max()) > 0.1
    torch.testing.assert_close(found.logits, expected.logits, rtol=0, atol=TOLERANCE[dtype])
    for layer, hidden in zip(layers, expected.hidden_states, strict=True):
        torch.testing.assert_close(found.captured[str(layer)], hidden, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CONFIGS)
def test_gradients_equal_those_of_transformers(name: str, dtype: torch.dtype, tmp_path: Path) -> None:
    config = CONFIGS[name]
    model = ours(config, dtype)
    reference = theirs(model, tmp_path / "model", dtype)
    ids = tokens(config)
    for network in (model, reference):
        with KeepFloat64():
            logits = network(ids).logits
        torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
    expected = from_published(
        config, {name: p.grad for name, p in reference.named_parameters() if p.grad is not None}
    )
    for parameter_name, parameter in model.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(
            parameter.grad, expected[parameter_name], rtol=0, atol=TOLERANCE[dtype], msg=parameter_name
        )


@pytest.mark.parametrize("name", CONFIGS)
def test_a_folder_that_transformers_saved_loads_and_scores_the_same(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    torch.manual_seed(11)
    reference = MixtralForCausalLM(MixtralConfig(**config.to_dict())).eval()
    reference.save_pretrained(tmp_path, max_shard_size="40KB")
    model = load_folder(tmp_path).model
    ids = tokens(config)
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, reference(ids).logits, rtol=0, atol=2e-5)


def test_the_configuration_file_of_transformers_4_is_read() -> None:
    values = CONFIGS["grouped heads"].to_dict()
    del values["rope_parameters"], values["head_dim"], values["width"]
    values |= {"rope_theta": 5e7, "rope_scaling": None, "head_dim": None, "sliding_window": None}
    config = GenosConfig.from_mapping(values)
    assert config.rope_theta == 5e7
    assert config.head_dim == 8
    assert config.width == 256


def test_published_names_are_one_tensor_per_expert_and_stack_back(tmp_path: Path) -> None:
    config = CONFIGS["grouped heads"]
    state_dict = ours(config, torch.float32).state_dict()
    published = to_published(config, state_dict)
    stems = [
        f"model.layers.{layer}.block_sparse_moe.experts.{expert}.{which}.weight"
        for layer, expert, which in itertools.product(range(2), range(4), ("w1", "w2", "w3"))
    ]
    assert set(stems) <= set(published)
    back = from_published(config, published)
    assert back.keys() == state_dict.keys()
    assert all(torch.equal(back[name], state_dict[name]) for name in back)


@pytest.mark.parametrize("name", CONFIGS)
def test_greedy_cached_generation_equals_that_of_transformers(name: str, tmp_path: Path) -> None:
    config = CONFIGS[name]
    model = ours(config, torch.float64)
    reference = theirs(model, tmp_path / "model", torch.float64)
    prompt = tokens(config, 17)
    expected = reference.generate(
        prompt, max_new_tokens=25, do_sample=False, pad_token_id=0, eos_token_id=None
    )
    state, chunk, written = model.empty_state(len(prompt)), prompt, [prompt]
    with torch.no_grad():
        for _ in range(25):
            output = model(chunk, state)
            assert output.logits is not None
            chunk, state = output.logits[:, -1:].argmax(-1), output.state
            written.append(chunk)
    assert torch.equal(torch.cat(written, dim=1), expected)


@pytest.mark.parametrize(
    ("size", "parameters"), [("genos-1.2b", 1_246_094_336), ("genos-10b", 10_270_248_960)]
)
def test_published_sizes_have_the_published_number_of_parameters(size: str, parameters: int) -> None:
    with torch.device("meta"):
        model = MODEL.build(MODEL.sizes[size])
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters
