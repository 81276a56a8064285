"""The name of everything that Isthmus makes, derived from platform.yaml and never from a clock.

The stacks give these names and the commands look for them, so each is written once, here.
"""

from __future__ import annotations

from typing import Literal

from isthmus.config import STAGES, WORKLOADS, AccountRole, Model, Platform, Team
from isthmus.config.fields import PLATFORM_REPOSITORY as PLATFORM_REPOSITORY


def role_arn(account: str, role: str) -> str:
    return f"arn:aws:iam::{account}:role/{role}"


def _bucket(platform: Platform, noun: str, account: str) -> str:
    return f"{platform.name}-{noun}-{account}-{platform.region}"


def stack(platform: Platform, account: str) -> str:
    """The stack of one account's platform resources; `account` is dev, automation, staging or prod."""
    return f"{platform.name}-{account}"


def model_stack(platform: Platform, account: str, model: str) -> str:
    """The stack of one model's roles in one account: automation, staging or prod."""
    return f"{platform.name}-{account}-{model}"


def team_stack(platform: Platform, team: str) -> str:
    """The stack of one team's role, people and tools in the dev account."""
    return f"{platform.name}-dev-{team}"


def tags(
    platform: Platform, account: str, model: Model | None = None, team: Team | None = None
) -> dict[str, str]:
    """What every resource is tagged with: who pays for it, and whose it is."""
    found = {"platform": platform.name, "account": account}
    if platform.owner:
        found["owner"] = platform.owner
    if team is not None:
        found |= {"team": team.name}
    if model is not None:
        found |= {"model": model.name, "owner": model.owner}
        found |= {"team": model.team} if model.team else {}
    return found


def any_model(platform: Platform, kind: str) -> str:
    """In a condition on ARNs: the role of this kind of whichever model."""
    return f"{platform.name}-*-{kind}"


def policy(platform: Platform, kind: str) -> str:
    """The managed policy of all roles of a kind in an account: `build`, `pipeline`, `deploy` and so on."""
    return f"{platform.name}-{kind}"


# ---- management account


def account_output(role: str) -> str:
    """The output of the management account's stack that holds the id of the account that it made."""
    return f"{role.capitalize()}AccountId"


# ---- automation account


IMAGE_REPOSITORY = "isthmus/tabular"
"""The ECR repository of the image that trains, processes and serves tabular models."""


def artifact_bucket(platform: Platform) -> str:
    """Code prefixes, pipeline outputs and model artifacts."""
    return _bucket(platform, "artifacts", platform.accounts.automation)


def data_bucket(platform: Platform) -> str:
    """Training data, by content hash."""
    return _bucket(platform, "data", platform.accounts.automation)


def function_log(function: str) -> str:
    """The log group of a Lambda function."""
    return f"/aws/lambda/{function}"


def job_log(kind: str) -> str:
    """The log group that SageMaker's ProcessingJobs, TrainingJobs, ... of an account share."""
    return f"/aws/sagemaker/{kind}"


def log_sink(platform: Platform) -> str:
    """Automation: where the other accounts' logs and metrics are read."""
    return f"{platform.name}-logs"


def log_search(platform: Platform) -> str:
    """Automation: the OpenSearch collection of logs, and what leads there; roles add what they do."""
    return f"{platform.name}-log-search"


def log_search_bucket(platform: Platform) -> str:
    """Automation: lines of logs on their way to the collection."""
    return _bucket(platform, "log-search", platform.accounts.automation)


def landing_bucket(platform: Platform) -> str:
    """Automation: where files arrive, and where those stay that are not fit."""
    return _bucket(platform, "landing", platform.accounts.automation)


INCOMING, REJECTED = "incoming/", "rejected/"
"""In the landing bucket: the two places, in each a folder for each model."""

LANDING_SOURCE = "isthmus.landing"
"""The source of landing's events on the automation bus."""

DATA_SET_COMPLETE, DATA_FILE_REJECTED = "Data Set Complete", "Data File Rejected"
"""The types of these events."""


def landing(platform: Platform) -> str:
    """Automation: what checks landed files: function, topic, queue, table; dead letters add `-dlq`."""
    return f"{platform.name}-landing"


def writer_role(platform: Platform, model: str) -> str:
    """Automation: the role that puts a model's files into the landing bucket."""
    return f"{platform.name}-{model}-writer"


def checked(model: str) -> str:
    """In the data bucket: the rows of each file that landed, as CSV; no data set yet."""
    return f"{model}/checked/"


