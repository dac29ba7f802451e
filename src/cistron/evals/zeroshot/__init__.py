"""The zero-shot experiments of Evo 2 on any annotated genome; see `docs/design/zeroshot.md`.

A task chooses edits of genes, has them scored, and asks whether the scores tell what biology knows: that a
start codon matters, that the third base of a codon matters less, that a stop in the middle is worse than
another amino acid. Nothing is trained and nothing is tuned.
"""
