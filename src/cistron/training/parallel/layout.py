"""How the processes of a run are arranged, and whether a model can be divided that way."""

from __future__ import annotations

from dataclasses import dataclass

from cistron.errors import InputError
from cistron.models import Config, ModelSpec


@dataclass(frozen=True)
class Layout:
    """How the processes of a run are arranged; there are `shard` × `context` × `tensor` of them.

    Attributes:
        shard: Ranks that parameters and the rows of a batch are divided among; 0 takes all that are left.
        tensor: Ranks that the heads of a layer and the tokens of its experts are divided among.
        expert: Ranks that the experts of a layer are divided among; they are ranks of `shard`, which it
            must divide.
        context: Ranks that one sequence is divided among.
    """

    shard: int = 0
    tensor: int = 1
    expert: int = 1
    context: int = 1

    def __str__(self) -> str:
        return f"shard={self.shard}, tensor={self.tensor}, expert={self.expert}, context={self.context}"

    def fitted(self, world: int) -> Layout:
        """The layout with `shard` filled in for a number of processes.

        Raises:
            InputError: The layout is not made for that many; the message says for how many it is.
        """
        if min(self.tensor, self.expert, self.context) < 1 or self.shard < 0:
            raise InputError(f"the layout ({self}) has sizes below 1; only shard may be 0, for all ranks")
        if self.shard % self.expert:
            raise InputError(
                f"the layout ({self}) divides the experts among {self.expert} of {self.shard} ranks; "
                f"make shard 0 or a multiple of {self.expert}"
            )
        each = self.tensor * self.context
        if self.shard and world != self.shard * each:
            raise InputError(
                f"the layout ({self}) is made for {self.shard * each} processes and there are {world}; "
                f"start {self.shard * each}, or set shard to 0"
            )
        step = each * self.expert
        if world % step:
            works = ", ".join(str(step * n) for n in (1, 2, 3))
            raise InputError(
                f"the layout ({self}) does not work with {world} processes; it works with {works} … "
                f"(multiples of {step})"
            )
        return Layout(world // each, self.tensor, self.expert, self.context)

    def check(self, spec: ModelSpec, config: Config) -> None:
        """Whether a model's plan and sizes allow to divide it so.

        Raises:
            InputError: They do not; the message says which sizes would do.
        """
        kinds = set(spec.parallel_plan.values())
        needed = {"tensor": {"columns", "rows"}, "expert": {"experts", "dispatch"}}
        needed["context"] = {"heads", "sequence"}
        for axis, marks in needed.items():
            if getattr(self, axis) > 1 and not marks <= kinds:
                raise InputError(
                    f"{axis}={getattr(self, axis)} is not possible with this architecture, whose parallel "
                    f"plan names no {' and '.join(sorted(marks - kinds))}; set {axis} to 1"
                )
        _divides(config, "num_key_value_heads", "tensor × context", self.tensor * self.context)
        _divides(config, "num_attention_heads", "tensor × context", self.tensor * self.context)
        _divides(config, "num_local_experts", "expert", self.expert)


def _divides(config: Config, name: str, axes: str, size: int) -> None:
    count = getattr(config, name, None)
    if count is None or count % size == 0:
        return
    works = ", ".join(str(n) for n in range(1, count + 1) if count % n == 0)
    raise InputError(f"{axes} = {size} does not divide the model's {name} of {count}; {works} would do")
