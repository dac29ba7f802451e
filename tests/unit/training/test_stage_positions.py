"""What a stage may change about the rotary positions of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cistron.errors import InputError
from cistron.models import MODELS
from cistron.training.export import config_at
from cistron.training.pretrain import Pretraining, Stage

HYENA, GENOS = MODELS.get("stripedhyena2"), MODELS.get("genos")


def test_a_factor_holds_until_a_later_stage_gives_another(make_run: Callable[..., Pretraining]) -> None:
    first, second = make_run().stages
    tiny = replace(HYENA.sizes["evo2-tiny"], rope_factor=1.0)
    stages: tuple[Stage, ...] = (
        replace(first, steps=2),
        replace(second, steps=2, total_tokens=None, rope_factor=4.0, rope_theta=None),
        replace(second, steps=2, total_tokens=None, rope_theta=1e6),
        replace(second, steps=2, total_tokens=None, rope_factor=8.0, rope_theta=None),
    )
    run = make_run(architecture="stripedhyena2", model=tiny.to_dict(), stages=stages)
    found = [config_at(run, tiny, step) for step in (1, 2, 3, 5, 7)]
    assert [(config.rope_factor, config.rope_theta) for config in found] == [
        (1.0, 1e4),
        (1.0, 1e4),
        (4.0, 1e4),
        (4.0, 1e6),
        (8.0, 1e6),
    ]


def test_a_factor_is_refused_before_a_step_where_positions_cannot_be_stretched(
    make_run: Callable[..., Pretraining], tmp_path
) -> None:
    first, second = make_run().stages
    run = make_run(stages=(first, replace(second, rope_factor=4.0)))
    with pytest.raises(InputError, match="sets rope_factor, but the architecture has no interpolated"):
        run.execute(tmp_path / "run", resume=False, progress=lambda *_: pytest.fail("it trained"))
