"""The language model: any causal one that `transformers` reads, from a folder, a hub or a GGUF file."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from cistron.errors import CistronError, InputError, WeightsError
from cistron.formats.atomic import sha256_file
from cistron.fusion.run import LanguageSettings
from cistron.weights.checksums import combined
from cistron.weights.hub import resolve

DTYPES: Final = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class MissingFusionError(CistronError):
    """A library is missing that comes with the extra `fusion`."""


@dataclass(frozen=True)
class Language:
    """A language model as it was loaded.

    Attributes:
        model: A causal language model of `transformers`, with adapters where there are any.
        tokenizer: Its tokenizer.
        name: What it was asked for as.
        sha256: Hash of its weights.
    """

    model: nn.Module
    tokenizer: Any
    name: str
    sha256: str

    @property
    def config(self) -> Any:
        """Sizes, as `transformers` has them."""
        return self.model.config

    @property
    def embeddings(self) -> nn.Embedding:
        """What turns token ids into vectors."""
        model: Any = self.model
        found: nn.Embedding = model.get_input_embeddings()
        return found


def load_language(settings: LanguageSettings, device: torch.device) -> Language:
    """Load a language model, frozen, without adapters.

    Raises:
        MissingFusionError: `transformers` (for GGUF files also `gguf` and `accelerate`) is not installed.
        InputError: No model is named, or the dtype is unknown.
        WeightsError: There is none at that place, or it cannot be read.
    """
    if not settings.model:
        raise InputError("which language model? set language.model to a folder, a hub id or a GGUF file")
    if settings.dtype not in DTYPES:
        raise InputError(f"language.dtype '{settings.dtype}' is not one of {', '.join(DTYPES)}")
    require("transformers", "peft")
    path = place_of(settings.model)
    sha256 = language_sha256(path)
    with _quiet():
        model, tokenizer = _read(path, DTYPES[settings.dtype])
    model.requires_grad_(False)
    return Language(model.to(device).eval(), tokenizer, settings.model, sha256)


def language_sha256(path: Path) -> str:
    """Hash of the weights of a folder or GGUF file.

    Raises:
        WeightsError: The folder has no safetensors.
    """
    if path.is_file():
        return sha256_file(path)
    weights = sorted(path.glob("*.safetensors"))
    if not weights:
        raise WeightsError(f"'{path}' has no safetensors; give a language model in that format, or as GGUF")
    return combined(sha256_file(one) for one in weights)


def with_adapters(language: Language, settings: LanguageSettings) -> Language:
    """The language model with fresh adapters on all its linear layers but the last.

    Their second factor begins at zero, so nothing changes until they are trained.
    """
    if not settings.rank:
        return language
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        init_lora_weights="gaussian",
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    with _quiet():
        model: Any = get_peft_model(language.model, config)
    return Language(model, language.tokenizer, language.name, language.sha256)


def with_saved_adapters(language: Language, folder: Path) -> Language:
    """The language model with the adapters of a folder, as they were trained.

    Raises:
        WeightsError: They do not fit it.
    """
    from peft import PeftModel

    try:
        with _quiet():
            model: Any = PeftModel.from_pretrained(language.model, str(folder))
    except (OSError, ValueError, RuntimeError) as problem:
        raise WeightsError(f"adapters in '{folder}' do not fit: {str(problem).splitlines()[0]}") from None
    return Language(model.eval(), language.tokenizer, language.name, language.sha256)


def require(*modules: str) -> None:
    """Return silently where libraries are installed.

    Raises:
        MissingFusionError: One is not.
    """
    for module in modules:
        if find_spec(module) is None:
            raise MissingFusionError(
                f"fused models need {module}; install it with: pip install 'cistron[fusion]'"
            )


def place_of(name: str) -> Path:
    """The folder or GGUF file of a language model, fetched from the hub where it is named so.

    Raises:
        WeightsError: There is none.
        MissingFusionError: A library is missing that reads GGUF files.
    """
    path = Path(name).expanduser()
    if path.suffix == ".gguf":
        if not path.is_file():
            raise WeightsError(f"no language model is at '{path}'")
        require("gguf", "accelerate")
        return path
    return resolve(name)


def _read(path: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = path.parent if path.is_file() else path
    options: dict[str, Any] = {"gguf_file": path.name} if path.is_file() else {}
    options["local_files_only"] = True
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **options)
        if path.is_file():
            options["quantization_config"] = _unpacked()
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, **options)
    except (OSError, ValueError, KeyError) as problem:
        reason = (str(problem).splitlines() or [type(problem).__name__])[0]
        raise WeightsError(f"'{path}' is no language model that transformers reads: {reason}") from None
    return model, tokenizer


def _unpacked() -> Any:
    """Says that packed weights are to be unpacked: adapters want plain layers, and products run faster."""
    from transformers import GgufConfig

    return GgufConfig(dequantize=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without bars and notes on stderr, and without warnings of these libraries about each other."""
    from transformers.utils import logging as upstream

    logging: Any = upstream  # untyped
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        # Bars of a GGUF file obey no setting.
        with warnings.catch_warnings(), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)
