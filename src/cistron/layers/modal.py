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

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from cistron.layers.fir import toeplitz

_BLOCKS = {"cpu": 32}
"""Tokens of a block by kind of device: the fastest on a CPU of 16, 32, 64 and 128."""

_BLOCK = 128
"""Where products cost next to nothing, and each step from block to block has to be launched."""

_MOST_STEPS = 256
"""Blocks that are gone through one by one: more are not slower on a CPU, but a launch each on a GPU."""


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
    before = _states(inputs, powers, log_poles, state)

    taps = torch.bmm(residues.unsqueeze(1), powers[..., :block]).squeeze(1)
    rows = inputs.flatten(1, 2)
    out = torch.bmm(rows, toeplitz(taps, block)[:, block - 1 :])
    out = torch.baddbmm(out, before[:, :, :-1].flatten(1, 2), residues.unsqueeze(-1) * powers[..., 1:])
    out = out.view(channels, batch, -1)[..., :length]
    # A copy, because FSDP's hooks do not outlive what is done in place to a view.
    return out.permute(1, 2, 0), _final(inputs, powers, before, length, lengths).transpose(0, 1).clone()


def _states(
    inputs: Float[Tensor, "D B N block"],
    powers: Float[Tensor, "D S block+1"],
    log_poles: Float[Tensor, "D S"],
    state: Float[Tensor, "B D S"] | None,
) -> Float[Tensor, "D B N+1 S"]:
    """The state before each block, and behind the last one."""
    weights = powers[..., :-1].flip(-1).transpose(1, 2)
    added = torch.bmm(inputs.flatten(1, 2), weights).view(*inputs.shape[:3], -1)
    first = torch.zeros_like(added[:, :, 0]) if state is None else state.to(added.dtype).transpose(0, 1)
    return _decayed_sums(added, log_poles * inputs.shape[-1], first)


def _decayed_sums(
    added: Float[Tensor, "D B N S"], log_decay: Float[Tensor, "D S"], first: Float[Tensor, "D B S"]
) -> Float[Tensor, "D B N+1 S"]:
    """s[0] = first, s[n + 1] = exp(log_decay) · s[n] + added[n], in about 2·√N steps where N is large."""
    count = added.shape[2]
    if count <= _MOST_STEPS:
        decay, states = log_decay.exp().unsqueeze(1), [first]
        for part in added.unbind(2):
            states.append(torch.addcmul(part, decay, states[-1]))
        return torch.stack(states, dim=2)
    size = math.isqrt(count - 1) + 1
    channels, batch, _, modes = added.shape
    groups = F.pad(added, (0, 0, 0, -count % size)).reshape(channels, -1, size, modes)
    within = _decayed_sums(groups, log_decay, torch.zeros_like(groups[:, :, 0]))
    within = within.view(channels, batch, -1, size + 1, modes)
    starts = _decayed_sums(within[:, :, :, -1], log_decay * size, first)
    steps = torch.arange(size, device=added.device)
    decays = torch.exp(log_decay.unsqueeze(1) * steps.unsqueeze(-1))[:, None, None]
    whole = torch.addcmul(within[:, :, :, :-1], decays, starts[:, :, :-1].unsqueeze(3)).flatten(2, 3)
    return torch.cat((whole, starts[:, :, -1:]), dim=2)[:, :, : count + 1]


def _final(
    inputs: Float[Tensor, "D B N block"],
    powers: Float[Tensor, "D S block+1"],
    before: Float[Tensor, "D B N+1 S"],
    length: int,
    lengths: Int[Tensor, "B"] | None,
) -> Float[Tensor, "D B S"]:
    """The state behind each row's last real input: that before its block, and the rest of the block."""
    block = inputs.shape[-1]
    if lengths is None:
        whole, some = divmod(length, block)
        tail = inputs[:, :, whole, :some] if some else inputs[:, :, 0, :0]
        added = torch.bmm(tail, powers[..., :some].flip(-1).transpose(1, 2))
        return torch.addcmul(added, powers[..., some].unsqueeze(1), before[:, :, whole])
    rows = torch.arange(len(lengths), device=lengths.device)
    last, rest = lengths // block, lengths % block
    # Tails end at the right, so that all rows meet the same powers.
    columns = rest.unsqueeze(1) - block + torch.arange(block, device=lengths.device)
    blocks = inputs[:, rows, last.clamp(max=inputs.shape[2] - 1)]
    tail = blocks.gather(2, columns.clamp(min=0).expand_as(blocks)) * (columns >= 0)
    added = torch.bmm(tail, powers[..., :-1].flip(-1).transpose(1, 2))
    return torch.addcmul(added, powers[..., rest].transpose(1, 2), before[:, rows, last])
