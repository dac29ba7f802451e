"""`cistron mutate`: every substitution of a region."""
