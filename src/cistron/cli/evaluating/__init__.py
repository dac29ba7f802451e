"""`cistron eval`: which tasks, asked of which models, and what is written."""
