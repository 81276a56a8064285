"""What only the local SageMaker refuses, in the codes of the real one; the executor's own are its own."""

from __future__ import annotations

from isthmus.executor.refusals import ApiError


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFound", message)


def conflict(message: str) -> ApiError:
    return ApiError("ConflictException", message)


def in_use(message: str) -> ApiError:
    return ApiError("ResourceInUse", message)


def limit(message: str) -> ApiError:
    return ApiError("ResourceLimitExceeded", message)


def denied(message: str) -> ApiError:
    return ApiError("AccessDeniedException", message)
