"""INFO fields of packed consequences, as `bcftools +split-vep` reads them."""

from __future__ import annotations

from collections.abc import Sequence

from cistron.formats.vcf_writer import InfoField
from cistron.genome.consequences import FIELDS, Consequence, blank


class CsqField(InfoField):
    """An INFO field with any number of packed consequences; a `VcfWriter` takes it like any other.

    Its value for an allele is the text of `packed`, which may hold several.
    """

    __slots__ = ()

    def header_line(self) -> str:
        """Its `##INFO` line, which ends in the names of the columns."""
        words = self.description.replace("\\", "\\\\").replace('"', '\\"')
        columns = "|".join(FIELDS)
        return f'##INFO=<ID={self.id},Number=.,Type=String,Description="{words} Format: {columns}">'


def packed(allele: str, consequences: Sequence[Consequence]) -> str:
    """All consequences of an allele, a comma between them; one without content where none can be told."""
    return ",".join(one.packed(allele) for one in consequences) or blank(allele)
