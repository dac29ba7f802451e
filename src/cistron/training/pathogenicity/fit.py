"""Fit a pair head to features that are at hand, and calibrate it on held-out alleles."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cistron.heads.allele_pair import AllelePair, AllelePairConfig
from cistron.training.pathogenicity import Fitting
from cistron.training.schedule import cosine

_WARMUP: Final = 0.05
Rows = Int[Tensor, "R"]


@dataclass(frozen=True)
class Examples:
    """What is known of labelled alleles.

    Attributes:
        vectors: What the head keeps of reference and alternative on each strand.
        columns: Numbers from elsewhere.
        pathogenic: 1 or 0.
    """

    vectors: Float[Tensor, "N T 2 S"]
    columns: Float[Tensor, "N F"]
    pathogenic: Float[Tensor, "N 1"]

    def with_columns(self, columns: Float[Tensor, "N F"]) -> Examples:
        """The same alleles with columns alone, for a baseline."""
        return Examples(self.vectors[:, :1, :, :0], columns, self.pathogenic)


def fitted(
    config: AllelePairConfig, examples: Examples, train: Rows, validation: Rows, how: Fitting, seed: int
) -> AllelePair:
    """A head that learned from some rows, was stopped by others and is calibrated on these.

    A head with columns begins as the logistic regression on them, so that its states learn what that leaves,
    and where they add nothing that validation confirms it stays the regression.

    Args:
        config: Of the head; one without parts reads columns alone.
        examples: The alleles.
        train: Rows to learn from.
        validation: Rows to stop by.
        how: Rates and passes.
        seed: Of initial weights, order and dropout.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = AllelePair(config)
        _standardise(head, examples, train)
        if config.inner_size:
            if config.columns:
                _begin(head, examples, train)
            head.load_state_dict(_passes(head, examples, train, validation, how))
        else:
            _solve(head, examples, train)
    head.eval()
    head.calibrate(outputs(head, examples, validation), examples.pathogenic[validation])
    return head


@torch.no_grad()
def outputs(head: AllelePair, examples: Examples, rows: Rows) -> Float[Tensor, "R 1"]:
    """Log-odds of some rows, the mean over strands."""
    head.eval()
    return _decide(head, examples, rows)


def _standardise(head: AllelePair, examples: Examples, train: Rows) -> None:
    vectors, strands = examples.vectors[train], examples.vectors.shape[1]
    extra = examples.columns[train].repeat_interleave(strands, dim=0)
    head.standardise(*vectors.flatten(0, 1).unbind(dim=1), extra=extra)


def _decide(head: AllelePair, examples: Examples, rows: Rows) -> Float[Tensor, "R 1"]:
    vectors, extra = examples.vectors[rows], examples.columns[rows]
    each = [head.decide(*strand.unbind(dim=1), extra=extra) for strand in vectors.unbind(dim=1)]
    return torch.stack(each).mean(dim=0)


def _begin(head: AllelePair, examples: Examples, train: Rows) -> None:
    """Make the head say what the logistic regression on its columns says."""
    assert head.direct is not None, "it has columns and a hidden layer"
    columns = AllelePairConfig(1, parts=(), columns=head.config.columns, inner_size=0, dropout=0.0)
    alone, seen = AllelePair(columns), examples.with_columns(examples.columns)
    _standardise(alone, seen, train)
    _solve(alone, seen, train)
    with torch.no_grad():
        head.direct.weight.copy_(alone.out.weight)
        head.out.weight.zero_()
        head.out.bias.copy_(alone.out.bias)


def _solve(head: AllelePair, examples: Examples, train: Rows) -> None:
    """Logistic regression on standardised features, with the penalty ½|w|² on the sum of losses."""
    head.eval()
    for parameter in head.parameters():
        torch.nn.init.zeros_(parameter)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = 0.5 * head.out.weight.square().sum() / len(train)
        found = head.loss(_decide(head, examples, train), examples.pathogenic[train]) + penalty
        found.backward()  # type: ignore[no-untyped-call]
        return found

    optimizer.step(loss)  # type: ignore[no-untyped-call]


def _passes(
    head: AllelePair, examples: Examples, train: Rows, validation: Rows, how: Fitting
) -> dict[str, Tensor]:
    """Train, and return the weights of the pass with the lowest validation loss."""
    decayed = [p for p in head.parameters() if p.dim() > 1]
    others = [p for p in head.parameters() if p.dim() <= 1]
    groups = [{"params": decayed, "weight_decay": how.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=how.lr)
    steps = -(-len(train) // how.batch) * how.passes

    def loss_now() -> float:
        return float(head.loss(outputs(head, examples, validation), examples.pathogenic[validation]))

    best, best_loss, waited, step = deepcopy(head.state_dict()), loss_now(), 0, 0
    for _ in range(how.passes):
        head.train()
        for chosen in torch.split(train[torch.randperm(len(train))], how.batch):
            for group in optimizer.param_groups:
                group["lr"] = how.lr * cosine(step, steps, round(_WARMUP * steps), 0.0)
            loss = head.loss(_decide(head, examples, chosen), examples.pathogenic[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
        found = loss_now()
        waited += 1
        if found < best_loss:
            best, best_loss, waited = deepcopy(head.state_dict()), found, 0
        if waited > how.patience:
            break
    return best
