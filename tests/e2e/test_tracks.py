"""Tracks from bigWig files to a trained head and back to bigWig files, and what is refused on the way."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pybigtools
import pyBigWig
import pytest
import torch

from cistron.errors import InputError
from cistron.formats.bigwig import Run, bigwig_contigs, read_bigwig, write_bigwig
from cistron.models.genos import MODEL
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.training.finetune.tracks import TrackData, TrackTraining, head_settings
from cistron.training.settings import apply_settings
from cistron.weights.folder import save_folder
from cistron.weights.heads import read_head

FEW = ("--train", "a:1-4096", "--validation", "a:8193-8704", "--test", "b:1-1000")
PARTS = ("--train", "a:1-8192", "--validation", "a:8193-10240", "--test", "b")


class Genome(NamedTuple):
    """A genome, and the signal that its sequence makes on either strand."""

    fasta: Path
    bases: dict[str, str]
    signal: dict[str, dict[str, np.ndarray]]


def planted(bases: str) -> dict[str, np.ndarray]:
    """5 on every A behind a G; on the minus strand 7 on every base that reads so there."""
    at = np.array(list(bases))
    plus, minus = np.zeros(len(bases)), np.zeros(len(bases))
    plus[1:] = 5.0 * ((at[1:] == "A") & (at[:-1] == "G"))
    minus[:-1] = 7.0 * ((at[:-1] == "T") & (at[1:] == "C"))
    return {"plus": plus, "minus": minus}


def bigwig(path: Path, values: dict[str, np.ndarray], contigs: dict[str, int] | None = None) -> Path:
    sizes = contigs or {chrom: len(row) for chrom, row in values.items()}
    write_bigwig(
        path, sizes, [Run(chrom, 0, np.where(row == 0, np.nan, row)) for chrom, row in values.items()]
    )
    return path


@pytest.fixture(scope="module")
def genome(tmp_path_factory) -> Genome:
    folder = tmp_path_factory.mktemp("genome")
    rng = random.Random(7)
    bases = {chrom: "".join(rng.choices("ACGT", k=size)) for chrom, size in (("a", 10_240), ("b", 2_000))}
    (folder / "genome.fa").write_text("".join(f">{chrom}\n{text}\n" for chrom, text in bases.items()))
    found = {chrom: planted(text) for chrom, text in bases.items()}
    for name, sign in (("plus", 1), ("minus", -1)):
        bigwig(folder / f"{name}.bw", {chrom: sign * rows[name] for chrom, rows in found.items()})
    return Genome(folder / "genome.fa", bases, found)


@pytest.fixture
def prepare(command, genome, tmp_path):
    """Prepares both tracks in windows of 256 bp, with further words; gives the run and the folder."""

    def run(*words, files=("plus=plus.bw", "minus=minus.bw"), parts=PARTS):
        names = [f"{name}={genome.fasta.parent / path}" for name, path in (one.split("=") for one in files)]
        out = tmp_path / "prepared"
        strands = ("--plus", "plus", "--minus", "minus", "--negate", "minus") if len(files) == 2 else ()
        sizes = () if "--width" in words else ("--width", 256)
        line = [*names, "-r", genome.fasta, "-o", out, *sizes, *parts, *strands, *words]
        return command("tracks", "prepare", *line), out

    return run


@pytest.fixture(scope="module")
def trained(tmp_path_factory, command, genome, tiny):
    """A run's folder: both tracks, the published head, a frozen model."""
    folder = tmp_path_factory.mktemp("trained")
    files = [f"{name}={genome.fasta.parent / name}.bw" for name in ("plus", "minus")]
    strands = ("--plus", "plus", "--minus", "minus", "--negate", "minus")
    made = command(
        "tracks",
        "prepare",
        *files,
        "-r",
        genome.fasta,
        "-o",
        folder / "data",
        "--width",
        256,
        *FEW,
        *strands,
    )
    assert made.code == 0, made.err
    words = ("--set", "epochs=5", "--set", "loggers=", "--set", "optim.lr=0.02", "--set", "batch=4")
    made = command(
        "tracks",
        "train",
        folder / "data",
        "-o",
        folder / "run",
        "-m",
        tiny,
        "--head",
        "coverage-track",
        *words,
    )
    assert made.code == 0, made.err
    return folder


