"""`cistron likelihood`: how likely sequences are, whole and base by base."""
