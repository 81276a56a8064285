"""What SageMaker answers when it refuses a call, in its own codes and words."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error that the caller of the API sees: `code` as botocore raises it, `status` as HTTP sends it."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def invalid(message: str) -> ApiError:
    return ApiError("ValidationException", message)