def landed(model: str) -> str:
    """In the data bucket: what is trained on beside the source, CSV files and complete data sets."""
    return f"{model}/landed/"


def schema(model: str) -> str:
    """In the data bucket: what a file must hold that lands for the model."""
    return f"{model}/schema.json"


def chat_role(platform: Platform) -> str:
    """Automation and serving: the role of Amazon Q Developer, which shows alarms in Slack and Teams."""
    return f"{platform.name}-chat"


def feature_bucket(platform: Platform) -> str:
    """Feature Store's offline stores, each under its group's name."""
    return _bucket(platform, "features", platform.accounts.automation)


def feature_role(platform: Platform) -> str:
    """Automation: the role of Feature Store, which writes its offline stores."""
    return f"{platform.name}-features"


def feature_group(platform: Platform, name: str) -> str:
    return f"{platform.name}-{name}"


def feature_stack(platform: Platform) -> str:
    """Automation: the groups of Feature Store."""
    return f"{platform.name}-feature-store"


def registry_group(model: str) -> str:
    """The model package group; also the SageMaker pipeline's name."""
    return model


def model_parameters(platform: Platform) -> str:
    """Automation: the path in Parameter Store under which each model of the platform is written down."""
    return f"/{platform.name}/models"


def event_bus(platform: Platform) -> str:
    """The automation account's bus that serving accounts send alarms to."""
    return f"{platform.name}-automation"


def bridge(platform: Platform) -> str:
    """The bridge's Lambda function, queue and idempotency table; its dead-letter queue adds `-dlq`."""
    return f"{platform.name}-bridge"


def waiting(platform: Platform) -> str:
    """Automation: the table of the jobs in Azure DevOps that wait for an execution."""
    return f"{platform.name}-waiting"


def callback(platform: Platform) -> str:
    """Automation: the API that such jobs call, its function, and the function's role."""
    return f"{platform.name}-callback"


def callback_log(platform: Platform) -> str:
    """Automation: who called it, a line a request."""
    return f"/aws/vendedlogs/{platform.name}/callback"


def callback_parameter(platform: Platform) -> str:
    """Automation: the parameter that holds its URL."""
    return f"/{platform.name}/callback-url"


def execution(run_id: str) -> str:
    """What an execution of a SageMaker pipeline is called that a run in Azure DevOps has started."""
    return f"run-{run_id}"


def schedule_role(platform: Platform) -> str:
    """Automation: the role of EventBridge Scheduler, which says that a model is to be trained anew."""
    return f"{platform.name}-schedule"


def retraining_schedule(platform: Platform, model: str) -> str:
    """Automation: when a model is trained anew, come what may."""
    return f"{platform.name}-{model}-retraining"


SCHEDULE_SOURCE, RETRAINING_DUE = "isthmus.schedule", "Retraining Due"
"""The source and the type of the event on the automation bus that a model is to be trained anew."""

CALLBACK_SOURCE, JOB_WAITING = "isthmus.callback", "Job Waiting"
"""The source and the type of the event on the automation bus that such a job waits."""


def build_role(platform: Platform, model: str) -> str:
    """Automation: the role of the model-build pipeline in Azure DevOps."""
    return f"{platform.name}-{model}-build"


def pipeline_role(platform: Platform, model: str) -> str:
    """Automation: the role of the SageMaker pipeline and its jobs."""
    return f"{platform.name}-{model}-pipeline"


def synth_role(platform: Platform, model: str) -> str:
    """Automation: the role of the deploy pipeline's build stage, which reads the registry."""
    return f"{platform.name}-{model}-synth"


def approver_role(platform: Platform) -> str:
    """Automation: the only role that may approve or reject a model version."""
    return f"{platform.name}-approver"


def topic(platform: Platform) -> str:
    """Automation and serving: what tells people that something waits for them or failed."""
    return f"{platform.name}-notifications"


def escalations(platform: Platform) -> str:
    """Automation: the topic that tells others what nobody has decided for too long."""
    return f"{platform.name}-escalations"


# ---- every account


def infrastructure_role(platform: Platform) -> str:
    """Each account: the role of the infrastructure pipeline, which takes CDK's bootstrap roles to deploy."""
    return f"{platform.name}-infrastructure"


def drift_role(platform: Platform) -> str:
    """Each account: the role that compares the stacks with what the infrastructure pipeline deployed."""
    return f"{platform.name}-drift"


