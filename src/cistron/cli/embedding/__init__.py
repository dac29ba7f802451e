"""`cistron embed`: what is embedded, in blocks, and the files that come of it."""
