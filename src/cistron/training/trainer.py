"""The training loop, the same for one process and for many."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

from cistron.errors import InputError, OutputError
from cistron.models import MODELS, Config
from cistron.tokenizers import TOKENIZERS, Tokenizer
from cistron.training import ProgressFn, Stopped
from cistron.training.batches import Reader, Rows, StepRows, validation_rows
from cistron.training.checkpoint import Checkpoints, tensors_of
from cistron.training.corpora import opened_corpora, sequences
from cistron.training.export import config_at, export_run, with_rope
from cistron.training.folder import MODEL, claimed
from cistron.training.guards import Guard
from cistron.training.logs import RunLog
from cistron.training.loss import IGNORED, pretraining_loss
from cistron.training.optim import adamw, set_rate, take_logarithms
from cistron.training.parallel import Parallel
from cistron.training.pretrain import Pretraining
from cistron.training.signals import StopRequest
from cistron.training.stages import Timetable
from cistron.training.tally import Tally
from cistron.training.world import highest, joined_world, rank, wait_for_all


def train(run: Pretraining, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
    """Train `run` in `folder` to its end; see `cistron.training.Run.execute`."""
    with joined_world() as device, ExitStack() as held:
        is_main = rank() == 0
        if is_main:
            held.enter_context(claimed(run, folder, resume=resume))
        wait_for_all()
        trainer = _Trainer(run, folder, device, resume=resume, progress=progress if is_main else _unseen)
        try:
            trainer.train()
        finally:
            trainer.close()
        if is_main:
            # The folder is this run's alone, so what a finished run is resumed over is its own model.
            export_run(folder, folder / MODEL, overwrite=True)
        wait_for_all()


class _Trainer:
    """The loop, with what it needs at hand."""

    def __init__(
        self, run: Pretraining, folder: Path, device: torch.device, *, resume: bool, progress: ProgressFn
    ) -> None:
        self.resume = resume
        self.run, self.folder, self.device, self.progress = run, folder, device, progress
        spec = MODELS.get(run.architecture)
        self.tokenizer: Tokenizer = TOKENIZERS.get(spec.tokenizer)()
        self.config = spec.config(run.model)
        _check_windows(run, self.config)
        self.world = Parallel(run.layout, spec, self.config, device)
        self.corpora = opened_corpora(run.data, folder, progress, resume=resume)
        self.reader = Reader(run, self.corpora, self.tokenizer, self.world)
        self.validation = [self._placed(rows) for rows in validation_rows(run, self.tokenizer, self.world)]
        torch.manual_seed(run.seed)
        model = spec.build(self.config)
        if spec.prepare is not None:
            spec.prepare(model, sequences(self.corpora))
        self.tally = Tally(model, self.config, device, torch.bfloat16 if run.autocast else _dtype(run.dtype))
        model = model.to(device)
        self.model = self.world.apply(
            model.double() if run.dtype == "float64" else model,
            param_dtype=None if run.gather == "same" else _dtype(run.gather),
            checkpointing=run.activation_checkpointing,
            compile=run.compile,
        )
        self.optimizer = adamw(self.model, run.optim)
        self.timetable = Timetable(run.stages, run.optim)
        self.guard = Guard(run.guards)
        self._stage: int | None = None
        self._none = torch.zeros((), dtype=torch.long, device=device)
        self.log = RunLog(None, (), 0)
        group = dist.new_group(backend="gloo") if self.world.world > 1 else None
        self.checkpoints = Checkpoints(folder, keep=run.keep, is_main=self.world.is_main, group=group)

    def train(self) -> None:
        """Run all stages and save the end of the last.

        Raises:
            Stopped: A signal asked for it.
        """
        first = self._restored() if self.resume else 0
        self.log = RunLog(self.folder if self.world.is_main else None, self.run.loggers, first)
        with StopRequest() as request, closing(self.reader.steps(first)) as steps:
            for step, rows in enumerate(steps, start=first + 1):
                self._step(step, rows)
                stop, failed = highest([request.received, int(self.checkpoints.failed)])
                self._after(step, save=bool(stop or failed))
                if stop and step < self.timetable.total:
                    self.checkpoints.wait()
                    raise Stopped(step, stop)
            self.checkpoints.wait()

    def close(self) -> None:
        """Let a save in flight come to its end and close the log, whatever ended the training."""
        with suppress(OutputError):
            self.checkpoints.wait()
        self.log.close()

    def _after(self, step: int, save: bool) -> None:
        """What is due now and then: the log, validation, a checkpoint."""
        run, last = self.run, step == self.timetable.total
        if step % run.log_every == 0 or last:
            self.log.write(self.tally.row(step, self.world.world, run.guards.dead_share))
        validated = None
        if self.validation and (step % run.validate_every == 0 or last):
            validated = self._validate(step)
        if step % run.checkpoint_every == 0 or last or save:
            state = {"validation": validated, "guard": self.guard.state(), "tally": self.tally.state()}
            self.checkpoints.save(step, tensors_of(self.model, self.optimizer), state)
        self.progress(step, self.timetable.total, self.tally.note)

    def _step(self, step: int, rows: StepRows) -> None:
        """One optimiser step, or none where the guard objects."""
        self._enter(step)
        rate = self.timetable.rate(step - 1)
        set_rate(self.optimizer, rate)
        self.model.train()
        facts = self.world.total(self._backward(rows))
        take_logarithms(self.model)
        norm = float(self.world.clip_gradients(self.model, self.run.optim.clip))
        self.tally.add(facts, rows, gradient_norm=norm, rate=rate)
        objection = self.guard.objection(self.tally.nats_per_base, norm)
        if objection is None:
            self.optimizer.step()
        else:
            self.log.write({"step": step, "skipped": objection, "skipped_in_all": self.guard.skipped})
        self.optimizer.zero_grad(set_to_none=True)

    def _backward(self, rows: StepRows) -> Tensor:
        """Gradients of the step on this rank, and its share of the numbers that `Tally.add` takes."""
        parts = [self._placed(part) for part in rows.parts]
        scored = self.world.total(sum((_scored(part) for part in parts), self._none))
        facts: Tensor | None = None
        for part in parts:
            found = self._forward(part, scored, backward=True)
            facts = found if facts is None else facts + found
        assert facts is not None
        return facts

    def _forward(self, rows: Rows, scored: Tensor, *, backward: bool = False) -> Tensor:
        """This rank's share of cross-entropy, balance and z, and its expert counts, in one vector."""
        optim, world = self.run.optim, self.world
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.run.autocast):
            output = self.model(rows.input_ids, document_ids=rows.document_ids)
        loss = pretraining_loss(
            output.logits,
            rows.labels,
            output.aux,
            balance_weight=optim.balance_weight * rows.share,
            z_weight=optim.z_weight * rows.share,
            scored=scored,
            total=world.total,
            ranks=world.parts,
        )
        if backward:
            loss.total.backward()  # type: ignore[no-untyped-call]
        counts = output.aux.get("expert_counts", torch.zeros(0, device=self.device))
        scalars = torch.stack((loss.cross_entropy, loss.balance * rows.share, loss.z * rows.share))
        return torch.cat((scalars.detach().double(), counts.detach().double().flatten()))

    @torch.no_grad()
    def _validate(self, step: int) -> float:
        """Log and return the mean loss over the validation windows, in the arithmetic of training."""
        scored = self.world.total(sum((_scored(rows) for rows in self.validation), self._none))
        shares = [self._forward(rows, scored)[0] for rows in self.validation]
        nats = float(self.world.total(torch.stack(shares).sum()))
        self.tally.validated(nats)
        self.log.write({"step": step, "tokens": self.tally.tokens, "validation_nats_per_base": nats})
        return nats

    def _enter(self, step: int) -> None:
        """Take up what changes with a stage, where `step` is the first of its stage that is seen here."""
        stage = self.timetable.stage(step - 1)
        if stage == self._stage:
            return
        if self._stage is not None:
            self.guard.new_stage()
        self._stage = stage
        cast(Any, self.model).config = config_at(self.run, self.config, step)

    def _restored(self) -> int:
        """Go back to the newest checkpoint and return the steps it had done."""
        progress = self.checkpoints.restore(tensors_of(self.model, self.optimizer))
        done: int = progress["step"]
        self.guard.restore(progress["guard"])
        self.tally.restore(progress["tally"])
        self._enter(done)
        return done

    def _placed(self, rows: Rows) -> Rows:
        """The rows on this rank's device."""
        ids = rows.document_ids
        return Rows(
            rows.input_ids.to(self.device),
            rows.labels.to(self.device),
            None if ids is None else ids.to(self.device),
            rows.share,
        )


def _scored(rows: Rows) -> Tensor:
    return (rows.labels != IGNORED).sum()


def _check_windows(run: Pretraining, config: Config) -> None:
    """Return silently when the model can read the windows of every stage.

    Raises:
        InputError: One is too long, or a stage sets what the model's rotary positions do not have.
    """
    for stage in run.stages:
        longest = max(window.length for window in stage.lengths)
        if longest > config.context_length:
            raise InputError(
                f"a window of {longest:,} tokens does not fit the model's context of "
                f"{config.context_length:,}; raise model.max_position_embeddings or take shorter windows"
            )
        with_rope(config, stage)


def _dtype(name: str) -> torch.dtype:
    return cast(torch.dtype, getattr(torch, name))


def _unseen(done: int, total: int, note: str) -> None:
    """The progress of a rank that nobody watches."""
