"""Scientists: the role of each team, and what all of these may do with files and versions of models.

A role reaches files under its team's prefix, and resources that carry its team's tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.grants import Statement, allow, allow_principal, make_policy, person, service, tagged_role
from cdk.parts.keys import USE
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from cdk.parts.storage import bucket_arn, objects, under
from cdk.parts.team_tag import OWN, TEAM
from isthmus import names
from isthmus.config import Platform, Team
from isthmus.errors import BadInput
from isthmus.resource_types import aws_iam

# The policies that scientists have: always these two, and those of Studio and Spark where they are.
SCIENTIST, JOBS, STUDIO, SPARK_SUBMIT = "scientist", "jobs", "studio", "spark-submit"
# What IAM lets a policy have, and a role: 10 are a role's quota, of which others here take at most four.
POLICY_CHARACTERS, MODEL_POLICIES = 5_500, 6


def scientist_policy(scope: Construct, platform: Platform, *, data_key: str) -> None:
    """What every team's scientists may do with files and versions, each with their own team's."""
    make_policy(
        scope,
        "ScientistPolicy",
        names.policy(platform, SCIENTIST),
        "For each team's own things: scientists",
        [*_files(platform), *_key(data_key), *_registry(platform)],
    )


def scientist_role(scope: Construct, platform: Platform, team: Team) -> aws_iam.CfnRole:
    """The role that a team's people, their Studio apps and their jobs have."""
    stack = Stack.of(scope)
    return tagged_role(
        scope,
        "Scientist",
        names.scientist_role(platform, team.name),
        trust=[
            # Studio says who works with the role, and so may people: it stands in CloudTrail.
            allow_principal(who, ["sts:AssumeRole", "sts:SetSourceIdentity"])
            for who in (service("sagemaker.amazonaws.com", stack.account), person(platform))
        ],
        description=f"Scientists of team {team.name}, their Studio apps and their jobs",
        policies=[*_shared(platform), *_model_policies(scope, platform, team)],
    )


def _shared(platform: Platform) -> Iterator[str]:
    """The account's policies that scientists have."""
    yield from (names.policy(platform, kind) for kind in (SCIENTIST, JOBS))
    studio = platform.studio
    if studio:
        yield names.policy(platform, STUDIO)
        if studio.glue or studio.emr_serverless:
            yield names.policy(platform, SPARK_SUBMIT)


# ---------------------------------------------------------------- the team's models


def _model_policies(scope: Construct, platform: Platform, team: Team) -> list[str]:
    """Reading the files of the team's models in the automation account: as many policies as they need.

    Raises `BadInput` where a team has more models than its role can name.
    """
    models = [model.name for model in platform.models if model.team == team.name]
    made = []
    for number, some in enumerate(_in_parts(platform, models), 1):
        name = f"{names.scientist_role(platform, team.name)}-models-{number}"
        statements = list(_read_files(platform, some))
        description = f"Files of {len(some)} models of team {team.name}"
        make_policy(scope, f"Models{number}", name, description, statements)
        made.append(name)
    if len(made) > MODEL_POLICIES:
        raise BadInput(
            f"team {team.name} has {len(models)} models, more than one role can name",
            where="platform.yaml, models",
            todo="share them among more teams",
        )
    return made


def _in_parts(platform: Platform, models: Sequence[str]) -> Iterator[list[str]]:
    """The models in order, in parts of which each fits into a policy."""
    part: list[str] = []
    for model in models:
        if part and len(str(list(_read_files(platform, [*part, model])))) > POLICY_CHARACTERS:
            yield part
            part = []
        part.append(model)
    if part:
        yield part


def _read_files(platform: Platform, models: Sequence[str]) -> Iterator[Statement]:
    prefixes = [f"{model}/" for model in models]
    buckets = [names.artifact_bucket(platform), names.data_bucket(platform)]
    yield allow("s3:GetObject", [arn for bucket in buckets for arn in objects(bucket, *prefixes)])
    yield allow("s3:ListBucket", [bucket_arn(bucket) for bucket in buckets], under(*prefixes))


# ---------------------------------------------------------------- what all teams may do


def _files(platform: Platform) -> list[Statement]:
    experiments = names.experiment_bucket(platform)
    changes = ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    return [
        allow(changes, objects(experiments, f"{TEAM}/")),
        allow("s3:ListBucket", bucket_arn(experiments), under(f"{TEAM}/")),
        allow("s3:GetBucketLocation", bucket_arn(experiments)),
        # A key's id is drawn by lot, so another account can only say: any of theirs, through S3.
        allow(
            "kms:Decrypt",
            f"arn:aws:kms:{platform.region}:{platform.accounts.automation}:key/*",
            {"StringEquals": {"kms:ViaService": f"s3.{platform.region}.amazonaws.com"}},
        ),
    ]


def _key(data_key: str) -> list[Statement]:
    """Files, and the volumes of jobs and spaces, for which SageMaker makes grants."""
    return [
        allow([*USE, "kms:DescribeKey"], data_key),
        allow("kms:CreateGrant", data_key, {"Bool": {"kms:GrantIsForAWSResource": "true"}}),
    ]


def _registry(platform: Platform) -> list[Statement]:
    """Versions in the automation account, whose group's policy names the team's role too."""
    return [allow([*READ_GROUP, *READ_PACKAGES], list(registry_arns(platform, "*")), OWN)]
