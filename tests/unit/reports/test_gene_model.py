"""Gene models are read from plain data and refuse impossible coordinates."""

import pytest

from cistron.errors import InputError
from cistron.genome.annotation import GeneModel

PLAIN = {
    "name": "G",
    "chrom": "20",
    "strand": "-",
    "exons": [[10, 20], [30, 40]],
    "cds": [[15, 20], [30, 33]],
}


def test_plain_data_become_a_gene_with_its_extent():
    gene = GeneModel.from_dict(PLAIN)
    assert gene == GeneModel("G", "20", "-", ((10, 20), (30, 40)), ((15, 20), (30, 33)))
    assert (gene.start, gene.end) == (10, 40)


def test_a_gene_may_be_non_coding():
    assert GeneModel.from_dict({key: PLAIN[key] for key in ("name", "chrom", "strand", "exons")}).cds == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exons": []}, "at least one exon"),
        ({"strand": "?"}, "the strand"),
        ({"exons": [[30, 40], [10, 20]]}, "exons of gene 'G'"),
        ({"cds": [[15, 32], [30, 33]]}, "CDS of gene 'G'"),
        ({"exons": [[10, 10]]}, "empty"),
        ({"exons": [10, 20]}, "pairs"),
    ],
)
def test_impossible_genes_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        GeneModel.from_dict({**PLAIN, **changes})


def test_a_missing_key_is_named():
    with pytest.raises(InputError, match="'exons'"):
        GeneModel.from_dict({"name": "G", "chrom": "20", "strand": "+"})
