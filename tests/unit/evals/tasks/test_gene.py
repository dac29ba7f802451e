"""The gene tasks on a generated genome, annotation and labels in the layout of the real ones."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.evals import EmbedRequest, Plan, Setting, Task, Vectors
from cistron.evals.catalogue import tasks_of
from cistron.evals.genes.atlas import read_atlas
from cistron.evals.precomputed import PrecomputedVectors
from cistron.formats.bgzf import bgzf_output
from cistron.genome.sequence import reverse_complement

pytest.importorskip("sklearn")

LENGTH = 20_000
CONTIGS = ("chr20", "chr22", "chrX")
TASKS = {task.name: task for task in tasks_of("gene")}
LETTERS = random.Random(8)
BASES = {name: "".join(LETTERS.choices("ACGT", k=LENGTH)) for name in CONTIGS}

Gene = tuple[str, str, int, int, str]
"""Symbol, contig, 0-based start, end, strand."""

GENES: list[Gene] = [
    (f"{'ABC'[contig]}{number}", CONTIGS[contig], 500 + 600 * number, 800 + 600 * number, "+-"[number % 2])
    for contig in range(3)
    for number in range(30)
] + [("TWICE", "chr20", 19_000, 19_100, "+"), ("TWICE", "chrX", 19_000, 19_100, "+")]


def _packed(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with bgzf_output(path) as stream:
        stream.write(text.encode())


def _text(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as stream:
        stream.writelines(f"{line}\n" for line in lines)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    files = zip(("chr20", "chr22_partial", "chrX_1_70M"), CONTIGS, strict=True)
    for name, contig in files:
        _packed(folder / f"human/{name}.fa.gz", f">{contig}\n{BASES[contig]}\n")
    table = {
        "_labels": [gene[1] for gene in GENES],
        "_starts": [gene[2] + 1 for gene in GENES],
        "_ends": [gene[3] for gene in GENES],
        "Strand": [gene[4] for gene in GENES],
        "gene_name": [gene[0] for gene in GENES],
        "gene_type": ["protein_coding" if gene[0] < "B" else "pseudogene" for gene in GENES],
    }
    annotation = folder / "human/gencode_v19"
    annotation.mkdir()
    for name in ("genes", "exons", "CDSs"):
        pq.write_table(pa.table(table), annotation / f"{name}.parquet")
    _lrg(folder)
    symbols = [gene[0] for gene in GENES[:90]] + ["FAR", "GONE"]
    rows = [
        f"{name},{'Yes' if number % 2 else 'No'},bHLH,finger{number % 2}"
        for number, name in enumerate(symbols)
    ]
    header = "HGNC symbol,Is TF?,DBD,EntrezGene Description"
    _text(folder / "benchmarks/humantfs/DatabaseExtract_v_1.01.csv.gz", header, *rows)
    _pairs(folder / "benchmarks/gene2gene")
    for tissue, members in (("brain", symbols[:60]), ("liver", symbols[1::2]), ("skin", symbols[:5])):
        lines = [f"{name}\tENSG" for name in members]
        _text(folder / f"benchmarks/hpa_elevated_tissue/{tissue}.tsv.gz", "Gene\tEnsembl", *lines)
    return folder


def _lrg(folder: Path) -> None:
    """One locus of 1,000 bp on another chromosome, read along its gene's minus strand."""
    _packed(folder / "human/lrg_loci.fa.gz", f">LRG_1\n{BASES['chr20'][:1000]}\n")
    head = "lrg gene length assembly chrom start1 end strand n_diffs n_transcripts n_coding_exons"
    rows = ["LRG_1 FAR 1000 GRCh37.p13 7 5001 6000 -1 0 1 1", "LRG_2 LOST 1000 GRCh37.p13 7 1 1000 1 0 1 1"]
    (folder / "human/lrg_index.tsv").write_text("\n".join([head, *rows]).replace(" ", "\t") + "\n")
    exons = [
        "#NAME CHROM STRAND TX_START TX_END EXON_START EXON_END",
        "FAR 7 - 5100 5400 5100,5300, 5200,5400,",
    ]
    _text(
        folder / "human/gencode_canonical_exons_grch37.txt.gz", *(line.replace(" ", "\t") for line in exons)
    )


