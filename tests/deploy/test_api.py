"""The API of prod, from Azure: an application of Entra asks a deployed model, without any AWS key.

Everything on the way is real: accounts with API and network, the deployed version behind its endpoint, the
token of the local Entra, the gateway as the packaged function under its own role.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import yaml

from isthmus import names
from isthmus.config import Platform
from isthmus.local.azure_devops.keys import Key
from tests.deploy.conftest import CHECKOUT
from tests.deploy.platforms import base, platform
from tests.deploy.team import Team, done, gather
from tests.deploy.versions import MODEL, Version
from tests.infra.conftest import Cloud, deployed
from tests.local.azure_devops import standin
from tests.local.conftest import PROD, REGION, Issuer, issuer

__all__ = ["base", "issuer", "platform"]
API, CALLER, STRANGER = (f"{number}d7f5c1e-2b0a-4f0e-8a55-0c9e3b7a4f33" for number in (6, 7, 8))
ROWS = "wind,season\n2.0,wet\n-1.5,dry\n"


@pytest.fixture(scope="module")
def platform_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with an API and a network of its own in each account."""
    content = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    content |= {"network": {"mode": "managed"}, "api": {"audience": API, "burst": 200}}
    file = tmp_path_factory.mktemp("api") / "platform.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture(scope="module")
def azure(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[standin.StandIn]:
    """Entra with two applications that sign in by a job's token; one of them was assigned the role."""
    signs_in = [{"subject": "job", "issuer": standin.ISSUER, "audience": platform.azure.audience}]
    settings = standin.config(
        entra_issuer=platform.azure.entra_issuer,
        applications={CALLER: signs_in, STRANGER: signs_in},
        apis={API: {CALLER: ["Predict"]}},
    )
    with standin.running(tmp_path_factory.mktemp("azure"), settings) as found:
        yield found


@pytest.fixture(scope="module")
def cloud(
    tmp_path_factory: pytest.TempPathFactory,
    issuer: tuple[Issuer, str],
    azure: standin.StandIn,
    platform: Platform,
    platform_file: Path,
    base: Path,
) -> Iterator[Cloud]:
    entra = f"{azure.url}/entra"
    with deployed(
        tmp_path_factory.mktemp("aws"),
        issuer,
        platform_file,
        base,
        environment={"AZURE_AUTHORITY_HOST": entra},
        believed={platform.azure.entra_issuer: f"{entra}/{standin.TENANT}/discovery/v2.0/keys"},
    ) as found:
        yield found


@dataclass(frozen=True)
class Prod:
    """The API of prod, before a model that is deployed there, and who may sign in to Entra."""

    team: Team
    azure: standin.StandIn
    assembly: Path
    url: str

    def assertion(self) -> str:
        """A job's token, signed with the stand-in's own key."""
        now, audience = int(time.time()), self.team.platform.azure.audience
        claims = {"iss": standin.ISSUER, "sub": "job", "aud": audience, "iat": now, "exp": now + 300}
        return Key(self.azure.state / "issuer.pem").sign(claims)

    def token(self, client: str) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": client,
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": self.assertion(),
            "scope": f"{API}/.default",
        }
        url = f"{self.azure.url}/entra/{standin.TENANT}/oauth2/v2.0/token"
        answer = requests.post(url, data=form, timeout=60)
        assert answer.ok, answer.text
        return answer.json()["access_token"]

    def ask(
        self, token: str | None, rows: str = ROWS, model: str = MODEL, **headers: str
    ) -> requests.Response:
        sent = {"Content-Type": "text/csv"} | headers
        sent |= {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}/models/{model}/predictions"
        return requests.post(url, data=rows.encode(), headers=sent, timeout=60)

    def client(self, service: str) -> Any:
        return self.team.cloud.aws.client(service, PROD)


