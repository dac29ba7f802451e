"""ClinVar's words: classes, stars, genes."""

from __future__ import annotations

import pytest

from cistron.formats.clinvar import genes, molecular_consequences, significance, stars


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Pathogenic", "Pathogenic"),
        ("Likely_pathogenic", "Pathogenic"),
        ("Pathogenic/Likely_pathogenic", "Pathogenic"),
        ("Pathogenic/Likely_pathogenic|risk_factor", "Pathogenic"),
        ("Likely_pathogenic,_low_penetrance", "Pathogenic"),
        ("Pathogenic/Likely_pathogenic/Pathogenic,_low_penetrance|other", "Pathogenic"),
        ("Benign", "Benign"),
        ("Likely benign", "Benign"),
        ("Benign/Likely_benign|drug_response", "Benign"),
    ],
)
def test_both_degrees_and_what_stands_beside_make_one_class(text: str, label: str):
    assert significance(text) == (label, "")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Uncertain_significance", "uncertain significance"),
        ("Uncertain_significance/Uncertain_risk_allele", "uncertain significance"),
        ("Conflicting_classifications_of_pathogenicity|other", "conflicting"),
        ("Conflicting_interpretations_of_pathogenicity", "conflicting"),
        ("Pathogenic/Benign", "conflicting"),
        ("drug_response", "neither benign nor pathogenic"),
        ("Likely_risk_allele", "neither benign nor pathogenic"),
        ("", "no significance"),
    ],
)
def test_what_is_no_class_says_why(text: str, reason: str):
    assert significance(text) == (None, reason)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("practice_guideline", 4),
        ("reviewed_by_expert_panel", 3),
        ("criteria_provided,_multiple_submitters,_no_conflicts", 2),
        ("criteria_provided, multiple submitters, no conflicts", 2),
        ("criteria_provided,_single_submitter", 1),
        ("criteria_provided,_conflicting_classifications", 1),
        ("no_assertion_criteria_provided", 0),
        ("", 0),
    ],
)
def test_stars_follow_the_review_also_when_a_parser_split_it(text: str, count: int):
    assert stars(text) == count
    assert stars(",".join(text.split(",_"))) == count


def test_genes_and_consequences_are_told_apart_from_their_numbers():
    assert genes("PRNP:5621|PRNP-AS1:1234") == ("PRNP", "PRNP-AS1")
    assert genes(".") == ()
    text = "SO:0001583|missense_variant,SO:0001619|non-coding_transcript_variant"
    assert molecular_consequences(text) == ("missense_variant", "non-coding_transcript_variant")
