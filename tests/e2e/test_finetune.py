"""Fine-tuning: every mode learns, the model it does not train stays, and tasks that cannot be say so."""

from __future__ import annotations

import csv
import gzip
import json
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cistron.formats.bigwig import Run, write_bigwig
from cistron.genome.sequence import reverse_complement
from cistron.models.genos import MODEL
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.training.finetune import loop, read_task
from cistron.training.settings import apply_settings
from cistron.weights.folder import load_folder, save_folder
from cistron.weights.heads import read_head

MODES = ["frozen", "lora", "last", "full"]


def planted(folder: Path, count: int, *, seed: int, groups: bool = False) -> Path:
    """Sequences of which class `yes` has the word GGCGG here and there."""
    rng = random.Random(seed)
    rows = ["sequence\tlabel\tgene"]
    for number in range(count):
        bases = rng.choices("ACGT", k=60)
        label = "yes" if number % 2 else "no"
        if label == "yes":
            for at in rng.sample(range(0, 55, 6), 5):
                bases[at : at + 5] = "GGCGG"
        rows.append(f"{''.join(bases)}\t{label}\t{f'g{number // 4}' if groups else ''}")
    path = folder / f"items{seed}.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


def task(folder: Path, model: Path, data: str, more: str = "") -> Path:
    path = folder / "task.toml"
    path.write_text(
        f'name = "planted"\nmodel = "{model}"\nbatch = 16\nepochs = 6\nloggers = []\n{more}\n[data]\n{data}\n'
        "[optim]\nlr = 0.02\nmodel_lr = 0.005\n"
    )
    return path


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_learns_a_planted_word_and_moves_only_what_it_should(command, tmp_path, tiny, mode):
    items = planted(tmp_path, 180, seed=1)
    made = command(
        "finetune",
        task(tmp_path, tiny, f'train = "{items.name}"'),
        "-o",
        tmp_path / "run",
        "--set",
        f"mode={mode}",
    )
    assert made.code == 0, made.err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["auroc"]["estimate"] > 0.85
    head = read_head(tmp_path / "run/head")
    before = load_file(tiny / "model.safetensors")
    if mode in ("frozen", "lora"):
        assert head["backbone"]["sha256"] == load_folder(tiny).sha256
        assert not (tmp_path / "run/head/model").exists()
        assert (tmp_path / "run/head/adapter.safetensors").exists() == (mode == "lora")
        return
    after = load_file(tmp_path / "run/head/model/model.safetensors")
    moved = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    assert moved
    first = [name for name in before if ".layers.0." in name or "embed_tokens" in name]
    assert bool(moved & set(first)) == (mode == "full")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_learns_promoters_from_other_sequences(tmp_path, real_data, mode):
    folder = real_data / "benchmarks/gue/prom/prom_core_notata"
    for part, count in (("train", 90), ("test", 60)):
        with gzip.open(folder / f"{part}.csv.gz", "rt") as file:
            rows = list(csv.DictReader(file))[:count]
        text = "".join(f"{row['sequence']},{row['label']}\n" for row in rows)
        (tmp_path / f"{part}.csv").write_text(f"sequence,label\n{text}")
    (tmp_path / "task.toml").write_text(
        f'mode = "{mode}"\nbatch = 8\nepochs = 1\nstrands = "forward"\nloggers = []\n'
        '[data]\ntrain = "train.csv"\ntest = "test.csv"\non_leak = "warn"\n[optim]\nlr = 0.01\n'
    )
    read_task(tmp_path / "task.toml").execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    found = json.loads((tmp_path / "run/metrics.json").read_text())["test"]["auroc"]
    assert found["low"] > 0.6
    assert (tmp_path / "run/head/model").is_dir() == (mode in ("last", "full"))


@pytest.mark.parametrize("mode", ["frozen", "lora"])
def test_a_model_that_is_not_trained_does_not_move_by_a_bit(tmp_path, tiny, mode, monkeypatch):
    seen = []
    load = loop.load
    monkeypatch.setattr(loop, "load", lambda *a, **k: seen.append(load(*a, **k)) or seen[0])
    items = planted(tmp_path, 40, seed=6)
    run = apply_settings(read_task(task(tmp_path, tiny, f'train = "{items.name}"')), [f"mode={mode}"])
    run.execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    after, before = seen[0].built.model.state_dict(), load_folder(tiny).model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], before[name]) for name in before)


