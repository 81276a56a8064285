"""The bridge: events wait in a queue, a Lambda carries each over to Azure DevOps; none lost, none twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aws_cdk import Stack
from constructs import Construct

from cdk.parts.announcements import REJECTED_WHILE_RUNNING, announce
from cdk.parts.bridge_feeds import feeds
from cdk.parts.callback import callback, read_executions, waiting_table
from cdk.parts.dead_letters import watch
from cdk.parts.function import Function
from cdk.parts.grants import Statement, allow, service
from cdk.parts.keys import USE, Keys
from cdk.parts.platform_tag import of_platform
from cdk.parts.queues import READ_QUEUE, Queue
from cdk.parts.registry import READ_GROUP, READ_PACKAGES, registry_arns
from cdk.parts.retraining import approve_by_rule, count_hours
from cdk.parts.tables import table
from isthmus import names
from isthmus.config import Platform
from isthmus.config.approvals import length
from isthmus.resource_types import aws_events

CODE = Path(__file__).parents[2] / "bridge"
SECONDS = 60
# After this many the bridge itself makes a message a dead letter, and says why. What never gets so far,
# because it ends the Lambda each time, is SQS's to put away.
ATTEMPTS = 30
ATTEMPTS_OF_SQS = ATTEMPTS + 3
RECONCILE = "rate(15 minutes)"
EVENTS = "events.amazonaws.com"


class Bridge(Construct):
    """Queue, dead letters, function, its memory of what it did, and the rules that feed the queue.

    `bus` is the name of the bus that alarms arrive on, `notices` the ARN of the topic that tells people, and
    `escalations` that of the topic that tells others.
    """

    def __init__(
        self,
        scope: Construct,
        platform: Platform,
        *,
        keys: Keys,
        bus: str,
        notices: str,
        escalations: str,
    ) -> None:
        super().__init__(scope, "Bridge")
        self._topics = (notices, escalations)
        self._platform, self._name = platform, names.bridge(platform)
        self._stack = Stack.of(self)
        keys.messages.allow_service(EVENTS)
        keys.messages.allow_roles(USE, self._name)
        keys.messages.allow_stacks("dynamodb", "lambda")
        self.dead_letters, self.queue = self._queues(keys)
        table(self, "Memory", self._name, key=keys.messages.arn)
        self._waiting = waiting_table(self, platform, keys)
        self.function = Function(
            self,
            "Function",
            self._name,
            platform,
            code=CODE,
            handler="bridge.handler.handle",
            description="Carries model approvals and quality alarms over to Azure DevOps",
            seconds=SECONDS,
            environment=self._environment(),
            statements=[*self._statements(), *count_hours(self, platform), *approve_by_rule(platform, keys)],
            keys=keys,
        )
        self.function.read_queue(self.queue)
        callback(
            self,
            platform,
            code=CODE,
            environment=self._environment(),
            keys=keys,
            waiting=self._waiting,
            models=self._models(),
        )
        for feed in feeds(platform):
            self._rule(
                feed.id, feed.what, event_bus_name=bus if feed.own_bus else None, event_pattern=feed.pattern
            )
        self._rule("Reconcile", "What events that never came have left", schedule_expression=RECONCILE)
        announce(self, platform, notices, REJECTED_WHILE_RUNNING)
        watch(
            self,
            self.dead_letters,
            "An event could not be carried to Azure DevOps; see its dead-letter queue",
            notices,
        )

    def _queues(self, keys: Keys) -> tuple[Queue, Queue]:
        """Of dead letters, and of events."""
        shared: dict[str, Any] = {
            "key": keys.messages.arn,
            "seconds": SECONDS,
            "senders": (service(EVENTS, self._stack.account),),
        }
        dead = Queue(self, "DeadLetters", f"{self._name}-dlq", **shared)
        return dead, Queue(self, "Queue", self._name, dead_letters=dead, attempts=ATTEMPTS_OF_SQS, **shared)

    def _environment(self) -> dict[str, str]:
        azure, accounts = self._platform.azure, self._platform.accounts
        return {
            "AZURE_DEVOPS_URL": azure.organization_url,
            "AZURE_DEVOPS_PROJECT": azure.project,
            "AZURE_TENANT_ID": azure.tenant_id,
            "AZURE_CLIENT_ID": azure.bridge_client_id,
            "AZURE_AUDIENCE": azure.audience,
            "AZURE_AUTHORITY_HOST": azure.authority_host,
            "PLATFORM": self._platform.name,
            "MEMORY_TABLE": self._name,
            "WAITING_TABLE": names.waiting(self._platform),
            "EVENT_BUS": names.event_bus(self._platform),
            "QUEUE_URL": self.queue.url,
            "DEAD_LETTERS_URL": self.dead_letters.url,
            "ATTEMPTS": str(ATTEMPTS),
            "MODELS_PATH": names.model_parameters(self._platform),
            "ARTIFACT_BUCKET": names.artifact_bucket(self._platform),
            "AUTOMATION_ACCOUNT": accounts.automation,
            "PROD_ACCOUNT": accounts.prod,
            **self._taken(),
            **self._reminding(),
            "POWERTOOLS_SERVICE_NAME": self._name,
            "POWERTOOLS_LOG_LEVEL": "INFO",
            # Waiting is the queue's business.
            "AWS_RETRY_MODE": "standard",
            "AWS_MAX_ATTEMPTS": "2",
        }

    def _taken(self) -> dict[str, str]:
        """Roles of other accounts: they see what serves there, or set its weights in prod, and no more."""
        accounts, fallback = self._platform.accounts, names.fallback_role(self._platform)
        return {
            "STAGING_ROLE": names.role_arn(accounts.staging, self._name),
            "PROD_ROLE": names.role_arn(accounts.prod, self._name),
            "FALLBACK_ROLE": names.role_arn(accounts.prod, fallback),
        }

    def _reminding(self) -> dict[str, str]:
        """Whom to tell what waits, and after how many seconds again."""
        asked, (notices, escalations) = self._platform.approvals, self._topics
        after = [str(int(length(age).total_seconds())) for age in asked.remind_after]
        last = asked.escalate_after
        return {
            "NOTICES_TOPIC": notices,
            "ESCALATIONS_TOPIC": escalations,
            "REMIND_AFTER": " ".join(after),
            "ESCALATE_AFTER": str(int(length(last).total_seconds())) if last else "0",
        }

    def _statements(self) -> list[Statement]:
        stack, platform = self._stack, self._platform
        return [
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
            allow(READ_QUEUE, self.queue.arn),
            # Of letters that are dead, and of looks that it asks of itself.
            allow("sqs:SendMessage", [self.dead_letters.arn, self.queue.arn]),
            allow("sns:Publish", sorted(set(self._topics))),
            allow(
                ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"],
                f"arn:aws:dynamodb:{stack.region}:{stack.account}:table/{self._name}",
            ),
            allow(
                ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Scan", "dynamodb:UpdateItem"],
                self._waiting,
            ),
            read_executions(self),
            allow("sts:AssumeRole", list(self._taken().values())),
            allow(["ssm:GetParameter", "ssm:GetParametersByPath"], self._models()),
            allow([*READ_GROUP, *READ_PACKAGES], list(registry_arns(platform, "*")), of_platform(platform)),
        ]

    def _models(self) -> list[str]:
        """The parameters in which the platform's models are written down."""
        stack, path = self._stack, names.model_parameters(self._platform)
        parameters = f"arn:aws:ssm:{stack.region}:{stack.account}:parameter{path}"
        return [parameters, f"{parameters}/*"]

    def _rule(self, id_: str, what: str, **when: Any) -> None:
        """A rule that puts events into the queue; what cannot be put is a dead letter too."""
        aws_events.CfnRule(
            self,
            id_,
            name=f"{self._name}-{id_.lower()}",
            description=what,
            targets=[
                {
                    "id": "queue",
                    "arn": self.queue.arn,
                    "deadLetterConfig": {"arn": self.dead_letters.arn},
                    "retryPolicy": {"maximumRetryAttempts": 185, "maximumEventAgeInSeconds": 86_400},
                }
            ],
            **when,
        ).node.add_dependency(self.queue)
