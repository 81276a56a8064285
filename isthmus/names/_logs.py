"""Log groups, and where logs are gathered and searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.names._endpoints import component, endpoint

if TYPE_CHECKING:
    from isthmus.config import Platform


def function_log(function: str) -> str:
    """The log group of a Lambda function."""
    return f"/aws/lambda/{function}"


def job_log(kind: str) -> str:
    """The log group that SageMaker's ProcessingJobs, TrainingJobs, ... of an account share."""
    return f"/aws/sagemaker/{kind}"


def endpoint_log(endpoint: str) -> str:
    """The log group of an endpoint's containers."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def component_log(component: str) -> str:
    """The log group of an inference component's containers."""
    return f"/aws/sagemaker/InferenceComponents/{component}"


def serving_log(model: str, kind: str) -> str:
    """The log group of what serves a model in this way."""
    return component_log(component(model)) if kind == "shared" else endpoint_log(endpoint(model, kind))


def flow_logs(platform: Platform) -> str:
    """Each account with a managed VPC: the log group of who talked to whom."""
    return f"/{platform.name}/network/flow-logs"


def callback_log(platform: Platform) -> str:
    """Automation: who called it, a line a request."""
    return f"/aws/vendedlogs/{platform.name}/callback"


def api_log(platform: Platform) -> str:
    """Serving: who asked the API for what, a line a request."""
    return f"/aws/vendedlogs/{platform.name}/api"


def firewall_log(platform: Platform) -> str:
    """Serving: what the firewall let through and what it blocked; WAF insists on how the name begins."""
    return f"aws-waf-logs-{platform.name}-api"


def log_sink(platform: Platform) -> str:
    """Automation: where the other accounts' logs and metrics are read."""
    return f"{platform.name}-logs"


def log_search(platform: Platform) -> str:
    """Automation: the OpenSearch collection of logs, and what leads there; roles add what they do."""
    return f"{platform.name}-log-search"
