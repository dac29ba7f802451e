"""`cistron plan`: memory and time of a job before it starts."""