@pytest.fixture(scope="module")
def prod(
    cloud: Cloud, azure: standin.StandIn, platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Prod:
    team = gather(cloud, platform, tmp_path_factory.mktemp("team"))
    arn = team.registered(Version(slope=2.0), tmp_path_factory.mktemp("version"))
    team.approve(arn)
    assembly = tmp_path_factory.mktemp("out") / "assembly"
    done(team.synth(arn, assembly))
    for stage in ("staging", "prod"):
        done(team.apply(assembly, stage, "41"))
    cloudformation = cloud.aws.client("cloudformation", PROD)
    (stack,) = cloudformation.describe_stacks(StackName=names.stack(platform, "prod"))["Stacks"]
    (url,) = [one["OutputValue"] for one in stack["Outputs"] if one["OutputKey"] == "ApiUrl"]
    return Prod(team, azure, assembly, url)


@pytest.fixture(scope="module")
def token(prod: Prod) -> str:
    return prod.token(CALLER)


def test_an_application_of_entra_gets_the_models_predictions(prod: Prod, token: str) -> None:
    answer = prod.ask(token)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["predictions"] == pytest.approx([Version(slope=2.0).predict(wind) for wind in (2.0, -1.5)])
    assert (said["model"], len(said["inference_id"])) == (MODEL, 36)


def test_json_rows_and_an_inference_id_of_the_callers_own(prod: Prod, token: str) -> None:
    rows = json.dumps([{"wind": 1.0, "season": "wet"}])
    answer = prod.ask(token, rows, **{"Content-Type": "application/json", "X-Inference-Id": "order-7"})
    assert answer.json()["inference_id"] == "order-7"
    assert answer.json()["predictions"] == pytest.approx([Version(slope=2.0).predict(1.0)])


def test_the_command_line_asks_the_api_as_a_jobs_connection(prod: Prod) -> None:
    job = {"idToken": prod.assertion(), "servicePrincipalId": CALLER}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in job.items():
            patch.setenv(name, value)
        said = done(prod.team.operate("invoke", MODEL, "--api", prod.url, "--row", "2.0,wet"))
    assert float(said) == pytest.approx(Version(slope=2.0).predict(2.0))


def test_an_application_without_the_role_is_let_in_nowhere(prod: Prod) -> None:
    answer = prod.ask(prod.token(STRANGER))
    assert answer.status_code == 403
    assert "no role 'Predict'" in answer.json()["message"]


def signed(prod: Prod, token: str, **claims: object) -> str:
    """The same token with other claims, signed by Entra itself."""
    usual = jwt.decode(token, options={"verify_signature": False})
    return Key(prod.azure.state / "entra.pem").sign(usual | claims)


def forged(prod: Prod, token: str) -> str:
    """Everything right but the key."""
    other = Key(prod.azure.state / "issuer.pem")
    entra = Key(prod.azure.state / "entra.pem")
    claims = jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, other._private, "RS256", headers={"kid": entra.kid})


@pytest.mark.parametrize(
    "made",
    [
        lambda prod, token: None,
        lambda prod, token: "hello",
        lambda prod, token: signed(prod, token, aud=STRANGER),
        lambda prod, token: signed(prod, token, iss=f"https://sts.windows.net/{standin.TENANT}/"),
        lambda prod, token: signed(prod, token, exp=int(time.time()) - 1),
        forged,
    ],
    ids=["no token", "no JWT", "other audience", "other issuer", "expired", "other key"],
)
def test_a_token_that_is_not_entras_for_this_api_is_refused(prod: Prod, token: str, made) -> None:
    assert prod.ask(made(prod, token)).status_code == 401


def test_what_the_model_refuses_is_the_callers_mistake_in_its_words(prod: Prod, token: str) -> None:
    answer = prod.ask(token, "wind,season\nstrong,wet\n")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "row 1, column 'wind': 'strong' is not a number",
    )


def test_an_unknown_model_is_not_found(prod: Prod, token: str) -> None:
    answer = prod.ask(token, model="snow")
    assert (answer.status_code, answer.json()["message"]) == (404, "there is no model 'snow'")


def test_the_gateway_asks_the_platforms_endpoints_only(prod: Prod, token: str) -> None:
    """An endpoint of the same account that is not tagged as the platform's is none of its business."""
    sagemaker = prod.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointConfigName"]
    sagemaker.create_endpoint(EndpointName="foreign", EndpointConfigName=config)
    deadline = time.monotonic() + 60
    while sagemaker.describe_endpoint(EndpointName="foreign")["EndpointStatus"] == "Creating":
        assert time.monotonic() < deadline
    try:
        assert prod.ask(token, model="foreign").status_code == 404
    finally:
        sagemaker.delete_endpoint(EndpointName="foreign")


