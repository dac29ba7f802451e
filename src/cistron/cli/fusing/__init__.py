"""The jobs behind `cistron fusion`."""
