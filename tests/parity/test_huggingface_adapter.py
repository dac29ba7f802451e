"""Models of transformers with tokens of one base, of three, of any number: states, likelihoods, refusals."""

from __future__ import annotations

import json
import math
import random
from itertools import product

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, trainers
from tokenizers.processors import TemplateProcessing

from cistron.errors import CistronError
from cistron.genome import Variant
from cistron.genome.sequence import reverse_complement
from cistron.inference.load import LoadedModel
from cistron.weights.huggingface import TRUST, open_folder

SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
TEXT = "ACGTTGCAATTACGGATTACAGG"


def words_of(folder, size):
    """Write the vocabulary of Nucleotide Transformer's tokenizer for words of `size`; how many tokens."""
    words = ["".join(letters) for letters in product("ATCG", repeat=size)]
    rest = [*"ATCGN"] if size > 1 else ["N"]
    vocabulary = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *words, *rest]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    settings = {"tokenizer_class": "EsmTokenizer", "eos_token": None, "bos_token": None}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return len(vocabulary)


def pairs_of(folder):
    """Train and save a byte-pair tokenizer such as DNABERT-2's; how many tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    rng = random.Random(0)
    corpus = ["".join(rng.choices("ACGT", weights=[4, 1, 1, 4], k=200)) for _ in range(30)] + ["NNN"]
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=60, special_tokens=special))
    frame = [("[CLS]", 1), ("[SEP]", 2)]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=frame)
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]"}
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)
    return tokenizer.get_vocab_size()


def llama(folder, count):
    config = transformers.LlamaConfig(
        vocab_size=count, num_key_value_heads=2, max_position_embeddings=64, initializer_range=0.5, **SIZES
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)


def esm(folder, count):
    config = transformers.EsmConfig(
        vocab_size=count, pad_token_id=1, mask_token_id=2, position_embedding_type="absolute",
        max_position_embeddings=66, token_dropout=True, **SIZES,
    )  # fmt: skip
    transformers.EsmForMaskedLM(config).save_pretrained(folder)


def bert(folder, count):
    config = transformers.BertConfig(vocab_size=count, max_position_embeddings=64, **SIZES)
    transformers.BertForMaskedLM(config).save_pretrained(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Name → folder of a tiny model with random weights."""
    root, found = tmp_path_factory.mktemp("transformers"), {}
    torch.manual_seed(0)
    for name, vocabulary, model in (
        ("bases", lambda folder: words_of(folder, 1), llama),
        ("words", lambda folder: words_of(folder, 3), llama),
        ("masked", lambda folder: words_of(folder, 3), esm),
        ("pairs", pairs_of, bert),
        ("causal-pairs", pairs_of, llama),
    ):
        found[name] = root / name
        found[name].mkdir()
        model(found[name], vocabulary(found[name]))
    return found


@pytest.fixture(scope="module")
def opened(folders):
    """Name → model in float64."""
    return {name: LoadedModel(open_folder(path, dtype=torch.float64)) for name, path in folders.items()}


WORD_TOKENIZER = '''
from itertools import product
from transformers import PreTrainedTokenizer

class WordTokenizer(PreTrainedTokenizer):
    """Words of three bases, as GENERator's tokenizer has them of six: what is no word is <oov>."""

    def __init__(self, **options):
        words = ["".join(letters) for letters in product("ACGT", repeat=3)]
        self.vocabulary = {word: i for i, word in enumerate(["<oov>", "<s>", *words])}
        super().__init__(unk_token="<oov>", bos_token="<s>", **options)

    @property
    def vocab_size(self):
        return len(self.vocabulary)

    def get_vocab(self):
        return dict(self.vocabulary)

    def _tokenize(self, text):
        parts = [text[at : at + 3] for at in range(0, len(text), 3)]
        return [part if part in self.vocabulary else "<oov>" for part in parts]

    def _convert_token_to_id(self, token):
        return self.vocabulary.get(token, 0)

    def _convert_id_to_token(self, index):
        return list(self.vocabulary)[index]
'''


