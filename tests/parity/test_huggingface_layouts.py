"""Folders as HyenaDNA, Caduceus, DNABERT-2 and Nucleotide Transformer publish them, most with their own code.

The networks are tiny and random, and written for these tests: what is kept of the published ones is what the
adapter must cope with, such as names of settings, tokenizers, and which states a network gives.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, trainers
from tokenizers.processors import TemplateProcessing
from torch import nn

from cistron.errors import CistronError
from cistron.evals import TrainRequest
from cistron.evals.loaded import LoadedRespondent
from cistron.genome.sequence import reverse_complement
from cistron.inference.load import LoadedModel
from cistron.weights.huggingface import open_folder
from cistron.weights.huggingface_sizes import sizes_of

TEXT = "ACGTTGCAATTACGGATTACAGG"

CHARACTERS = """
from transformers import PreTrainedTokenizer

class CharacterTokenizer(PreTrainedTokenizer):
    def __init__(self, **options):
        special = ["[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]"]
        self.ids = {name: i for i, name in enumerate([*special, *"ACGTN"])}
        options = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]", **options}
        super().__init__(**options)

    @property
    def vocab_size(self):
        return len(self.ids)

    def get_vocab(self):
        return dict(self.ids)

    def _tokenize(self, text):
        return list(text)

    def _convert_token_to_id(self, token):
        return self.ids.get(token, self.ids["[UNK]"])

    def _convert_id_to_token(self, index):
        return list(self.ids)[index]

    def build_inputs_with_special_tokens(self, first, second=None):
        return first + [self.sep_token_id]
"""

CAUSAL = """
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, CausalLMOutput

class HyenaConfig(PretrainedConfig):
    model_type = "hyenadna"

    def __init__(self, d_model=8, n_layer=2, vocab_size=12, max_seq_len=64, **options):
        self.d_model, self.n_layer, self.max_seq_len = d_model, n_layer, max_seq_len
        self.vocab_size = vocab_size
        super().__init__(**options)

class Body(PreTrainedModel):
    config_class = HyenaConfig
    base_model_prefix = "hyena"

    def __init__(self, config, **options):
        super().__init__(config)
        self.words = nn.Embedding(16, config.d_model)
        self.layers = nn.ModuleList(nn.Linear(config.d_model, config.d_model) for _ in range(config.n_layer))
        self.norm = nn.LayerNorm(config.d_model)
        self.post_init()

    def forward(self, input_ids, output_hidden_states=None):
        x, found = self.words(input_ids), []
        for layer in self.layers:
            found.append(x)
            before = torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]
            x = x + layer(x.cumsum(1) / before).tanh()
        x = self.norm(x)
        return BaseModelOutputWithNoAttention(last_hidden_state=x, hidden_states=(*found, x))

class HyenaDNAForCausalLM(PreTrainedModel):
    config_class = HyenaConfig
    base_model_prefix = "hyena"

    def __init__(self, config, **options):
        super().__init__(config)
        self.hyena, self.lm_head = Body(config), nn.Linear(config.d_model, 16, bias=False)
        self.post_init()

    def forward(self, input_ids=None, output_hidden_states=None):
        found = self.hyena(input_ids)
        return CausalLMOutput(logits=self.lm_head(found[0]), hidden_states=found.hidden_states)
"""

EQUIVARIANT = '''
import torch
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, MaskedLMOutput

class CaduceusConfig(PretrainedConfig):
    model_type = "caduceus"

    def __init__(self, d_model=8, n_layer=2, vocab_size=12, **options):
        self.d_model, self.n_layer, self.vocab_size = d_model, n_layer, vocab_size
        super().__init__(**options)

class Both(nn.Module):
    """Something along a sequence, on one half of the channels as it is and on the other turned around."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        here, there = x.chunk(2, dim=-1)
        turned = self.inner(there.flip(dims=(1, 2))).flip(dims=(1, 2))
        return torch.cat((self.inner(here), turned), dim=-1)

class Mean(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x):
        return x + self.linear(x.cumsum(1) / x.shape[1] + x.flip(1).cumsum(1).flip(1)).tanh()

