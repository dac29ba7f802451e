"""ClinVar's VCF: what its INFO fields say of significance, review status, genes and consequences.

Source: ClinVar's README for its VCF files (CLNSIG, CLNREVSTAT, GENEINFO, MC); stars as ClinVar
documents them.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Label = Literal["Benign", "Pathogenic"]

_LABELS: Final[dict[str, Label]] = {
    "benign": "Benign",
    "likely_benign": "Benign",
    "pathogenic": "Pathogenic",
    "likely_pathogenic": "Pathogenic",
}
_DROPPED: Final = (("conflicting", "conflicting"), ("uncertain", "uncertain significance"))
_STARS: Final = {
    "practice_guideline": 4,
    "reviewed_by_expert_panel": 3,
    "criteria_provided_multiple_submitters_no_conflicts": 2,
    "criteria_provided_multiple_submitters": 2,
    "criteria_provided_conflicting_classifications": 1,
    "criteria_provided_conflicting_interpretations": 1,
    "criteria_provided_single_submitter": 1,
}
_PENETRANCE: Final = re.compile(r",?_?low_penetrance")


def significance(text: str) -> tuple[Label | None, str]:
    """The class that a CLNSIG states, or None and why there is none.

    Pathogenic and likely pathogenic are one class, benign and likely benign the other, also together
    (`Pathogenic/Likely_pathogenic`), with low penetrance, and beside words of another kind
    (`Pathogenic|risk_factor`). Words of both classes, `Conflicting…` and `Uncertain…` give none.
    """
    words = re.split(r"[|/]", _PENETRANCE.sub("", text.lower().replace(" ", "_")))
    for beginning, reason in _DROPPED:
        if any(word.startswith(beginning) for word in words):
            return None, reason
    found = {_LABELS[word] for word in words if word in _LABELS}
    if len(found) == 1:
        return found.pop(), ""
    return None, "conflicting" if found else "neither benign nor pathogenic" if text else "no significance"


def stars(text: str) -> int:
    """The stars of a CLNREVSTAT, 0 to 4; 0 for words that earn none.

    Its commas separate nothing, but a VCF parser that takes them for separators and joins the parts again
    does no harm.
    """
    return _STARS.get(re.sub(r"[\s,_]+", "_", text.lower()).strip("_"), 0)


def genes(text: str) -> tuple[str, ...]:
    """The gene symbols of a GENEINFO, such as `PRNP:5621|LOC1:2`."""
    return tuple(part.partition(":")[0] for part in text.split("|") if part and part != ".")


def molecular_consequences(text: str) -> tuple[str, ...]:
    """The Sequence Ontology terms of an MC, such as `SO:0001583|missense_variant,SO:…|…`."""
    return tuple(term for part in text.split(",") if (term := part.partition("|")[2]))
