"""Runs that can be repeated by name: one file each, a function called `RECIPE` that returns the run."""
