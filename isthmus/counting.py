"""A number and what it counts, as people read it."""

from __future__ import annotations


def counted(number: int, noun: str, many: str = "") -> str:
    """`1 row`, `2 rows`; of a noun that takes no bare s, `many` is the plural."""
    return f"{number} {noun if number == 1 else many or f'{noun}s'}"
