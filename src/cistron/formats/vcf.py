"""VCF and BCF: records in, and the same records out with fields added to INFO."""

from cistron.formats.vcf_reader import PREFIX, VcfReader, VcfRecord
from cistron.formats.vcf_writer import InfoField, Values, VcfWriter

__all__ = ["PREFIX", "InfoField", "Values", "VcfReader", "VcfRecord", "VcfWriter"]
