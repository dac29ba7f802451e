"""Folders that `transformers` can open and this package has no architecture for."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn

import torch

from cistron.errors import WeightsError
from cistron.models import ModelSpec, named_by
from cistron.models._huggingface import BASES, Adapted, AdaptedConfig
from cistron.models._huggingface_states import Speaker
from cistron.tokenizers._pieces import Pieces
from cistron.weights import CARD, CONFIG
from cistron.weights.card import read_card
from cistron.weights.checksums import combined, verified_digests
from cistron.weights.folder import Built, load_folder
from cistron.weights.jsonfile import read_object
from cistron.weights.shards import weight_files

TRUST: Final = "CISTRON_TRUST_REMOTE_CODE"
"""Environment variable that lets code run that a model folder brings; `1` and nothing else."""

TOKENS: Final = ("max_position_embeddings", "n_positions", "max_seq_len")
"""Names under which settings say how many tokens a model reads."""

_UNUSED: Final = ("contact_head", "pooler")
"""Parts of names of weights on which neither hidden states nor logits depend."""

_ASK_TRUST: Final = f"read it, and if you trust it, run `cistron --trust-remote-code …` or set {TRUST}=1"

_NOT_SAVED: Final = (
    "a model of transformers is read here and not saved; fine-tune it with mode=frozen or mode=lora"
)

MANY: Final = 1 << 20
"""Tokens of a model whose settings do not say how many it reads."""


def open_folder(
    path: Path | str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    name: str | None = None,
    trust_remote_code: bool | None = None,
) -> Built:
    """Load a model folder: with the architecture of ours that it names, else through `transformers`.

    Args:
        path: The folder.
        device: Where the model goes.
        dtype: What its floating tensors become; as stored when None.
        name: What to call it; the card's `name`, else the folder's when None.
        trust_remote_code: Run Python code of the folder, where `transformers` does not know the model; None
            does so where the environment has `CISTRON_TRUST_REMOTE_CODE=1`.

    Raises:
        WeightsError: The folder is incomplete or damaged, holds code that is not trusted, or `transformers`
            does not know the model either.
    """
    path = Path(path)
    if not path.is_dir() or not is_for_transformers(read_object(path / CONFIG)):
        return load_folder(path, device, dtype, name=name)
    files = weight_files(path)
    sha256 = combined(verified_digests(path, files).values())
    trust = os.environ.get(TRUST) == "1" if trust_remote_code is None else trust_remote_code
    model, causal = _opened(path, device, dtype, trust=trust)
    card = read_card(path / CARD)
    called = str(name or card.get("name") or path.resolve().name)
    return Built(model.eval(), BASES, _spec(model, causal=causal), called, card, sha256)


def is_for_transformers(values: Mapping[str, Any]) -> bool:
    """Whether settings are of a kind that transformers may know and this package does not."""
    try:
        named_by(values)
    except WeightsError:
        return "model_type" in values
    return False


def _opened(
    path: Path, device: torch.device | str, dtype: torch.dtype | None, *, trust: bool
) -> tuple[Adapted, bool]:
    """The model of a folder, and whether a position sees only what is before it."""
    if find_spec("transformers") is None:
        raise WeightsError(
            f"'{path}' is a model for transformers; install that with: pip install 'cistron[huggingface]'"
        )
    import transformers

    options: dict[str, Any] = {"trust_remote_code": trust, "local_files_only": True}
    with _one_line(path, trust=trust):
        settings = transformers.AutoConfig.from_pretrained(path, **options)
        kind = _kind(settings)
        pieces = Pieces(transformers.AutoTokenizer.from_pretrained(path, **options))
        network, told = getattr(transformers, kind).from_pretrained(
            path, dtype=dtype or "auto", use_safetensors=True, output_loading_info=True, **options
        )
        _refuse_gaps(path, told, trust=trust)
        network.config.use_cache = False
        # Code of a folder may run on a GPU alone, so it is looked at where it will run.
        speaker = Speaker.of(network.eval().to(device), _framed(pieces, "ACGTACGT"))
    config = _config(settings, speaker, pieces)
    return Adapted(config, speaker, pieces, _silent(kind, pieces)), kind == "AutoModelForCausalLM"


def _framed(pieces: Pieces, text: str) -> list[int]:
    """Ids of a text with those that stand around every sequence."""
    before, behind = pieces.frame
    return [*before, *pieces.cut(text).ids, *behind]


def _refuse_gaps(path: Path, told: Mapping[str, Any], *, trust: bool) -> None:
    """Return silently when the folder has every tensor that answers depend on.

    Raises:
        WeightsError: One is missing.
    """
    lacking = sorted(key for key in told["missing_keys"] if not any(part in key for part in _UNUSED))
    if not lacking:
        return
    own = _own_code(path, trust=trust)
    raise WeightsError(f"the weights in '{path}' lack {len(lacking)} tensors, first '{lacking[0]}'{own}")


def _own_code(path: Path, *, trust: bool) -> str:
    """What to say where a model was opened by other code than that of its folder; empty where it was not."""
    if trust or "auto_map" not in read_object(path / CONFIG):
        return ""
    return f"; the folder brings Python code of its own, which may fit: {_ASK_TRUST}"


@contextmanager
def _one_line(path: Path, *, trust: bool) -> Iterator[None]:
    """What goes wrong inside the block in one line, and no progress bars or warnings of the library."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, TypeError, AttributeError) as problem:
        _refuse(path, problem, trust=trust)
    finally:
        logging.set_verbosity(before)
        logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _refuse(path: Path, problem: Exception, *, trust: bool) -> NoReturn:
    if "trust_remote_code" in str(problem):
        raise WeightsError(
            f"'{path}' brings Python code of its own, which is not run; {_ASK_TRUST}"
        ) from None
    reason = (str(problem).strip().splitlines() or [type(problem).__name__])[0]
    own = _own_code(path, trust=trust)
    raise WeightsError(f"transformers cannot open '{path}': {reason[:200]}{own}") from None


