"""The model card: `README.md` with a block of metadata above the text, as model hubs show it.

In memory a card is one dict: the metadata, and the text under the key `text`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

_CARD = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*\r?\n?(.*)\Z", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"([A-Za-z0-9_-]+): (.*)")


def write_card(path: Path, card: dict[str, Any]) -> None:
    """Write `card`: each entry one line of YAML, in YAML's JSON spelling, then the text."""
    metadata = [
        f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in card.items() if key != "text"
    ]
    text = str(card.get("text", "")).strip()
    path.write_text("\n".join(["---", *metadata, "---", "", text, ""]), encoding="utf-8")


def read_card(path: Path) -> dict[str, Any]:
    """The card, empty where there is no file.

    Metadata that is not YAML is left in the text: a card can be wrong without making the weights unusable.
    """
    if not path.is_file():
        return {}
    content = path.read_text(encoding="utf-8", errors="replace")
    found = _CARD.match(content)
    if found is None:
        return {"text": content.strip()}
    metadata = _metadata(found[1], path)
    return {"text": content.strip()} if metadata is None else metadata | {"text": found[2].strip()}


def _metadata(block: str, path: Path) -> dict[str, Any] | None:
    """The block as a dict; None when it is not YAML."""
    lines = block.splitlines()
    own = [found for found in map(_LINE.fullmatch, lines) if found is not None]
    if len(own) < len(lines):
        return _foreign_metadata(path)
    try:
        return {line[1]: json.loads(line[2]) for line in own}
    except ValueError:
        return _foreign_metadata(path)


def _foreign_metadata(path: Path) -> dict[str, Any] | None:
    # Imported here because it is slow, and only cards written elsewhere need a YAML reader.
    from huggingface_hub.repocard import metadata_load

    try:
        return metadata_load(path) or {}
    except Exception:  # the YAML reader's own errors are not in its public interface
        return None
