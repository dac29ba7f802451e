"""Training on tracks: windows read on the strands that tell of each track, and their measured signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cistron.data.corpus import expanded
from cistron.data.labelled import SPLITS
from cistron.data.tracks.prepared import PreparedTracks
from cistron.errors import InputError
from cistron.heads import HEADS, Hidden
from cistron.heads.coverage_track import TrackHead
from cistron.inference.load import LoadedModel, load
from cistron.inference.predict import Text, hidden_of, refuse_other_tokens
from cistron.training import ProgressFn
from cistron.training.finetune.saving import save_trained
from cistron.training.finetune.session import Session, pieces
from cistron.training.finetune.tracks import FOLLOWS, TrackTraining
from cistron.training.folder import claimed


def train_tracks(run: TrackTraining, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
    """Train `run` in `folder` to its end; see `TrackTraining.execute`."""
    reference = None if run.data.reference is None else expanded(run.data.reference)
    with PreparedTracks(expanded(run.data.folder), reference) as tracks, claimed(run, folder, resume=resume):
        loaded = load(run.model, device=run.device)
        _refuse_unfit(run, tracks, loaded)
        session = TrackSession(run, folder, loaded, tracks, progress)
        session.train(resume=resume)
        session.finish()


class TrackSession(Session[TrackTraining]):
    """A model, a head for tracks, and windows in three parts."""

    def __init__(
        self,
        run: TrackTraining,
        folder: Path,
        loaded: LoadedModel,
        tracks: PreparedTracks,
        progress: ProgressFn,
    ) -> None:
        told = {"tracks": tracks.names, "means": tracks.means, "plus": tracks.plus, "minus": tracks.minus}
        super().__init__(run, folder, loaded, {**run.settings, **told}, progress)
        self.tracks = tracks
        self.directions = self._tracks_head.directions(run.strands)
        self._kept: dict[tuple[str, int, bool], Float[Tensor, "L D"]] = {}
        self._room = 0 if self.trained.reads_model else int(run.keep_gb * 1e9)

    @property
    def _tracks_head(self) -> TrackHead:
        return cast(TrackHead, self.trained.head)

    def count(self, split: str) -> int:
        """Windows of a part."""
        return len(self.tracks.windows[split])

    def begin(self, *, fresh: bool) -> None:
        """Say how much there is; nothing has to be done before the first pass."""
        counts = ", ".join(f"{split} {self.count(split):,}" for split in SPLITS)
        self.progress(0, self.run.epochs, f"windows: {counts}")

    def loss_of(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Float[Tensor, ""]:
        """Mean loss of the chosen windows, over the tracks that their directions tell of."""
        outputs = self._outputs(split, chosen, reverse)
        targets = self._targets(split, chosen)
        heard = torch.stack([self._tracks_head.heard(turned, self.run.strands) for turned in reverse])
        return self.head.loss(outputs, targets.masked_fill(~heard[..., None], torch.nan))

    @torch.no_grad()
    def loss_on(self, split: str) -> float:
        """Mean loss of a part, of outputs that are averaged over directions."""
        self.trained.eval()
        total = 0.0
        for chosen in self._few(split):
            loss = self.head.loss(self._both_ways(split, chosen), self._targets(split, chosen))
            total += float(loss) * len(chosen)
        return total / self.count(split)

    @torch.no_grad()
    def correlations(self, split: str) -> dict[str, dict[str, float | None]]:
        """Track → Pearson's correlation of predicted and measured signal over all bases of a part's windows.

        `pearson_log1p` is that of log(1 + signal); None where one of the two does not vary.
        """
        self.trained.eval()
        sums = {name: np.zeros((len(self.tracks.names), 6)) for name in ("pearson", "pearson_log1p")}
        for chosen in self._few(split):
            answers = self.head.answer(self._both_ways(split, chosen)).double().cpu()
            targets = self._targets(split, chosen).double().cpu()
            sums["pearson"] += _moments(answers, targets)
            sums["pearson_log1p"] += _moments(answers.log1p(), targets.log1p())
        return {
            track: {name: _correlation(rows[number]) for name, rows in sums.items()}
            for number, track in enumerate(self.tracks.names)
        }

    def write(self, checkpoint: Path) -> None:
        """Measure the head on the test part, if there is one, and write it with its results."""
        facts: dict[str, Any] = {
            "width": self.tracks.width,
            "items": {split: self.count(split) for split in SPLITS},
            "reference_sha256": self.tracks.index["reference"]["sha256"],
            "test": self.correlations("test") if self.count("test") else {},
        }
        save_trained(self, checkpoint, facts)

    def _few(self, split: str) -> Iterator[Sequence[int]]:
        return pieces(range(self.count(split)), self.run.together or self.run.batch)

    def _both_ways(self, split: str, chosen: Sequence[int]) -> Float[Tensor, "B T L"]:
        return self._tracks_head.both_ways(
            lambda reverse: self._decided(split, chosen, [reverse] * len(chosen)), self.run.strands
        )

    def _outputs(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Float[Tensor, "B T L"]:
        """Outputs along the plus strand."""
        found = self._decided(split, chosen, reverse)
        turned = torch.tensor(reverse, device=found.device)[:, None, None]
        return torch.where(turned, found.flip(-1), found)

    def _decided(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Float[Tensor, "B T L"]:
        """Outputs in reading direction."""
        states = self._states(split, chosen, reverse)
        return self.head.decide(self.head.summarise(Hidden(states)))

    def _states(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Float[Tensor, "B L D"]:
        keys = [(split, at, turned) for at, turned in zip(chosen, reverse, strict=True)]
        if all(key in self._kept for key in keys):
            return torch.stack([self._kept[key] for key in keys]).to(self.loaded.device)
        states = self._read(keys)
        for key, rows in zip(keys, states, strict=True):
            size = rows.nelement() * rows.element_size()
            if key not in self._kept and size <= self._room:
                self._kept[key] = rows.cpu().clone()
                self._room -= size
        return states

    def _read(self, keys: Sequence[tuple[str, int, bool]]) -> Float[Tensor, "B L D"]:
        texts = [Text(self.tracks.sequence(self.tracks.windows[split][at])) for split, at, _ in keys]
        read = [text.reversed() if key[2] else text for text, key in zip(texts, keys, strict=True)]
        loaded = self.loaded
        with (
            self.trained.reading(loaded.built.model),
            torch.autocast(loaded.device.type, torch.bfloat16, enabled=self.run.autocast),
            torch.set_grad_enabled(torch.is_grad_enabled() and self.trained.reads_model),
        ):
            return hidden_of(loaded.model, loaded.tokenizer, read, self.run.layers).states

    def _targets(self, split: str, chosen: Sequence[int]) -> Float[Tensor, "B T L"]:
        windows = self.tracks.windows[split]
        signal = np.stack([self.tracks.signal(windows[at]) for at in chosen])
        return torch.from_numpy(signal).to(self.loaded.device)


def _moments(first: Float[Tensor, "B T L"], second: Float[Tensor, "B T L"]) -> Float[np.ndarray, "T 6"]:
    """Count and sums of both, their squares and their product, over what is known of the second."""
    known = ~second.isnan()
    x, y = torch.where(known, first, 0.0), torch.where(known, second, 0.0)
    parts = (known.double(), x, y, x * x, y * y, x * y)
    moments: Float[np.ndarray, "T 6"] = torch.stack([part.sum((0, 2)) for part in parts], dim=-1).numpy()
    return moments


def _correlation(moments: Float[np.ndarray, "6"]) -> float | None:
    count, x, y, xx, yy, xy = moments.tolist()
    spread = (xx - x * x / count) * (yy - y * y / count)
    return (xy - x * y / count) / spread**0.5 if spread > 0 else None


def _refuse_unfit(run: TrackTraining, tracks: PreparedTracks, loaded: LoadedModel) -> None:
    spec = HEADS.get(run.head)
    if not (isinstance(spec.build, type) and issubclass(spec.build, TrackHead)):
        raise InputError(f"the head '{run.head}' predicts no tracks; take coverage-track or coverage-unet")
    refuse_other_tokens(loaded.tokenizer)
    most = loaded.model.config.context_length
    if tracks.width > most:
        raise InputError(
            f"windows of {tracks.width:,} bp; {loaded.name} reads {most:,} at most: prepare the tracks with"
            " --width or take another model"
        )
    if strange := sorted(FOLLOWS & run.settings.keys()):
        raise InputError(f"settings.{strange[0]} follows from the prepared tracks; leave it out")
