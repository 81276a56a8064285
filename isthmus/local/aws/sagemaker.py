"""Puts our SageMaker (`isthmus.local.sagemaker`) into ministack: routing, state, and who authorizes.

ministack's dispatch authenticates the caller; SageMaker authorizes itself (`isthmus.local.sagemaker.
authorization`, with ministack's evaluator), because one call may need several actions and a pipeline's steps
call it from inside.
"""

from __future__ import annotations

import sys
from typing import Any

import ministack.services
from ministack import app as ministack_app
from ministack.core import iam_actions, router

from isthmus.local.aws.settings import Settings
from isthmus.local.sagemaker import service


def install(settings: Settings) -> None:
    service.configure(settings)
    sys.modules["ministack.services.sagemaker"] = service
    ministack.services.sagemaker = service
    ministack_app._loaded_modules["sagemaker"] = service
    ministack_app._state_map["sagemaker"] = "sagemaker"
    ministack_app.SERVICE_HANDLERS["sagemaker"] = service.handle_request
    # Before S3, whose pattern takes every path.
    patterns = {
        "target_prefixes": ["SageMaker."],
        "path_patterns": [r"^/endpoints/[^/]+/(async-)?invocations$"],
    }
    router.SERVICE_PATTERNS = {"sagemaker": patterns, **router.SERVICE_PATTERNS}
    iam_actions.extract_iam_action = _authorizing_itself(iam_actions.extract_iam_action)


def _authorizing_itself(inner: Any) -> Any:
    def extract(service: str, *request: Any) -> Any:
        return None if service == "sagemaker" else inner(service, *request)

    return extract
