"""`cistron generate`: prompts in, new sequences out."""
