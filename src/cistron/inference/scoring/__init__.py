"""How alleles are scored: windows, the prefix that they share, and what each of them adds."""
