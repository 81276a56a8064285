"""One run of a model's SageMaker pipeline: upload what it needs, bring it up to date, start it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3

from isthmus import names, network
from isthmus.build import champion, content, data, manifest, scripts
from isthmus.build.attach import attach, values
from isthmus.build.schema import publish
from isthmus.build.tags import tag
from isthmus.config import ModelConfig, Platform
from isthmus.counting import counted
from isthmus.errors import BadInput


@dataclass(frozen=True)
class Request:
    """What a run is about: commit, repository, Azure run id, reason, correlation id.

    `attempt` counts how often the same run of Azure DevOps tried it; `data_set` is one that landed, if any.
    """

    commit: str
    repository: str
    run_id: str
    reason: str
    correlation_id: str
    attempt: str = "1"
    data_set: str = ""


def start(
    platform: Platform,
    config: ModelConfig,
    repository: Path,
    definition: str,
    request: Request,
    say: Callable[[str], None],
) -> str:
    """Upload what the run needs, bring the pipeline up to date, and start it; returns the execution's ARN.

    It is done as the caller (the build role). Asking again for the same attempt of a run of Azure DevOps
    gives the same execution. Raises `BadInput` for data or an image that is not there.
    """
    session = boto3.Session(region_name=platform.region)
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    artifacts, role = names.artifact_bucket(platform), _pipeline_role(platform, config)
    bucket = names.data_bucket(platform)
    files, rows = content.code(repository), data.collect(s3, bucket, repository, config, request.data_set)
    scripts.require(definition, files)
    if platform.model(config.name).landing:
        publish(s3, bucket, names.schema(config.name), rows[0], config)
    data_version = content.version(rows)
    best = champion.in_prod(sagemaker, names.registry_group(config.name))
    say(f"data version {data_version}, {counted(len(rows), 'file')}")
    say(f"champion {best['ModelPackageArn'] if best else 'none'}")
    attached = network.read(session, platform, "automation")
    if attached:
        definition = attach(definition, len(attached.subnets))
        say(f"network {', '.join(attached.subnets)}")
    parameters = {
        **(values(attached) if attached else {}),
        "CodeUri": content.upload(s3, artifacts, f"{config.name}/code/{content.version(files)}/", files),
        "DataUri": content.upload(s3, bucket, f"{config.name}/versions/{data_version}/", rows),
        "ChampionUri": champion.stage_champion(s3, artifacts, config.name, best),
        "OutputUri": f"s3://{artifacts}/{config.name}/runs/{request.run_id}",
        "ImageUri": image_uri(session, platform, config),
        "RoleArn": role,
        "KmsKeyId": _key(session, platform),
        "DataVersion": data_version,
        "DataManifest": manifest.publish(s3, artifacts, config.name, rows),
        **_origin(request),
    }
    tags = names.tags(platform, "automation", platform.model(config.name))
    definition = tag(definition, tags)
    upsert(sagemaker, config.name, definition, role, tags)
    return _execute(sagemaker, config.name, definition, parameters, request)


def _origin(request: Request) -> dict[str, str]:
    """The pipeline's parameters that say where a version comes from."""
    return {
        "Commit": request.commit,
        "Repository": request.repository,
        "RunId": request.run_id,
        "DataSet": request.data_set,
        "Reason": request.reason,
        "CorrelationId": request.correlation_id,
    }


def _execute(
    sagemaker: Any, pipeline: str, definition: str, parameters: Mapping[str, str], request: Request
) -> str:
    """Start the pipeline with those parameters that have a value; the same again is the same execution."""
    token = json.dumps([definition, parameters, asdict(request)], sort_keys=True)
    answer = sagemaker.start_pipeline_execution(
        PipelineName=pipeline,
        PipelineExecutionDisplayName=names.execution(request.run_id),
        PipelineParameters=[{"Name": name, "Value": value} for name, value in parameters.items() if value],
        ClientRequestToken=hashlib.sha256(token.encode()).hexdigest(),
    )
    return str(answer["PipelineExecutionArn"])


def upsert(sagemaker: Any, name: str, definition: str, role: str, tags: Mapping[str, str]) -> None:
    """Create the pipeline with these tags, or update it where its definition differs."""
    token = hashlib.sha256(f"{name}{definition}{role}".encode()).hexdigest()
    try:
        current = sagemaker.describe_pipeline(PipelineName=name)
    except sagemaker.exceptions.ResourceNotFound:
        sagemaker.create_pipeline(
            PipelineName=name,
            PipelineDefinition=definition,
            RoleArn=role,
            ClientRequestToken=token,
            Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        )
        return
    if current["PipelineDefinition"] != definition or current["RoleArn"] != role:
        sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role)


def image_uri(session: boto3.Session, platform: Platform, config: ModelConfig) -> str:
    """The image by digest; raises `BadInput` where its repository has no such tag."""
    repository, _, tag = config.image.partition(":")
    ecr = session.client("ecr")
    missing = BadInput(
        f"there is no image {config.image} in the automation account's ECR",
        where="model.yaml, image",
        todo="build isthmus/container/Dockerfile and push it under that tag",
    )
    try:
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag or "latest"}])
    except ecr.exceptions.RepositoryNotFoundException:
        raise missing from None
    if not answer["images"]:
        raise missing
    registry = f"{platform.accounts.automation}.dkr.ecr.{platform.region}.amazonaws.com"
    return f"{registry}/{repository}@{answer['images'][0]['imageId']['imageDigest']}"


def _pipeline_role(platform: Platform, config: ModelConfig) -> str:
    return names.role_arn(platform.accounts.automation, names.pipeline_role(platform, config.name))


def _key(session: boto3.Session, platform: Platform) -> str:
    """The key of the automation account's data; raises `BadInput` where its stack does not stand."""
    name = names.data_key_parameter(platform)
    found = session.client("ssm").get_parameters(Names=[name])["Parameters"]
    if not found:
        raise BadInput(f"the automation account has no parameter {name}", todo="isthmus infra deploy")
    return str(found[0]["Value"])