def test_a_seed_gives_the_same_head_and_another_seed_another(tmp_path, tiny):
    items = planted(tmp_path, 40, seed=7)
    path = task(tmp_path, tiny, f'train = "{items.name}"')
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run = apply_settings(read_task(path), [f"seed={seed}", "epochs=2"])
        run.execute(tmp_path / name, resume=False, progress=lambda *_: None)
    a, b, c = (load_file(tmp_path / name / "head/head.safetensors") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert not torch.equal(a["out.weight"], c["out.weight"])


def test_training_stops_when_the_validation_part_gets_no_better(tmp_path, tiny):
    items = planted(tmp_path, 40, seed=8)
    path = task(tmp_path, tiny, f'train = "{items.name}"')
    run = apply_settings(read_task(path), ["epochs=200", "patience=3", "optim.lr=0.3"])
    run.execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    losses = [row["validation"] for row in rows]
    assert len(losses) == losses.index(min(losses)) + 1 + 3 < 200
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["passes"] == losses.index(min(losses)) + 1


def test_tensorboard_shows_both_losses_of_every_pass(tmp_path, tiny):
    items = planted(tmp_path, 40, seed=9)
    path = task(tmp_path, tiny, f'train = "{items.name}"')
    run = apply_settings(read_task(path), ["epochs=3", "loggers=tensorboard"])
    run.execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    events = EventAccumulator(str(tmp_path / "run/tensorboard")).Reload()
    rows = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    for name in ("loss", "validation"):
        assert [event.step for event in events.Scalars(name)] == [1, 2, 3]
        shown = [event.value for event in events.Scalars(name)]
        assert shown == pytest.approx([row[name] for row in rows])


def test_products_in_bfloat16_learn_too(tmp_path, tiny):
    items = planted(tmp_path, 160, seed=10)
    path = task(tmp_path, tiny, f'train = "{items.name}"')
    run = apply_settings(read_task(path), ["autocast=true", "mode=last"])
    run.execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    assert json.loads((tmp_path / "run/metrics.json").read_text())["test"]["auroc"]["estimate"] > 0.8


def test_shuffled_labels_teach_nothing(command, tmp_path, tiny):
    items = planted(tmp_path, 240, seed=1)
    header, *rows = items.read_text().splitlines()
    labels = [row.split("\t")[1] for row in rows]
    random.Random(0).shuffle(labels)
    shuffled = ["\t".join((row.split("\t")[0], label, "")) for row, label in zip(rows, labels, strict=True)]
    items.write_text("\n".join([header, *shuffled]) + "\n")
    made = command("finetune", task(tmp_path, tiny, f'train = "{items.name}"'), "-o", tmp_path / "run")
    assert made.code == 0, made.err
    found = json.loads((tmp_path / "run/metrics.json").read_text())["test"]["auroc"]
    assert found["low"] < 0.5 < found["high"]


@pytest.mark.parametrize("mode", ["frozen", "lora"])
def test_a_run_that_was_interrupted_ends_like_one_that_was_not(tmp_path, tiny, mode):
    items = planted(tmp_path, 80, seed=2)
    path = task(tmp_path, tiny, f'train = "{items.name}"', f'mode = "{mode}"\npatience = 99')
    wanted = apply_settings(read_task(path), ["epochs=4"])

    def interrupted(done, total, text):
        if done == 3:
            raise KeyboardInterrupt

    wanted.execute(tmp_path / "whole", resume=False, progress=lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        wanted.execute(tmp_path / "halved", resume=False, progress=interrupted)
    wanted.execute(tmp_path / "halved", resume=True, progress=lambda *_: None)
    whole, halved = (load_file(tmp_path / name / "head/head.safetensors") for name in ("whole", "halved"))
    assert all(torch.equal(whole[name], halved[name]) for name in whole)
    texts = [(tmp_path / name / "test_predictions.tsv").read_text() for name in ("whole", "halved")]
    assert texts[0] == texts[1]


def test_the_same_items_on_both_sides_are_refused_unless_told(command, tmp_path, tiny, caplog):
    items = planted(tmp_path, 40, seed=3)
    data = f'train = "{items.name}"\ntest = "{items.name}"'
    made = command("finetune", task(tmp_path, tiny, data), "-o", tmp_path / "run")
    assert made.code == 1
    assert "parts are not apart: test: 34 of 40 test sequences (85.0%)" in made.err
    told = command(
        "finetune",
        task(tmp_path, tiny, data),
        "-o",
        tmp_path / "run2",
        "--set",
        "data.on_leak=warn",
        "--set",
        "epochs=1",
    )
    assert told.code == 0, told.err
    assert "parts are not apart: test: 34 of 40 test sequences (85.0%)" in caplog.text


@pytest.mark.parametrize(
    ("content", "settings", "said"),
    [
        (
            "sequence\tlabel\n"
            + "".join(f"{'ACGT' * 5}{'ACGT'[n % 4]}{'ACGT'[n // 4]}\tyes\n" for n in range(16)),
            (),
            "two classes are needed",
        ),
        ("sequence\tlabel\n", (), "holds no labelled items"),
        (None, ("mode=half",), "no mode is called 'half'"),
        (None, ("head=allele-pair",), "reads 2 sequences of an item; the files give 1"),
        (None, ("head=classifer",), "did you mean classifier"),
        (None, ("settings=x",), "settings"),
        (None, ("settings.poling=max",), "did you mean pooling"),
        (None, ("settings.dropout=high",), "settings.dropout is 'high'; it must be like 0.0"),
        (None, ("lora.targets=*.nothing", "mode=lora"), "no matrix of the model fits *.nothing"),
        (None, ("mode=last", "last=9"), "last is 9; the model has"),
        (None, ("data.labels=colour",), "has no column 'colour'"),
    ],
)
def test_tasks_that_cannot_be_are_refused_in_one_line(command, tmp_path, tiny, content, settings, said):
    items = planted(tmp_path, 40, seed=4)
    if content is not None:
        items.write_text(content)
    options = [part for setting in settings for part in ("--set", setting)]
    made = command(
        "finetune", task(tmp_path, tiny, f'train = "{items.name}"'), "-o", tmp_path / "run", *options
    )
    assert made.code == 1
    assert said in made.err
    assert made.err.count("\n") == 1


def test_recipes_of_heads_are_shown_and_others_refused(command, tmp_path):
    shown = json.loads(command("finetune", "genos-rnaseq", "-o", tmp_path / "x", "--show").out)
    assert (shown["head"], shown["mode"]) == ("coverage-track", "full")
    assert "use `cistron train laptop`" in command("finetune", "laptop", "-o", tmp_path / "x").error


def test_a_task_without_data_or_with_an_unknown_setting_is_refused(command, tmp_path):
    (tmp_path / "a.toml").write_text('model = "default"\n')
    assert "[data] needs train" in command("finetune", tmp_path / "a.toml", "-o", tmp_path / "x").err
    (tmp_path / "b.toml").write_text('modle = "default"\n[data]\ntrain = "x.tsv"\n')
    assert "did you mean mode or model" in command("finetune", tmp_path / "b.toml", "-o", tmp_path / "x").err
    (tmp_path / "c.toml").write_text("model =")
    assert "is not TOML" in command("finetune", tmp_path / "c.toml", "-o", tmp_path / "x").err
    assert "does not exist" in command("finetune", tmp_path / "d.toml", "-o", tmp_path / "x").err


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny):
    """A run's folder for each mode, and its items."""
    folder = tmp_path_factory.mktemp("trained")
    items = planted(folder, 120, seed=5)
    path = task(folder, tiny, f'train = "{items.name}"')
    for mode in MODES:
        run = apply_settings(read_task(path), [f"mode={mode}", "epochs=2"])
        run.execute(folder / mode, resume=False, progress=lambda *_: None)
    return folder, items


def rows_of(path):
    lines = [line.split("\t") for line in path.read_text().splitlines() if not line.startswith("##")]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


@pytest.mark.parametrize("mode", MODES)
def test_predict_gives_what_the_run_gave_for_its_test_part(command, tmp_path, trained, tiny, mode):
    folder, items = trained
    own = ["-m", tiny] if mode in ("frozen", "lora") else []
    made = command("predict", folder / mode / "head", items, "-o", tmp_path / "out.tsv", *own)
    assert made.code == 0, made.err
    found = {row["name"]: row for row in rows_of(tmp_path / "out.tsv")}
    assert len(found) == 120
    tested = rows_of(folder / mode / "test_predictions.tsv")
    assert tested
    for row in tested:
        for column in ("p_no", "p_yes"):
            assert float(found[row["name"]][column]) == pytest.approx(float(row[column]), abs=1e-5)
    one = next(iter(found.values()))
    assert one["prediction"] == ("yes" if float(one["p_yes"]) > 0.5 else "no")


def test_predict_reads_fasta_and_either_strand_alike(command, tmp_path, trained, tiny):
    folder, items = trained
    bases = [row["sequence"] for row in rows_of(items)][:6]
    for name, texts in (("a", bases), ("b", [reverse_complement(text) for text in bases])):
        (tmp_path / f"{name}.fa").write_text("".join(f">s{n}\n{text}\n" for n, text in enumerate(texts)))
        fasta, out = tmp_path / f"{name}.fa", tmp_path / f"{name}.tsv"
        made = command("predict", folder / "lora/head", fasta, "-o", out, "-m", tiny)
        assert made.code == 0, made.err
    here, there = (rows_of(tmp_path / f"{name}.tsv") for name in "ab")
    for one, other in zip(here, there, strict=True):
        assert float(one["p_yes"]) == pytest.approx(float(other["p_yes"]), abs=1e-5)


def test_a_head_of_another_model_is_refused_and_both_are_named(command, tmp_path, trained, tiny):
    folder, items = trained
    torch.manual_seed(99)
    other = MODEL.build(MODEL.sizes["genos-tiny"])
    save_folder(tmp_path / "other", other, NucleotideTokenizer(), MODEL, {"name": "other"})
    made = command(
        "predict", folder / "frozen/head", items, "-o", tmp_path / "o.tsv", "-m", tmp_path / "other"
    )
    assert "was trained on tiny" in made.error
    assert "this is other" in made.error


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda head: (head / "adapter.safetensors").unlink(), "missing"),
        (lambda head: (head / "head.safetensors").write_bytes(b"x"), "bytes where checksums.json says"),
        (lambda head: (head / "head.json").unlink(), "is not a head folder"),
    ],
)
def test_a_damaged_head_folder_is_refused(command, tmp_path, trained, damage, said):
    folder, items = trained
    shutil.copytree(folder / "lora/head", tmp_path / "head")
    damage(tmp_path / "head")
    assert said in command("predict", tmp_path / "head", items, "-o", tmp_path / "o.tsv").error