def test_the_model_runs_in_the_accounts_network(prod: Prod) -> None:
    sagemaker, ssm = prod.client("sagemaker"), prod.client("ssm")
    config = sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointConfigName"]
    variant = sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"][0]
    vpc = sagemaker.describe_model(ModelName=variant["ModelName"])["VpcConfig"]
    found = {
        one["Name"].rsplit("/", 1)[-1]: one["Value"]
        for one in ssm.get_parameters_by_path(
            Path=names.network_parameter(prod.team.platform, "vpc").rsplit("/", 1)[0]
        )["Parameters"]
    }
    assert vpc == {
        "SecurityGroupIds": [found["security-group"]],
        "Subnets": [found["subnet-1"], found["subnet-2"]],
    }
    pipeline = sagemaker.describe_pipeline(PipelineName=names.monitor_pipeline(MODEL))["PipelineDefinition"]
    (step,) = json.loads(pipeline)["Steps"]
    assert step["Arguments"]["NetworkConfig"]["VpcConfig"] == vpc


def test_no_deployment_makes_a_model_outside_the_network(prod: Prod, token: str, tmp_path: Path) -> None:
    """A template that leaves the network out is refused, and the version that serves goes on."""
    edited = shutil.copytree(prod.assembly, tmp_path / "edited")
    stack = names.endpoint_stack(prod.team.platform, MODEL, "prod")
    file = edited / f"{stack}.template.json"
    template = json.loads(file.read_text())
    (model,) = [one for one in template["Resources"].values() if one["Type"] == "AWS::SageMaker::Model"]
    del model["Properties"]["VpcConfig"]
    model["Properties"]["ModelName"] = names.by_content(MODEL, "0" * 16)
    file.write_text(json.dumps(template))
    refused = prod.team.apply(edited, "prod", "42")
    assert refused.exit_code == 1
    assert "not authorized to perform: sagemaker:CreateModel" in repr(refused.exception)
    assert prod.ask(token).status_code == 200


def test_logs_say_who_asked_and_hold_no_rows(prod: Prod, token: str) -> None:
    prod.ask(token, "wind,season\n0.4711,wet\n")
    logs, platform = prod.client("logs"), prod.team.platform
    gateway = [
        one["message"]
        for one in logs.filter_log_events(logGroupName=f"/aws/lambda/{names.gateway(platform)}")["events"]
    ]
    assert any(f'"caller": "{CALLER}"' in line for line in gateway)
    access = [
        one["message"] for one in logs.filter_log_events(logGroupName=names.api_log(platform))["events"]
    ]
    assert json.loads(access[0])["asked"] == f"POST /models/{MODEL}/predictions"
    assert not [line for line in gateway + access if "0.4711" in line or token in line]


def test_the_deployed_version_is_on_the_dashboards(prod: Prod) -> None:
    cloudwatch, platform = prod.client("cloudwatch"), prod.team.platform
    for name in (names.dashboard(platform), names.model_dashboard(platform)):
        body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
        assert names.VERSION_METRIC in json.dumps(body["widgets"])
    listed = cloudwatch.list_metrics(Namespace=names.METRIC_NAMESPACE, MetricName=names.VERSION_METRIC)
    assert {"Name": "Model", "Value": MODEL} in listed["Metrics"][0]["Dimensions"]


def test_an_endpoint_that_fails_calls_people(prod: Prod) -> None:
    """What SageMaker measures of failing requests is what the alarm looks at; its message says what to do."""
    cloudwatch, sns, sqs = (prod.client(name) for name in ("cloudwatch", "sns", "sqs"))
    topic = f"arn:aws:sns:{REGION}:{PROD}:{names.topic(prod.team.platform)}"
    url = sqs.create_queue(QueueName="pager")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{PROD}:pager"
    may = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may | {"Resource": queue}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    where = [{"Name": "EndpointName", "Value": MODEL}, {"Name": "VariantName", "Value": "AllTraffic"}]
    now = time.time()
    for age in (0, 310):
        failed = {"MetricName": "Invocation5XXErrors", "Dimensions": where, "Value": 1}
        cloudwatch.put_metric_data(
            Namespace="AWS/SageMaker", MetricData=[failed | {"Timestamp": now - age}] * 50
        )
    messages = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", [])
    told = json.loads(json.loads(messages[0]["Body"])["Message"])
    assert told["AlarmName"] == names.errors_alarm(prod.team.platform, MODEL)
    assert f"{MODEL} in prod fails more than 1 %" in told["AlarmDescription"]
