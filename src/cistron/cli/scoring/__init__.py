"""`cistron score` and `cistron calibrate`: from a VCF to a VCF."""
