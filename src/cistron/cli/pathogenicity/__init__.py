"""The work of `cistron pathogenicity`."""
