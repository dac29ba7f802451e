"""The recipe of the published RNA-seq run has its sizes and settings."""

from __future__ import annotations

import torch

from cistron.heads import HEADS
from cistron.models import MODELS
from cistron.training import RECIPES
from cistron.training.finetune.modes import Trained
from cistron.training.finetune.optim import optimizer_of
from cistron.training.finetune.tracks import TrackTraining


def test_model_and_head_have_the_published_1_246_799_874_trainable_parameters():
    run = RECIPES.get("genos-rnaseq")()
    assert isinstance(run, TrackTraining)
    spec, genos = HEADS.get(run.head), MODELS.get("genos")
    with torch.device("meta"):
        model = genos.build(genos.sizes["genos-1.2b"])
        head = spec.build(spec.config({**run.settings, "hidden_size": 1024}))
        trained = Trained(run, model, head)
        groups = optimizer_of(trained, run).param_groups
    counted = {
        name: parameter.numel()
        for name, parameter in trained.named_parameters()
        if parameter.requires_grad and "lm_head" not in name
    }
    assert sum(counted.values()) == 1_246_799_874
    assert {group["peak"] for group in groups} == {5e-5}
    assert {group["weight_decay"] for group in groups} == {0.01, 0.0}


def test_a_step_holds_256_windows_that_go_through_one_at_a_time():
    run = RECIPES.get("genos-rnaseq")()
    assert (run.batch, run.together) == (256, 1)
    assert run.optim.name == "adafactor"