def audit_role(platform: Platform) -> str:
    """Automation and prod: the role of the nightly audit, which reads the registry and what prod serves."""
    return f"{platform.name}-audit"


def key_alias(platform: Platform, purpose: str = "data") -> str:
    """An account's KMS key for one purpose: data, images, logs or messages."""
    return f"alias/{platform.name}-{purpose}"


BOOTSTRAP = "hnb659fds"
"""The qualifier of CDK's bootstrap, whose roles deploy the accounts' stacks."""


def bootstrap_role(account: str, region: str, kind: str) -> str:
    """Each account: a role of CDK's bootstrap, such as `deploy`, `file-publishing` or `cfn-exec`."""
    return f"cdk-{BOOTSTRAP}-{kind}-role-{account}-{region}"


def boundary(account: str, region: str) -> str:
    """Each account: the managed policy that no deployment, and no role that one makes, gets beyond."""
    return f"cdk-{BOOTSTRAP}-boundary-{account}-{region}"


def asset_bucket(account: str, region: str) -> str:
    """Each account: the templates and Lambda packages that are deployed."""
    return f"cdk-{BOOTSTRAP}-assets-{account}-{region}"


def data_key_parameter(platform: Platform) -> str:
    """Each account: the parameter that holds the ARN of its key for data; disks take no alias."""
    return f"/{platform.name}/data-key"


def log_bucket(platform: Platform, account: str) -> str:
    """Who read and wrote the account's other buckets."""
    return _bucket(platform, "logs", account)


def operator_role(platform: Platform) -> str:
    """Each account: the role of who runs `isthmus status`, `models`, `invoke`, `lineage` and `events`."""
    return f"{platform.name}-operator"


def data_role(platform: Platform) -> str:
    """Automation and serving: the role of owners of data, who land rows (`<model>/landed/`) and labels."""
    return f"{platform.name}-data"


def network_parameter(platform: Platform, noun: str) -> str:
    """Each account: the parameter that holds the id of its `vpc`, `security-group`, `subnet-1`, ..."""
    return f"/{platform.name}/network/{noun}"


def network_role(platform: Platform) -> str:
    """Each account with a managed VPC: the role that writes its flow logs."""
    return f"{platform.name}-network"


def flow_logs(platform: Platform) -> str:
    """Each account with a managed VPC: the log group of who talked to whom."""
    return f"/{platform.name}/network/flow-logs"


# ---- dev account


def scientist_role(platform: Platform, team: str) -> str:
    """Dev: the role of a team's scientists, their Studio apps and their jobs."""
    return f"{platform.name}-{team}-scientist"


def spark_role(platform: Platform, team: str) -> str:
    """Dev: the role of a team's Spark sessions and jobs."""
    return f"{platform.name}-{team}-spark"


def mlflow_role(platform: Platform, team: str) -> str:
    """Dev: the role of a team's MLflow, which keeps artifacts."""
    return f"{platform.name}-{team}-mlflow"


def nobody_role(platform: Platform) -> str:
    """Dev: the role in Studio of people without a team's user profile; it may do nothing."""
    return f"{platform.name}-nobody"


def team_resource(platform: Platform, team: str) -> str:
    """Dev: a team's MLflow and its EMR Serverless application."""
    return f"{platform.name}-{team}"


def studio_parameter(platform: Platform) -> str:
    """Dev: the parameter that holds the id of Studio's domain."""
    return f"/{platform.name}/studio/domain"


def lifecycle_config(platform: Platform, app: str, digest: str) -> str:
    """Dev: a script that Studio's apps of a kind run when they start, by the hash of its content."""
    return f"{platform.name}-{app.lower()}-{digest[:16]}"


def experiment_bucket(platform: Platform) -> str:
    """Dev: scientists' own files."""
    return _bucket(platform, "experiments", platform.accounts.dev)


# ---- serving accounts (staging, prod)


def deploy_role(platform: Platform, model: str) -> str:
    """Serving: the role of the deploy pipeline at its stage."""
    return f"{platform.name}-{model}-deploy"


def cloudformation_role(platform: Platform, model: str) -> str:
    """Serving: CloudFormation's role for the model's endpoint stack; narrower than CDK's bootstrap."""
    return f"{platform.name}-{model}-cloudformation"


def forwarder_role(platform: Platform) -> str:
    """Serving: the role of EventBridge, which sends alarms to the automation account's bus."""
    return f"{platform.name}-forwarder"


def model_role(platform: Platform, model: str) -> str:
    """Serving: the execution role of the model behind its endpoint."""
    return f"{platform.name}-{model}-model"


