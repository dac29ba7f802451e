"""Causal filters of any length as sums of exponentials, without ever writing the filter down.

h[t] = Σ_s residue_s · exp(log_pole_s · t). Cut into blocks, a convolution with h is a product with a small
Toeplitz matrix inside each block, and what all earlier blocks contribute passes through S numbers a channel,
the modal state, which decays from block to block. Cost and memory grow with the chunk and not with what
came before; nothing of size D × S × L is made.

Source: Ku et al. 2025, "Systems and algorithms for convolutional multi-hybrid language models at scale"
(arXiv 2503.01868), for the filter; the blocks are the state-space duality of Dao & Gu 2024 (arXiv 2405.21060)
for constant poles.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from cistron.layers.fir import toeplitz

_BLOCKS = {"cpu": 32}
"""Tokens of a block by kind of device: the fastest on a CPU of 16, 32, 64 and 128."""

_BLOCK = 128
"""Where products cost next to nothing, and each step from block to block has to be launched."""


def modal_filter(
    log_poles: Float[Tensor, "D S"], residues: Float[Tensor, "D S"], length: int
) -> Float[Tensor, "D L"]:
    """The first `length` taps of the filter, lag 0 first, from about 2·√length exponentials a pole.

    With t = i·block + j, h[t] = Σ_s (residue_s · pole_s^(i·block)) · pole_s^j is a matrix product over s.
    """
    block = max(1, round(length**0.5))
    steps = torch.arange(max(block, -(-length // block)), device=log_poles.device)
    powers = torch.exp(log_poles.unsqueeze(-1) * steps[:block])
    rows = torch.exp(log_poles.unsqueeze(1) * (steps[: -(-length // block)] * block).unsqueeze(-1))
    return torch.bmm(rows * residues.unsqueeze(1), powers).flatten(1)[:, :length]


def modal_convolution(
    u: Float[Tensor, "B L D"],
    log_poles: Float[Tensor, "D S"],
    residues: Float[Tensor, "D S"],
    state: Float[Tensor, "B D S"] | None = None,
    lengths: Int[Tensor, "B"] | None = None,
) -> tuple[Float[Tensor, "B L D"], Float[Tensor, "B D S"]]:
    """Return y = h ∗ u and the state behind each row's last real input.

    The state of what has been read is Σ_t exp(log_pole · (T − 1 − t)) · u[t].

    Args:
        u: At least one input a row, in the dtype to compute in.
        log_poles: At most 0: the filter does not grow.
        residues: Weights of the exponentials.
        state: Of what came before; nothing when None.
        lengths: Real inputs per row; all of them when None.
    """
    batch, length, channels = u.shape
    block = min(_BLOCKS.get(u.device.type, _BLOCK), length)
    count = -(-length // block)
    padded = F.pad(u, (0, 0, 0, -length % block)).permute(2, 0, 1)
    inputs = padded.reshape(channels, batch, count, block)
    powers = torch.exp(log_poles.unsqueeze(-1) * torch.arange(block + 1, device=u.device))
    before = _states(inputs, powers, state)

    taps = torch.bmm(residues.unsqueeze(1), powers[..., :block]).squeeze(1)
    rows = inputs.flatten(1, 2)
    out = torch.bmm(rows, toeplitz(taps, block)[:, block - 1 :])
    out = torch.baddbmm(out, before[:, :, :-1].flatten(1, 2), residues.unsqueeze(-1) * powers[..., 1:])
    out = out.view(channels, batch, -1)[..., :length]
    return out.permute(1, 2, 0), _final(inputs, powers, before, length, lengths)


def _states(
    inputs: Float[Tensor, "D B N block"],
    powers: Float[Tensor, "D S block+1"],
    state: Float[Tensor, "B D S"] | None,
) -> Float[Tensor, "D B N+1 S"]:
    """The state before each block, and behind the last one."""
    weights = powers[..., :-1].flip(-1).transpose(1, 2)
    added = torch.bmm(inputs.flatten(1, 2), weights).view(*inputs.shape[:3], -1)
    decay = powers[..., -1].unsqueeze(1)
    current = torch.zeros_like(added[:, :, 0]) if state is None else state.to(added.dtype).transpose(0, 1)
    states = [current]
    for part in added.unbind(2):
        current = torch.addcmul(part, decay, current)
        states.append(current)
    return torch.stack(states, dim=2)


def _final(
    inputs: Float[Tensor, "D B N block"],
    powers: Float[Tensor, "D S block+1"],
    before: Float[Tensor, "D B N+1 S"],
    length: int,
    lengths: Int[Tensor, "B"] | None,
) -> Float[Tensor, "B D S"]:
    """The state behind each row's last real input: that before its block, and the rest of the block."""
    block = inputs.shape[-1]
    if lengths is None:
        whole, some = divmod(length, block)
        tail = inputs[:, :, whole, :some] if some else inputs[:, :, 0, :0]
        added = torch.bmm(tail, powers[..., :some].flip(-1).transpose(1, 2))
        return torch.addcmul(added, powers[..., some].unsqueeze(1), before[:, :, whole]).transpose(0, 1)
    rows = torch.arange(len(lengths), device=lengths.device)
    last, rest = lengths // block, lengths % block
    # Tails end at the right, so that all rows meet the same powers.
    columns = rest.unsqueeze(1) - block + torch.arange(block, device=lengths.device)
    blocks = inputs[:, rows, last.clamp(max=inputs.shape[2] - 1)]
    tail = blocks.gather(2, columns.clamp(min=0).expand_as(blocks)) * (columns >= 0)
    added = torch.bmm(tail, powers[..., :-1].flip(-1).transpose(1, 2))
    return torch.addcmul(added, powers[..., rest].transpose(1, 2), before[:, rows, last]).transpose(0, 1)
