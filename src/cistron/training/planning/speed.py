"""How long a part of a step takes: arithmetic at an assumed share of the peak, and collectives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cistron.errors import UnknownNameError
from cistron.registry import unknown
from cistron.training.planning.ledger import Transfer
from cistron.training.throughput import PEAKS

ASSUMED_MFU = 0.4
"""Share of the device's peak that arithmetic reaches while nothing is waited for."""

RECOMPUTATION = 4 / 3
"""Arithmetic of a step with activation checkpointing over that without: one more forward pass of three."""

PER_NODE = 8
"""GPUs that are joined by the fast link."""

_NVLINK = {"B200": 600e9, "H200": 300e9, "H100": 300e9, "H20": 300e9, "A100": 200e9}
_PCIE, _NETWORK = 20e9, 40e9


@dataclass(frozen=True)
class Device:
    """A GPU and its wires.

    Attributes:
        name: As in `throughput.PEAKS`.
        peak: Dense bfloat16 operations a second.
        link: Bytes a second that it sends to others of its node.
        network: Bytes a second that it sends to other nodes.

    Source: two thirds of what the data sheets say of NVLink in one direction; PCIe 4.0 and a 400 Gb/s
    adapter per GPU at about 80 %.
    """

    name: str
    peak: float
    link: float
    network: float = _NETWORK


def device_named(name: str) -> Device:
    """The device of that name.

    Raises:
        UnknownNameError: None is known; the message suggests the nearest.
    """
    known = {each.lower(): each for each in PEAKS}
    if name.lower() not in known:
        raise UnknownNameError(unknown("GPU", name, PEAKS))
    found = known[name.lower()]
    return Device(found, PEAKS[found], _NVLINK.get(found, _PCIE))


@dataclass(frozen=True)
class Wires:
    """Seconds that a part's collectives take.

    Attributes:
        weights: For weights and gradients, which travel while the device computes.
        tokens: For tokens and heads, which it waits for.
    """

    weights: float
    tokens: float


def on_wires(transfers: Iterable[Transfer], device: Device) -> Wires:
    """Seconds for each kind of transfer."""
    seconds = {True: 0.0, False: 0.0}
    for transfer in transfers:
        local = min(transfer.ranks) // PER_NODE == max(transfer.ranks) // PER_NODE
        seconds[transfer.weights] += transfer.num_bytes / (device.link if local else device.network)
    return Wires(seconds[True], seconds[False])


def part_seconds(compute: float, wires: Wires) -> float:
    """Seconds of a part: what is waited for adds up, what travels meanwhile counts where it takes longer."""
    return wires.tokens + max(compute, wires.weights)
