"""Runs by name: one that a laptop can train, and the published ones."""
