"""Constructs that the stacks share, one noun per file."""
