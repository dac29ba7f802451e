from __future__ import annotations

import pytest
from torch import nn

from cistron.models import MODELS
from cistron.training.parallel.plan import planned, wrap

KINDS = {"columns", "rows", "experts", "dispatch", "heads", "sequence"}


class Around(nn.Module):
    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside


@pytest.mark.parametrize("name", MODELS.names())
def test_every_pattern_of_a_plan_names_modules_and_a_known_kind(name):
    spec = MODELS.get(name)
    for pattern, kind in spec.parallel_plan.items():
        assert kind in KINDS
        model = spec.build(min(spec.sizes.values(), key=lambda config: config.hidden_size))
        assert planned(model, {pattern: kind}, kind)


@pytest.fixture
def genos():
    spec = MODELS.get("genos")
    return spec.build(spec.sizes["genos-tiny"]), spec.parallel_plan


def test_a_star_stands_for_one_part_of_a_name(genos):
    model, plan = genos
    assert list(planned(model, plan, "rows")) == [f"model.layers.{i}.self_attn.o_proj" for i in range(2)]
    assert not planned(model, {"model.*.o_proj": "rows"}, "rows")


def test_what_is_wrapped_has_no_parameters_so_that_names_in_checkpoints_stay(genos):
    model, plan = genos
    before = list(model.state_dict())
    for kind in ("dispatch", "heads", "sequence"):
        assert not any(list(module.parameters()) for module in planned(model, plan, kind).values())
        wrap(model, plan, kind, Around)
    assert list(model.state_dict()) == before