def _pairs(folder: Path) -> None:
    random_pairs = random.Random(2)
    for part, prefixes in (("train", "AB"), ("valid", "C"), ("test", "C")):
        names = [gene[0] for gene in GENES[:90] if gene[0][0] in prefixes]
        pairs = [random_pairs.sample(names, 2) for _ in range(60)]
        labels = [str(number % 2) for number in range(60)]
        if part == "train":
            pairs += [pairs[0][::-1], ["A0", "GONE"]]  # contradicts the first pair; unknown
            labels += ["1", "1"]
        _text(folder / f"{part}_text.txt.gz", *(" ".join(pair) for pair in pairs))
        _text(folder / f"{part}_label.txt.gz", *labels)


def _plan(task: Task, data: Path, limit: int | None = None, **options: int | str) -> Plan:
    values = {**task.options, "width": 200, **options}
    return task.prepare(Setting(data, limit=limit, options=values))


def _answered(plan: Plan) -> Vectors:
    request = plan.requests["windows"]
    assert isinstance(request, EmbedRequest)
    counts = [[text.count(base) for base in "ACGT"] for text in request.sequences]
    return Vectors(np.array(counts, dtype=np.float32))


def test_a_locus_of_lrg_is_read_along_its_gene_in_its_own_coordinates(data: Path) -> None:
    atlas = read_atlas(Setting(data))
    gene = atlas.genes["FAR"]
    assert (gene.chrom, gene.strand, atlas.chromosomes["FAR"]) == ("LRG_1", "+", "chr7")
    assert gene.exons == ((600, 700), (800, 900))


def test_a_symbol_at_several_places_is_no_gene_of_the_atlas(data: Path) -> None:
    atlas = read_atlas(Setting(data))
    assert atlas.repeated == {"TWICE"}
    assert "TWICE" not in atlas.genes
    assert "LOST" not in atlas.genes


def test_genes_without_dna_are_counted_and_left_out(data: Path) -> None:
    plan = _plan(TASKS["gene/tf"], data)
    assert "91 of 92 rows covered: DNA of 91 of 92 genes is at hand" in plan.notes
    assert any(note.startswith("91 genes, 91 windows; tss") for note in plan.notes)


def test_what_is_asked_is_the_window_around_the_start_on_the_transcribed_strand(data: Path) -> None:
    request = _plan(TASKS["gene/tf"], data).requests["windows"]
    assert isinstance(request, EmbedRequest)
    assert BASES["chr20"][400:600] in request.sequences
    assert reverse_complement(BASES["chr20"][1300:1500]) in request.sequences


def test_rows_of_a_table_are_judged_on_the_same_items(data: Path) -> None:
    plan = _plan(TASKS["gene/tf"], data, limit=40)
    wanted = list(plan.judge({"windows": _answered(plan)}).items["item"])
    known = {baseline.name: baseline for baseline in plan.baselines}
    rows = {name: known[name].judge() for name in ("gene structure", "words of descriptions")}
    assert all(list(row.items["item"]) == wanted for row in rows.values())
    assert rows["words of descriptions"].main.value == 1.0
    assert {"chromosome", "random vectors", "majority"} <= set(known)


def test_genes_that_share_bases_are_on_one_side(data: Path) -> None:
    plan = _plan(TASKS["gene/tf"], data, width=1000)
    rows = plan.judge({"windows": _answered(plan)})
    group = dict(zip(rows.items["item"], rows.items["group"], strict=True))
    assert group["A0"] == group["A1"] == group["A29"]
    assert len({group["A0"], group["B0"], group["C0"], group["FAR"]}) == 4


def test_the_answer_is_no_baseline_of_its_own_task(data: Path) -> None:
    names = {baseline.name for baseline in _plan(TASKS["gene/chromosome"], data).baselines}
    assert "gene structure" in names
    assert "chromosome" not in names


def test_pairs_keep_the_official_split_and_contradictions_go(data: Path) -> None:
    plan = _plan(TASKS["gene/gene2gene"], data)
    assert [badge.verdict for badge in plan.badges] == ["clean"]
    assert any("rows that repeat or contradict others left out" in note for note in plan.notes)
    names = {baseline.name for baseline in plan.baselines}
    assert "gene lookup" in names
    rows = plan.judge({"windows": _answered(plan)})
    assert all(name.startswith("C") for pair in rows.items["item"] for name in pair.split())