@pytest.fixture(scope="module")
def own_tokenizer(tmp_path_factory):
    """A folder that brings a tokenizer as code, as GENERator's does."""
    folder = tmp_path_factory.mktemp("own")
    torch.manual_seed(1)
    llama(folder, 66)
    (folder / "words.py").write_text(WORD_TOKENIZER)
    settings = {
        "auto_map": {"AutoTokenizer": ["words.WordTokenizer", None]},
        "tokenizer_class": "WordTokenizer",
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return folder


def test_words_without_a_token_for_what_is_left_over_are_read_base_by_base(own_tokenizer):
    with pytest.raises(CistronError, match="which is not run"):
        open_folder(own_tokenizer)
    built = open_folder(own_tokenizer, dtype=torch.float64, trust_remote_code=True)
    loaded = LoadedModel(built)
    model, tokenizer = loaded.model, loaded.tokenizer
    for text in (TEXT, TEXT[:9] + "N" + TEXT[10:], "AC"):
        ids = torch.from_numpy(tokenizer.encode(text))[None]
        with torch.no_grad():
            whole = model(ids)
            state, parts = model.empty_state(1), []
            for start in range(0, len(text), 5):
                output = model(ids[:, start : start + 5], state)
                state = output.state
                parts.append(output.logits)
        torch.testing.assert_close(torch.cat(parts, dim=1), whole.logits, rtol=0, atol=1e-9)
        assert whole.logits.log_softmax(-1)[..., 5:9].exp().sum(-1).min() > 0.5
    (found,) = loaded.embed([TEXT], pooling="none")
    assert found.vector.shape == (len(TEXT), 16)
    assert np.array_equal(found.vector[20], found.vector[22])


def asked(folder, text):
    """Tokens of a text with those around it, their states and log-probabilities, by transformers alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    settings = transformers.AutoConfig.from_pretrained(folder)
    masked = "MaskedLM" in settings.architectures[0]
    kind = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
    model = kind.from_pretrained(folder, dtype=torch.float64).eval()
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        answer = model(input_ids=ids, output_hidden_states=True)
    return ids[0], answer.hidden_states[-1][0], answer.logits[0].log_softmax(-1)


def test_the_likelihood_of_single_bases_is_that_of_the_tokens(folders, opened):
    ids, _, log_p = asked(folders["bases"], TEXT)
    expected = log_p[:-1].gather(1, ids[1:, None])[1:].sum().item()
    (found,) = opened["bases"].log_likelihood([TEXT])
    assert found.bases == len(TEXT) - 1
    assert found.total == pytest.approx(expected, abs=1e-9)


def test_the_likelihood_of_bases_in_words_multiplies_to_that_of_the_words(folders, opened):
    text = TEXT[:21]
    ids, _, log_p = asked(folders["words"], text)
    of_words = log_p[:-1].gather(1, ids[1:, None]).sum().item()
    vocabulary = transformers.AutoTokenizer.from_pretrained(folders["words"]).get_vocab()
    begin = [i for word, i in vocabulary.items() if len(word) == 3 and word[0] == text[0]]
    of_first_base = log_p[0, begin].logsumexp(0).item()
    (found,) = opened["words"].log_likelihood([text])
    assert found.total == pytest.approx(of_words - of_first_base, abs=1e-9)


def test_the_next_base_is_the_sum_over_words_that_begin_so(folders, opened):
    _, _, log_p = asked(folders["words"], TEXT[:6])
    vocabulary = transformers.AutoTokenizer.from_pretrained(folders["words"]).get_vocab()
    model, tokenizer = opened["words"].model, opened["words"].tokenizer
    ids = torch.from_numpy(tokenizer.encode(TEXT[:7]))[None]
    with torch.no_grad():
        found = model(ids).logits[0, 6].log_softmax(-1)
    begun = {word: log_p[2, i] for word, i in vocabulary.items() if len(word) == 3 and word[0] == TEXT[6]}
    whole = torch.stack(list(begun.values())).logsumexp(0)
    for base, column in tokenizer.nucleotide_ids.items():
        parts = [value for word, value in begun.items() if word[1] == base]
        expected = torch.stack(parts).logsumexp(0) - whole
        assert found[column].item() == pytest.approx(expected.item(), abs=1e-9)


@pytest.mark.parametrize("name", ["bases", "words"])
def test_what_comes_later_changes_nothing(opened, name):
    model, tokenizer = opened[name].model, opened[name].tokenizer
    texts = [TEXT[:10] + rest for rest in ("", "A", "ACG", "NACGTACGT", "TTTTTTTTTT")]
    with torch.no_grad():
        found = [model(torch.from_numpy(tokenizer.encode(text))[None]).logits[0, :10] for text in texts]
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["bases", "words"])
def test_chunks_forks_and_rows_of_mixed_length_change_nothing(opened, name):
    model, tokenizer = opened[name].model, opened[name].tokenizer
    rows = [torch.from_numpy(tokenizer.encode(text)) for text in (TEXT, TEXT[::-1][:15] + "N")]
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    with torch.no_grad():
        alone = [model(row[None]) for row in rows]
        together = model(padded, lengths=torch.tensor([23, 16]))
        first = model(rows[0][None, :7], model.empty_state(1))
        forked = first.state.fork(torch.tensor([0, 0]))
        second = model(rows[0][None, 7:].expand(2, -1), forked)
    for number, one in enumerate(alone):
        length = len(rows[number])
        torch.testing.assert_close(together.logits[number, :length], one.logits[0], rtol=0, atol=1e-9)
        torch.testing.assert_close(
            together.hidden_states[number, :length], one.hidden_states[0], rtol=0, atol=1e-9
        )
    torch.testing.assert_close(second.logits[1], alone[0].logits[0, 7:], rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("words", [3] * 7 + [1, 1]), ("masked", [3] * 7 + [1, 1]), ("bases", [1] * 23), ("pairs", None)],
)
def test_every_base_has_the_states_of_its_token(folders, opened, name, sizes):
    ids, states, _ = asked(folders[name], TEXT)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[name])
    frame = 2 if name == "pairs" else 1
    sizes = sizes or [len(token) for token in tokenizer.convert_ids_to_tokens(ids[1:-1])]
    assert len(ids) == len(sizes) + frame
    expected = states[1 : 1 + len(sizes)].repeat_interleave(torch.tensor(sizes), dim=0).numpy()
    (found,) = opened[name].embed([TEXT], pooling="none")
    np.testing.assert_allclose(found.vector, expected, atol=1e-9)
    (mean,) = opened[name].embed([TEXT], strands="both")
    other = asked(folders[name], reverse_complement(TEXT))
    (back,) = opened[name].embed([reverse_complement(TEXT)])
    assert len(other[0]) >= 2
    np.testing.assert_allclose(mean.vector, (expected.mean(0) + back.vector) / 2, atol=1e-9)


class Genome:
    """One contig."""

    name = "genome"
    bases = (TEXT * 3)[:60]

    @property
    def contigs(self):
        return {"1": 60}

    def fetch(self, chrom, start, end):
        return self.bases[start:end]


def test_a_variant_scores_as_the_difference_of_two_likelihoods(folders, opened):
    genome = Genome()
    variant = Variant("1", 25, genome.bases[24], next(b for b in "ACGT" if b != genome.bases[24]))
    (found,) = opened["words"].score_variants([variant], genome, width=24, strands="forward")
    window = genome.bases[12:36]
    other = window[:12] + variant.alt + window[13:]
    ref, alt = opened["words"].log_likelihood([window, other])
    assert found.llr == pytest.approx(alt.total - ref.total, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("masked", "masked language model has no likelihood"),
        ("pairs", "masked language model"),
        ("causal-pairs", "tokens have different lengths"),
    ],
)
def test_likelihoods_that_are_none_are_not_made_up(opened, name, said):
    with pytest.raises(CistronError, match=f"{said}.*not available"):
        list(opened[name].log_likelihood([TEXT]))


def test_states_that_depend_on_what_follows_are_not_read_in_chunks(opened):
    model = opened["masked"].model
    with pytest.raises(CistronError, match="must read a sequence at once"):
        model(torch.full((1, 4), 5), model.empty_state(1), logits=False)


def test_more_than_the_model_reads_is_refused(opened):
    with pytest.raises(CistronError, match="reads"):
        list(opened["pairs"].embed(["ACGT" * 50]))


def test_code_of_the_folder_is_not_run_unless_told(folders, tmp_path, monkeypatch):
    config = json.loads((folders["bases"] / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "strange.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config | {"architectures": ["StrangeForCausalLM"]}))
    (tmp_path / "model.safetensors").write_bytes((folders["bases"] / "model.safetensors").read_bytes())
    (tmp_path / "strange.py").write_text("raise SystemExit('this code was run')\n")
    with pytest.raises(CistronError, match="Python code of its own, which is not run") as error:
        open_folder(tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(SystemExit, match="this code was run"):
        open_folder(tmp_path, trust_remote_code=True)
    monkeypatch.setenv(TRUST, "1")
    with pytest.raises(SystemExit, match="this code was run"):
        open_folder(tmp_path)


def test_weights_that_are_missing_are_not_made_up(folders, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in folders["words"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tensors = load_file(tmp_path / "model.safetensors")
    tensors.pop("model.norm.weight")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CistronError, match=r"lack 1 tensors, first 'model\.norm\.weight'"):
        open_folder(tmp_path)


def test_a_folder_that_transformers_does_not_know_either_is_refused(folders, tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "nothing", "architectures": ["Nothing"]}')
    (tmp_path / "model.safetensors").write_bytes((folders["bases"] / "model.safetensors").read_bytes())
    with pytest.raises(CistronError, match="transformers cannot open") as error:
        open_folder(tmp_path)
    assert "\n" not in str(error.value)


def test_our_own_models_are_opened_as_ever():
    import cistron
    from cistron.weights.hub import resolve

    assert type(open_folder(resolve("default")).model) is type(cistron.load().model)


def test_a_twin_has_random_weights_of_the_same_shapes(opened):
    built = opened["words"].built
    twin = built.spec.build(built.config)
    here, there = built.model.state_dict(), twin.state_dict()
    assert {name: t.shape for name, t in here.items()} == {name: t.shape for name, t in there.items()}
    name = "network.model.layers.0.self_attn.q_proj.weight"
    assert not torch.allclose(here[name], there[name].double())


def test_a_single_word_says_nothing_of_its_own_first_bases(opened):
    (found,) = opened["words"].log_likelihood(["AC"])
    assert found.bases == 1
    assert -math.inf < found.total < 0