def test_windows_stay_inside_their_part_and_signal_is_as_measured(prepare, genome):
    made, out = prepare()
    assert made.code == 0, made.err
    index = json.loads((out / "tracks.json").read_text())
    assert {name: part["windows"] for name, part in index["parts"].items()} == {
        "train": 63,
        "validation": 15,
        "test": 15,
    }
    windows = [line.split("\t") for line in (out / "windows.bed").read_text().splitlines()]
    assert all(int(end) <= 8192 for _, _, end, part, *_ in windows if part == "train")
    assert all(int(start) >= 8192 for chrom, start, _, part, *_ in windows if part == "validation")
    for name in ("plus", "minus"):
        found = np.nan_to_num(read_bigwig(out / f"{name}.bw", "a", 0, 10_240))
        np.testing.assert_array_equal(found, genome.signal["a"][name])
    assert [track["mean"] for track in index["tracks"]] == [5.0, 7.0]
    assert [track["strand"] for track in index["tracks"]] == ["+", "-"]
    made, _ = prepare()
    assert "already holds prepared tracks" in made.error


def test_replicates_are_averaged_and_gaps_count_as_zero(prepare, genome, tmp_path):
    half = {chrom: rows["plus"].copy() for chrom, rows in genome.signal.items()}
    half["a"][4096:] = 0
    bigwig(genome.fasta.parent / "half.bw", half)
    made, out = prepare(files=("x=plus.bw", "x=half.bw", "y=plus.bw"))
    assert made.code == 0, made.err
    found = np.nan_to_num(read_bigwig(out / "x.bw", "a", 0, 10_240))
    np.testing.assert_array_equal(found, (genome.signal["a"]["plus"] + half["a"]) / 2)


def test_contigs_are_found_under_their_other_names(prepare, genome):
    bigwig(
        genome.fasta.parent / "chr.bw", {f"chr{chrom}": rows["plus"] for chrom, rows in genome.signal.items()}
    )
    made, out = prepare(files=("x=chr.bw",))
    assert made.code == 0, made.err
    found = np.nan_to_num(read_bigwig(out / "x.bw", "a", 0, 10_240))
    np.testing.assert_array_equal(found, genome.signal["a"]["plus"])


def test_a_plan_says_the_same_as_the_options(command, prepare, genome, tmp_path):
    _, out = prepare()
    plan = genome.fasta.parent / "tracks.toml"
    plan.write_text(
        'reference = "genome.fa"\nwidth = 256\ntrain = "a:1-8192"\nvalidation = ["a:8193-10240"]\n'
        'test = "b"\n[[tracks]]\nname = "plus"\nfiles = "plus.bw"\nstrand = "+"\n'
        '[[tracks]]\nname = "minus"\nfiles = ["minus.bw"]\nstrand = "-"\nnegate = true\n'
    )
    made = command("tracks", "prepare", plan, "-o", tmp_path / "planned")
    assert made.code == 0, made.err
    for name in ("tracks.json", "windows.bed", "train.bed", "plus.bw", "minus.bw"):
        assert (tmp_path / "planned" / name).read_bytes() == (out / name).read_bytes()


def test_without_regions_all_that_is_not_held_out_is_trained_on(prepare):
    made, out = prepare(parts=("--validation", "chra:8193-10240"))
    assert made.code == 0, made.err
    rows = [line.split("\t")[:3] for line in (out / "train.bed").read_text().splitlines()]
    assert rows == [["a", "0", "8192"], ["b", "0", "2000"]]


def test_blacklisted_bases_do_not_count_and_windows_full_of_them_go(prepare, tmp_path):
    (tmp_path / "black.bed").write_text("a\t0\t1024\na\t5000\t5010\nchrUnknown\t0\t5\n")
    made, out = prepare("--blacklist", tmp_path / "black.bed")
    assert made.code == 0, made.err
    rows = [line.split("\t")[:3] for line in (out / "train.bed").read_text().splitlines()]
    assert rows == [["a", "1024", "5000"], ["a", "5010", "8192"]]
    assert "7 dropped" in made.err


