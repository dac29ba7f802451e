"""The work of `cistron tracks`, one file a sub-command."""
