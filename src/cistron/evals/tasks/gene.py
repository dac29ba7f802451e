"""Gene properties: what a gene's DNA, by a frozen model and a probe, tells of the gene.

The families of gene-benchmark as far as labels and DNA (GRCh37: chr20, chr22, the first 70 Mb of chrX, and
450 loci of LRG) are at hand. Genes whose windows share bases are never on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from cistron.evals.genes.atlas import NEEDS, Atlas, read_atlas
from cistron.evals.genes.cutting import Cutting
from cistron.evals.genes.labels import (
    FACTORS,
    GENE2GENE,
    PARTS,
    TISSUES,
    all_gene_pairs,
    elevated_tissues,
    factor_descriptions,
    factor_families,
    gene_chromosomes,
    gene_pairs,
    gene_types,
    joined,
    transcription_factors,
)
from cistron.evals.genes.plan import GENE_OPTIONS, PAIR_OPTIONS, gene_plan
from cistron.evals.genes.rows import covered
from cistron.evals.task import Plan, Published, Setting, Task
from cistron.formats.gene_tasks import GeneTask

MOST: Final = 1000
"""Genes that are used without a limit, where there are more."""

_SUITES: Final = ("probe", "vertebrate", "gene-properties")
_GENCODE: Final = "GENCODE v19"
_BENCHMARK: Final = "after Kan-Tor et al. 2024, gene-benchmark, arXiv 2412.04075"

Labels = Callable[[Setting, Atlas], GeneTask]


def prepare(
    labels: Labels, metric: str, setting: Setting, *, described: bool = False, without: str = ""
) -> Plan:
    """Read labels and DNA and make the plan.

    Args:
        labels: Gives the task's rows.
        metric: The main one.
        setting: How it is run.
        described: Whether the genes are described by their full names, too.
        without: Name of a baseline that is the answer itself.

    Raises:
        InputError: A file is missing or damaged, or an option has no meaning.
    """
    atlas = read_atlas(setting)
    found = covered(labels(setting, atlas), atlas, Cutting.of(setting.options))
    texts = factor_descriptions(setting) if described else None
    plan = gene_plan(found, atlas, setting, metric, most=int(setting.options["genes"]), texts=texts)
    return replace(plan, baselines=tuple(each for each in plan.baselines if each.name != without))


def prepare_pairs(setting: Setting) -> Plan:
    """Read pairs and DNA and make the plan, on Gene2vec's own split, which shares no gene.

    Raises:
        InputError: A file is missing or damaged, or an option has no meaning.
    """
    atlas, cutting = read_atlas(setting), Cutting.of(setting.options)
    train, test = (covered(gene_pairs(setting, part), atlas, cutting) for part in ("train", "test"))
    task = joined("Gene2Gene", [train.task, test.task])
    windows = {**train.pieces.windows, **test.pieces.windows}
    notes = tuple(
        f"{part}: {note}" for part, side in (("train", train), ("test", test)) for note in side.notes
    )
    both = replace(train, task=task, pieces=replace(train.pieces, windows=windows), notes=notes)
    return gene_plan(both, atlas, setting, "auroc", border=len(train.task))


def prepare_random_pairs(setting: Setting) -> Plan:
    """The pairs of all parts in folds by pair, as gene-benchmark splits them: genes are on both sides.

    Raises:
        InputError: A file is missing or damaged, or an option has no meaning.
    """
    atlas = read_atlas(setting)
    found = covered(all_gene_pairs(setting), atlas, Cutting.of(setting.options))
    return gene_plan(found, atlas, setting, "auroc", apart=False)


def _task(
    name: str,
    summary: str,
    labels: Labels,
    metric: str,
    source: str,
    licence: str,
    *,
    version: int = 1,
    needs: tuple[str, ...] = (),
    described: bool = False,
    without: str = "",
    published: tuple[Published, ...] = (),
) -> Task:
    return Task(
        name=f"gene/{name}",
        version=version,
        summary=summary,
        metric=metric,
        source=f"{source}; {_BENCHMARK}",
        licence=licence,
        prepare=partial(prepare, labels, metric, described=described, without=without),
        needs=(*NEEDS, *needs),
        suites=_SUITES,
        options={**GENE_OPTIONS, "genes": MOST},
        published=published,
    )


def _pairs(
    name: str, summary: str, prepare_plan: Callable[[Setting], Plan], published: tuple[Published, ...] = ()
) -> Task:
    return Task(
        name=f"gene/{name}",
        version=1,
        summary=summary,
        metric="auroc",
        source=f"Du et al. 2019, Gene2vec, BMC Genomics 20:82; {_BENCHMARK}",
        licence="MIT (Gene2vec)",
        prepare=prepare_plan,
        needs=(
            *NEEDS,
            *(f"{GENE2GENE}/{part}_{kind}.txt.gz" for part in PARTS for kind in ("text", "label")),
        ),
        suites=_SUITES,
        options=PAIR_OPTIONS,
        published=published,
    )


_MODELS: Final = (
    "MTEB-7B", "MTEB-1B", "MPNet", "Bag of Words", "Geneformer", "cellPLM", "Gene2vec", "ScGPT", "GEARS",
)  # fmt: skip
"""Of the published scores: text encoders of descriptions, then vectors learnt from expression."""


def _published(*means: float) -> tuple[Published, ...]:
    """Means over five folds for `_MODELS`, from the benchmark's own table of scores."""
    source = "gene-benchmark, task_descriptions.xlsx, third sheet"
    protocol = "all genes, random folds, vectors of descriptions or of expression"
    pairs = zip(_MODELS, means, strict=True)
    return tuple(Published(model, mean, "ROC-AUC", source, protocol) for model, mean in pairs)


_LAMBERT: Final = "Lambert et al. 2018, Cell 172:650, The Human Transcription Factors"
TASK = (
    _task(
        "tf",
        "Transcription factors against other candidates",
        lambda setting, _: transcription_factors(setting),
        "auroc",
        _LAMBERT,
        "of the journal's supplement",
        needs=(FACTORS,),
        described=True,
        published=_published(0.957, 0.931, 0.930, 0.936, 0.759, 0.735, 0.748, 0.679, 0.535),
    ),
    _task(
        "tf-family",
        "Family of a transcription factor's DNA-binding domain",
        lambda setting, _: factor_families(setting),
        "mcc",
        _LAMBERT,
        "of the journal's supplement",
        needs=(FACTORS,),
        described=True,
    ),
    _task(
        "type",
        "Biotype of a gene (GENCODE)",
        lambda _, atlas: gene_types(atlas.types),
        "mcc",
        _GENCODE,
        "open (GENCODE)",
    ),
    _task(
        "chromosome",
        "Chromosome of a gene: finds leaks rather than understanding",
        lambda _, atlas: gene_chromosomes({name: atlas.chromosomes[name] for name in atlas.types}),
        "mcc",
        _GENCODE,
        "open (GENCODE)",
        without="chromosome",
    ),
    _task(
        "tissue",
        "Tissues in which a gene's expression is elevated",
        lambda setting, _: elevated_tissues(setting),
        "macro-auroc",
        "Human Protein Atlas, lists of elevated genes",
        "CC BY-SA 4.0 (Human Protein Atlas)",
        version=2,
        needs=(TISSUES,),
    ),
    _pairs("gene2gene", "Pairs of genes expressed together, no gene on two sides", prepare_pairs),
    _pairs(
        "gene2gene-random",
        "The same pairs split by pair, as published: genes leak",
        prepare_random_pairs,
        _published(0.949, 0.863, 0.815, 0.857, 0.714, 0.793, 0.712, 0.730, 0.732),
    ),
)