def monitor_role(platform: Platform, model: str) -> str:
    """Serving: the role of the model's monitor pipeline and its jobs."""
    return f"{platform.name}-{model}-monitor"


def capture_bucket(platform: Platform, account: str) -> str:
    """Serving: captured requests and answers, and monitoring reports."""
    return _bucket(platform, "capture", account)


def captures(model: str) -> str:
    """In the capture bucket: what a model was asked, in a folder for each endpoint configuration."""
    return f"captures/{model}/"


def reports(model: str) -> str:
    """In the capture bucket: what monitors found, in a folder for each version."""
    return f"reports/{model}/"


def ground_truth_bucket(platform: Platform, account: str) -> str:
    """Serving: labels that arrive later, by inference id."""
    return _bucket(platform, "ground-truth", account)


def endpoint(model: str, kind: str = "realtime") -> str:
    """A model's endpoint, by how it serves: SageMaker makes few kinds of another, so each has its own."""
    return model if kind == "realtime" else f"{model}-{kind}"


ENDPOINT_KINDS: tuple[Literal["realtime", "serverless", "async"], ...] = ("realtime", "serverless", "async")
"""The ways to serve that have an endpoint."""


def endpoint_log(endpoint: str) -> str:
    """The log group of an endpoint's containers."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def endpoints(model: str) -> list[str]:
    """A model's endpoint, whichever way it serves."""
    return [endpoint(model, kind) for kind in ENDPOINT_KINDS]


def batch_pipeline(model: str) -> str:
    """Serving: the SageMaker pipeline that has a version answer files."""
    return f"{model}-batch"


def arrival_rule(platform: Platform, model: str) -> str:
    """Serving: the rule that starts that pipeline when a file arrives."""
    return f"{platform.name}-{model}-arrival"


def batch_role(platform: Platform, model: str) -> str:
    """Serving: the role of that pipeline, and of what starts it."""
    return f"{platform.name}-{model}-batch"


def requests(model: str) -> str:
    """In the capture bucket: files that a model is to answer, by a queue or a batch transform."""
    return f"requests/{model}/"


def incoming(model: str) -> str:
    """Among the requests: files that a batch transform answers as they arrive, or by the clock."""
    return f"{requests(model)}incoming/"


def asked(model: str) -> str:
    """Among the requests: those that somebody has asked for and waits for."""
    return f"{requests(model)}asked/"


BATCH_KEY = "Key"
"""The parameter of the batch pipeline: the key of a file in the capture bucket, or a prefix of files."""


def results(model: str) -> str:
    """In the capture bucket: what became of them."""
    return f"results/{model}/"


def success_topic(platform: Platform, model: str) -> str:
    """Serving: what tells that an asynchronous request has its answer."""
    return f"{platform.name}-{model}-success"


def failure_topic(platform: Platform, model: str) -> str:
    """Serving: what tells that an asynchronous request has failed."""
    return f"{platform.name}-{model}-failure"


def backlog_alarm(platform: Platform, model: str) -> str:
    """Serving: that requests wait at an asynchronous endpoint which has no instance; it starts one."""
    return f"{platform.name}-{model}-backlog"


VARIANT = "AllTraffic"
"""The variant of an endpoint that serves; captures and metrics are filed under it."""


def by_content(model: str, digest: str = "?" * 16) -> str:
    """A SageMaker model or endpoint configuration, by the hash of its content; in an ARN pattern, any."""
    return f"{model}-{digest[:16]}"


def endpoint_stack(platform: Platform, model: str, stage: str) -> str:
    return f"{platform.name}-{model}-{stage}"


def api(platform: Platform) -> str:
    """Serving: the API before the endpoints, and its firewall."""
    return f"{platform.name}-api"


def api_log(platform: Platform) -> str:
    """Serving: who asked the API for what, a line a request."""
    return f"/aws/vendedlogs/{platform.name}/api"


def firewall_log(platform: Platform) -> str:
    """Serving: what the firewall let through and what it blocked; WAF insists on how the name begins."""
    return f"aws-waf-logs-{platform.name}-api"


def api_logging_role(platform: Platform) -> str:
    """Serving: the role of API Gateway, which writes the logs of REST APIs."""
    return f"{platform.name}-api-logging"


def gateway(platform: Platform) -> str:
    """Serving: the function behind the API, and its role."""
    return f"{platform.name}-gateway"


