"""Find a model folder by what a user typed: a shipped name, a folder, or `owner/name[@revision]` on a hub."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

from cistron.errors import DownloadError, UnknownNameError
from cistron.registry import unknown
from cistron.weights import CONFIG

DEFAULT_MODEL = "default"
"""Name of the model that ships with the package."""

_HUB_ID = re.compile(r"(?P<id>[\w-][\w.-]*/[\w-][\w.-]*)(?:@(?P<revision>[^@\s]+))?")
_WANTED = [
    "*.safetensors",
    "*.json",
    "tokenizer*",
    "*.model",
    "vocab.txt",
    "merges.txt",
    "README.md",
    "LICENSE*",
]


def shipped_models() -> dict[str, Path]:
    """Name → model folder of every model inside the package."""
    root = Path(str(files("cistron"))) / "resources" / "models"
    return {path.parent.name: path.parent for path in sorted(root.glob(f"*/{CONFIG}"))}


def resolve(name: str | Path = DEFAULT_MODEL) -> Path:
    """The model folder that `name` stands for.

    Looked for in this order: a shipped model, an existing folder, a repository on the hub (downloaded once,
    then from the cache). Only the last can reach for the network, and only when nothing local has that name.

    Raises:
        UnknownNameError: It is none of these.
        DownloadError: It looks like a repository on the hub, and that could not be fetched.
    """
    text = str(name)
    shipped = shipped_models()
    if isinstance(name, str) and text in shipped:
        return shipped[text]
    path = Path(text).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise UnknownNameError(f"'{text}' is a file; give the model folder that holds it")
    found = _HUB_ID.fullmatch(text)
    if isinstance(name, str) and found is not None:
        return download(found["id"], found["revision"])
    raise UnknownNameError(_no_model(text, shipped))


def download(hub_id: str, revision: str | None = None, destination: Path | None = None) -> Path:
    """Fetch a repository's configuration, safetensors and tokenizer, and return the folder they are in.

    What is already there is not fetched again, and an interrupted download continues. The environment decides
    as for every Hugging Face tool: `HF_ENDPOINT`, `HF_TOKEN`, `HF_HOME`, `HF_HUB_OFFLINE`.

    Args:
        hub_id: `owner/name`.
        revision: Branch, tag or commit; the main branch when None.
        destination: Folder to put the files in; the shared cache when None.

    Raises:
        DownloadError: The hub cannot be reached, has no such repository or revision, or has no model in it.
    """
    from huggingface_hub import snapshot_download

    name = hub_id if revision is None else f"{hub_id}@{revision}"
    try:
        folder = Path(
            snapshot_download(hub_id, revision=revision, local_dir=destination, allow_patterns=_WANTED)
        )
    except Exception as problem:  # a dozen unrelated classes, from three libraries
        raise DownloadError(f"cannot fetch the model '{name}': {_reason(problem)}") from problem
    if not (folder / CONFIG).is_file():
        raise DownloadError(f"the repository '{name}' is not a model: it has no {CONFIG}")
    if not any(folder.glob("*.safetensors")):
        raise DownloadError(
            f"the repository '{name}' has no safetensors weights, and pickles are not fetched"
        )
    return folder


def _reason(problem: Exception) -> str:
    """What went wrong and what would do, in one line."""
    from huggingface_hub import errors

    if isinstance(problem, errors.GatedRepoError):
        return "its owner must grant you access; accept the terms on its page and set HF_TOKEN"
    if isinstance(problem, errors.RepositoryNotFoundError):
        return "the hub has no such repository, or it is private and HF_TOKEN gives no access"
    if isinstance(problem, errors.RevisionNotFoundError):
        return "the repository has no such revision; give a branch, a tag or a full commit"
    if isinstance(problem, errors.LocalEntryNotFoundError) and not isinstance(
        problem.__cause__, errors.HfHubHTTPError
    ):
        return (
            "it is not complete in the cache and the hub is out of reach; "
            "check the network, HF_ENDPOINT and HF_HUB_OFFLINE"
        )
    cause = problem.__cause__ if isinstance(problem, errors.LocalEntryNotFoundError) else problem
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return f"{lines[0].rstrip('.')}; try again, what has arrived is kept"


def _no_model(name: str, shipped: dict[str, Path]) -> str:
    """One line on why `name` is no model, with what was perhaps meant."""
    if "/" in name or name.startswith(("~", ".")):
        return f"no model folder is at '{name}', and it is not a hub id such as owner/name@revision"
    from cistron.models import MODELS

    sizes = {size: plug for plug in MODELS.names() for size in MODELS.get(plug).sizes}
    if name in sizes:
        return (
            f"'{name}' is the size of an architecture, without weights; give a model folder or owner/name "
            f"(to plan with it: {sizes[name]}/{name})"
        )
    return unknown("model", name, shipped) + "; or give a model folder or owner/name on the hub"