def test_an_adapter_with_missing_tensors_is_refused(command, tmp_path, trained, tiny):
    folder, items = trained
    shutil.copytree(folder / "lora/head", tmp_path / "head")
    tensors = load_file(tmp_path / "head/adapter.safetensors")
    tensors.pop(min(tensors))
    save_file(tensors, tmp_path / "head/adapter.safetensors")
    (tmp_path / "head/checksums.json").unlink()
    made = command("predict", tmp_path / "head", items, "-o", tmp_path / "o.tsv", "-m", tiny)
    assert "the adapter lacks 1 of" in made.error


def test_pairs_of_alleles_are_trained_on_and_predicted_from_a_vcf(command, bench, tmp_path, tiny):
    rng = random.Random(0)
    lines = []
    for pos in range(200, 1400, 12):
        ref = bench.ref(pos)
        harmful = rng.random() < 0.5
        alt = next(base for base in ("GCAT" if harmful else "ATCG") if base != ref)
        lines.append(
            f"1\t{pos}\t.\t{ref}\t{alt}\t.\t.\tSIG={'Pathogenic' if harmful else 'Benign'};GENE=g{pos // 24}"
        )
    vcf = bench.vcf(*lines)
    bench.fasta()
    data = f'train = "{vcf.name}"\nreference = "genome.fa"\nlabels = ["SIG"]\ngroup = "GENE"\nwidth = 64'
    path = task(bench.folder, tiny, data, 'head = "allele-pair"')
    made = command("finetune", path, "-o", tmp_path / "run", "--set", "epochs=20")
    assert made.code == 0, made.err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())["test"]
    assert metrics["auroc"]["estimate"] > 0.8
    words = ["-r", bench.folder / "genome.fa", "-o", tmp_path / "o.tsv", "-m", tiny]
    out = command("predict", tmp_path / "run/head", vcf, *words)
    assert out.code == 0, out.err
    rows = rows_of(tmp_path / "o.tsv")
    assert len(rows) == len(lines)
    assert {row["prediction"] for row in rows} == {"Benign", "Pathogenic"}


