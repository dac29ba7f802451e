"""`cistron scan`: what a model expects at every base of regions."""
