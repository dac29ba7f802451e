"""Where the numbers of a run go: one file each, a function called `LOGGER` that opens one."""
