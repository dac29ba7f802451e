"""`cistron tracks effect`: variants in, effects on predicted tracks in INFO."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest
import torch

from cistron.cli.loading import loaded
from cistron.cli.tracks import effect as work
from cistron.genome.realigned import realigned
from cistron.heads import HEADS
from cistron.inference.tracks import predict_tracks
from cistron.weights.heads import Backbone, SavedHead, load_head, save_head

WIDTH = 256
TRACKS = ("rna +", "rna -")
MEANS = (2.0, 0.5)


def saved_head(tiny: Path, folder: Path, tracks=TRACKS, means=MEANS) -> Path:
    """A random head for the tiny model: the first track of the plus strand, the second of the minus."""
    model = loaded(str(tiny))
    spec = HEADS.get("coverage-track")
    config = {"hidden_size": model.model.config.hidden_size, "tracks": tracks, "means": means}
    config |= {"plus": tracks[:1], "minus": tracks[1:]}
    with torch.random.fork_rng():
        torch.manual_seed(3)
        head = spec.build(spec.config(config)).eval()
        for parameter in head.parameters():
            torch.nn.init.normal_(parameter, std=0.3)
    backbone = Backbone(model.name, model.sha256)
    save_head(folder, SavedHead(head, spec, backbone, facts={"width": WIDTH}))
    return folder


@pytest.fixture(scope="module")
def head(tiny, tmp_path_factory) -> Path:
    """Two tracks."""
    return saved_head(tiny, tmp_path_factory.mktemp("heads") / "two")


@pytest.fixture
def effect(command, bench, head):
    """Runs `cistron tracks effect` with the tiny model."""

    def run(vcf, fasta, out, *more, head=head):
        return command("tracks", "effect", vcf, head, "-r", fasta, "-o", out, "-m", bench.model, *more)

    return run


@pytest.fixture
def genes(bench) -> Path:
    """Two genes on contig 1, one on each strand, the first with two exons."""
    path = bench.folder / "genes.gff3"
    lines = [
        "1 . gene 1401 1560 . + . Name=UP",
        "1 . exon 1401 1420 . + . Name=UP",
        "1 . exon 1541 1560 . + . Name=UP",
        "1 . gene 1451 1530 . - . Name=DOWN",
        "1 . exon 1451 1530 . - . Name=DOWN",
    ]
    path.write_text("##gff-version 3\n" + "".join("\t".join(line.split(" ")) + "\n" for line in lines))
    return path


def info(path: Path) -> list[dict]:
    """INFO of each record, by name."""
    with pysam.VariantFile(str(path)) as records:
        return [dict(record.info) for record in records]


def tracks_of(bench, head: Path, *texts: str) -> list[np.ndarray]:
    """Predicted tracks of texts."""
    model = loaded(str(bench.model))
    saved = load_head(head, model.built.model, name=model.name, sha256=model.sha256)
    return list(predict_tracks(model.model, model.tokenizer, saved, texts))


def lfc(ref, alt, mean) -> float:
    """The documented formula on sums over the same bases."""
    floor = 0.01 * mean * len(ref)
    return float(np.log2((alt.sum() + floor) / (ref.sum() + floor)))


def test_an_allele_gets_fold_change_and_largest_change_of_each_track(effect, bench, head):
    out = bench.out / "out.vcf"
    record = bench.snv(1500)
    assert effect(bench.vcf(record), bench.fasta(), out).code == 0
    (found,) = info(out)
    text, half = bench.ref(1500 - WIDTH // 2, WIDTH), WIDTH // 2
    ref, alt = tracks_of(bench, head, text, text[:half] + record.split()[3] + text[half + 1 :])
    for number, mean in enumerate(MEANS):
        place = int(abs(alt - ref)[number].argmax())
        assert found[f"CISTRON_TRACK_LFC_{number + 1}"][0] == pytest.approx(
            lfc(ref[number], alt[number], mean), abs=1e-6
        )
        assert found[f"CISTRON_TRACK_MAX_{number + 1}"][0] == pytest.approx(
            float((alt - ref)[number, place]), rel=1e-4
        )
        assert found[f"CISTRON_TRACK_POS_{number + 1}"][0] == 1500 - half + place
    assert "CISTRON_TRACK_GENES" not in found
    assert "CISTRON_TRACK_STATUS" not in found


def test_genes_get_the_fold_change_over_their_exons_in_the_window_and_on_their_strand(
    effect, bench, head, genes
):
    out = bench.out / "out.vcf"
    record = bench.snv(1500)
    assert effect(bench.vcf(record), bench.fasta(), out, "--annotation", genes).code == 0
    (found,) = info(out)
    cells = [gene.split("|") for gene in found["CISTRON_TRACK_GENES"][0].split("&")]
    assert [cell[:3] for cell in cells] == [["UP", "+", "rna%20+"], ["DOWN", "-", "rna%20-"]]
    first, half = 1500 - WIDTH // 2, WIDTH // 2
    text = bench.ref(first, WIDTH)
    ref, alt = tracks_of(bench, head, text, text[:half] + record.split()[3] + text[half + 1 :])
    exons = [[*range(1401, 1421), *range(1541, 1561)], [*range(1451, 1531)]]
    for number, places in enumerate(exons):
        at = np.array(places) - first
        told = [float(cell) for cell in cells[number][3:]]
        wanted = lfc(ref[number, at], alt[number, at], MEANS[number])
        assert told == pytest.approx([wanted, ref[number, at].sum(), alt[number, at].sum()], rel=1e-4)


@pytest.mark.parametrize(("ref", "alt"), [(4, 1), (1, 4)])
def test_indels_are_compared_in_reference_coordinates(effect, bench, head, ref, alt):
    out = bench.out / "out.vcf"
    bench.sequences["1"] = bench.sequences["1"][:1499] + "GACTGCATC" + bench.sequences["1"][1508:]
    alleles = bench.ref(1500, ref), bench.ref(1500)[0] + "TTA"[: alt - 1]
    assert effect(bench.vcf(f"1 1500 {alleles[0]} {alleles[1]}"), bench.fasta(), out).code == 0
    (found,) = info(out)
    shorter = WIDTH - max(ref, alt) + 1  # bases beside the allele: both haplotypes have the same ones
    start, upstream = 1501 - WIDTH // 2, WIDTH // 2
    before, behind = bench.ref(start, upstream), bench.ref(1500 + ref, shorter - upstream)
    tracks = tracks_of(bench, head, before + alleles[0][1:] + behind, before + alleles[1][1:] + behind)
    moved = realigned(tracks[1], upstream, ref - 1, alt - 1)
    assert moved.shape == tracks[0].shape
    assert found["CISTRON_TRACK_LFC_1"][0] == pytest.approx(lfc(tracks[0][0], moved[0], MEANS[0]), abs=1e-6)
    apart = (moved - tracks[0])[0]
    apart[upstream - 1 : upstream + ref - 1] = 0
    place = int(abs(apart).argmax())
    assert found["CISTRON_TRACK_MAX_1"][0] == pytest.approx(apart[place], rel=1e-4)
    assert found["CISTRON_TRACK_POS_1"][0] == start + place


def test_a_single_track_has_plain_field_names_and_the_header_says_what_made_them(
    effect, bench, tiny, tmp_path_factory
):
    single = saved_head(tiny, tmp_path_factory.mktemp("heads") / "one", ("signal",), (1.0,))
    out = bench.out / "out.vcf.gz"
    assert effect(bench.vcf(bench.snv(1500)), bench.fasta(), out, head=single).code == 0
    with pysam.VariantFile(str(out)) as records:
        field = records.header.info["CISTRON_TRACK_LFC"]
        assert next(iter(records)).info["CISTRON_TRACK_LFC"]
    assert (field.number, field.type) == ("A", "Float")
    for word in ("signal", "positive = more", "sha256=", "head=", "width=256"):
        assert word in field.description
    assert bench.left() == ["out.vcf.gz", "out.vcf.gz.manifest.json", "out.vcf.gz.tbi"]


def test_alleles_without_a_prediction_say_why_and_records_stay(effect, bench):
    out = bench.out / "out.vcf"
    records = [bench.snv(1500), f"1 1600 {bench.ref(1600)} <INS>", f"1 1700 {bench.ref(1700)} ."]
    assert effect(bench.vcf(*records), bench.fasta(), out).code == 0
    first, second, third = info(out)
    assert "CISTRON_TRACK_STATUS" not in first
    assert second["CISTRON_TRACK_STATUS"] == ("SYMBOLIC",)
    assert not third


def test_at_the_end_of_a_contig_the_window_is_shorter(effect, bench, head):
    out = bench.out / "out.vcf"
    record = bench.snv(20)
    assert effect(bench.vcf(record), bench.fasta(), out).code == 0
    (found,) = info(out)
    text = bench.ref(1, 19 + WIDTH // 2)
    ref, alt = tracks_of(bench, head, text, text[:19] + record.split()[3] + text[20:])
    assert found["CISTRON_TRACK_LFC_1"][0] == pytest.approx(lfc(ref[0], alt[0], MEANS[0]), abs=1e-6)
    assert 1 <= found["CISTRON_TRACK_POS_1"][0] <= len(text)


def test_a_file_without_variants_comes_back_with_the_definitions(effect, bench):
    out = bench.out / "out.vcf"
    assert effect(bench.vcf(), bench.fasta(), out).code == 0
    assert info(out) == []
    assert "ID=CISTRON_TRACK_GENES" in out.read_text()


def test_fields_beside_scores_are_kept_and_own_ones_are_refused_until_told(effect, bench):
    fasta, out = bench.fasta(), bench.out / "one.vcf"
    header = ('##INFO=<ID=CISTRON_LLR,Number=A,Type=Float,Description="x">', "##contig=<ID=1,length=3000>")
    vcf = bench.vcf(f"{bench.snv(1500)} CISTRON_LLR=-1.5", header=header)
    assert effect(vcf, fasta, out).code == 0
    assert info(out)[0]["CISTRON_LLR"] == (-1.5,)
    error = effect(out, fasta, bench.out / "two.vcf").error
    assert "already carries CISTRON_TRACK_LFC_1" in error
    assert effect(out, fasta, bench.out / "two.vcf", "--tag", "B").code == 0
    assert {"CISTRON_TRACK_LFC_1", "CISTRON_B_TRACK_LFC_1"} <= set(info(bench.out / "two.vcf")[0])
    assert effect(out, fasta, bench.out / "three.vcf", "--overwrite").code == 0
    assert info(bench.out / "three.vcf") == info(out)


def test_a_stopped_run_goes_on_and_writes_the_same_file(effect, bench, monkeypatch):
    fasta, whole, parts = bench.fasta(), bench.out / "whole.vcf", bench.out / "parts.vcf"
    vcf = bench.vcf(*(bench.snv(pos) for pos in range(1000, 1020)))
    assert effect(vcf, fasta, whole).code == 0
    with monkeypatch.context() as stopped:
        stopped.setattr(work, "VcfWriter", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        effect(vcf, fasta, parts)
    assert "parts.vcf.journal" in bench.left()
    assert effect(vcf, fasta, parts, "--resume").code == 0
    bodies = [[line for line in path.read_text().splitlines() if line[0] != "#"] for path in (whole, parts)]
    assert bodies[0] == bodies[1]
    assert "parts.vcf.journal" not in bench.left()


def test_the_largest_changes_are_drawn(effect, bench, genes):
    plots = bench.out / "plots"
    vcf = bench.vcf(*(bench.snv(pos) for pos in (1490, 1500, 1510)))
    options = ("--annotation", genes, "--plots", plots, "--most", 2)
    assert effect(vcf, bench.fasta(), bench.out / "out.vcf", *options).code == 0
    drawn = sorted(plots.iterdir())
    assert len(drawn) == 2
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in drawn)


def test_what_cannot_be_done_is_told_in_one_line(effect, bench, genes):
    fasta, vcf = bench.fasta(), bench.vcf(bench.snv(1500))
    assert "its name should end in .vcf" in effect(vcf, fasta, bench.out / "out.tsv").error
    other = bench.fasta("other.fa", **{"1": bench.sequences["1"][:2000]})
    assert "do not belong together" in effect(vcf, other, bench.out / "out.vcf").error
    wrong = bench.vcf(f"1 1500 {'A' if bench.ref(1500) != 'A' else 'C'} G", name="wrong.vcf")
    assert "REF differs" in effect(wrong, fasta, bench.out / "out.vcf").error
    genes.write_text("##gff-version 3\n2\t.\tgene\t401\t500\t.\t+\t.\tName=FAR\n")
    assert "no gene on the contigs" in effect(vcf, fasta, bench.out / "out.vcf", "--annotation", genes).error
    assert bench.left() == []
