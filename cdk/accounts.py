"""The CDK application: a stack for each AWS account, for each model in three of them, for each team in dev.

No account's stack needs another: what one says of another account is a name or an ARN, never a reference, and
principals of other accounts are named by conditions, which need not exist yet. So all deploy at once, each
followed by the stacks of its models or teams. A model more is three small stacks more, and changes none that
stands but its team's.
"""

from __future__ import annotations

from aws_cdk import App

from cdk.automation import AutomationStack
from cdk.dev import DevStack
from cdk.features import FeatureStack
from cdk.model import ModelServingStack, ModelTrainingStack
from cdk.serving import ServingStack
from cdk.team import TeamStack
from isthmus import names
from isthmus.config import STAGES, Platform

# Said here and not in cdk.json, so that the CDK command line and `python app.py` make the same bytes.
FLAGS: dict[str, object] = {
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/core:target-partitions": ["aws"],
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-iam:standardizedServicePrincipals": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/aws-s3:createDefaultLoggingPolicy": True,
    "@aws-cdk/aws-events:eventsTargetQueueSameAccount": True,
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/aws-kms:aliasNameRef": True,
    "@aws-cdk/core:permissionsBoundary": {"name": names.boundary("${AWS::AccountId}", "${AWS::Region}")},
    "aws:cdk:enable-path-metadata": False,
    "aws:cdk:enable-asset-metadata": False,
    "aws:cdk:disable-stack-trace": True,
}


def application(platform: Platform, outdir: str | None = None) -> App:
    """The platform's stacks, ready to synthesize into `outdir` (else `CDK_OUTDIR`, else `cdk.out`)."""
    app = App(analytics_reporting=False, outdir=outdir, post_cli_context=FLAGS, tree_metadata=False)
    if platform.organization:
        from cdk.organization import OrganizationStack

        OrganizationStack(app, platform, platform.organization)
    if platform.awaited:
        # The other stacks name each other's accounts, whose ids are not known before they are made.
        return app
    dev = DevStack(app, platform)
    for team in platform.teams:
        TeamStack(app, platform, team).add_stack_dependency(dev)
    automation = AutomationStack(app, platform)
    if platform.feature_groups:
        FeatureStack(app, platform).add_stack_dependency(automation)
    serving = {stage: ServingStack(app, platform, stage) for stage in STAGES}
    if platform.shared_endpoints:
        from cdk.shared import SharedEndpointStack

        for stage, account in serving.items():
            SharedEndpointStack(app, platform, stage).add_stack_dependency(account)
    for model in platform.models:
        ModelTrainingStack(app, platform, model).add_stack_dependency(automation)
        for stage, account in serving.items():
            ModelServingStack(app, platform, stage, model).add_stack_dependency(account)
    return app
