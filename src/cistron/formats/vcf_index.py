"""Indexes of BGZF-compressed VCF and of BCF files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pysam

from cistron.formats.htslib import quiet_htslib

_TBI_LIMIT: Final = 1 << 29
"""Longest contig, in bp, that a tabix index can hold. Source: tabix format specification."""

SUFFIXES: Final = (".tbi", ".csi")
"""What the name of an index adds to the name of its file."""


def build_index(path: Path, is_bcf: bool, contig_lengths: Iterable[int | None]) -> Path:
    """Index a sorted file and return the index, which lies beside it.

    BCF and contigs longer than 512 Mb get a CSI index, all else a tabix index.

    Args:
        path: A complete file.
        is_bcf: BCF rather than VCF.
        contig_lengths: Lengths in bp as far as they are known.

    Raises:
        OSError: The file is not sorted, or the index cannot be written; no partial index remains.
    """
    csi = is_bcf or any(length is not None and length > _TBI_LIMIT for length in contig_lengths)
    index = path.with_name(path.name + (".csi" if csi else ".tbi"))
    preset = "bcf" if is_bcf else "vcf"
    try:
        with quiet_htslib():
            pysam.tabix_index(str(path), preset=preset, force=True, csi=csi)  # type: ignore[arg-type]
    except BaseException:
        index.unlink(missing_ok=True)
        raise
    return index
