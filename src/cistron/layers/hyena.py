"""The three Hyena filters of StripedHyena 2: short, medium and long, each between two gates.

Channels come in triples (a, b, v). All are smoothed by three taps; then a · filter(b · v). What a filter
remembers of the past is its last inputs or, for the long one, its modal state.

Source: Ku et al. 2025 (arXiv 2503.01868); checked against values recorded from the reference implementation
(`tests/parity/test_evo2_vortex.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.layers.fir import blocked_fir, fir, last_inputs
from cistron.layers.modal import modal_convolution
from cistron.layers.precision import AtLeastFloat32

SMOOTHING = 3
"""Taps over the projected channels."""


@dataclass(frozen=True)
class HyenaMemory:
    """What one Hyena layer remembers, of constant size.

    Attributes:
        projected: The last two projected inputs, `(B, 2, 3D)`.
        taps: The last inputs of a filter of K taps, `(B, K-1, D)`; None for the long filter.
        modal: State of the long filter, `(B, D, S)`, float32 at least; None for the others.
    """

    projected: Float[Tensor, "B 2 3D"]
    taps: Float[Tensor, "B K D"] | None = None
    modal: Float[Tensor, "B D S"] | None = None

    def fork(self, rows: Int[Tensor, "R"], batch: int) -> HyenaMemory:
        """A memory whose row *i* is row `rows[i]` of this one."""
        del batch  # other memories share rows
        taps = None if self.taps is None else self.taps[rows]
        return HyenaMemory(self.projected[rows], taps, None if self.modal is None else self.modal[rows])

    def to(self, device: torch.device | str | None, dtype: torch.dtype | None) -> HyenaMemory:
        """The same memory on another device or in another dtype."""
        wide = None if dtype is None else torch.promote_types(dtype, torch.float32)
        taps = None if self.taps is None else self.taps.to(device=device, dtype=dtype)
        modal = None if self.modal is None else self.modal.to(device=device, dtype=wide)
        return HyenaMemory(self.projected.to(device=device, dtype=dtype), taps, modal)


def stacked_memories(memories: Sequence[HyenaMemory]) -> HyenaMemory:
    """One memory of all rows, one batch behind the other."""
    taps = [memory.taps for memory in memories if memory.taps is not None]
    modal = [memory.modal for memory in memories if memory.modal is not None]
    return HyenaMemory(
        torch.cat([memory.projected for memory in memories]),
        torch.cat(taps) if taps else None,
        torch.cat(modal) if modal else None,
    )


class HyenaFilter(AtLeastFloat32):
    """Smoothing, both gates, and what lies between them: the part published as `blocks.N.filter`.

    Filters compute in float32 at least; each result is rounded to the model's dtype where the published
    implementation rounds.

    Attributes:
        undecayed: Names of parameters that weight decay would only make forget; see `cistron.training.optim`.
        multiplicative: Names of parameters that are trained by factors.
    """

    undecayed: ClassVar[tuple[str, ...]] = ("short_filter_weight", "h")
    multiplicative: ClassVar[tuple[str, ...]] = ()

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.short_filter_weight = nn.Parameter(torch.zeros(3 * hidden_size, 1, SMOOTHING))

    def forward(
        self,
        projected: Float[Tensor, "B L 3D"],
        past: HyenaMemory | None,
        lengths: Int[Tensor, "B"] | None,
    ) -> tuple[Float[Tensor, "B L D"], HyenaMemory]:
        """Return the gated output of a chunk of at least one token, and the memory behind it."""
        dtype = projected.dtype
        wide = torch.promote_types(dtype, torch.float32)
        with torch.autocast(projected.device.type, enabled=False):
            taps = self.short_filter_weight.squeeze(1).to(wide)
            smooth = fir(projected.to(wide), None if past is None else past.projected, taps).to(dtype)
            after, gate, value = smooth.view(*smooth.shape[:2], -1, 3).unbind(-1)
            out, memory = self.convolve(gate * value, past, lengths)
            last = last_inputs(projected, None if past is None else past.projected, SMOOTHING, lengths)
            return after * out, replace(memory, projected=last)

    def convolve(
        self, u: Float[Tensor, "B L D"], past: HyenaMemory | None, lengths: Int[Tensor, "B"] | None
    ) -> tuple[Float[Tensor, "B L D"], HyenaMemory]:
        """Return the filtered inputs in their dtype, and a memory of which `projected` is to be replaced."""
        raise NotImplementedError

    def empty_memory(self, batch: int, dtype: torch.dtype) -> HyenaMemory:
        """The memory before the first token: zeros of full length, taps in `dtype`."""
        weight = self.short_filter_weight
        return HyenaMemory(weight.new_zeros(batch, SMOOTHING - 1, len(weight), dtype=dtype))

    def reset_parameters(self) -> None:
        """Fill in filters of about unit energy."""
        nn.init.normal_(self.short_filter_weight, std=SMOOTHING**-0.5)


class TappedFilter(HyenaFilter):
    """A filter of so many taps, written down, which groups of channels share."""

    def __init__(self, hidden_size: int, groups: int, length: int) -> None:
        super().__init__(hidden_size)
        self.h = nn.Parameter(torch.zeros(groups, 1, length))

    def empty_memory(self, batch: int, dtype: torch.dtype) -> HyenaMemory:
        """The memory before the first token: zeros of full length, taps in `dtype`."""
        width = len(self.short_filter_weight) // 3
        taps = self.h.new_zeros(batch, self.h.shape[-1] - 1, width, dtype=dtype)
        return replace(super().empty_memory(batch, dtype), taps=taps)

    def reset_parameters(self) -> None:
        """Fill in filters of about unit energy."""
        super().reset_parameters()
        nn.init.normal_(self.h, std=self.h.shape[-1] ** -0.5)


class ShortFilter(TappedFilter):
    """A few taps, the newest input last (`hcs`)."""

    def convolve(
        self, u: Float[Tensor, "B L D"], past: HyenaMemory | None, lengths: Int[Tensor, "B"] | None
    ) -> tuple[Float[Tensor, "B L D"], HyenaMemory]:
        """Cross-correlate."""
        wide = torch.promote_types(u.dtype, torch.float32)
        taps = self.h.squeeze(1).to(wide).repeat_interleave(u.shape[-1] // len(self.h), dim=0)
        before = None if past is None else past.taps
        out = fir(u.to(wide), before, taps).to(u.dtype)
        return out, HyenaMemory(u, taps=last_inputs(u, before, taps.shape[1], lengths))


class MediumFilter(TappedFilter):
    """Some hundred taps, the newest input first, and a direct path (`hcm`)."""

    def __init__(self, hidden_size: int, groups: int, length: int) -> None:
        super().__init__(hidden_size, groups, length)
        self.D = nn.Parameter(torch.zeros(hidden_size))

    def convolve(
        self, u: Float[Tensor, "B L D"], past: HyenaMemory | None, lengths: Int[Tensor, "B"] | None
    ) -> tuple[Float[Tensor, "B L D"], HyenaMemory]:
        """Convolve, and add the inputs weighted by channel before rounding."""
        wide = u.to(torch.promote_types(u.dtype, torch.float32))
        taps = self.h.squeeze(1).to(wide.dtype)
        before = None if past is None else past.taps
        out = torch.addcmul(blocked_fir(wide, before, taps), wide, self.D.to(wide.dtype)).to(u.dtype)
        return out, HyenaMemory(u, taps=last_inputs(u, before, taps.shape[1], lengths))

    def reset_parameters(self) -> None:
        """Fill in filters of about unit energy, and the direct path."""
        super().reset_parameters()
        nn.init.normal_(self.D)


class LongFilter(HyenaFilter):
    """A sum of exponentials over all that came before, and a direct path (`hcl`)."""

    kept: ClassVar[tuple[str, ...]] = ("log_poles", "residues")
    undecayed: ClassVar[tuple[str, ...]] = ("short_filter_weight", "log_poles", "residues")
    # One rate for poles from −1 to −1/2048: added, it would throw the slow ones over 0 in a single step.
    multiplicative: ClassVar[tuple[str, ...]] = ("log_poles",)

    def __init__(self, hidden_size: int, state_size: int) -> None:
        super().__init__(hidden_size)
        self.log_poles = nn.Parameter(torch.zeros(hidden_size, state_size, 1))
        self.residues = nn.Parameter(torch.zeros(hidden_size, state_size))
        self.D = nn.Parameter(torch.zeros(hidden_size))

    def convolve(
        self, u: Float[Tensor, "B L D"], past: HyenaMemory | None, lengths: Int[Tensor, "B"] | None
    ) -> tuple[Float[Tensor, "B L D"], HyenaMemory]:
        """Convolve, round, and add the inputs weighted by channel."""
        wide = torch.promote_types(u.dtype, self.log_poles.dtype)
        # Training may step over 0, beyond which the filter grows with the length of the sequence.
        poles = self.log_poles.squeeze(-1).to(wide).clamp(max=0)
        before = None if past is None else past.modal
        out, state = modal_convolution(u.to(wide), poles, self.residues.to(wide), before, lengths)
        return out.to(u.dtype) + u * self.D.to(u.dtype), HyenaMemory(u, modal=state)

    def empty_memory(self, batch: int, dtype: torch.dtype) -> HyenaMemory:
        """The memory before the first token: zeros, the modal state in float32 at least."""
        wide = torch.promote_types(dtype, torch.float32)
        modal = self.residues.new_zeros(batch, *self.residues.shape, dtype=wide)
        return replace(super().empty_memory(batch, dtype), modal=modal)

    def reset_parameters(self) -> None:
        """Time constants spread evenly over the powers of two up to 2,048 tokens, equal energy for each."""
        super().reset_parameters()
        with torch.no_grad():
            constants = torch.empty_like(self.residues).uniform_(0, 11).exp2_()
            self.log_poles.copy_(-1 / constants.unsqueeze(-1))
            self.residues.normal_().mul_((2 / (constants * constants.shape[1])).sqrt())
            self.D.normal_()
