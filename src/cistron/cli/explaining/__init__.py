"""`cistron explain`: which experts fire in which bases."""
