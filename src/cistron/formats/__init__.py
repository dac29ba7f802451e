"""Files: bytes to records and back, one file a format.

No coordinate arithmetic and no formulas here. Every output is written under a temporary name and renamed when
it is complete, so that a reader never sees half a file. The libraries behind the formats are imported with
their format.
"""
