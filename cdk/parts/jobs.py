"""Jobs of scientists: tagged as their team's, encrypted with the account's key, inside its network."""

from __future__ import annotations

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.attachment import attach, only_there
from cdk.parts.grants import Conditions, Statement, allow, log_arn, make_policy, pass_role, sagemaker
from cdk.parts.images import PULL
from cdk.parts.logs import JOB_KINDS
from cdk.parts.network import Network
from cdk.parts.scientists import JOBS
from cdk.parts.team_tag import BORN_WITH, NEW, OWN, TEAM
from isthmus import names
from isthmus.config import Platform

KINDS = ("processing-job/*", "training-job/*")
# Where AWS publishes the images of its frameworks, in most regions (AWS Deep Learning Containers).
AWS_IMAGES = "763104351884"


def jobs_policy(scope: Construct, platform: Platform, *, data_key: str, network: Network | None) -> None:
    """What every team's scientists may do with jobs, and their jobs for themselves."""
    stack = Stack.of(scope)
    role = names.role_arn(stack.account, names.scientist_role(platform, TEAM))
    make_policy(
        scope,
        "JobsPolicy",
        names.policy(platform, JOBS),
        "For each team's own things: scientists' jobs",
        [
            *_jobs(stack, data_key, network),
            *_logs(stack),
            *_images(platform),
            *(attach(stack, network) if network else []),
            pass_role(role, "sagemaker.amazonaws.com"),
        ],
    )


def _jobs(stack: Stack, data_key: str, network: Network | None) -> list[Statement]:
    """Jobs of the team: tagged so, encrypted with the account's key, and inside its network."""
    jobs = sagemaker(stack, *KINDS)
    return [
        allow(
            ["sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"],
            jobs,
            {**NEW, **_encrypted(data_key), **(only_there(network) or {})},
        ),
        allow("sagemaker:AddTags", jobs, {**NEW, **BORN_WITH}),
        allow(
            [
                "sagemaker:DescribeProcessingJob",
                "sagemaker:DescribeTrainingJob",
                "sagemaker:ListTags",
                "sagemaker:StopProcessingJob",
                "sagemaker:StopTrainingJob",
            ],
            jobs,
            OWN,
        ),
    ]


def _encrypted(data_key: str) -> Conditions:
    return {
        "ArnEquals": {"sagemaker:OutputKmsKeyArn": data_key, "sagemaker:VolumeKmsKeyArn": data_key},
        "Bool": {"sagemaker:InterContainerTrafficEncryption": "true"},
    }


def _logs(stack: Stack) -> list[Statement]:
    """Jobs write logs; people read those of jobs whose name starts with their team's and two hyphens."""
    jobs = [log_arn(stack, names.job_log(kind)) for kind in JOB_KINDS["dev"]]
    written = [f"{group}:*" for group in (*jobs, log_arn(stack, names.job_log("studio")))]
    return [
        allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], written),
        allow("logs:DescribeLogStreams", [f"{group}:*" for group in jobs]),
        allow("logs:GetLogEvents", [f"{group}:log-stream:{TEAM}--*" for group in jobs]),
    ]


def _images(platform: Platform) -> list[Statement]:
    repositories = f"arn:aws:ecr:{platform.region}:{AWS_IMAGES}:repository/*"
    return [allow(PULL, repositories), allow("ecr:GetAuthorizationToken", "*")]
