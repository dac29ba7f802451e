import pytest

from cistron.errors import InputError, UnknownNameError
from cistron.fusion import RECIPES
from cistron.fusion.memory import plan


def test_a_published_run_is_built_without_weights_and_its_memory_adds_up() -> None:
    run = RECIPES.get("qwen3-1.7b")()
    alone, shared = plan(run, "genos-tiny"), plan(run, "genos-tiny", devices=4)
    assert alone.parameters["language"] == pytest.approx(1.72e9, rel=0.01)
    assert shared.language == alone.language // 4
    assert alone.total > 2 * alone.parameters["language"] + 16 * alone.parameters["adapters"]


def test_unknown_models_are_named() -> None:
    with pytest.raises(InputError, match="no published run with a memory plan is called 'small'"):
        plan(RECIPES.get("small")())
    with pytest.raises(UnknownNameError, match="did you mean genos-10b"):
        plan(RECIPES.get("qwen3-4b")(), "genos-10")
