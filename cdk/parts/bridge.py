"""The bridge: events wait in a queue, a Lambda carries each over to Azure DevOps; none lost, none twice."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import (
    Duration,
    RemovalPolicy,
    Stack,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_dynamodb,
    aws_events,
    aws_events_targets,
    aws_iam,
    aws_kms,
    aws_lambda,
    aws_lambda_event_sources,
    aws_logs,
    aws_sns,
    aws_sqs,
)
from constructs import Construct

from cdk.parts.excuse import excuse
from cdk.parts.grants import allow, make_role
from cdk.parts.keys import as_given, let_logs_use, let_service_use
from cdk.parts.lambda_asset import lambda_folder
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from isthmus import names
from isthmus.config import Platform

CODE = Path(__file__).parents[2] / "bridge"
TIMEOUT = Duration.seconds(60)
ATTEMPTS = 5


class Bridge(Construct):
    """Queue, dead letters, function, its memory of what it did, and the rules that feed the queue."""

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        *,
        key: aws_kms.Key,
        bus: aws_events.IEventBus,
        notices: aws_sns.ITopic,
    ) -> None:
        super().__init__(scope, "Bridge")
        self._platform, self._name = platform, names.bridge(platform)
        self._key_policy, self._key = key, as_given(self, key)
        self.dead_letters = self._queue("DeadLetters", f"{self._name}-dlq", None)
        self.queue = self._queue("Queue", self._name, self.dead_letters)
        self.memory = self._table()
        self.function = self._function()
        self._feed(bus)
        self._reconcile()
        self._watch(notices)

    def _queue(self, id_: str, name: str, dead: aws_sqs.IQueue | None) -> aws_sqs.Queue:
        return aws_sqs.Queue(
            self,
            id_,
            queue_name=name,
            encryption=aws_sqs.QueueEncryption.KMS,
            encryption_master_key=self._key,
            enforce_ssl=True,
            retention_period=Duration.days(14),
            # AWS asks for six times the function's timeout, so that no message is read twice while in work.
            visibility_timeout=Duration.seconds(6 * int(TIMEOUT.to_seconds())),
            dead_letter_queue=aws_sqs.DeadLetterQueue(queue=dead, max_receive_count=ATTEMPTS)
            if dead
            else None,
        )

    def _table(self) -> aws_dynamodb.Table:
        table = aws_dynamodb.Table(
            self,
            "Memory",
            table_name=self._name,
            partition_key=aws_dynamodb.Attribute(name="id", type=aws_dynamodb.AttributeType.STRING),
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expiration",
            encryption=aws_dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=self._key,
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        excuse(
            table,
            "remembers for days which events were done; point-in-time recovery is all that it needs",
            "NIST.800.53.R5-DynamoDBInBackupPlan",
        )
        return table

    def _function(self) -> aws_lambda.Function:
        role = self._role()
        function = aws_lambda.Function(
            self,
            "Function",
            function_name=self._name,
            description="Carries model approvals and quality alarms over to Azure DevOps",
            runtime=aws_lambda.Runtime.PYTHON_3_14,
            architecture=aws_lambda.Architecture.ARM_64,
            handler="bridge.handler.handle",
            code=aws_lambda.Code.from_asset(str(lambda_folder(CODE))),
            timeout=TIMEOUT,
            memory_size=256,
            role=aws_iam.Role.from_role_arn(self, "Assumed", role.role_arn, mutable=False),
            log_group=self._log_group(),
            environment=self._environment(),
            environment_encryption=self._key,
        )
        # AWS refuses an event source whose function may not yet read it.
        function.node.add_dependency(role.node.find_child("Policy"))
        function.add_event_source(
            aws_lambda_event_sources.SqsEventSource(
                self.queue, batch_size=10, max_concurrency=2, report_batch_item_failures=True
            )
        )
        excuse(
            function,
            "its queue keeps the dead letters and bounds its concurrency; it only calls public APIs",
            "NIST.800.53.R5-LambdaConcurrency",
            "NIST.800.53.R5-LambdaDLQ",
            "NIST.800.53.R5-LambdaInsideVPC",
        )
        return function

    def _environment(self) -> dict[str, str]:
        azure, accounts = self._platform.azure, self._platform.accounts
        return {
            "AZURE_DEVOPS_URL": azure.organization_url,
            "AZURE_DEVOPS_PROJECT": azure.project,
            "AZURE_TENANT_ID": azure.tenant_id,
            "AZURE_CLIENT_ID": azure.bridge_client_id,
            "AZURE_AUDIENCE": azure.audience,
            "AZURE_AUTHORITY_HOST": azure.authority_host,
            "IDEMPOTENCY_TABLE": self._name,
            "MODELS": json.dumps([model.name for model in self._platform.models]),
            "AUTOMATION_ACCOUNT": accounts.automation,
            "PROD_ACCOUNT": accounts.prod,
            "POWERTOOLS_SERVICE_NAME": self._name,
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }

    def _log_group(self) -> aws_logs.LogGroup:
        name = f"/aws/lambda/{self._name}"
        let_logs_use(self._key_policy, name)
        return aws_logs.LogGroup(
            self,
            "Log",
            log_group_name=name,
            retention=aws_logs.RetentionDays.ONE_YEAR,
            encryption_key=self._key,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _role(self) -> aws_iam.Role:
        stack, platform = Stack.of(self), self._platform
        group = f"arn:aws:logs:{stack.region}:{stack.account}:log-group:/aws/lambda/{self._name}"
        registry = registry_arns(stack, platform)
        return make_role(
            self,
            "Role",
            self._name,
            trust=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
            description="The bridge; its ARN is the subject that Entra trusts",
            statements=[
                allow(
                    "sts:GetWebIdentityToken",
                    "*",
                    {
                        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": platform.azure.audience},
                        # ForAllValues is true of no value at all.
                        "Null": {"sts:IdentityTokenAudience": "false"},
                        "NumericLessThanEquals": {"sts:DurationSeconds": 300},
                    },
                ),
                allow(
                    [
                        "sqs:ChangeMessageVisibility",
                        "sqs:DeleteMessage",
                        "sqs:GetQueueAttributes",
                        "sqs:ReceiveMessage",
                    ],
                    self.queue.queue_arn,
                ),
                allow(
                    ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
                    self.memory.table_arn,
                ),
                allow(["logs:CreateLogStream", "logs:PutLogEvents"], f"{group}:*"),
                allow(["kms:Decrypt", "kms:GenerateDataKey"], self._key.key_arn),
                allow([*READ_GROUP, *READ_PACKAGES], registry),
            ],
        )

    def _feed(self, bus: aws_events.IEventBus) -> None:
        """The rules that put events into the queue; what cannot be put is a dead letter too."""
        let_service_use(self._key_policy, "events.amazonaws.com")
        accounts = self._platform.accounts
        self._rule(
            "Approvals",
            "Decisions about model versions",
            None,
            aws_events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Package State Change"],
                account=[accounts.automation],
                detail={
                    "ModelPackageGroupName": [names.registry_group(m.name) for m in self._platform.models],
                    "ModelApprovalStatus": ["Approved"],
                },
            ),
        )
        self._rule(
            "Alarms",
            "Drift and loss of quality in prod; what another account sends has no business here",
            bus,
            aws_events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                account=[accounts.prod],
                detail={
                    "alarmName": [
                        name(self._platform, model.name)
                        for model in self._platform.models
                        for name in (names.drift_alarm, names.quality_alarm)
                    ],
                    "state": {"value": ["ALARM"]},
                },
            ),
        )

    def _reconcile(self) -> None:
        """Look now and then for approvals whose event never came."""
        aws_events.Rule(
            self,
            "Reconcile",
            rule_name=f"{self._name}-reconcile",
            description="Approved versions that no run was queued for",
            schedule=aws_events.Schedule.rate(Duration.minutes(15)),
            targets=[
                aws_events_targets.LambdaFunction(
                    self.function,
                    event=aws_events.RuleTargetInput.from_object({"reconcile": True}),
                    dead_letter_queue=self.dead_letters,
                )
            ],
        )

    def _rule(
        self,
        id_: str,
        description: str,
        bus: aws_events.IEventBus | None,
        pattern: aws_events.EventPattern,
    ) -> None:
        aws_events.Rule(
            self,
            id_,
            rule_name=f"{self._name}-{id_.lower()}",
            description=description,
            event_bus=bus,
            event_pattern=pattern,
            targets=[
                aws_events_targets.SqsQueue(
                    self.queue,
                    dead_letter_queue=self.dead_letters,
                    retry_attempts=185,
                    max_event_age=Duration.hours(24),
                )
            ],
        )

    def _watch(self, notices: aws_sns.ITopic) -> None:
        """One dead letter is one deployment or retraining that did not happen: tell people at once."""
        alarm = aws_cloudwatch.Alarm(
            self,
            "Lost",
            alarm_name=f"{self._name}-dead-letters",
            alarm_description="An event could not be carried to Azure DevOps; see its dead-letter queue",
            metric=self.dead_letters.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            threshold=0,
            comparison_operator=aws_cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            treat_missing_data=aws_cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(aws_cloudwatch_actions.SnsAction(notices))
