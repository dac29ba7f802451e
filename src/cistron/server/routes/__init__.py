"""One resource a file; each publishes its `ROUTER`."""
