"""CloudFormation's resource types as CDK knows them, without its Python module for each service.

Importing those modules is most of a synth (aws_lambda alone takes 1.6 s, for it imports a dozen others), and
they hold no more than how Node's classes are called; this calls the same classes. What they would check,
Node, CDK's validation, cfn-lint and mypy check.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aws_cdk import aws_apigateway as aws_apigateway
    from aws_cdk import aws_apigatewayv2 as aws_apigatewayv2
    from aws_cdk import aws_applicationautoscaling as aws_applicationautoscaling
    from aws_cdk import aws_budgets as aws_budgets
    from aws_cdk import aws_chatbot as aws_chatbot
    from aws_cdk import aws_cloudwatch as aws_cloudwatch
    from aws_cdk import aws_dynamodb as aws_dynamodb
    from aws_cdk import aws_ec2 as aws_ec2
    from aws_cdk import aws_ecr as aws_ecr
    from aws_cdk import aws_emrserverless as aws_emrserverless
    from aws_cdk import aws_events as aws_events
    from aws_cdk import aws_iam as aws_iam
    from aws_cdk import aws_kinesisfirehose as aws_kinesisfirehose
    from aws_cdk import aws_kms as aws_kms
    from aws_cdk import aws_lambda as aws_lambda
    from aws_cdk import aws_logs as aws_logs
    from aws_cdk import aws_oam as aws_oam
    from aws_cdk import aws_opensearchserverless as aws_opensearchserverless
    from aws_cdk import aws_organizations as aws_organizations
    from aws_cdk import aws_osis as aws_osis
    from aws_cdk import aws_s3 as aws_s3
    from aws_cdk import aws_sagemaker as aws_sagemaker
    from aws_cdk import aws_scheduler as aws_scheduler
    from aws_cdk import aws_sns as aws_sns
    from aws_cdk import aws_sqs as aws_sqs
    from aws_cdk import aws_ssm as aws_ssm
    from aws_cdk import aws_wafv2 as aws_wafv2
else:
    import jsii
    from aws_cdk import CfnResource

    def __getattr__(module: str) -> Service:
        return Service(module)

    class Service:
        """A module of aws-cdk-lib, such as `aws_lambda`, whose names are its L1 constructs."""

        def __init__(self, module: str) -> None:
            self._module = module

        def __getattr__(self, name: str) -> type[CfnResource]:
            return _type(f"aws-cdk-lib.{self._module}.{name}")

    class _Resource(CfnResource):
        """An L1 construct, with its properties and attributes named as in Python."""

        def __init__(self, scope: Any, id_: str, /, **properties: Any) -> None:
            given = {_camel(name): value for name, value in properties.items() if value is not None}
            jsii.create(type(self), self, [scope, id_, given])

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return jsii.get(self, _camel(name))

        def __setattr__(self, name: str, value: Any) -> None:
            if name.startswith("_"):
                super().__setattr__(name, value)
            else:
                jsii.set(self, _camel(name), value)

    @cache
    def _type(fqn: str) -> type[CfnResource]:
        return jsii.JSIIMeta(fqn.rsplit(".", 1)[-1], (_Resource,), {}, jsii_type=fqn)

    def _camel(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(map(str.capitalize, rest))
