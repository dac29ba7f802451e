from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.evals.outcome import Outcome
from cistron.evals.requests import Contigs
from cistron.evals.task import Plan, Setting
from cistron.evals.tasks import zeroshot_code, zeroshot_essential, zeroshot_ramp
from cistron.evals.tasks.zeroshot_taxa import stretches_of
from cistron.evals.zeroshot.experiment import READING
from cistron.evals.zeroshot.genomes import Genome, Source
from cistron.genome import Interval, Variant
from cistron.genome.coding import CodingGene, RnaGene
from cistron.genome.coding_adaptation import adaptation_weights
from cistron.genome.genetic_code import CODONS, genetic_code
from cistron.genome.sequence import reverse_complement

Judged = Callable[[Plan, Callable[[Variant], float]], Outcome]
CODONS_OF_A_GENE = 220
SOURCE = Source("x", "x", "x.fa", "x.gff")


def setting(limit: int | None = None, **options: object) -> Setting:
    return Setting(Path(), 0, limit, {**READING, "slack": 0, **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def genome() -> Genome:
    """Four genes of 220 codons on alternate strands, and transfer RNAs for half of the codons."""
    bases = random.Random(4)
    sense = [codon for codon in CODONS if codon not in genetic_code(11).stops]
    text, genes = "", []
    for number in range(4):
        text += "".join(bases.choices("ACGT", k=100))
        cds = "ATG" + "".join(bases.choices(sense, k=CODONS_OF_A_GENE - 2)) + "TAA"
        strand = "+" if number % 2 == 0 else "-"
        span = (len(text), len(text) + len(cds))
        genes.append(CodingGene(f"g{number}", "c", strand, (span,), 11))  # type: ignore[arg-type]
        text += cds if strand == "+" else reverse_complement(cds)
    contigs = Contigs((("c", text + "ACGT" * 25),))
    rna = tuple(RnaGene("tRNA", Interval("c", 0, 9), reverse_complement(codon)) for codon in sense[::2])
    return Genome(SOURCE, contigs, contigs, tuple(genes), rna, (), ())


def test_codon_changes_are_classed_by_the_weights_of_the_transfer_rnas(
    genome: Genome, outcome: Judged
) -> None:
    plan = zeroshot_ramp.plan(genome, setting(codons=10))
    row = outcome(plan, lambda _: 0.0)
    weights = adaptation_weights({gene.anticodon: 1 for gene in genome.rna}, genetic_code(11))
    code = genetic_code(11)
    for kind, change, place in zip(row.items["kind"], row.items["change"], row.items["place"], strict=True):
        old, new = change.split(">")
        gain = math.log(weights[new] / weights[old])
        assert code.meaning[old] == code.meaning[new]
        assert kind == zeroshot_ramp.KINDS[gain < 0]
        assert 1 <= place < 100 or -100 <= place < 0


def test_a_model_that_prefers_served_codons_has_a_preference_and_no_ramp(
    genome: Genome, outcome: Judged
) -> None:
    plan = zeroshot_ramp.plan(genome, setting(codons=40))
    items = outcome(plan, lambda _: 0.0).items
    kinds = {
        Variant(str(c), int(p), str(r), str(a)): kind
        for c, p, r, a, kind in zip(*(items[k] for k in ("chrom", "pos", "ref", "alt", "kind")), strict=True)
    }
    row = outcome(plan, lambda v: 1.0 if kinds[v] == zeroshot_ramp.KINDS[0] else -1.0)
    assert row.metric("preference, whole").value == pytest.approx(2)
    assert row.metric("ramp").value == pytest.approx(0)


def test_stops_in_essential_genes_are_told_from_others_and_length_is_row_zero(
    genome: Genome, outcome: Judged
) -> None:
    plan = zeroshot_essential.plan(genome, setting(genes=4, codons=2), frozenset({"g1", "g2"}))
    spans = {gene.name: gene.parts[0] for gene in genome.genes}
    essential = [spans["g1"], spans["g2"]]
    row = outcome(plan, lambda v: -1.0 if any(s <= v.start < e for s, e in essential) else 0.0)
    assert row.main.value == 1
    assert set(row.items["alt"]) <= {"TAA", "TTA"}
    assert plan.baselines[0].judge().main.value == 0.5


def test_a_list_that_names_no_gene_of_the_genome_is_refused(genome: Genome) -> None:
    with pytest.raises(InputError, match="0 of 2 genes are essential by the list"):
        zeroshot_essential.plan(genome, setting(genes=4, codons=2), frozenset({"dnaA"}))


def test_stretches_hold_no_n_and_lie_behind_the_part_that_models_were_trained_on(tmp_path: Path) -> None:
    (tmp_path / "x.fa").write_text(">a\n" + "C" * 300 + "N" + "A" * 200 + "\n>b\n" + "G" * 50 + "\n")
    source = Source("x", "X", "x.fa", "x.gff", begin=20)
    found = list(stretches_of(source, Setting(tmp_path), 30, 40))
    assert len(found) == 30
    assert {stretch.taxon for stretch in found} == {"X"}
    assert {base for stretch in found for base in stretch.bases} <= set("ACG")
    assert list(stretches_of(source, Setting(tmp_path), 30, 40)) == found
    with pytest.raises(InputError, match="no base 1,001"):
        list(stretches_of(Source("x", "X", "x.fa", "x.gff", begin=1000), Setting(tmp_path), 1, 40))


def test_genes_of_an_unusual_code_are_asked_as_they_are_and_not_recoded(
    genome: Genome, outcome: Judged
) -> None:
    own = replace(genome.genes[0], table=4)
    mixed = replace(genome, genes=(own, *genome.genes[1:]))
    plan = zeroshot_code.plan(mixed, setting(genes=4, codons=2, widths="64"))
    row = outcome(plan, lambda v: 2.0 if v.alt == "TGA" else 0.0)
    kinds = {kind for kind, unit in zip(row.items["kind"], row.items["group"], strict=True) if "g0" in unit}
    assert kinds == {f"{stop} in native code 4" for stop in ("TAA", "TAG", "TGA")}
    assert row.metric("TGA against TAA and TAG").value == pytest.approx(2)
    assert row.metric("TGA against TAA and TAG code 4").n == 1