def test_a_head_whose_model_is_elsewhere_says_which_to_give(command, tmp_path, trained):
    folder, items = trained
    said = command("predict", folder / "frozen/head", items, "-o", tmp_path / "o.tsv").error
    assert said.startswith("the head belongs to the model 'tiny'; give its folder as --model")


def test_merged_adapters_answer_as_those_beside_the_model(command, tmp_path, trained, tiny):
    folder, items = trained
    made = command("merge", folder / "lora/head", "-o", tmp_path / "merged", "-m", tiny)
    assert made.code == 0, made.err
    assert not (tmp_path / "merged/adapter.safetensors").exists()
    for head, own, out in ((folder / "lora/head", ["-m", tiny], "a.tsv"), (tmp_path / "merged", [], "b.tsv")):
        assert command("predict", head, items, "-o", tmp_path / out, *own).code == 0
    beside, merged = (rows_of(tmp_path / name) for name in ("a.tsv", "b.tsv"))
    for one, other in zip(beside, merged, strict=True):
        assert float(one["p_yes"]) == pytest.approx(float(other["p_yes"]), abs=1e-5)
    before, after = load_folder(tiny), load_folder(tmp_path / "merged/model")
    assert after.sha256 != before.sha256
    assert after.card["finetuned_from"] == before.sha256


