"""`cistron embed`: every kind of input into every kind of file, against the Python API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import cistron
from cistron.formats.fasta import Fasta
from cistron.formats.vcf import VcfReader
from cistron.genome.sequence import reverse_complement
from cistron.inference.embed_variants import embed_variants

Run = Callable[..., Any]


@pytest.fixture
def embed(command: Run, bench: Any) -> Run:
    """Runs `cistron embed` with the tiny model: `embed(input, output, *more)`; the run must succeed."""

    def run(source: object, out: object, *more: object, **options: Any) -> Any:
        found = command("embed", source, "-o", bench.out / str(out), "-m", bench.model, *more, **options)
        assert found.code == 0, found.err
        return found

    return run


@pytest.fixture
def model(tiny: Path) -> Any:
    return cistron.load(tiny)


def vectors(path: Path, column: str = "embedding") -> Any:
    """The vectors of a Parquet file, (records, D); NaN for null."""
    column_ = pq.read_table(path)[column].combine_chunks()
    width = column_.type.list_size
    return np.array([np.full(width, np.nan) if v is None else v for v in column_.to_pylist()], np.float32)


def column(path: Path, name: str) -> list[Any]:
    return list(pq.read_table(path)[name].to_pylist())


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, np.asarray(expected), rtol=1e-4, atol=1e-6)


def direct(model: Any, sequences: list[str], **options: Any) -> Any:
    return [each.vector for each in model.embed(sequences, **options)]


SEQUENCES = {"alpha": "ACGTTGCAANNACGTA", "beta": "acgtacgtac", "alpha_again": "ACGTTGCAANNACGTA"}


def test_fasta_records_keep_name_order_and_letters(bench: Any, embed: Run, model: Any) -> None:
    found = embed(bench.fasta("in.fa", **SEQUENCES), "o.parquet")
    assert "3 records embedded" in found.err
    out = bench.out / "o.parquet"
    assert column(out, "name") == list(SEQUENCES)
    assert column(out, "length") == [16, 10, 16]
    assert column(out, "acgt") == [14, 10, 14]
    close(vectors(out), direct(model, list(SEQUENCES.values())))
    assert bench.left() == ["o.parquet", "o.parquet.manifest.json"]


def test_the_file_and_its_manifest_say_how_it_was_made(bench: Any, embed: Run, model: Any) -> None:
    embed(bench.fasta("in.fa", **SEQUENCES), "o.parquet", "--layer", 1, "--pooling", "max")
    metadata = {
        key.decode().removeprefix("cistron."): json.loads(value)
        for key, value in pq.read_schema(bench.out / "o.parquet").metadata.items()
        if key.startswith(b"cistron.")
    }
    manifest = json.loads((bench.out / "o.parquet.manifest.json").read_text())
    for made in (metadata, manifest):
        assert made["model_sha256"] == model.sha256
        assert (made["layers"], made["pooling"], made["strands"]) == (["1"], "max", "forward")
        assert made["version"] == cistron.__version__
    assert manifest["records"] == 3
    assert manifest["columns"] == {"embedding": 32}
    assert manifest["batches"] == [16384]


def test_windows_carry_their_interval_in_name_and_columns(bench: Any, embed: Run, model: Any) -> None:
    bases = bench.sequences["2"]
    fasta = bench.fasta("in.fa", long=bases, short="ACGT")
    embed(fasta, "o.parquet", "--window", 400, "--stride", 300)
    out = bench.out / "o.parquet"
    assert column(out, "name") == ["long:1-400", "long:301-700", "long:601-1000", "short:1-4"]
    assert column(out, "window_start") == [0, 300, 600, 0]
    assert column(out, "window_end") == [400, 700, 1000, 4]
    close(vectors(out), direct(model, [bases[:400], bases[300:700], bases[600:], "ACGT"]))


def test_a_sequence_beyond_the_context_is_embedded_window_by_window(bench: Any, embed: Run) -> None:
    embed(bench.fasta("in.fa", long="ACGTT" * 2000), "o.parquet", "--window", 4096)
    assert column(bench.out / "o.parquet", "window_start") == [0, 4096, 5904]


def test_bed_intervals_are_read_in_the_direction_of_their_strand(bench: Any, embed: Run, model: Any) -> None:
    bed = bench.folder / "in.bed"
    bed.write_text("2\t10\t90\tone\t0\t-\nchr1\t500\t700\n1\t0\t3000\tall\t0\t+\n")
    embed(bed, "o.parquet", "-r", bench.fasta())
    out = bench.out / "o.parquet"
    one, two = bench.sequences["1"], bench.sequences["2"]
    close(vectors(out), direct(model, [reverse_complement(two[10:90]), one[500:700], one]))
    assert column(out, "chrom") == ["2", "chr1", "1"]
    assert column(out, "strand") == ["-", "+", "+"]
    assert column(out, "name") == ["one", "", "all"]
    assert [column(out, "start"), column(out, "end")] == [[10, 500, 0], [90, 700, 3000]]


def test_bed_windows_have_their_own_coordinates(bench: Any, embed: Run, model: Any) -> None:
    bed = bench.folder / "in.bed"
    bed.write_text("1\t100\t350\tgene\t0\t-\n")
    embed(bed, "o.parquet", "-r", bench.fasta(), "--window", 100)
    one = bench.sequences["1"]
    parts = [reverse_complement(one[start : start + 100]) for start in (100, 200, 250)]
    close(vectors(bench.out / "o.parquet"), direct(model, parts))
    assert column(bench.out / "o.parquet", "start") == [100, 200, 250]


def test_bed_with_a_width_reads_around_the_interval_and_pools_it_alone(
    bench: Any, embed: Run, model: Any
) -> None:
    bed = bench.folder / "in.bed"
    bed.write_text("1\t1000\t1010\n1\t1000\t1010\tm\t0\t-\n1\t4\t8\n2\t990\t1000\n")
    embed(bed, "o.parquet", "-r", bench.fasta(), "--width", 100, "--pooling", "max")
    one, two = bench.sequences["1"], bench.sequences["2"]
    texts = [one[955:1055], reverse_complement(one[955:1055]), one[:56], two[945:]]
    spans = [(45, 55), (45, 55), (4, 8), (45, 55)]
    close(vectors(bench.out / "o.parquet"), direct(model, texts, intervals=spans, pooling="max"))


def test_tables_keep_their_columns(bench: Any, embed: Run, model: Any) -> None:
    tsv = bench.folder / "in.tsv"
    tsv.write_text("gene\tdna\tlabel\ng1\tACGTAC\t1\ng2\tTTTT\t\n")
    embed(tsv, "t.parquet", "--column", "dna")
    table = pa.table({"dna": ["ACGTAC", "TTTT"], "label": [1, None], "split": ["train", "test"]})
    pq.write_table(table, bench.folder / "in.parquet")
    embed(bench.folder / "in.parquet", "p.parquet", "--column", "dna")
    expected = direct(model, ["ACGTAC", "TTTT"])
    for name in ("t.parquet", "p.parquet"):
        close(vectors(bench.out / name), expected)
    assert pq.read_table(bench.out / "t.parquet").column_names == ["gene", "label", "embedding"]
    assert column(bench.out / "t.parquet", "label") == ["1", ""]
    assert column(bench.out / "p.parquet", "label") == [1, None]


def test_both_strands_do_not_depend_on_the_strand_given(bench: Any, embed: Run, model: Any) -> None:
    text = bench.sequences["2"]
    fasta = bench.fasta("in.fa", one=text, other=reverse_complement(text))
    embed(fasta, "o.parquet", "--strands", "both")
    found = vectors(bench.out / "o.parquet")
    close(found[0], found[1])
    close(found, direct(model, [text, text], strands="both"))


def test_several_layers_make_several_columns(bench: Any, embed: Run, model: Any) -> None:
    embed(bench.fasta("in.fa", **SEQUENCES), "o.parquet", "--layer", 0, "--layer", "model.norm")
    found = list(model.embed(SEQUENCES.values(), layers=[0, "model.norm"]))
    for layer in ("0", "model.norm"):
        close(vectors(bench.out / "o.parquet", f"embedding_{layer}"), [each.layers[layer] for each in found])


def test_an_interval_pools_a_part_of_every_sequence(bench: Any, embed: Run, model: Any) -> None:
    embed(bench.fasta("in.fa", **SEQUENCES), "o.parquet", "--interval", "3-10")
    expected = direct(model, list(SEQUENCES.values()), intervals=[(2, 10)] * 3)
    close(vectors(bench.out / "o.parquet"), expected)


def test_positions_are_lists_in_parquet_and_rows_between_offsets_in_zarr(
    bench: Any, embed: Run, model: Any
) -> None:
    zarr = pytest.importorskip("zarr")
    fasta = bench.fasta("in.fa", **SEQUENCES)
    for name in ("o.parquet", "o.zarr"):
        embed(fasta, name, "--pooling", "none", "--strands", "both")
    expected = direct(model, list(SEQUENCES.values()), pooling="none", strands="both")
    group = zarr.open_group(bench.out / "o.zarr", mode="r")
    offsets = group["offsets"][:]
    for number, (lists, whole) in enumerate(
        zip(column(bench.out / "o.parquet", "embedding"), expected, strict=True)
    ):
        close(lists, whole)
        close(group["embedding"][offsets[number] : offsets[number + 1]], whole)
    assert list(group["name"][:]) == list(SEQUENCES)
    assert json.loads(group.attrs["cistron.pooling"]) == "none"


def test_npy_and_h5ad_hold_the_same_vectors_as_parquet(bench: Any, embed: Run) -> None:
    anndata = pytest.importorskip("anndata")
    fasta = bench.fasta("in.fa", **SEQUENCES)
    for name in ("o.parquet", "o.npy", "o.h5ad"):
        embed(fasta, name)
    expected = vectors(bench.out / "o.parquet")
    np.testing.assert_array_equal(np.load(bench.out / "o.npy"), expected)
    found = anndata.read_h5ad(bench.out / "o.h5ad")
    np.testing.assert_array_equal(found.X, expected)
    assert list(found.obs_names) == list(SEQUENCES)
    assert (bench.out / "o.npy.tsv").read_text().splitlines()[-3:] == [
        "alpha\t16\t14",
        "beta\t10\t10",
        "alpha_again\t16\t14",
    ]


def test_records_of_one_name_are_told_apart_by_their_order(bench: Any, embed: Run, model: Any) -> None:
    texts = ["ACGTACGTAC", "TTGACCA", "GGGCA"]
    path = bench.folder / "reads.fa"
    path.write_text("".join(f">{name}\n{text}\n" for name, text in zip("rrs", texts, strict=True)))
    for name in ("o.parquet", "o.h5ad"):
        assert embed(path, bench.out / name).code == 0
    assert column(bench.out / "o.parquet", "name") == ["r", "r", "s"]
    close(vectors(bench.out / "o.parquet"), direct(model, texts))
    anndata = pytest.importorskip("anndata")
    assert list(anndata.read_h5ad(bench.out / "o.h5ad").obs_names) == ["r", "r-1", "s"]


def test_equal_lengths_make_a_cube_in_npy(bench: Any, embed: Run) -> None:
    embed(bench.fasta("in.fa", a="ACGT", b="TTTT"), "o.npy", "--pooling", "none")
    assert np.load(bench.out / "o.npy").shape == (2, 4, 32)


def test_variants_give_both_alleles_and_their_difference(bench: Any, embed: Run, model: Any) -> None:
    vcf = bench.vcf(
        bench.snv(500), f"1 700 {bench.ref(700, 3)} {bench.ref(700)}", "1 900 . *", bench.snv(5, "2")
    )
    text = vcf.read_text().replace("\t.\t*\t", f"\t{bench.ref(900)}\t*\t")
    vcf.write_text(text)
    fasta = bench.fasta()
    embed(vcf, "o.parquet", "-r", fasta, "--width", 64, "--around", 8)
    out = bench.out / "o.parquet"
    with Fasta(fasta) as genome, VcfReader(vcf) as reader:
        variants = [variant for record in reader for variant in record.variants]
        found = list(embed_variants(model.model, model.tokenizer, genome, variants, width=64, around=8))
    assert column(out, "status") == [None, None, "SPANNING", None]
    assert column(out, "pos") == [500, 700, 900, 5]
    for which in ("ref", "alt", "difference"):
        values = vectors(out, f"embedding_{which}")
        for row, each in zip(values, found, strict=True):
            layers = getattr(each, which)
            close(row, np.full(32, np.nan) if layers is None else layers["hidden_states"])
    made = json.loads((bench.out / "o.parquet.manifest.json").read_text())
    assert (made["strands"], made["width"], made["around"]) == ("both", 64, 8)


def test_one_kind_of_allele_fits_into_npy(bench: Any, embed: Run) -> None:
    embed(bench.vcf(bench.snv(500)), "o.npy", "-r", bench.fasta(), "--width", 64, "--allele", "difference")
    assert np.load(bench.out / "o.npy").shape == (1, 32)


@pytest.mark.parametrize("kind", ["fasta", "vcf"])
def test_standard_input_is_read(bench: Any, embed: Run, kind: str) -> None:
    source = bench.fasta() if kind == "fasta" else bench.vcf(bench.snv(500), bench.snv(800))
    more = ["-r", bench.fasta(), "--width", 64] if kind == "vcf" else []
    embed("-", "o.parquet", *more, stdin=source.read_bytes())
    assert len(vectors(bench.out / "o.parquet", "embedding_alt" if more else "embedding")) == 2


def test_vectors_do_not_depend_on_company_or_batch(bench: Any, embed: Run) -> None:
    pieces = {f"s{i}": bench.sequences["1"][i : i + 20 + i] for i in range(0, 300, 7)}
    embed(bench.fasta("all.fa", **pieces), "all.parquet")
    embed(bench.fasta("all.fa", **pieces), "small.parquet", "--batch-tokens", 100)
    embed(bench.fasta("one.fa", s147=pieces["s147"]), "one.parquet")
    together, small = vectors(bench.out / "all.parquet"), vectors(bench.out / "small.parquet")
    alone = vectors(bench.out / "one.parquet")[0]
    assert np.abs(together - small).max() <= 1e-5 * np.abs(together).max()
    assert np.abs(together[21] - alone).max() <= 1e-5 * np.abs(alone).max()


def test_real_intervals_and_variants_of_the_example_are_embedded(
    bench: Any, embed: Run, example: Path
) -> None:
    reference = example / "prnp_chr20.fa.gz"
    bed = bench.folder / "prnp.bed"
    bed.write_text("chr20\t4666882\t4667158\texon1\t0\t+\nchr20\t4679867\t4682236\texon2\t0\t+\n")
    embed(bed, "exons.parquet", "-r", reference, "--strands", "both")
    embed(example / "prnp.vcf", "variants.parquet", "-r", reference, "--width", 256)
    assert np.isfinite(vectors(bench.out / "exons.parquet")).all()
    table = pq.read_table(bench.out / "variants.parquet")
    missing = [status is not None for status in table["status"].to_pylist()]
    assert [value is None for value in table["embedding_alt"].to_pylist()] == missing
    assert len(table) > 50
