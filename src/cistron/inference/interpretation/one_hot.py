"""A causal model as tools for one-hot sequences see it: captum, tangermeme, and gradients by base."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.errors import InputError
from cistron.genome.sequence import ACGT
from cistron.models import Model
from cistron.tokenizers import Tokenizer


class OneHotAdapter(nn.Module):
    """A causal model as captum and tangermeme expect one: one-hot bases in, one number a sequence out.

    The number is the log-likelihood in nats, Σ X[b, i] · log P(b | bases before i). A column of zeros is N:
    read as N and not scored, as the first base is not. Soft columns mix the embeddings of the four bases;
    whatever in the model looks at token ids sees the base with most weight, or N where two share it.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        positions: Bases whose log-probabilities are added up; all of them when None.

    Raises:
        InputError: The model has no table of embeddings, so nothing to differentiate by.
    """

    ids: Int[Tensor, "5"]
    """Of A, C, G, T and N."""

    def __init__(self, model: Model, tokenizer: Tokenizer, positions: slice | None = None) -> None:
        super().__init__()
        self.model = model
        self.positions = positions or slice(None)
        self._embedding = [_token_embedding(model)]
        ids = [*tokenizer.nucleotide_ids.values(), int(tokenizer.encode("N")[0])]
        held = torch.tensor(ids, device=self._embedding[0].weight.device)
        self.register_buffer("ids", held, persistent=False)

    @property
    def dtype(self) -> torch.dtype:
        """Of the embeddings."""
        return self._embedding[0].weight.dtype

    def forward(self, X: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B 1"]:
        """Return the log-likelihood of each sequence, in float64."""
        scored = (X.double() * self.log_probabilities(X).double())[..., self.positions]
        return scored.sum(dim=(1, 2)).unsqueeze(1)

    def log_probabilities(self, X: Float[Tensor, "B 4 L"]) -> Float[Tensor, "B 4 L"]:
        """Log-probability of each base at each position given those before; 0 at the first."""
        mixing = self._embedding[0].register_forward_hook(self._mixed(X))
        try:
            output = self.model(self._read(X))
        finally:
            mixing.remove()
        assert output.logits is not None
        logits = output.logits[:, :-1]
        wide = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
        chosen = wide.log_softmax(dim=-1)[..., self.ids[:4]]
        return F.pad(chosen.transpose(1, 2), (1, 0))

    def _read(self, X: Float[Tensor, "B 4 L"]) -> Int[Tensor, "B L"]:
        """Token ids for whatever does not see the mixture."""
        best, second = X.detach().topk(2, dim=1).values.unbind(dim=1)
        return self.ids[torch.where(best > second, X.detach().argmax(dim=1), 4)]

    def _mixed(self, X: Float[Tensor, "B 4 L"]) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        """A forward hook that puts mixtures of the bases' embeddings in place of the tokens'."""

        def mix(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            rows = cast(Tensor, module.weight)[self.ids[:4]]
            blank = (X == 0).all(dim=1).unsqueeze(-1)
            return torch.where(blank, output, X.transpose(1, 2).to(rows.dtype) @ rows)

        return mix


def _token_embedding(model: Model) -> nn.Embedding:
    """The module that turns token ids into vectors."""
    for module in cast(nn.Module, model).modules():
        if isinstance(module, nn.Embedding) and module.num_embeddings == model.config.vocab_size:
            return module
    raise InputError(
        f"a {type(model).__name__} model reads no embeddings, so it has no gradient; use method 'ism'"
    )


def one_hot(sequence: str) -> Float[Tensor, "4 L"]:
    """Rows A, C, G, T; a column of zeros for anything else."""
    letters = np.frombuffer(sequence.upper().encode("ascii"), dtype=np.uint8)
    return torch.from_numpy((letters == np.frombuffer(ACGT.encode(), dtype=np.uint8)[:, None]).astype("f4"))