def test_what_cannot_be_merged_is_refused(command, tmp_path, trained, tiny):
    folder, _ = trained
    made = command("merge", folder / "frozen/head", "-o", tmp_path / "merged", "-m", tiny)
    assert "has no adapters" in made.error
    made = command("merge", folder / "lora/head", "-o", folder / "frozen", "-m", tiny)
    assert "exists already" in made.error


def test_learned_pooling_learns_a_planted_word(command, tmp_path, tiny):
    items = planted(tmp_path, 240, seed=11)
    path = task(tmp_path, tiny, f'train = "{items.name}"', 'settings.pooling = "attention"')
    assert command("finetune", path, "-o", tmp_path / "run").code == 0
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert metrics["test"]["auroc"]["estimate"] > 0.85
    assert "pool.score.weight" in load_file(tmp_path / "run/head/head.safetensors")


def labelled_bases(folder: Path, count: int, *, seed: int) -> Path:
    """Sequences of mixed length in which every base of the word GGCGGA has the label `m`."""
    rng = random.Random(seed)
    rows = ["sequence\tlabel"]
    for _ in range(count):
        length = rng.randint(40, 60)
        bases, labels = rng.choices("ACGT", k=length), ["o"] * length
        for at in rng.sample(range(0, length - 6, 8), 3):
            bases[at : at + 6], labels[at : at + 6] = "GGCGGA", "m" * 6
        labels[0] = "."
        rows.append(f"{''.join(bases)}\t{''.join(labels)}")
    path = folder / "bases.tsv"
    path.write_text("\n".join(rows) + "\n")
    return path


def test_labels_of_bases_are_learned_and_predicted_for_each_base(command, tmp_path, tiny):
    items = labelled_bases(tmp_path, 120, seed=0)
    path = task(tmp_path, tiny, f'train = "{items.name}"', 'settings.pooling = "none"')
    made = command("finetune", path, "-o", tmp_path / "run")
    assert made.code == 0, made.err
    assert json.loads((tmp_path / "run/metrics.json").read_text())["test"]["auroc"]["low"] > 0.65
    out = command("predict", tmp_path / "run/head", items, "-o", tmp_path / "o.tsv", "-m", tiny)
    assert out.code == 0, out.err
    found = {(row["name"], row["base"]): row for row in rows_of(tmp_path / "o.tsv")}
    assert len(found) == sum(len(row["sequence"]) for row in rows_of(items))
    tested = rows_of(tmp_path / "run/test_predictions.tsv")
    assert {row["label"] for row in tested} == {"m", "o", ""}
    for row in tested:
        assert float(found[row["name"], row["base"]]["p_m"]) == pytest.approx(float(row["p_m"]), abs=1e-5)


def test_too_few_labels_of_bases_are_refused(command, tmp_path, tiny):
    items = labelled_bases(tmp_path, 20, seed=0)
    lines = items.read_text().splitlines()
    items.write_text("\n".join([*lines[:3], lines[3][:-1], *lines[4:]]) + "\n")
    path = task(tmp_path, tiny, f'train = "{items.name}"', 'settings.pooling = "none"')
    length = len(lines[3].split("\t")[0])
    said = f"row 3 has {length - 1} labels for {length} bases"
    assert said in command("finetune", path, "-o", tmp_path / "run").err


def test_the_mean_signal_of_intervals_is_learned(command, bench, tmp_path, tiny):
    bench.fasta()
    bases = bench.sequences["1"]
    is_g = np.array([base == "G" for base in bases], dtype=float)
    write_bigwig(bench.folder / "g.bw", {"1": len(bases)}, [Run("1", 0, is_g)])
    places = "".join(f"1\t{start}\t{start + 24}\n" for start in range(0, 2976, 24))
    (bench.folder / "places.bed").write_text(places)
    data = 'train = "places.bed"\nreference = "genome.fa"\nsignal = "g.bw"'
    path = task(bench.folder, tiny, data, 'strands = "forward"')
    made = command("finetune", path, "-o", tmp_path / "run")
    assert made.code == 0, made.err
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())["test"]
    assert metrics["pearson g"]["estimate"] > 0.9
