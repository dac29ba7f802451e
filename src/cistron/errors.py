"""Every exception a caller may catch.

A `CistronError` is the caller's to fix. Its text is one line that names what was wrong, what was found and
what would do. Anything else that escapes is a bug and keeps its traceback.
"""

from __future__ import annotations


class CistronError(Exception):
    """Base of all errors that the caller can fix; the command line prints its one line and exits 1."""


class InputError(CistronError):
    """An input file or value is missing, empty, cut short or malformed."""


class OutputError(CistronError):
    """An output cannot be written: folder missing, read-only, disk full, same file as the input."""


class SequenceError(CistronError):
    """A sequence holds something that is not a nucleotide code."""


class ReferenceMismatchError(CistronError):
    """A REF allele differs from the reference genome."""


class UnknownContigError(CistronError):
    """A contig is not in the reference genome."""


class OutOfBoundsError(CistronError):
    """An interval reaches beyond its contig."""


class WindowError(CistronError):
    """A window is wider than the model's context, or too small to score anything."""


class UnknownNameError(CistronError):
    """A plug, model, recipe or setting of that name does not exist."""


class WeightsError(CistronError):
    """A model folder is incomplete, damaged, or does not match its configuration."""


class DownloadError(CistronError):
    """A model could not be fetched from its hub."""


class ResumeError(CistronError):
    """A saved state does not belong to this run."""
