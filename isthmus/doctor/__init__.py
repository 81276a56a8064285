"""Whether a set-up works from both sides: what is missing, and the one command that mends it."""
