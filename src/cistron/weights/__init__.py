"""A checkpoint or a published name ↔ a built model with its tokenizer.

A *model folder* is what Hugging Face calls a model repository, so it moves between both unchanged:

- `config.json`: the settings; `architectures` picks the plug in `cistron.models`.
- `model.safetensors`, or shards listed in `model.safetensors.index.json`: tensors by published name.
- `tokenizer.json`, `tokenizer_config.json`, `special_tokens_map.json`.
- `README.md`: the model card.
- `calibration.json`: scores of random changes, from `cistron calibrate`; may be missing.
- `checksums.json`: `{file: {"size": bytes, "sha256": hex}}` of all of these but the card; absent in folders
  that others published.

`folder` loads and saves one, `hub` finds one by name, `named` lists them, `convert` brings in what is not one
yet. A checkpoint is never unpickled except by `convert`, and then with `weights_only=True`.
"""

from __future__ import annotations

CONFIG = "config.json"
CARD = "README.md"
CALIBRATION = "calibration.json"
CHECKSUMS = "checksums.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
