"""The configurations that Evo 2 is published with, as settings of `models/stripedhyena2.py`.

Source: the YAML files of the package `evo2` 0.6.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cistron.errors import WeightsError
from cistron.models.stripedhyena2 import SIZES, StripedHyena2Config

_NAMES: Final = {
    "num_layers": "num_hidden_layers",
    "inner_mlp_size": "intermediate_size",
    "max_seqlen": "max_position_embeddings",
    "eps": "rms_norm_eps",
    "rotary_emb_base": "rope_theta",
}
"""Settings that have another name there."""

_LAYERS: Final = {
    "S": "hcs_layer_idxs",
    "D": "hcm_layer_idxs",
    "H": "hcl_layer_idxs",
    "*": "attn_layer_idxs",
}

_FIXED: Final = {
    "short_filter_length": 3,
    "short_filter_bias": False,
    "proj_groups": 1,
    "hyena_filter_groups": 1,
    "column_split": True,
    "column_split_hyena": False,
    "interleave": True,
    "hyena_flip_x1x2": False,
    "evo2_style_activations": True,
    "mlp_activation": "gelu",
    "tie_embeddings": True,
    "mha_out_proj_bias": True,
    "hyena_out_proj_bias": True,
    "qkv_proj_bias": False,
    "final_norm": True,
}
"""What every published configuration says, and the architecture here does."""


def read_config(path: Path) -> StripedHyena2Config:
    """Settings of a configuration file, YAML or JSON, with published names or ours.

    Raises:
        WeightsError: It is no configuration, or one of another architecture.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError):
        raise WeightsError(f"'{path}' is not a configuration: it is neither YAML nor JSON") from None
    if not isinstance(values, dict):
        raise WeightsError(f"'{path}' is not a configuration: it holds no settings by name")
    return published_config(values)


def published_config(values: Mapping[str, Any]) -> StripedHyena2Config:
    """Settings of a published configuration; keys that change nothing are ignored.

    Raises:
        WeightsError: A setting is missing, of the wrong kind, or asks for another architecture.
    """
    for name, only in _FIXED.items():
        if values.get(name, only) != only:
            raise WeightsError(f"{name} is {values[name]!r}; StripedHyena 2 has {only!r}")
    given = {_NAMES.get(name, name): value for name, value in values.items()}
    for name in ("hcl_filter_groups", "num_filters"):
        if given.get("hidden_size") and given.get(name, given["hidden_size"]) != given["hidden_size"]:
            raise WeightsError(f"{name} is {given[name]}; StripedHyena 2 has hidden_size of them")
    if any(name in given for name in _LAYERS.values()):
        given["hybrid_override_pattern"] = _pattern(given)
    if given.get("use_interpolated_rotary_pos_emb"):
        given["rope_factor"] = float(given.get("rotary_emb_scaling_factor", 1))
    if given.get("intermediate_size") is None and given.get("hidden_size"):
        given["intermediate_size"] = _inner_size(
            given["hidden_size"], given.get("inner_size_multiple_of", 64)
        )
    return StripedHyena2Config.from_mapping(given)


def _pattern(given: Mapping[str, Any]) -> str:
    lists = {letter: set(given.get(name) or ()) for letter, name in _LAYERS.items()}
    layers = given.get("num_hidden_layers") or 0
    pattern = "".join(letter for i in range(layers) for letter, found in lists.items() if i in found)
    if len(pattern) != layers or sum(map(len, lists.values())) != layers:
        raise WeightsError(f"{', '.join(_LAYERS.values())} do not name each of {layers} layers once")
    return pattern


def _inner_size(hidden_size: int, multiple: int) -> int:
    """Inner width of the MLP where none is said: 8/3 of the width, rounded up to a multiple."""
    return -(-int(2 * hidden_size * 4 / 3) // multiple) * multiple


def size_of(config: StripedHyena2Config) -> str | None:
    """The name of the published size with these settings, whatever its window and arithmetic."""
    plain = replace(config, fp8="off")
    names = (name for name, known in SIZES.items() if _alike(known, plain))
    return next(names, None)


def _alike(known: StripedHyena2Config, config: StripedHyena2Config) -> bool:
    return replace(known, width=config.width, initializer_range=config.initializer_range) == config
