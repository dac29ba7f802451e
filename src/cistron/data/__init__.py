"""Training corpora: which bases a model may learn from, and in which order it meets them."""
