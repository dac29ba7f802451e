"""Bring checkpoints of other layouts into model folders: one file a layout, each with a `convert`."""
