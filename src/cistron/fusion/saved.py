"""What training leaves: one folder with everything that was trained, and the names and hashes of the rest.

| file | content |
|---|---|
| `fusion.json` | settings, both base models with the hashes of their weights, all answers, facts |
| `projector.safetensors` | the projector, or `classifier.safetensors` of a model of DNA alone |
| `adapter_config.json`, `adapter_model.safetensors` | the adapters, as `peft` reads them |
| `checksums.json` | sizes and SHA-256 of the files |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from cistron.errors import InputError, WeightsError
from cistron.fusion.answering import Answerer, Classifier, Speaker
from cistron.fusion.encoder import DnaEncoder
from cistron.fusion.language import Language, load_language, with_adapters, with_saved_adapters
from cistron.fusion.model import Fused
from cistron.fusion.pair_classifier import PairClassifier, PairClassifierConfig
from cistron.fusion.projector import Projector, ProjectorConfig
from cistron.fusion.prompt import PromptWriter
from cistron.fusion.run import MODES, DnaSettings, FusionRun, LanguageSettings, ProjectorSettings
from cistron.fusion.sharing import divide, whole
from cistron.inference.load import LoadedModel, load, pick_device
from cistron.registry import unknown
from cistron.training.settings import from_plain
from cistron.weights.checksums import verified_digests, write_checksums
from cistron.weights.folder import replacing
from cistron.weights.jsonfile import read_object, write_object

SETTINGS: Final = "fusion.json"
_FORMAT: Final = 1
_WEIGHTS: Final = {"fused": "projector.safetensors", "dna": "classifier.safetensors"}


@dataclass(frozen=True)
class FusedModel:
    """A model with all that is needed to ask it.

    Attributes:
        answerer: Learns, ranks and speaks.
        mode: `fused`, `text` or `dna`.
        labels: Answers of the training part.
        dna: How DNA is read.
        language: How the language model is used.
        question: How records are asked about.
        reasoning: Whether answers begin with reasoning.
        bases: `dna` and `language` → name and hash of the weights.
        facts: Anything else worth keeping, as plain values.
    """

    answerer: Answerer
    mode: str
    labels: tuple[str, ...]
    dna: DnaSettings
    language: LanguageSettings
    question: str
    reasoning: bool
    bases: Mapping[str, Mapping[str, str]]
    facts: Mapping[str, Any] = field(default_factory=dict)


def build(run: FusionRun, labels: Sequence[str], cache: Path | None = None) -> FusedModel:
    """A model as training begins with it, its weights drawn from the run's seed.

    Raises:
        InputError: The mode is unknown, or a setting does not fit.
    """
    if run.mode not in MODES:
        raise InputError(unknown("mode", run.mode, MODES))
    device = pick_device(run.device)
    encoder = (
        None if run.mode == "text" else DnaEncoder(load(run.dna.model, device=str(device)), run.dna, cache)
    )
    bases = {} if encoder is None else {"dna": _named(encoder.loaded)}
    torch.manual_seed(run.seed)
    if run.mode == "dna":
        assert encoder is not None, "a model of DNA reads DNA"
        config = PairClassifierConfig(encoder.size, tuple(labels), run.projector.inner)
        answerer: Answerer = Classifier(PairClassifier(config).to(device), encoder)
    else:
        frozen = load_language(run.language, device)
        language = with_adapters(frozen, run.language)
        divide(language.model, device)
        projector = None if encoder is None else _projector(run.projector, encoder, frozen).to(device)
        answerer = speaker(language, projector, encoder, run.language, reasoning=run.records.reasoning)
        bases["language"] = {"name": frozen.name, "sha256": frozen.sha256}
        if run.checkpointing:
            _model(language).gradient_checkpointing_enable()
    settings = run.records.question, run.records.reasoning
    return FusedModel(answerer, run.mode, tuple(labels), run.dna, run.language, *settings, bases)


def speaker(
    language: Language,
    projector: Projector | None,
    encoder: DnaEncoder | None,
    settings: LanguageSettings,
    *,
    reasoning: bool = False,
) -> Speaker:
    """A language model that is ready to be asked."""
    most = int(getattr(language.config, "max_position_embeddings", 0) or 0)
    context = min(settings.context or most, most or settings.context)
    writer = PromptWriter(language.tokenizer, settings.chat, context)
    return Speaker(Fused(language, projector), writer, encoder, reasoning)


def whole_adapters(answerer: Answerer) -> dict[str, torch.Tensor]:
    """Adapters of the language model by name, gathered from all processes; all must ask for them together."""
    if not isinstance(answerer, Speaker):
        return {}
    named = answerer.fused.language.model.named_parameters()
    return {name: whole(parameter.detach()) for name, parameter in named if parameter.requires_grad}


def save_fused(folder: Path, model: FusedModel, adapters: Mapping[str, torch.Tensor] | None = None) -> None:
    """Write the folder, all of it or nothing; one that is there is replaced.

    Args:
        folder: Where.
        model: What to save.
        adapters: From `whole_adapters`, where the language model lies in parts; those of the model if None.

    Raises:
        OutputError: It cannot be written.
    """
    settings: dict[str, Any] = {
        "format": _FORMAT,
        "mode": model.mode,
        "bases": dict(model.bases),
        "dna": asdict(model.dna),
        "language": asdict(model.language),
        "labels": list(model.labels),
        "question": model.question,
        "reasoning": model.reasoning,
        "facts": dict(model.facts),
    }
    with replacing(folder) as fresh:
        part = _own(model.answerer)
        if part is not None:
            settings["built"] = _built(part)
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in part.state_dict().items()}
            save_file(tensors, fresh / _WEIGHTS[model.mode])
        if isinstance(model.answerer, Speaker) and model.language.rank:
            language = model.answerer.fused.language
            state = dict(whole_adapters(model.answerer) if adapters is None else adapters)
            _model(language).save_pretrained(fresh, save_embedding_layers=False, state_dict=state)
            (fresh / "README.md").unlink(missing_ok=True)  # a card of peft's, about a model it does not know
        write_object(fresh / SETTINGS, settings)
        write_checksums(fresh)


def load_fused(
    folder: Path,
    *,
    dna: str | None = None,
    language: str | None = None,
    device: str = "auto",
    cache: Path | None = None,
) -> FusedModel:
    """Load what `save_fused` wrote, and both base models.

    Args:
        folder: The folder.
        dna: The DNA model, where it has moved.
        language: The language model, where it has moved.
        device: `auto`, `cpu` or `cuda`.
        cache: Folder for hidden states.

    Raises:
        WeightsError: The folder is none of these or damaged, or a base model is another one than in
            training.
    """
    settings = read_settings(folder)
    mode, at = str(settings["mode"]), pick_device(device)
    read = from_plain(DnaSettings, settings["dna"], str(folder / SETTINGS))
    said = from_plain(LanguageSettings, settings["language"], str(folder / SETTINGS))
    read, said = replace(read, model=dna or read.model), replace(said, model=language or said.model)
    encoder = None
    if mode != "text":
        loaded = load(read.model, device=str(at))
        _refuse_other(folder, settings, "dna", loaded.name, loaded.sha256)
        encoder = DnaEncoder(loaded, read, cache)
    if mode == "dna":
        assert encoder is not None, "a model of DNA reads DNA"
        config = PairClassifierConfig(**{**settings["built"], "labels": tuple(settings["built"]["labels"])})
        answerer: Answerer = Classifier(_filled(PairClassifier(config), folder, mode).to(at).eval(), encoder)
    else:
        base = load_language(said, at)
        _refuse_other(folder, settings, "language", base.name, base.sha256)
        adapted = with_saved_adapters(base, folder) if said.rank else base
        projector = _saved_projector(folder, settings).to(at).eval() if mode == "fused" else None
        answerer = speaker(adapted, projector, encoder, said, reasoning=settings["reasoning"])
    return FusedModel(
        answerer,
        mode,
        tuple(settings["labels"]),
        read,
        said,
        settings["question"],
        settings["reasoning"],
        settings["bases"],
        settings["facts"],
    )


def _projector(settings: ProjectorSettings, encoder: DnaEncoder, language: Language) -> Projector:
    weights = language.embeddings.weight
    scale = float(weights.detach().float().square().mean().sqrt())
    return Projector(ProjectorConfig(settings, encoder.size, weights.shape[1], scale))


def _saved_projector(folder: Path, settings: Mapping[str, Any]) -> Projector:
    built = dict(settings["built"])
    kind = from_plain(ProjectorSettings, built.pop("settings"), str(folder / SETTINGS))
    projector: Projector = _filled(Projector(ProjectorConfig(kind, **built)), folder, "fused")
    return projector


def read_settings(folder: Path) -> dict[str, Any]:
    """The content of a folder's `fusion.json`, once its files were compared with their checksums.

    Raises:
        WeightsError: The folder is no fused model, of another format, or damaged.
    """
    if not (folder / SETTINGS).is_file():
        raise WeightsError(f"'{folder}' is no fused model: it has no {SETTINGS}")
    settings = read_object(folder / SETTINGS)
    if settings.get("format") != _FORMAT or settings.get("mode") not in MODES:
        raise WeightsError(f"'{folder / SETTINGS}' is not of a kind that this version reads; train it again")
    verified_digests(folder, list(folder.glob("*.safetensors")))
    return settings


def _refuse_other(folder: Path, settings: Mapping[str, Any], base: str, name: str, sha256: str) -> None:
    wanted = settings["bases"][base]
    if wanted["sha256"] != sha256:
        raise WeightsError(
            f"'{folder}' was trained with {wanted['name']} (sha256 {wanted['sha256'][:12]}…), this is {name} "
            f"(sha256 {sha256[:12]}…); give the {base} model that it was trained with"
        )


def _filled(part: Any, folder: Path, mode: str) -> Any:
    path = folder / _WEIGHTS[mode]
    try:
        part.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as problem:
        raise WeightsError(f"'{path}' does not hold these weights: {str(problem).splitlines()[0]}") from None
    return part


def _own(answerer: Answerer) -> nn.Module | None:
    """What is trained beside the adapters."""
    return answerer.fused.projector if isinstance(answerer, Speaker) else answerer.module


def _built(part: nn.Module) -> dict[str, Any]:
    config: Any = part.config
    return asdict(config)


def _named(loaded: LoadedModel) -> dict[str, str]:
    return {"name": loaded.name, "sha256": loaded.sha256}


def _model(language: Language) -> Any:
    return language.model
