"""The stack of one model at one stage: model, endpoint configuration, endpoint, alarms, scheduled monitor.

Names of what cannot be changed in place are made of its content, so the same version makes the same template.
"""

from __future__ import annotations

import hashlib
import json

from aws_cdk import BootstraplessSynthesizer, CfnTag, Environment, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from isthmus import names
from isthmus.config import DeployConfig, Platform, Stage
from isthmus.deploy.package import Package
from isthmus.monitor.pipeline import Monitor, definition

VARIANT = "AllTraffic"


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
            tags={"platform": platform.name, "stage": stage, "model": package.model},
        )
        self.platform, self.config, self.package, self.stage = platform, config, package, stage
        self.role = names.role_arn(account, names.model_role(platform))
        self.key = f"arn:aws:kms:{platform.region}:{account}:{names.key_alias(platform)}"
        self.capture = names.capture_bucket(platform, account)
        self.endpoint_config = self._endpoint_config(self._model())
        self._endpoint()
        self._alarms()
        self._monitor(account)

    def _model(self) -> sagemaker.CfnModel:
        containers = [sagemaker.CfnModel.ContainerDefinitionProperty(model_package_name=self.package.arn)]
        return sagemaker.CfnModel(
            self,
            "Model",
            model_name=f"{self.package.model}-{self._digest(self.package.arn, self.role)}",
            execution_role_arn=self.role,
            containers=containers,
            enable_network_isolation=False,
        )

    def _endpoint_config(self, model: sagemaker.CfnModel) -> sagemaker.CfnEndpointConfig:
        capacity = self.config.capacity.staging if self.stage == "staging" else self.config.capacity.prod
        variant = {
            "model": model.model_name,
            "instance_type": capacity.instance_type,
            "instance_count": capacity.instance_count,
            "capture_percent": self.config.capture_percent,
        }
        name = f"{self.package.model}-{self._digest(json.dumps(variant, sort_keys=True), self.capture)}"
        return sagemaker.CfnEndpointConfig(
            self,
            "EndpointConfig",
            endpoint_config_name=name,
            kms_key_id=self.key,
            production_variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT,
                    model_name=model.attr_model_name,
                    instance_type=capacity.instance_type,
                    initial_instance_count=capacity.instance_count,
                    initial_variant_weight=1,
                )
            ],
            data_capture_config=sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
                enable_capture=True,
                destination_s3_uri=f"s3://{self.capture}/{name}",
                initial_sampling_percentage=self.config.capture_percent,
                kms_key_id=self.key,
                capture_options=[
                    sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode)
                    for mode in ("Input", "Output")
                ],
                capture_content_type_header=sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
                    csv_content_types=["text/csv"], json_content_types=["application/json"]
                ),
            ),
        )

    def _endpoint(self) -> None:
        tags = {
            "isthmus:model-package-arn": self.package.arn,
            "isthmus:commit": self.package.metadata.get("commit", ""),
        }
        sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            endpoint_name=names.endpoint(self.package.model),
            endpoint_config_name=self.endpoint_config.attr_endpoint_config_name,
            tags=[CfnTag(key=key, value=value) for key, value in tags.items() if value],
        )

    def _alarms(self) -> None:
        for id_, name, metric, what in (
            (
                "Drift",
                names.drift_alarm(self.platform, self.package.model),
                "FeatureDrift",
                "inputs have drifted",
            ),
            (
                "Quality",
                names.quality_alarm(self.platform, self.package.model),
                "QualityLoss",
                "quality is lost",
            ),
        ):
            cloudwatch.CfnAlarm(
                self,
                id_,
                alarm_name=name,
                alarm_description=f"{self.package.model} in {self.stage}: {what} beyond chance",
                namespace=names.METRIC_NAMESPACE,
                metric_name=metric,
                dimensions=[
                    cloudwatch.CfnAlarm.DimensionProperty(name="Model", value=self.package.model),
                    cloudwatch.CfnAlarm.DimensionProperty(name="Stage", value=self.stage),
                ],
                statistic="Maximum",
                period=60,
                evaluation_periods=1,
                threshold=1,
                comparison_operator="GreaterThanThreshold",
                treat_missing_data="ignore",
            )

    def _monitor(self, account: str) -> None:
        name = names.monitor_pipeline(self.package.model)
        role = names.role_arn(account, names.monitor_role(self.platform))
        pipeline = sagemaker.CfnPipeline(
            self,
            "Monitor",
            pipeline_name=name,
            role_arn=role,
            pipeline_definition={"PipelineDefinitionBody": definition(self._monitored(account, role))},
        )
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            name=name,
            schedule_expression=self.config.monitoring.schedule,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=f"arn:aws:sagemaker:{self.region}:{self.account}:pipeline/{name}", role_arn=role
            ),
        )
        schedule.add_resource_dependency(pipeline)

    def _monitored(self, account: str, role: str) -> Monitor:
        captures = f"s3://{self.capture}/{self.endpoint_config.endpoint_config_name}"
        labels = f"s3://{names.ground_truth_bucket(self.platform, account)}/{self.package.model}"
        return Monitor(
            model=self.package.model,
            stage=self.stage,
            image=self.package.image,
            role=role,
            baseline=self.package.baseline,
            evaluation=self.package.evaluation,
            captures=captures,
            labels=labels,
            reports=f"s3://{self.capture}/reports/{self.package.model}/{self.package.version}",
            key=self.key,
            psi=self.config.monitoring.psi,
            confidence=self.config.monitoring.confidence,
        )

    def _digest(self, *content: str) -> str:
        return hashlib.sha256("\n".join(content).encode()).hexdigest()[:16]