def _kind(settings: Any) -> str:
    """The class of transformers that opens a model with the head that it was saved with."""
    names = " ".join(settings.architectures or ())
    if "MaskedLM" in names:
        return "AutoModelForMaskedLM"
    return "AutoModelForCausalLM" if "CausalLM" in names or "LMHead" in names else "AutoModel"


def _silent(kind: str, pieces: Pieces) -> str | None:
    """Why a model has no likelihood of a next base; None where it has."""
    if kind == "AutoModelForMaskedLM":
        return (
            "a masked language model has no likelihood of a sequence, and what it says of masked bases is "
            "none; not available: use embed"
        )
    if kind == "AutoModel":
        return "the model has no language-model head, so it has no likelihood; not available: use embed"
    if pieces.words is None:
        return (
            "the model's tokens have different lengths, so the likelihood of a base is a sum over countless "
            "ways to cut the sequence; not available: use embed"
        )
    return None


def _config(settings: Any, speaker: Speaker, pieces: Pieces) -> AdaptedConfig:
    frame = sum(map(len, pieces.frame))
    told = min(pieces.tokenizer.model_max_length, MANY)
    tokens = next((getattr(settings, name) for name in TOKENS if getattr(settings, name, None)), told)
    if getattr(settings, "position_embedding_type", None) == "absolute" and settings.model_type in (
        "esm",
        "roberta",
    ):
        tokens -= settings.pad_token_id + 1  # their positions begin behind the number of padding
    # Single bases may be left over at both ends of a stretch without N, and at those of every N.
    size = pieces.word_size or 1
    bases = max(tokens - frame - 2 * size, 1) * size
    return AdaptedConfig(
        hidden_size=speaker.hidden_size,
        num_hidden_layers=speaker.layers,
        context_length=bases if size > 1 else tokens - frame,
        most_tokens=tokens,
        values=settings.to_dict(),
        width=min(bases, 8192),
    )


def _spec(model: Adapted, *, causal: bool) -> ModelSpec:
    """What verbs ask of an architecture; `build` makes a model like this one with random weights."""
    kind: Any = type(model.network)

    def build(config: AdaptedConfig) -> Adapted:
        speaker = replace(model.speaker, network=kind(model.network.config))
        return Adapted(config, speaker, model.pieces, model.silent)

    return ModelSpec(
        config=_cannot,
        build=build,
        tokenizer=BASES.name,
        sizes={},
        architectures=(kind.__name__,),
        causal=causal,
        to_published=_cannot,
        from_published=_cannot,
        parallel_plan={},
        source="transformers",
    )


def cannot_save(built: Built) -> str | None:
    """Why a model cannot be saved once its own weights were trained; None when it can."""
    return _NOT_SAVED if isinstance(built.model, Adapted) else None


def _cannot(*_: object) -> Any:
    """Refuse what only architectures of this package can do."""
    raise WeightsError(_NOT_SAVED)
