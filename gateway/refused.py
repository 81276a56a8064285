"""Why a caller gets no predictions."""

from __future__ import annotations


class Refused(Exception):
    """No answer: the HTTP status, and what the caller is told."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message
