"""The stack of one model at one stage: model, endpoint configuration, endpoint, alarms, scheduled monitor.

Names of what cannot be changed in place are made of all of its content, so the same version makes the same
template, and any change makes a new resource beside the old one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from aws_cdk import (
    Acknowledgment,
    BootstraplessSynthesizer,
    CfnParameter,
    CfnTag,
    Environment,
    Stack,
    Validations,
)
from constructs import Construct

from isthmus import names
from isthmus.config import DeployConfig, Platform, Stage
from isthmus.deploy.alarms import VARIANT, Alarm, alarms
from isthmus.deploy.package import Package
from isthmus.monitor.pipeline import Monitor, definition
from isthmus.network import references
from isthmus.resource_types import aws_cloudwatch as cloudwatch
from isthmus.resource_types import aws_sagemaker as sagemaker
from isthmus.resource_types import aws_scheduler as scheduler


class EndpointStack(Stack):
    """Deployed by the stage's deploy role, made by its CloudFormation role; it needs no asset."""

    def __init__(
        self, scope: Construct, platform: Platform, config: DeployConfig, package: Package, stage: Stage
    ) -> None:
        account: str = getattr(platform.accounts, stage)
        super().__init__(
            scope,
            names.endpoint_stack(platform, package.model, stage),
            description=f"{package.model} in {stage}",
            env=Environment(account=account, region=platform.region),
            # Not CDK's bootstrap roles: these two may change this one stack and what it makes, nothing else.
            synthesizer=BootstraplessSynthesizer(
                deploy_role_arn=names.role_arn(account, names.deploy_role(platform, package.model)),
                cloud_formation_execution_role_arn=names.role_arn(
                    account, names.cloudformation_role(platform, package.model)
                ),
            ),
            tags=names.tags(platform, stage, platform.model(package.model)),
        )
        self.platform, self.config, self.package, self.stage = platform, config, package, stage
        self._account_id = account
        self._key = f"arn:aws:kms:{platform.region}:{account}:{names.key_alias(platform)}"
        self._capture = names.capture_bucket(platform, account)
        self._network = references(platform, stage)
        self.endpoint_config = self._endpoint_config(self._model())
        self.endpoint = self._endpoint()
        self._alarms()
        self._monitor()

    def _model(self) -> sagemaker.CfnModel:
        role = names.role_arn(self._account_id, names.model_role(self.platform, self.package.model))
        # A model answers requests and calls nobody; SageMaker itself fetches the artifact.
        isolated = True
        content: dict[str, object] = {"package": self.package.arn, "role": role, "isolated": isolated}
        if self._network:
            content["network"] = asdict(self._network)
        return sagemaker.CfnModel(
            self,
            "Model",
            model_name=self._name(content),
            execution_role_arn=role,
            containers=[{"modelPackageName": self.package.arn}],
            enable_network_isolation=isolated,
            vpc_config=self._vpc_config(),
        )

    def _vpc_config(self) -> dict[str, list[str]] | None:
        if self._network is None:
            return None
        return {
            "subnets": list(self._network.subnets),
            "securityGroupIds": [self._network.security_group],
        }

    def _endpoint_config(self, model: sagemaker.CfnModel) -> sagemaker.CfnEndpointConfig:
        capacity = getattr(self.config.capacity, self.stage)
        variant = {
            "variantName": VARIANT,
            "modelName": model.model_name,
            "instanceType": capacity.instance_type,
            "initialInstanceCount": capacity.instance_count,
            "initialVariantWeight": 1,
        }
        capture = self._capture_config()
        name = self._name({"variant": variant, "capture": capture})
        # In a folder of its own, so that a monitor sees what its version was asked, and no other.
        capture["destinationS3Uri"] += name
        return sagemaker.CfnEndpointConfig(
            self,
            "EndpointConfig",
            endpoint_config_name=name,
            kms_key_id=self._key,
            production_variants=[variant | {"modelName": model.attr_model_name}],
            data_capture_config=capture,
        )

    def _capture_config(self) -> dict[str, Any]:
        return {
            "enableCapture": self.config.capture_percent > 0,
            "destinationS3Uri": f"s3://{self._capture}/{names.captures(self.package.model)}",
            "initialSamplingPercentage": self.config.capture_percent,
            "kmsKeyId": self._key,
            "captureOptions": [{"captureMode": "Input"}, {"captureMode": "Output"}],
            "captureContentTypeHeader": {
                "csvContentTypes": ["text/csv"],
                "jsonContentTypes": ["application/json"],
            },
        }

    def _endpoint(self) -> sagemaker.CfnEndpoint:
        tags = {
            "isthmus:model-package-arn": self.package.arn,
            "isthmus:commit": self.package.metadata.get("commit", ""),
        }
        return sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=names.endpoint(self.package.model),
            endpoint_config_name=self.endpoint_config.attr_endpoint_config_name,
            tags=[CfnTag(key=key, value=value) for key, value in tags.items() if value],
        )

    def _alarms(self) -> None:
        """Those that page tell the account's topic."""
        topic = f"arn:aws:sns:{self.region}:{self._account_id}:{names.topic(self.platform)}"
        for alarm in alarms(self.platform, self.config, self.stage):
            made = self._alarm(alarm, [topic] if alarm.pages else None)
            if not alarm.pages:
                excuse(
                    made,
                    "EventBridge carries every change of its state to the automation account's bus",
                    "NIST.800.53.R5-CloudWatchAlarmAction",
                )

    def _alarm(self, alarm: Alarm, topics: list[str] | None) -> cloudwatch.CfnAlarm:
        percentile = alarm.statistic.startswith("p")
        return cloudwatch.CfnAlarm(
            self,
            alarm.id,
            alarm_name=alarm.name,
            alarm_description=alarm.message,
            namespace=alarm.namespace,
            metric_name=alarm.metric,
            dimensions=[{"name": name, "value": value} for name, value in alarm.dimensions.items()],
            statistic=None if percentile else alarm.statistic,
            extended_statistic=alarm.statistic if percentile else None,
            # A few slow requests are no 95th percentile.
            evaluate_low_sample_count_percentile="ignore" if percentile else None,
            threshold=alarm.threshold,
            period=alarm.period,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.datapoints,
            comparison_operator=alarm.comparison,
            treat_missing_data=alarm.missing,
            alarm_actions=topics,
            ok_actions=topics,
        )

    def _monitor(self) -> None:
        name = names.monitor_pipeline(self.package.model)
        role = names.role_arn(self._account_id, names.monitor_role(self.platform, self.package.model))
        pipeline = sagemaker.CfnPipeline(
            self,
            "Monitor",
            pipeline_name=name,
            role_arn=role,
            pipeline_definition={"PipelineDefinitionBody": definition(self._monitored(role))},
        )
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            name=name,
            schedule_expression=self.config.monitoring.schedule,
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": f"arn:aws:sagemaker:{self.region}:{self.account}:pipeline/{name}",
                "roleArn": role,
            },
        )
        schedule.add_resource_dependency(pipeline)

    def _monitored(self, role: str) -> Monitor:
        model = self.package.model
        captured = f"{self._capture}/{names.captures(model)}{self.endpoint_config.endpoint_config_name}"
        return Monitor(
            model=model,
            stage=self.stage,
            region=self.region,
            image=self.package.image,
            role=role,
            baseline=self.package.baseline,
            evaluation=self.package.evaluation,
            captures=f"s3://{captured}/{names.endpoint(model)}/{VARIANT}",
            labels=f"s3://{names.ground_truth_bucket(self.platform, self._account_id)}/{model}",
            reports=f"s3://{self._capture}/{names.reports(model)}{self.package.version}",
            key=self._data_key(),
            version=self.package.version,
            window_days=self.config.monitoring.window_days,
            psi=self.config.monitoring.psi,
            confidence=self.config.monitoring.confidence,
            tags=names.tags(self.platform, self.stage, self.platform.model(model)),
            network=self._network,
        )

    def _data_key(self) -> str:
        """The ARN of the account's key for data, read by CloudFormation: a disk takes no alias."""
        return CfnParameter(
            self,
            "DataKey",
            type="AWS::SSM::Parameter::Value<String>",
            default=names.data_key_parameter(self.platform),
        ).value_as_string

    def _name(self, content: object) -> str:
        """The model's name and a hash of what the resource is made of."""
        digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        return names.by_content(self.package.model, digest)


def excuse(construct: Construct, reason: str, rule: str) -> None:
    """Let `construct` break a rule of cdk-nag, because of `reason`."""
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))
