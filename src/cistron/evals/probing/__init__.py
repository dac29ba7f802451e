"""Probes: what a small classifier on a model's embeddings can tell, beside the same classifier on less."""