def test_pairs_split_at_random_are_badged_as_a_leak(data: Path) -> None:
    (badge,) = _plan(TASKS["gene/gene2gene-random"], data).badges
    assert badge.verdict == "leak"


def test_marks_are_told_of_one_split_and_rare_ones_are_left_out(data: Path) -> None:
    plan = _plan(TASKS["gene/tissue"], data)
    assert any("left out, with fewer than 30 rows: skin" in note for note in plan.notes)
    rows = plan.judge({"windows": _answered(plan)})
    assert set(rows.items["mark"]) == {"brain", "liver"}
    told = {name.split()[0] for name in rows.items["item"]}
    assert len(told) == pytest.approx(0.4 * 75, abs=3)


def _table(path: Path, names: list[str], value: Callable[[str], float]) -> PrecomputedVectors:
    lines = [f"{name},{value(name)},{len(name)}" for name in names]
    path.write_text("\n".join(["symbol,0,1", *lines]) + "\n")
    return PrecomputedVectors(path)


def _factor(name: str) -> float:
    """What tells transcription factors of the made-up labels from the others."""
    return float({gene[0]: number % 2 for number, gene in enumerate(GENES)}.get(name, 0))


def test_a_table_by_symbol_answers_a_task_on_genes(data: Path, tmp_path: Path) -> None:
    plan = _plan(TASKS["gene/tf"], data).by_name
    assert plan is not None
    table = _table(tmp_path / "genes.csv", [gene[0] for gene in GENES[:90]] + ["FAR"], _factor)
    request = plan.requests["genes"]
    assert table.refuses(request) is None
    outcome = plan.judge({"genes": table.answer(request)})
    assert outcome.main.value > 0.95
    (control,) = plan.controls
    assert control.judge({"genes": table.answer(request)}).main.value == pytest.approx(0.5, abs=0.15)
    items = _plan(TASKS["gene/tf"], data).judge({"windows": _answered(_plan(TASKS["gene/tf"], data))}).items
    assert list(outcome.items["item"]) == list(items["item"])


def test_rows_whose_genes_a_table_lacks_are_left_out_and_counted(data: Path, tmp_path: Path) -> None:
    plan = _plan(TASKS["gene/gene2gene-random"], data).by_name
    assert plan is not None
    names = [gene[0] for gene in GENES[:90] if gene[0] not in ("A3", "B4")]
    table = _table(tmp_path / "genes.csv", names, lambda name: float(int(name[1:])))
    outcome = plan.judge({"genes": table.answer(plan.requests["genes"])})
    told = {name for pair in outcome.items["item"] for name in pair.split()}
    assert not told & {"A3", "B4"}
    assert any(
        "rows left out: the table has no vector for a gene of theirs" in note for note in outcome.notes
    )


def test_a_table_of_other_names_is_refused_and_a_broken_vector_named(data: Path, tmp_path: Path) -> None:
    plan = _plan(TASKS["gene/tf"], data).by_name
    assert plan is not None
    request = plan.requests["genes"]
    ids = _table(tmp_path / "ids.csv", [f"ENSG{number}" for number in range(90)], lambda name: 0.0)
    assert str(ids.refuses(request)).startswith("the table lacks 91 of 91 names, the first A0")
    broken = _table(
        tmp_path / "broken.csv",
        [gene[0] for gene in GENES[:90]],
        lambda name: np.nan if name == "A7" else 1.0,
    )
    with pytest.raises(InputError, match="1 vectors that are not numbers, the first that of A7"):
        broken.answer(request)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"region": "tts"}, "no region of a gene is called 'tts'; did you mean tss"),
        ({"windows": 0}, "must be positive"),
        ({"region": "cds", "width": 0}, "must be positive"),
    ],
)
def test_options_without_a_meaning_are_refused(
    data: Path, options: dict[str, int | str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        _plan(TASKS["gene/tf"], data, **options)


def test_a_way_to_join_pairs_that_is_unknown_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="pair=sum is not one of average, concat, product"):
        _plan(TASKS["gene/gene2gene"], data, pair="sum")


def test_one_class_alone_is_refused(data: Path) -> None:
    with pytest.raises(InputError, match="a probe needs two"):
        _plan(TASKS["gene/tf-family"], data)
