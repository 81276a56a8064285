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
        "pin_request_origin",
        "app",
    ),
    "ministack.core.router": ("SERVICE_PATTERNS", "extract_access_key_id"),
    "ministack.core.persistence": ("_state_format_version", "_json_default"),
    "ministack.core.responses": (
        "request_scope",
        "get_account_id",
        "get_region",
        "AccountScopedDict",
        "AccountRegionScopedDict",
    ),
    "ministack.core.iam_actions": (
        "extract_iam_action",
        "extract_resource_arn",
        "request_tag_context",
        "s3_additional_checks",
        "s3_service_context",
        "_s3_action",
    ),
    "ministack.core.iam_evaluator": (
        "EvalContext",
        "enforce",
        "pin_request_origin",
        "caller_arn",
        "evaluate",
        "combine_resource_policy",
        "evaluate_resource_policy",
        "resolve_caller_identity",
        "resolve_principal",
        "is_root_access_key",
        "_request_origin",
        "_resolve_condition_key",
        "_resource_policy",
        "_service_principal_matches",
        "_principal_keys",
        "evaluate_trust_policy",
        "ResolvedCredential",
        "_conditions_met",
        "_first_match",
        "ParsedStatement",
    ),
    "ministack.core.lambda_runtime": ("Worker",),
    "ministack.services.sts": (
        "get_state",
        "load_persisted_state",
        "register_session",
        "_evict_expired_sessions",
        "_principal_keys",
        "_sessions",
        "_web_identity_trust_denied",
    ),
    "ministack.services.iam": (
        "get_state",
        "load_persisted_state",
        "_roles",
        "_oidc_providers",
        "_create_oidc_provider",
        "_policy_exists",
    ),
    "ministack.services.apigateway": (
        "_apis",
        "_stages",
        "find_api_scope",
        "_extract_lambda_ref_from_integration_uri",
        "_extract_token_from_identity_source",
        "_handle_execute_in_scope",
        "_invoke_lambda_proxy",
        "_jwt_forbidden",
        "_jwt_unauthorized",
        "_validate_jwt_authorizer",
    ),
    "ministack.services.apigateway_v1": (
        "_anonymous_policy_error",
        "_authorize_request_v1",
        "_authorizers_v1",
        "_create_authorizer",
        "_gw_error",
        "_handle_execute_in_scope",
        "_header_ci",
        "_invoke_lambda_proxy_v1",
        "_rest_apis",
        "_stages_v1",
        "_take_token",
        "find_api_scope",
    ),
    "ministack.services.cloudwatch_logs": ("_create_log_stream", "_log_groups", "_put_log_events"),
    "ministack.services.sqs": ("_queue_url_for_account",),
    "ministack.services.lambda_svc": ("function_policy_for_arn",),
    "ministack.services.ec2": (
        "_create_flow_logs",
        "_delete_flow_logs",
        "_flow_logs",
        "_network_interfaces",
        "_route_tables",
        "_rules_match",
        "_security_groups",
        "_sg_rule_id",
        "_subnets",
        "_vpc_endpoints",
        "_vpce_fields_xml",
        "_vpcs",
    ),
    "ministack.services.waf": (
        "_associate_web_acl",
        "_disassociate_web_acl",
        "_resolve_local_web_acl",
        "get_state",
        "load_persisted_state",
    ),
    "ministack.services.kms": ("_keys", "_resolve_key"),
    "ministack.services.s3": (
        "_bucket_owner_account",
        "_bucket_default_sse_headers",
        "_bucket_policies",
        "_foreign_bucket_allows",
    ),
    "ministack.services.eventbridge": (
        "_put_events",
        "_dispatch_to_event_bus",
        "_dispatch_event",
        "_event_buses",
        "_event_bus_policies",
        "_invoke_target",
        "_SCHEDULER_TICK_INTERVAL",
    ),
    "ministack.services.scheduler": ("_SCHEDULE_TICK_INTERVAL",),
    "ministack.services.cloudwatch": (
        "_alarms",
        "_evaluate_alarm",
        "_evaluate_all_alarms",
        "_evaluate_parent_alarms",
        "_dispatch_alarm_actions",
        "_record_history",
        "_metrics",
        "_calc_stats",
        "_stat_value",
    ),
    "ministack.services.cloudformation": ("_PERSISTED_STORES", "load_persisted_state", "_stacks"),
    "ministack.services.cloudformation.engine": ("_resolve_dynamic_reference",),
    "ministack.services.cloudformation.helpers": ("_error",),
    "ministack.services.cloudformation.stacks": (
        "_runs_on_worker_thread",
        "_provision_resource",
        "_update_resource",
    ),
    "ministack.services.cloudformation.provisioners": (
        "_RESOURCE_HANDLERS",
        "_REPLACING_PROPERTIES",
        "_CUSTOM_NAME_REPLACEMENT",
        "_STACK_TAG_PROPERTY",
        "_NAME_SEED",
        "_iam_role_create",
        "_iam_role_update",
        "_provision_resource",
        "_update_resource",
        "_APIGW_AUTHORIZER_PROPERTIES",
        "_apigw_stage_create",
        "_apigw_stage_update",
        "_apigw_v2_api_create",
        "_ec2_sg_permissions",
        "_pascal_to_camel",
    ),
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
