"""A question to a fused model: its answer, what is known, and which bases moved it."""

from __future__ import annotations

import json
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright").expect

LABELS = {"ague", "croup", "gout"}


def ask(page: Any, tokens: int = 8) -> None:
    """Ask for a short answer."""
    if not page.get_by_label("Most tokens").is_visible():
        page.get_by_text("Options").click()
    page.get_by_label("Most tokens").fill(str(tokens))
    page.get_by_role("button", name="Ask").click()


def test_a_variant_of_a_job_is_diagnosed_with_evidence_and_bases(visitor: Any, page: Any) -> None:
    visitor.analyse("20:4680171 C>T", genome="grch37")
    page.get_by_role("row").nth(1).click()
    page.get_by_role("link", name="Diagnose", exact=True).last.click()
    expect(page.get_by_role("textbox", name="Variant")).to_have_value("20:4680171 C>T")
    ask(page)
    answer = page.get_by_role("region", name="Answer", exact=True)
    expect(answer.get_by_role("img", name="Probability among all diseases")).to_be_visible()
    evidence = page.get_by_role("region", name="Evidence", exact=True)
    for known in ("20:4,680,171 C>T (grch37)", "PRNP", "missense", "p.P102L", "nats", "brain RNA"):
        expect(evidence).to_contain_text(known)
    expect(page.get_by_text("For research use, not for diagnosis.").first).to_be_visible()
    page.get_by_label("rather than").select_option(index=2)
    page.get_by_role("button", name="Find them").click()
    for side in ("Reference sequence", "Variant sequence"):
        expect(page.get_by_role("heading", name=side)).to_be_visible()
    drawn = page.get_by_role("img", name="What each base says")
    assert [drawn.nth(number).locator(".marked").text_content() for number in (0, 1)] == ["C", "T"]
    told = json.loads(visitor.saved("JSON", answer))
    assert told["answer"] in LABELS
    assert told["evidence"]["gene"] == "PRNP"
    page.get_by_text("What was asked").click()
    expect(page.get_by_text("Change: C>T at 4680171")).to_be_visible()


def test_two_sequences_and_a_question_are_answered_without_speech(
    visitor: Any, page: Any, service: Any
) -> None:
    visitor.go("diagnose")
    page.get_by_text("Two sequences").click()
    bases = service.bases[1_000:1_100]
    page.get_by_label("Reference sequence").fill(bases)
    page.get_by_label("Variant sequence").fill(f">changed\n{bases[:50]}ACGT\n{bases[50:]}")
    page.get_by_label("Question").fill("Which one?\nGenes in the pathway: PRNP; the prion protein")
    page.get_by_label("Let the model speak").uncheck()
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("region", name="Answer", exact=True)).to_contain_text("%")
    expect(page.get_by_role("region", name="Evidence", exact=True)).to_contain_text("the prion protein")
    expect(page.get_by_role("region", name="What the model says")).to_have_count(0)


def test_what_cannot_be_diagnosed_is_said(visitor: Any, page: Any, service: Any) -> None:
    visitor.refusals.add("status of 422")
    visitor.go("diagnose")
    page.get_by_role("textbox", name="Variant").fill("PRNP")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_contain_text("no variant")
    wrong = next(base for base in "ACGT" if base != service.bases[499])
    page.get_by_role("textbox", name="Variant").fill(f"20:500 {wrong}>{service.bases[499]}")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_contain_text("REF")