class Caduceus(PreTrainedModel):
    config_class = CaduceusConfig
    base_model_prefix = "caduceus"

    def __init__(self, config, **options):
        super().__init__(config)
        self.words = nn.Embedding(16, config.d_model)
        self.layers = nn.ModuleList(Both(Mean(config.d_model)) for _ in range(config.n_layer))
        self.norm = Both(nn.LayerNorm(config.d_model))
        self.post_init()

    def forward(self, input_ids=None, output_hidden_states=None):
        other = [0, 1, 2, 3, 4, 5, 6, 10, 9, 8, 7, 11, 12, 13, 14, 15]
        paired = torch.tensor(other)[input_ids]
        x, found = torch.cat((self.words(input_ids), self.words(paired).flip(-1)), dim=-1), []
        for layer in self.layers:
            found.append(x)
            x = layer(x)
        return BaseModelOutputWithNoAttention(last_hidden_state=self.norm(x), hidden_states=found)

class CaduceusForMaskedLM(PreTrainedModel):
    config_class = CaduceusConfig
    base_model_prefix = "caduceus"

    def __init__(self, config, **options):
        super().__init__(config)
        self.caduceus, self.lm_head = Caduceus(config), nn.Linear(2 * config.d_model, 16, bias=False)
        self.post_init()

    def forward(self, input_ids=None, output_hidden_states=None):
        found = self.caduceus(input_ids)
        return MaskedLMOutput(logits=self.lm_head(found[0]), hidden_states=found.hidden_states)
