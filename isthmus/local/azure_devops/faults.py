"""How Azure DevOps says no: a status, a type key and a message in one JSON shape.

Fault
├── not_found         404   the thing does not exist, or the caller may not know that it does
├── invalid           400   the request is not one
├── refused           403   the caller may not
└── conflict          409   it changed meanwhile, or exists already
"""

from __future__ import annotations

from typing import Any


class Fault(Exception):
    """An answer other than 2xx."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.more = more

    def body(self) -> dict[str, Any]:
        return {
            "$id": "1",
            "innerException": None,
            "message": self.message,
            "typeName": f"Microsoft.TeamFoundation.{self.kind}, Microsoft.TeamFoundation",
            "typeKey": self.kind,
            "errorCode": 0,
            "eventId": 3000,
            **self.more,
        }


def not_found(message: str, kind: str = "ResourceNotFoundException") -> Fault:
    return Fault(404, kind, message)


def invalid(message: str, kind: str = "VssPropertyValidationException") -> Fault:
    return Fault(400, kind, message)


def refused(message: str, kind: str = "AccessDeniedException") -> Fault:
    return Fault(403, kind, message)


def conflict(message: str, kind: str = "ConflictException") -> Fault:
    return Fault(409, kind, message)
