"""Genos's own sets, from the files it publishes: population and mutation hotspots as JSON Lines.

Put the files into `benchmarks/genos` of the data folder: `Human_classify_8k_train.jsonl`, `…_test.jsonl`,
`CPC_8192_train.jsonl` and so on, each line `{"seq": …, "label": …}`. The published protocol fits boosted
trees to embeddings of populations and a small network, of unpublished size, to those of hotspots, and leaves
the validation part unused.
"""

from __future__ import annotations

from functools import partial

from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import official_split
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.task import Badge, Plan, Published, Setting, Task
from cistron.formats.labelled_files import read_labelled

FOLDER = "benchmarks/genos"
_PICTURE = "benchmark picture in the Genos repository, 2025-10-13"
_POPULATION = {
    "8k": {"Genos-1.2B": 0.6349, "Genos-10B": 0.6667, "Evo2-40b": 0.6309, "HyenaDNA-1M": 0.6239},
    "32k": {"Genos-1.2B": 0.7357, "Genos-10B": 0.7669, "Evo2-40b": 0.7248, "HyenaDNA-1M": 0.7040},
    "128k": {"Genos-1.2B": 0.7732, "Genos-10B": 0.8214, "Evo2-40b": 0.7204, "HyenaDNA-1M": 0.7317},
}
_HOTSPOT = {
    "8192": {"Genos-1.2B": 0.9093, "Genos-10B": 0.9522, "Evo2-40b": 0.9401, "HyenaDNA-1M": 0.8914},
    "32768": {"Genos-1.2B": 0.9440, "Genos-10B": 0.9625, "Evo2-40b": 0.9611, "HyenaDNA-1M": 0.9064},
    "131072": {"Genos-1.2B": 0.9872, "Genos-10B": 0.9911, "HyenaDNA-1M": 0.9735},
}
_BY_SEQUENCE = Badge(
    "leak", "split by sequence: the same people, and the same places, are in the training part too"
)


def prepare(stem: str, metric: str, badges: tuple[Badge, ...], setting: Setting) -> Plan:
    """Read the training and the test part, and make the plan.

    Raises:
        InputError: A file is missing or damaged.
    """
    train, test = (read_labelled(setting.path(_file(stem, part))) for part in ("train", "test"))
    examples = official_split(train, test, limit=setting.limit, seed=setting.seed)
    return probe_plan(examples, setting, metric, badges=(*audit(examples), *badges))


def _file(stem: str, part: str) -> str:
    return f"{FOLDER}/{stem}_{part}.jsonl"


def _task(
    name: str, stem: str, summary: str, metric: str, probe: str, published: dict[str, float], *badges: Badge
) -> Task:
    return Task(
        name=f"genos-published/{name}",
        version=1,
        summary=summary,
        metric=metric,
        source="Genos (BGI, Zhejiang Lab), files published with the model",
        licence="as published with the files",
        prepare=partial(prepare, stem, metric, badges),
        needs=tuple(_file(stem, part) for part in ("train", "test")),
        suites=("probe", "vertebrate", "genos-long"),
        options={**OPTIONS, "probe": probe},
        published=tuple(Published(model, value, "not named", _PICTURE) for model, value in published.items()),
    )


TASK = (
    *(
        _task(
            f"population-{width}",
            f"Human_classify_{width}",
            f"Europeans, Africans and East Asians by pseudo-haplotypes of chr9, {width} windows (3 classes)",
            "accuracy",
            "xgboost",
            published,
            _BY_SEQUENCE,
        )
        for width, published in _POPULATION.items()
    ),
    *(
        _task(
            f"hotspot-{width}",
            f"CPC_{width}",
            f"Windows of {int(width):,} bp with more variants than chance, Chinese Pangenome Consortium",
            "auroc",
            "mlp",
            published,
        )
        for width, published in _HOTSPOT.items()
    ),
)
