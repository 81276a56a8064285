"""Which log groups a search in CloudWatch Logs is about, where the request does not give a single one."""

from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch_logs


def arns(request: dict[str, Any], region: str, account: str) -> list[str]:
    """ARNs of what StartQuery searches, and of what GetQueryResults answers about; none for others."""
    query = cloudwatch_logs._queries.get(request.get("queryId")) or request
    groups = query.get("logGroupNames") or []
    return [f"arn:aws:logs:{region}:{account}:log-group:{name}" for name in groups if isinstance(name, str)]