'''

MASKED = """
import torch
from torch import nn
from transformers import BertConfig, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

class BertModel(PreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "bert"

    def __init__(self, config, **options):
        super().__init__(config)
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.wqkv = nn.Linear(config.hidden_size, config.hidden_size)
        self.post_init()

    def forward(self, input_ids, attention_mask=None):
        x = self.words(input_ids)
        return x + self.wqkv(x.mean(1, keepdim=True)), None

class BertForMaskedLM(PreTrainedModel):
    config_class = BertConfig
    base_model_prefix = "bert"

    def __init__(self, config, **options):
        super().__init__(config)
        self.bert, self.cls = BertModel(config), nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids=None, attention_mask=None, output_hidden_states=None):
        found = self.bert(input_ids)
        return MaskedLMOutput(logits=self.cls(found[0]), hidden_states=found[0])
"""


def _written(folder: Path, code: str, settings: dict[str, object], tensors: dict[str, torch.Tensor]) -> Path:
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "modeling.py").write_text(code)
    (folder / "config.json").write_text(json.dumps(settings))
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _characters(folder: Path) -> Path:
    (folder / "tokenization.py").write_text(CHARACTERS)
    settings = {
        "auto_map": {"AutoTokenizer": ["tokenization.CharacterTokenizer", None]},
        "tokenizer_class": "CharacterTokenizer",
        "model_max_length": 200,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def _random(**shapes: tuple[int, ...]) -> dict[str, torch.Tensor]:
    made = torch.Generator().manual_seed(0)
    return {name.replace("__", "."): torch.randn(shape, generator=made) for name, shape in shapes.items()}


def _hyena(root: Path) -> Path:
    settings = {
        "model_type": "hyenadna",
        "architectures": ["HyenaDNAForCausalLM"],
        "auto_map": {
            "AutoConfig": "modeling.HyenaConfig",
            "AutoModelForCausalLM": "modeling.HyenaDNAForCausalLM",
        },
        "d_model": 8,
        "n_layer": 2,
        "vocab_size": 12,
        "max_seq_len": 64,
    }
    tensors = _random(
        hyena__words__weight=(16, 8),
        hyena__layers__0__weight=(8, 8),
        hyena__layers__0__bias=(8,),
        hyena__layers__1__weight=(8, 8),
        hyena__layers__1__bias=(8,),
        hyena__norm__weight=(8,),
        hyena__norm__bias=(8,),
        lm_head__weight=(16, 8),
    )
    return _characters(_written(root / "hyenadna", CAUSAL, settings, tensors))


def _caduceus(root: Path) -> Path:
    settings = {
        "model_type": "caduceus",
        "architectures": ["CaduceusForMaskedLM"],
        "auto_map": {
            "AutoConfig": "modeling.CaduceusConfig",
            "AutoModelForMaskedLM": "modeling.CaduceusForMaskedLM",
        },
        "d_model": 8,
        "n_layer": 2,
    }
    tensors = _random(
        caduceus__words__weight=(16, 8),
        caduceus__layers__0__inner__linear__weight=(8, 8),
        caduceus__layers__0__inner__linear__bias=(8,),
        caduceus__layers__1__inner__linear__weight=(8, 8),
        caduceus__layers__1__inner__linear__bias=(8,),
        caduceus__norm__inner__weight=(8,),
        caduceus__norm__inner__bias=(8,),
        lm_head__weight=(16, 16),
    )
    return _characters(_written(root / "caduceus", EQUIVARIANT, settings, tensors))


def _dnabert2(root: Path) -> Path:
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    letters = random.Random(0)
    corpus = ["".join(letters.choices("ACGT", weights=[4, 1, 1, 4], k=200)) for _ in range(30)]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=60, special_tokens=special))
    frame = [("[CLS]", 1), ("[SEP]", 2)]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=frame)
    size = tokenizer.get_vocab_size()
    settings = {
        "model_type": "bert",
        "architectures": ["BertForMaskedLM"],
        "auto_map": {"AutoModelForMaskedLM": "modeling.BertForMaskedLM"},
        "vocab_size": size,
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 64,
    }
    tensors = _random(
        bert__words__weight=(size, 8),
        bert__wqkv__weight=(8, 8),
        bert__wqkv__bias=(8,),
        cls__weight=(size, 8),
        cls__bias=(size,),
    )
    folder = _written(root / "dnabert2", MASKED, settings, tensors)
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return folder


def _nucleotide_transformer(root: Path) -> Path:
    folder = root / "nucleotide-transformer"
    folder.mkdir()
    words = ["".join(letters) for letters in product("ATCG", repeat=6)]
    vocabulary = ["<unk>", "<pad>", "<mask>", "<cls>", *words, *"ATCGN"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    settings = {"tokenizer_class": "EsmTokenizer", "eos_token": None, "bos_token": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    config = transformers.EsmConfig(
        vocab_size=len(vocabulary), hidden_size=8, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, pad_token_id=1, mask_token_id=2, max_position_embeddings=66,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.EsmForMaskedLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name → folder of a tiny model with random weights."""
    root = tmp_path_factory.mktemp("layouts")
    made = (_hyena(root), _caduceus(root), _dnabert2(root), _nucleotide_transformer(root))
    return {folder.name: folder for folder in made}


@pytest.fixture(scope="module")
def opened(folders: dict[str, Path]) -> dict[str, LoadedModel]:
    """Name → model in float64, its code trusted."""
    return {
        name: LoadedModel(open_folder(path, dtype=torch.float64, trust_remote_code=True))
        for name, path in folders.items()
    }


@pytest.mark.parametrize("name", ["hyenadna", "caduceus", "dnabert2"])
def test_code_of_the_folder_is_run_when_told_and_not_otherwise(
    folders: dict[str, Path], opened: dict[str, LoadedModel], name: str
) -> None:
    with pytest.raises(CistronError, match=r"Python code of its own.*--trust-remote-code") as error:
        open_folder(folders[name])
    assert "\n" not in str(error.value)
    network: nn.Module = opened[name].built.model.network
    assert type(network).__module__.startswith("transformers_modules")


@pytest.mark.parametrize(
    ("name", "width", "layers", "most"),
    [
        ("hyenadna", 8, 2, 63),
        ("caduceus", 16, 2, 199),
        ("dnabert2", 8, 0, 62),
        ("nucleotide-transformer", 8, 1, 306),
    ],
)
def test_sizes_are_those_of_the_states_whatever_the_settings_call_them(
    opened: dict[str, LoadedModel], name: str, width: int, layers: int, most: int
) -> None:
    config = opened[name].model.config
    assert (config.hidden_size, config.num_hidden_layers, config.context_length) == (width, layers, most)
    (found,) = opened[name].embed([TEXT], pooling="none")
    assert found.vector.shape == (len(TEXT), width)


@pytest.mark.parametrize("name", ["hyenadna", "caduceus", "dnabert2"])
def test_the_last_states_are_those_behind_the_final_norm(opened: dict[str, LoadedModel], name: str) -> None:
    adapted = opened[name].built.model
    before, behind = adapted.pieces.frame
    cut = adapted.pieces.cut(TEXT)
    with torch.no_grad():
        body = adapted.network.base_model(torch.tensor([[*before, *cut.ids, *behind]]))
    states = body[0][0, len(before) :][torch.tensor(cut.places(len(TEXT)))]
    (found,) = opened[name].embed([TEXT], pooling="none")
    np.testing.assert_allclose(found.vector, states.numpy(), atol=1e-9)


def test_layers_of_a_network_that_leaves_out_its_last_are_numbered_like_others(
    opened: dict[str, LoadedModel],
) -> None:
    model = opened["caduceus"]
    (found,) = model.embed([TEXT], layers=[0, 1, 2], pooling="none")
    zero, one, two = found.layers.values()
    embedding = model.built.model.network.caduceus.words.weight.detach().numpy()
    np.testing.assert_allclose(zero[0, :8], embedding[7], atol=1e-9)
    assert not np.allclose(one, two)
    (last,) = model.embed([TEXT], pooling="none")
    np.testing.assert_array_equal(two, last.vector)


def test_the_reverse_complement_turns_states_of_an_equivariant_model_around(
    opened: dict[str, LoadedModel],
) -> None:
    model = opened["caduceus"]
    # Without the token that the tokenizer puts behind either strand: it has no mirror image.
    adapted = model.built.model
    forward, reverse = (adapted.pieces.cut(text).ids for text in (TEXT, reverse_complement(TEXT)))
    with torch.no_grad():
        one, other = (adapted.speaker(torch.tensor([ids])).states[-1][0] for ids in (forward, reverse))
    torch.testing.assert_close(other.flip(dims=(0, 1)), one, rtol=0, atol=1e-9)


def test_the_likelihood_of_a_causal_model_with_padded_logits_is_that_of_its_tokens(
    opened: dict[str, LoadedModel],
) -> None:
    model = opened["hyenadna"]
    adapted = model.built.model
    ids = torch.tensor([adapted.pieces.cut(TEXT).ids])
    with torch.no_grad():
        log_p = adapted.network(input_ids=ids).logits[0].log_softmax(-1)
    assert log_p.shape[1] == 16
    expected = log_p[:-1].gather(1, ids[0, 1:, None]).sum().item()
    (found,) = model.log_likelihood([TEXT])
    assert found.total == pytest.approx(expected, abs=1e-9)
    (sample,) = model.generate([TEXT[:6]], tokens=8, seed=1)
    assert set(sample.continuation) <= set("ACGTN")


@pytest.mark.parametrize("name", ["caduceus", "dnabert2", "nucleotide-transformer"])
def test_a_masked_model_has_no_likelihood_and_says_so(opened: dict[str, LoadedModel], name: str) -> None:
    with pytest.raises(CistronError, match=r"masked language model has no likelihood.*not available"):
        list(opened[name].log_likelihood([TEXT]))


def test_weights_that_only_the_folders_own_code_fits_are_not_half_read(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """As Nucleotide Transformer v2: `esm` to the library, with another network in its own code."""
    for file in folders["nucleotide-transformer"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text())
    config |= {"auto_map": {"AutoModelForMaskedLM": "modeling.EsmForMaskedLM"}, "intermediate_size": 12}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CistronError, match="Python code of its own, which may fit: read it") as error:
        open_folder(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "most"), [("hyenadna", 64), ("caduceus", 1 << 20), ("dnabert2", 64)])
def test_the_size_of_a_folder_is_told_without_its_code(
    folders: dict[str, Path], opened: dict[str, LoadedModel], name: str, most: int
) -> None:
    network: nn.Module = opened[name].built.model.network
    assert sizes_of(folders[name]) == (sum(p.numel() for p in network.parameters()), most)


def test_a_model_that_cannot_be_saved_is_not_trained_whole(opened: dict[str, LoadedModel]) -> None:
    model = LoadedRespondent(opened["dnabert2"], "dnabert2", source="folder")
    request = TrainRequest((TEXT,), (TEXT,), ("class0",), ("0",), mode="full")
    assert "fine-tune it with mode=frozen or mode=lora" in str(model.refuses(request))
    assert model.refuses(replace(request, mode="lora")) is None
