"""What can be told of a saved fused model without loading it or its base models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from safetensors import safe_open

from cistron.formats.atomic import sha256_file
from cistron.fusion.language import DTYPES, place_of, require
from cistron.fusion.run import DnaSettings, LanguageSettings
from cistron.fusion.saved import SETTINGS, read_settings
from cistron.inference.load import DTYPES as DNA_DTYPES
from cistron.training.settings import from_plain
from cistron.weights.folder import read_config
from cistron.weights.hub import resolve
from cistron.weights.named import count_parameters


@dataclass(frozen=True)
class Described:
    """A saved fused model.

    Attributes:
        folder: Where it lies.
        sha256: Of its `fusion.json`.
        mode: `fused`, `text` or `dna`.
        labels: Answers of the training part.
        question: How records are asked about.
        dna: How DNA is read.
        language: How the language model is used.
        bases: `dna` and `language`, where there are, → name and hash of the weights.
    """

    folder: Path
    sha256: str
    mode: str
    labels: tuple[str, ...]
    question: str
    dna: DnaSettings
    language: LanguageSettings
    bases: Mapping[str, Mapping[str, str]]

    def loaded_bytes(self, *, dna: str | None = None, language: str | None = None) -> int:
        """Bytes of all weights once it is loaded.

        Args:
            dna: The DNA model, where it has moved.
            language: The language model, where it has moved.

        Raises:
            WeightsError: A base model is not there.
            MissingFusionError: A library is missing that reads the language model.
        """
        own = sum(path.stat().st_size for path in self.folder.glob("*.safetensors"))
        if "dna" in self.bases:
            count = count_parameters(*read_config(resolve(dna or self.dna.model)))
            own += count * DNA_DTYPES["auto"].itemsize
        if "language" in self.bases:
            own += _elements(place_of(language or self.language.model)) * DTYPES[self.language.dtype].itemsize
        return own


def describe(folder: Path) -> Described:
    """What `save_fused` wrote into a folder, or into `model` below it.

    Raises:
        WeightsError: The folder is none of these, or damaged.
    """
    inner = folder / "model" if (folder / "model" / SETTINGS).is_file() else folder
    settings = read_settings(inner)
    where = str(inner / SETTINGS)
    return Described(
        inner,
        sha256_file(inner / SETTINGS),
        settings["mode"],
        tuple(settings["labels"]),
        settings["question"],
        from_plain(DnaSettings, settings["dna"], where),
        from_plain(LanguageSettings, settings["language"], where),
        settings["bases"],
    )


def _elements(path: Path) -> int:
    """Numbers in the weights of a language model: of a folder with safetensors, or a GGUF file."""
    if path.is_file():
        require("gguf")
        from gguf import GGUFReader

        return sum(int(tensor.n_elements) for tensor in GGUFReader(path).tensors)
    found = 0
    for one in path.glob("*.safetensors"):
        with safe_open(one, framework="pt") as weights:
            found += sum(prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return found