def test_a_head_learns_both_strands_and_predicts_them_at_their_own_bases(
    command, trained, genome, tiny, tmp_path
):
    metrics = json.loads((trained / "run/metrics.json").read_text())
    assert metrics["test"]["plus"]["pearson"] > 0.9
    assert metrics["test"]["minus"]["pearson"] > 0.9
    out = tmp_path / "out.bw"
    made = command("tracks", "predict", trained / "run/head", "b", "-r", genome.fasta, "-o", out, "-m", tiny)
    assert made.code == 0, made.err
    for name in ("plus", "minus"):
        path, truth = tmp_path / f"out.{name}.bw", genome.signal["b"][name]
        mine = read_bigwig(path, "b", 0, 2_000)
        with pyBigWig.open(str(path)) as other:
            np.testing.assert_array_equal(other.values("b", 0, 2_000, numpy=True), mine)
        with pybigtools.open(str(path)) as other:
            np.testing.assert_array_equal(other.values("b", 0, 2_000, fillna=None), mine)
        assert np.corrcoef(mine, truth)[0, 1] > 0.9
        # One base off would be a correlation near zero.
        assert np.corrcoef(mine[1:], truth[:-1])[0, 1] < 0.2


def test_a_stretch_is_predicted_as_in_the_whole_contig_and_n_gets_no_value(
    command, trained, genome, tiny, tmp_path
):
    hidden = genome.bases["b"][:1000] + "N" * 10 + genome.bases["b"][1010:]
    (tmp_path / "n.fa").write_text(f">b\n{hidden}\n")
    (tmp_path / "some.bed").write_text("b\t900\t1100\nb\t1500\t1501\n")
    for name, region in (("all", "b"), ("some", tmp_path / "some.bed")):
        words = (region, "-r", tmp_path / "n.fa", "-o", tmp_path / f"{name}.bw", "-m", tiny)
        made = command("tracks", "predict", trained / "run/head", *words)
        assert made.code == 0, made.err
    whole, some = (read_bigwig(tmp_path / f"{name}.plus.bw", "b", 0, 2_000) for name in ("all", "some"))
    assert np.flatnonzero(np.isnan(whole)).tolist() == [*range(1000, 1010)]
    assert np.flatnonzero(~np.isnan(some)).tolist() == [*range(900, 1000), *range(1010, 1100), 1500]
    np.testing.assert_array_equal(some[900:1000], whole[900:1000])
    assert bigwig_contigs(tmp_path / "some.plus.bw") == {"b": 2_000}


def test_a_prediction_that_was_killed_goes_on_and_ends_alike(
    command, trained, genome, tiny, tmp_path, monkeypatch
):
    def words(name):
        return (
            "tracks",
            "predict",
            trained / "run/head",
            "b",
            "-r",
            genome.fasta,
            "-o",
            tmp_path / name,
            "-m",
            tiny,
        )

    assert command(*words("whole.bw")).code == 0
    from cistron.formats.journal import Journal

    append = Journal.append

    def broken(journal, *given):
        append(journal, *given)
        if journal.done == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "append", broken)
        assert command(*words("halved.bw")).code == 130
    assert "--resume" in command(*words("halved.bw")).error
    assert command(*words("halved.bw"), "--resume").code == 0
    for name in ("plus", "minus"):
        assert (tmp_path / f"halved.{name}.bw").read_bytes() == (tmp_path / f"whole.{name}.bw").read_bytes()
    assert not list(tmp_path.glob("*journal"))


