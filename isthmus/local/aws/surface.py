"""Every symbol of ministack that Isthmus extends, checked at start.

ministack is young and its inside is not a contract. A release that moves one of these must be noticed here,
by name, and not as a policy that is silently no longer enforced.
"""

from __future__ import annotations

import importlib

from isthmus.errors import Unavailable

EXTENDED = {
    "ministack.app": (
        "SERVICE_HANDLERS",
        "_loaded_modules",
        "_state_map",
        "_build_persistence_save_dict",
        "app",
    ),
    "ministack.core.router": ("SERVICE_PATTERNS", "extract_access_key_id"),
    "ministack.core.persistence": ("save_all", "SERVICE_STATE_FORMAT_VERSIONS"),
    "ministack.core.responses": ("request_scope", "get_account_id", "get_region", "error_response_json"),
    "ministack.core.iam_actions": ("SERVICE_TO_IAM_NAMESPACE", "extract_iam_action", "extract_resource_arn"),
    "ministack.core.iam_evaluator": (
        "enforce",
        "evaluate_trust_policy",
        "EvalContext",
        "_RESOURCE_POLICY_LOOKUPS",
        "_account_from_arn",
        "combine_resource_policy",
        "evaluate",
        "resolve_caller_identity",
        "resolve_principal",
    ),
    "ministack.services.sts": ("handle_request", "register_session", "_web_identity_trust_denied"),
    "ministack.services.iam": ("_roles", "_oidc_providers"),
    "ministack.services.eventbridge": (
        "_put_events",
        "_dispatch_to_event_bus",
        "_dispatch_event",
        "_event_buses",
        "_invoke_target",
    ),
    "ministack.services.cloudwatch_logs": (
        "_create_log_group",
        "_create_log_stream",
        "_log_groups",
        "_put_log_events",
    ),
    "ministack.services.cloudwatch": (
        "_alarms",
        "_put_metric_data",
        "_evaluate_alarm",
        "_dispatch_alarm_actions",
        "_metrics",
        "_calc_stats",
        "_stat_value",
    ),
    "ministack.services.cloudformation.stacks": ("_runs_on_worker_thread",),
    "ministack.services.cloudformation.provisioners": ("_RESOURCE_HANDLERS",),
}


def check() -> None:
    """Raise `Unavailable`, naming the first symbol that this ministack does not have."""
    for module, symbols in EXTENDED.items():
        found = importlib.import_module(module)
        for symbol in symbols:
            if not hasattr(found, symbol):
                raise Unavailable(
                    f"this ministack has no {module}.{symbol}",
                    todo="install the locked release: make install",
                )