def dashboard(platform: Platform) -> str:
    """Serving: all models of the account at a glance."""
    return f"{platform.name}-overview"


def model_dashboard(platform: Platform) -> str:
    """Serving: one model, chosen there."""
    return f"{platform.name}-model"


# Where Model Monitor and Clarify put theirs.
DATA_METRICS, BIAS_METRICS = "aws/sagemaker/Endpoints/data-metrics", "aws/sagemaker/Endpoints/bias-metrics"
METRIC_NAMESPACE = "Isthmus"
"""The CloudWatch namespace of the metrics about models."""

VERSION_METRIC = "Version"
"""The number of the version that a stage serves."""

GATE_PREFIX = "isthmus-gate-"
"""What the inference ids of gates' requests start with: they are captured too, and are no traffic."""


def monitor_pipeline(model: str) -> str:
    return f"{model}-monitor"


def errors_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-errors"


def latency_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-latency"


def silence_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-silence"


def drift_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-drift"


def quality_alarm(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-quality"


def rollback_alarm(platform: Platform, endpoint_config: str, kind: str) -> str:
    """On the fleet of one endpoint configuration while traffic is moved to it."""
    return f"{platform.name}-{endpoint_config}-{kind}"


ALARMS = (errors_alarm, latency_alarm, silence_alarm, drift_alarm, quality_alarm)
"""Those that a model's endpoint stack makes, whichever version serves."""


# ---- Azure DevOps


def build_pipeline(model: str) -> str:
    return f"{model}-build"


def pull_request_pipeline(model: str) -> str:
    return f"{model}-pull-request"


def deploy_pipeline(model: str) -> str:
    return f"{model}-deploy"


def deploy_check_pipeline(model: str) -> str:
    """What checks a pull request of the deploy repository."""
    return f"{model}-deploy-check"


def build_connection(platform: Platform, model: str) -> str:
    """The service connection that the model-build pipeline enters `build_role` through."""
    return f"{platform.name}-{model}-build"


def callback_connection(platform: Platform) -> str:
    """The generic service connection that says where the bridge's HTTPS route is; it holds no secret."""
    return f"{platform.name}-callback"


def contributors(platform: Platform) -> str:
    """The group of all who work in the project; it is made with the project, and holds no job."""
    return f"[{platform.azure.project}]\\Contributors"


def infrastructure_connection(platform: Platform, account: str) -> str:
    """The service connection that the infrastructure pipeline enters the account's role through."""
    return f"{platform.name}-infrastructure-{account}"


def drift_connection(platform: Platform, account: str) -> str:
    """The service connection that the infrastructure pipeline looks at the account's stacks through."""
    return f"{platform.name}-drift-{account}"


def audit_connection(platform: Platform) -> str:
    """The service connection that the infrastructure pipeline audits through."""
    return f"{platform.name}-audit"


def infrastructure_environment(account: str) -> str:
    """The environment whose history says what was deployed to the account, and by whom it was let pass."""
    return f"infrastructure-{account}"


def synth_connection(platform: Platform, model: str) -> str:
    return f"{platform.name}-{model}-synth"


def deploy_connection(platform: Platform, model: str, stage: str) -> str:
    return f"{platform.name}-{model}-deploy-{stage}"


def connections(platform: Platform) -> list[str]:
    """Every service connection of the platform."""
    accounts: tuple[AccountRole, ...] = ("management", *WORKLOADS)
    found = [
        one(platform, role) for role in accounts for one in (infrastructure_connection, drift_connection)
    ]
    found.append(audit_connection(platform))
    for model in platform.models:
        found += [build_connection(platform, model.name), synth_connection(platform, model.name)]
        found += [deploy_connection(platform, model.name, stage) for stage in STAGES]
    return found


def connection_subject(platform: Platform, connection: str) -> str:
    """The subject claim of a service connection's token (issuer vstoken.dev.azure.com)."""
    return f"sc://{platform.azure.organization}/{platform.azure.project}/{connection}"


def connection_subjects(platform: Platform, connection: str) -> dict[str, str]:
    """The subject claims of a service connection's tokens, by the issuers that roles trust."""
    azure = platform.azure
    subjects = {azure.token_issuer: connection_subject(platform, connection)}
    if connection in azure.entra_subjects:
        subjects[azure.entra_issuer] = azure.entra_subjects[connection]
    return subjects


INFRASTRUCTURE_PIPELINE = "infrastructure"
PLATFORM_PULL_REQUEST_PIPELINE = "platform-pull-request"