@pytest.mark.parametrize(
    ("mode", "head", "settings"),
    [
        (
            "frozen",
            "coverage-unet",
            ("keep_gb=0.001", "settings.inner_size=16", "settings.levels=1", "settings.loss=tweedie"),
        ),
        ("lora", "coverage-track", ("lora.rank=2",)),
        ("last", "coverage-track", ("optim.name=adafactor",)),
        ("full", "coverage-track", ("together=none", "strands=forward")),
    ],
)
def test_a_training_that_was_interrupted_ends_like_one_that_was_not(
    command, trained, genome, tiny, tmp_path, mode, head, settings
):

    few = tmp_path / "data"
    shutil.copytree(trained / "data", few)
    rows = (few / "windows.bed").read_text().splitlines()
    (few / "windows.bed").write_text("\n".join(rows[:4] + rows[31:32] + rows[34:35]) + "\n")
    given = {"model": str(tiny), "head": head, "settings": head_settings(head), "mode": mode}
    run = TrackTraining(data=TrackData(str(few)), epochs=2, batch=2, **given)
    run = apply_settings(run, ["loggers=", *settings])

    def interrupted(done, total, text):
        if done == 1 and "step" in text:
            raise KeyboardInterrupt

    run.execute(tmp_path / "whole", resume=False, progress=lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        run.execute(tmp_path / "halved", resume=False, progress=interrupted)
    run.execute(tmp_path / "halved", resume=True, progress=lambda *_: None)
    one, other = ((tmp_path / name / "metrics.json").read_text() for name in ("whole", "halved"))
    assert one == other
    assert json.loads(one)["mode"] == mode
    weights = [(tmp_path / name / "head/head.safetensors").read_bytes() for name in ("whole", "halved")]
    assert weights[0] == weights[1]
    own = ("-m", tiny) if mode in ("frozen", "lora") else ()
    words = ("b:1-300", "-r", genome.fasta, "-o", tmp_path / "out.bw", *own)
    made = command("tracks", "predict", tmp_path / "whole/head", *words)
    assert made.code == 0, made.err
    assert np.isfinite(read_bigwig(tmp_path / "out.minus.bw", "b", 0, 300)).all()


def test_a_head_of_another_model_is_refused_and_both_are_named(command, trained, genome, tmp_path):
    torch.manual_seed(99)
    save_folder(
        tmp_path / "other",
        MODEL.build(MODEL.sizes["genos-tiny"]),
        NucleotideTokenizer(),
        MODEL,
        {"name": "other"},
    )
    words = ("b", "-r", genome.fasta, "-o", tmp_path / "o.bw", "-m", tmp_path / "other")
    said = command("tracks", "predict", trained / "run/head", *words).error
    assert "was trained on tiny" in said
    assert "this is other" in said


def test_a_bigwig_of_another_assembly_is_refused(command, prepare, genome):
    rows = {"chrb": np.ones(1_990), "a": np.ones(10_240)}
    bigwig(genome.fasta.parent / "other.bw", rows)
    made, out = prepare(files=("x=other.bw",))
    assert "has 1,990 bp of chrb, genome.fa has 2,000: they are of different assemblies" in made.error
    assert not out.exists()


@pytest.mark.parametrize(
    ("value", "said"),
    [(-2.0, "holds -2 at a:101, and coverage is not negative"), (np.inf, "holds inf at a:101")],
)
def test_signal_that_is_no_coverage_is_refused(prepare, genome, value, said):
    rows = {chrom: found["plus"].copy() for chrom, found in genome.signal.items()}
    rows["a"][100] = value
    bigwig(genome.fasta.parent / "odd.bw", rows)
    made, _ = prepare(files=("x=odd.bw",))
    assert said in made.error


def test_a_track_that_is_negated_and_was_positive_is_refused(prepare):
    made, _ = prepare("--negate", "x", files=("x=plus.bw",))
    assert "plus.bw holds 5 at a:" in made.error
    assert "do not negate it" in made.error


def test_nan_in_a_bigwig_is_refused(prepare, genome):
    with pyBigWig.open(str(genome.fasta.parent / "nan.bw"), "w") as file:
        file.addHeader([("a", 10_240), ("b", 2_000)])
        file.addEntries(["a", "a", "b"], [0, 50, 0], ends=[10, 60, 9], values=[1.0, float("nan"), 1.0])
    made, _ = prepare(files=("x=nan.bw",))
    assert "holds nan at a:51" in made.error


def test_a_region_beyond_the_end_of_its_contig_is_refused(prepare, tmp_path):
    (tmp_path / "far.bed").write_text("b\t1500\t2001\n")
    made, _ = prepare(parts=("--validation", tmp_path / "far.bed"))
    assert "has b 1500-2001, but b of genome.fa has 2,000 bp" in made.error


def test_a_contig_that_a_file_lacks_is_refused_where_it_is_asked_for(prepare, genome):
    bigwig(genome.fasta.parent / "short.bw", {"a": genome.signal["a"]["plus"]}, {"a": 10_240})
    made, _ = prepare(files=("x=short.bw",))
    assert "short.bw has nothing on contig 'b'; leave the contig out" in made.error
    made, out = prepare(files=("x=short.bw",), parts=("--validation", "a:1-1000"))
    assert made.code == 0, made.err
    assert all(line.startswith("a\t") for line in (out / "windows.bed").read_text().splitlines())


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("--train", "a:1-8192"), "no region decides when to stop"),
        (
            ("--train", "a:1-8192", "--validation", "a:8000-9000"),
            "'train' and 'validation' of the split overlap",
        ),
        (
            ("--validation", "a:1-100"),
            "no window is left for validation: 1 of 1 regions are shorter than 256 bp",
        ),
        (("--validation", "c"), "there is no contig 'c'"),
        (("--validation", "b:1-2001", "--train", "b:3000-4000"), "holds no bases"),
        (("--validation", "b", "--stride", "300"), "a stride of 300 bp does not suit windows of 256 bp"),
    ],
)
def test_parts_that_cannot_be_are_refused_in_one_line(prepare, parts, said):
    made, out = prepare(parts=parts)
    assert said in made.error
    assert not (out / "tracks.json").exists()


