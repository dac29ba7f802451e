"""Tasks: one file each, with a constant `TASK`."""
