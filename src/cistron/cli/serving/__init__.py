"""The work of `cistron serve`: what its options mean, and the process that runs a job."""