def test_a_track_without_signal_in_the_training_part_is_refused(prepare, genome):
    rows = {chrom: found["plus"].copy() for chrom, found in genome.signal.items()}
    rows["a"][:8192] = 0
    bigwig(genome.fasta.parent / "empty.bw", rows)
    made, _ = prepare(files=("x=empty.bw",))
    assert "track 'x' has no signal at all in the training windows" in made.error


def test_windows_longer_than_the_context_and_wrong_settings_are_refused(command, trained, tiny, tmp_path):
    def said(*words, folder=trained / "data"):
        return command("tracks", "train", folder, "-o", tmp_path / "run", "-m", tiny, *words).error

    assert "predicts no tracks" in said("--set", "head=classifier")
    strange = TrackTraining(
        data=TrackData(str(trained / "data")), model=str(tiny), settings={"tracks": ["x"]}
    )
    with pytest.raises(InputError, match=r"settings\.tracks follows from the prepared tracks"):
        strange.execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    assert "holds no prepared tracks" in said(folder=tmp_path)
    assert "name its FASTA with --reference" in said("-r", tmp_path / "none.fa")
    (tmp_path / "other.fa").write_text(">a\nACGT\n>b\nACGT\n")
    assert "is not the genome that the tracks were prepared on: a has 10,240 bp" in said(
        "-r", tmp_path / "other.fa"
    )
    wide = tmp_path / "wide"
    shutil.copytree(trained / "data", wide)
    index = json.loads((wide / "tracks.json").read_text())
    (wide / "tracks.json").write_text(json.dumps({**index, "width": 5_000}))
    assert "windows of 5,000 bp; tiny reads 4,096 at most" in said(folder=wide)


def test_the_published_recipe_runs_on_prepared_tracks(command, trained, tiny, tmp_path):
    places = (f"data.folder={trained / 'data'}", f"model={tiny}", "epochs=1", "loggers=", "batch=16")
    words = [word for place in places for word in ("--set", place)]
    made = command("train", "genos-rnaseq", "-o", tmp_path / "run", *words)
    assert made.code == 0, made.err
    assert read_head(tmp_path / "run/head")["facts"]["mode"] == "full"


def test_heads_for_tracks_and_for_labels_are_not_mixed_up(command, trained, genome, tiny, tmp_path):
    items = tmp_path / "items.tsv"
    rows = "".join(f"{'ACGT' * 5}{'ACGT'[n % 4]}{'ACGT'[n // 4]}{'A' * n}\t{n % 2}\n" for n in range(16))
    items.write_text("sequence\tlabel\n" + rows)
    (tmp_path / "task.toml").write_text(
        f'model = "{tiny}"\nepochs = 1\nloggers = []\n[data]\ntrain = "items.tsv"\non_leak = "warn"\n'
    )
    assert command("finetune", tmp_path / "task.toml", "-o", tmp_path / "run").code == 0
    words = ("b", "-r", genome.fasta, "-o", tmp_path / "o.bw", "-m", tiny)
    assert (
        "predicts items and not tracks" in command("tracks", "predict", tmp_path / "run/head", *words).error
    )
    words = ("-o", tmp_path / "run2", "--set", "head=coverage-track")
    assert "learns tracks and not labels" in command("finetune", tmp_path / "task.toml", *words).error
