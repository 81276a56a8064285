"""A version beside the one in prod: what is made for it, who is asked how often, and what is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from isthmus import names
from isthmus.compare.sequence import FEWEST
from isthmus.config import Platform, read_deploy
from isthmus.config.compare import Mode
from isthmus.deploy.app import application
from isthmus.deploy.comparison import Comparison
from isthmus.deploy.package import Package
from isthmus.errors import NotFound, Problem, Refused
from tests.deploy.conftest import REPOSITORY, read_templates
from tests.deploy.team import Team, done
from tests.deploy.test_lifecycle import cloud, issuer, new_version, team
from tests.deploy.test_templates import alarms, one
from tests.deploy.versions import FAILS, MODEL, Version
from tests.local.conftest import ACCOUNTS
from tests.local.sagemaker.conftest import until

__all__ = ["cloud", "issuer", "new_version", "team"]
PROD = ACCOUNTS["prod"]
ROW = "wind,season\n1.5,wet\n"
Make = Callable[[Version], tuple[str, Path]]
DECIDES = "metric: errors, smallest_difference: 1"
HOW = "percent=30 metric=errors smallest_difference=1.0 alpha=0.05"


def compared(folder: Path, mode: Mode, package: Package, platform: Platform) -> dict[str, dict[str, Any]]:
    """Templates of version 4 beside version 3; prod has four instances, and scales up to six."""
    (folder / "package").mkdir()
    replace(package, arn=f"{package.arn[:-1]}4", version=4).write(folder / "package")
    Comparison(package, "").write(folder / "package")
    text = (REPOSITORY / "deploy.yaml").read_text()
    capacity = "{ instance_type: ml.m5.large, instance_count: 2 }"
    scaled = "{instance_count: 4, scaling: {max_instances: 6, invocations_per_instance: 9}}"
    assert capacity in text
    (folder / "deploy.yaml").write_text(
        text.replace(capacity, scaled) + f"\ncompare: {{mode: {mode}, percent: 30, {DECIDES}}}\n"
    )
    config = read_deploy(folder / "deploy.yaml")
    application(platform, config, folder / "package", str(folder / "out")).synth()
    return read_templates(folder / "out")


@pytest.mark.parametrize("mode", ["ab", "shadow"])
def test_prod_has_both_versions_and_staging_the_new_one(
    tmp_path: Path, package: Package, platform: Platform, mode: Mode
) -> None:
    found = compared(tmp_path, mode, package, platform)
    staging, prod = (found[names.endpoint_stack(platform, MODEL, one)] for one in ("staging", "prod"))
    assert len(one(staging, "AWS::SageMaker::EndpointConfig")["ProductionVariants"]) == 1
    models = {
        id_: resource["Properties"]["Containers"][0]["ModelPackageName"][-1]
        for id_, resource in prod["Resources"].items()
        if resource["Type"] == "AWS::SageMaker::Model"
    }
    assert models == {"Model": "4", "Champion": "3"}
    config, endpoint = (one(prod, f"AWS::SageMaker::{kind}") for kind in ("EndpointConfig", "Endpoint"))
    production, shadows = config["ProductionVariants"], config.get("ShadowProductionVariants", [])
    told = [
        (
            each["VariantName"],
            each["ModelName"]["Fn::GetAtt"][0],
            each["InitialVariantWeight"],
            each["InitialInstanceCount"],
        )
        for each in [*production, *shadows]
    ]
    # A share of the six that the other may have, rounded up.
    weight = 0.7 if mode == "ab" else 1
    assert told == [("AllTraffic", "Champion", weight, 4), ("Challenger", "Model", 0.3, 2)]
    assert len(shadows) == (mode == "shadow")
    assert "DeploymentConfig" not in endpoint
    assert endpoint["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DesiredWeight"}]
    tags = {tag["Key"]: tag["Value"] for tag in endpoint["Tags"]}
    assert (tags["isthmus:model-package-arn"][-1], tags["isthmus:challenger-arn"][-1]) == ("3", "4")
    monitor = json.dumps(one(prod, "AWS::SageMaker::Pipeline"))
    assert f"reports/{MODEL}/3" in monitor
    assert f"/{config['EndpointConfigName']}/{MODEL}/AllTraffic" in monitor


def test_people_are_called_for_a_version_that_answers_and_not_for_a_shadow(
    tmp_path: Path, package: Package, platform: Platform
) -> None:
    stack = names.endpoint_stack(platform, MODEL, "prod")
    errors, latency = (
        name(platform, MODEL) for name in (names.challenger_errors_alarm, names.challenger_latency_alarm)
    )
    for mode in ("ab", "shadow"):
        (tmp_path / mode).mkdir()
        made = alarms(compared(tmp_path / mode, mode, package, platform)[stack])
        assert {errors, latency} <= made.keys() if mode == "ab" else not {errors, latency} & made.keys()
        assert names.errors_alarm(platform, MODEL) in made
        for name in {errors, latency} & made.keys():
            dimensions = {each["Name"]: each["Value"] for each in made[name]["Dimensions"]}
            assert dimensions == {"EndpointName": MODEL, "VariantName": "Challenger"}
            assert made[name]["AlarmActions"] and "isthmus pending" in made[name]["AlarmDescription"]


# ---- in deployed accounts: each test leaves prod to the next


@pytest.fixture(scope="module")
def champion(team: Team, new_version: Make) -> tuple[str, Path]:
    """Version 1, alone in prod."""
    arn, assembly = new_version(Version())
    done(team.apply(assembly, "prod", "41"))
    return arn, assembly


def asks_for(team: Team, mode: Mode) -> None:
    text = (REPOSITORY / "deploy.yaml").read_text()
    compare = f"compare: {{mode: {mode}, percent: 30, {DECIDES}}}\n"
    (team.repository / "deploy.yaml").write_text(f"{text}\nalarms: {{p95_latency_ms: 60000}}\n{compare}")


def cycle(team: Team, arn: str) -> str:
    return str(team.package(arn)["ModelLifeCycle"]["StageStatus"])


def asked(team: Team, times: int) -> list[tuple[str, float]]:
    """Which variant answered a person, and what."""
    runtime = team.cloud.client(
        "sagemaker-runtime", team.cloud.person(PROD, names.operator_role(team.platform))
    )
    found = []
    for number in range(times):
        answer = runtime.invoke_endpoint(
            EndpointName=MODEL, ContentType="text/csv", Body=ROW, InferenceId=f"one-{number}"
        )
        text = answer["Body"].read().decode().split()[-1]
        found.append((answer["InvokedProductionVariant"], float(text)))
    return found


def captured(team: Team, config: str, variant: str) -> int:
    s3, bucket = team.cloud.aws.client("s3", PROD), names.capture_bucket(team.platform, PROD)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{names.captures(MODEL)}{config}/{MODEL}/{variant}/")
    keys = [each["Key"] for each in listed.get("Contents", [])]
    return sum(s3.get_object(Bucket=bucket, Key=key)["Body"].read().count(b"\n") for key in keys)


@pytest.fixture(scope="module")
def beside(team: Team, champion: tuple[str, Path], new_version: Make) -> tuple[str, Path]:
    """Version 2 beside it."""
    asks_for(team, "ab")
    arn, assembly = new_version(Version(slope=3.0))
    said = done(team.apply(assembly, "prod", "42"))
    assert f"endpoint {MODEL} in prod runs {champion[0]}" in said and f"beside {arn}" in said
    return arn, assembly


def test_both_versions_answer_by_their_weights_and_the_registry_says_so(
    team: Team, champion: tuple[str, Path], beside: tuple[str, Path]
) -> None:
    """Two processes behind one endpoint, each with its own answer."""
    found = asked(team, 120)
    answers = dict(found)
    assert answers["AllTraffic"] == pytest.approx(Version().predict(1.5), abs=1e-6)
    assert answers["Challenger"] == pytest.approx(Version(slope=3.0).predict(1.5), abs=1e-6)
    # Five standard deviations of what chance does.
    assert 11 <= sum(variant == "Challenger" for variant, _ in found) <= 61
    assert (cycle(team, champion[0]), cycle(team, beside[0])) == ("InService", "Challenger")
    metadata = team.package(beside[0])["CustomerMetadataProperties"]
    assert metadata["prod_compared_how"] == f"mode=ab {HOW}"
    assert metadata["prod_compared_with"] == champion[0].rsplit("/", 1)[-1]
    config = metadata["prod_compared_config"]
    until(
        lambda: captured(team, config, "AllTraffic") + captured(team, config, "Challenger"),
        lambda n: n == 120,
    )
    state = json.loads(done(team.operate("status", "--json")))["endpoints"]
    (prod,) = (each for each in state if each["stage"] == "prod")
    assert (prod["version"], prod["challenger"]) == ("1", "2")
    models = json.loads(done(team.operate("models", MODEL, "--json")))
    assert {each["number"]: each["runs_in"] for each in models} == {2: ["prod"], 1: ["prod"]}


@pytest.mark.parametrize("variant", ["AllTraffic", "Challenger"])
def test_a_prediction_leads_to_the_version_that_gave_it(
    team: Team, champion: tuple[str, Path], beside: tuple[str, Path], variant: str
) -> None:
    runtime = team.cloud.client(
        "sagemaker-runtime", team.cloud.person(PROD, names.operator_role(team.platform))
    )
    runtime.invoke_endpoint(
        EndpointName=MODEL,
        ContentType="text/csv",
        Body=ROW,
        InferenceId=f"of-{variant}",
        TargetVariant=variant,
    )
    words = ("lineage", MODEL, "--inference-id", f"of-{variant}", "--json")
    said = until(lambda: team.operate(*words), lambda result: result.exit_code == 0).output
    expected = champion[0] if variant == "AllTraffic" else beside[0]
    assert json.loads(said)["version"]["arn"] == expected


def test_the_gate_in_prod_asks_the_version_that_is_compared(
    team: Team, beside: tuple[str, Path], tmp_path: Path
) -> None:
    config = team.package(beside[0])["CustomerMetadataProperties"]["prod_compared_config"]
    champions, challengers = (captured(team, config, variant) for variant in ("AllTraffic", "Challenger"))
    assert "✓ contract" in done(team.gate(beside[1], "prod", tmp_path, "contract"))
    # How many came before is chance; the gate asks twelve times.
    until(lambda: captured(team, config, "Challenger"), lambda count: count == challengers + 12)
    assert captured(team, config, "AllTraffic") == champions


def test_weights_that_somebody_changes_are_red_until_they_are_put_back(
    team: Team, beside: tuple[str, Path], tmp_path: Path
) -> None:
    sagemaker = team.cloud.aws.client("sagemaker", PROD)

    def weigh(champion: float, challenger: float) -> None:
        weights = {"AllTraffic": champion, "Challenger": challenger}
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=MODEL,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredWeight": weight} for name, weight in weights.items()
            ],
        )
        until(
            lambda: sagemaker.describe_endpoint(EndpointName=MODEL)["EndpointStatus"],
            lambda status: status == "InService",
        )

    # What counts is the part of all weights.
    weigh(7, 3)
    assert "✓ contract" in done(team.gate(beside[1], "prod", tmp_path, "contract"))
    weigh(0.2, 0.8)
    try:
        for said in (
            team.apply(beside[1], "prod", "43").exception,
            team.gate(beside[1], "prod", tmp_path, "contract").exception,
        ):
            assert isinstance(said, Problem)
            assert "AllTraffic has 20.0% of the weights, not 70.0%" in str(said)
            assert "Challenger has 80.0% of the weights, not 30.0%" in str(said)
        # What it says to do undoes it.
        _, words = said.todo.split("--desired-weights-and-capacities ")
        each = [dict(pair.split("=") for pair in word.split(",")) for word in words.split()]
        weights = {one["VariantName"]: float(one["DesiredWeight"]) for one in each}
        weigh(weights["AllTraffic"], weights["Challenger"])
    except BaseException:
        weigh(0.7, 0.3)
        raise
    done(team.apply(beside[1], "prod", "42"))


def looked(team: Team, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done(team.operate("compare", MODEL, "--json", *words)))
    return found


def figure(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(dict(each) for each in found["differences"] if each["name"] == name)


def test_what_was_seen_of_both_is_compared_and_labels_count_when_they_come(
    team: Team, beside: tuple[str, Path], tmp_path: Path
) -> None:
    asked(team, 400)
    found = until(lambda: looked(team), lambda found: figure(found, "predictions")["seen"] >= 500)
    assert (found["champion"]["version"], found["challenger"]["version"]) == ("1", "2")
    assert found["champion"]["requests"] > found["challenger"]["requests"] > FEWEST
    # No request failed, and that is as many as it takes to say so of one in a hundred.
    assert figure(found, "errors")["challenger"] == 0
    predictions = figure(found, "predictions")
    assert predictions["champion"] == pytest.approx(Version().predict(1.5))
    assert predictions["challenger"] == pytest.approx(Version(slope=3.0).predict(1.5))
    assert predictions["outcome"] == "higher"
    assert figure(found, "quality")["seen"] == 0
    now = datetime.now(UTC)
    lines = [
        json.dumps(
            {"groundTruthData": {"data": str(number % 2)}, "eventMetadata": {"eventId": f"one-{number}"}}
        )
        for number in range(400)
    ]
    team.cloud.aws.client("s3", PROD).put_object(
        Bucket=names.ground_truth_bucket(team.platform, PROD),
        Key=f"{MODEL}/{now:%Y/%m/%d/%H}/labels.jsonl",
        Body="\n".join(lines).encode(),
    )
    quality = figure(looked(team), "quality")
    assert quality["unit"] == "auc" and quality["seen"] > 100
    # All rows are the same one, so that no version tells them apart.
    assert (quality["champion"], quality["challenger"]) == (0.5, 0.5)
    page = tmp_path / "report.html"
    said = team.operate("compare", MODEL, "--html", str(page), "--exit-code")
    assert said.exit_code == {"open": 3, "same": 0}[looked(team)["outcome"]]
    assert "version 1, beside version 2" in said.output and "by errors, 1 or more, at 0.95" in said.output
    assert page.read_text().startswith("<!doctype html>")


def test_the_same_run_again_changes_nothing(team: Team, beside: tuple[str, Path]) -> None:
    before = team.package(beside[0])["CustomerMetadataProperties"]
    done(team.apply(beside[1], "prod", "42"))
    assert team.package(beside[0])["CustomerMetadataProperties"] == before


def test_its_own_alarm_leaves_all_requests_to_the_other_while_no_approver_is_there(
    team: Team, champion: tuple[str, Path], beside: tuple[str, Path]
) -> None:
    """By the bridge in the automation account, as its role in prod; Azure DevOps is not even there."""
    cloudwatch, sagemaker = (team.cloud.aws.client(name, PROD) for name in ("cloudwatch", "sagemaker"))
    assert "Challenger" in dict(asked(team, 60))
    cloudwatch.set_alarm_state(
        AlarmName=names.challenger_errors_alarm(team.platform, MODEL),
        StateValue="ALARM",
        StateReason="it fails",
    )

    def weights() -> dict[str, float]:
        shown = sagemaker.describe_endpoint(EndpointName=MODEL)["ProductionVariants"]
        return {one["VariantName"]: one["CurrentWeight"] for one in shown}

    until(weights, lambda found: found == {"AllTraffic": 1, "Challenger": 0})
    assert {variant for variant, _ in asked(team, 60)} == {"AllTraffic"}
    assert (cycle(team, champion[0]), cycle(team, beside[0])) == ("InService", "Challenger")


def test_the_next_version_takes_the_place_of_the_one_that_is_compared(
    team: Team, champion: tuple[str, Path], beside: tuple[str, Path], new_version: Make
) -> None:
    """As a shadow: it gets copies, and its failures reach nobody."""
    asks_for(team, "shadow")
    arn, assembly = new_version(Version(inference=FAILS))
    assert f"mirrored to {arn}" in done(team.apply(assembly, "prod", "43"))
    assert {variant for variant, _ in asked(team, 30)} == {"AllTraffic"}
    states = [cycle(team, each) for each in (champion[0], beside[0], arn)]
    assert states == ["InService", "Retired", "Challenger"]
    assert (
        "another took its place" in team.package(beside[0])["CustomerMetadataProperties"]["prod_rolled_back"]
    )
    found = until(lambda: looked(team), lambda found: found["challenger"]["requests"] >= 1)
    assert figure(found, "errors")["challenger"] == 100
    assert "– contract: asks the version" in done(team.gate(assembly, "prod", assembly.parent, "contract"))
    sagemaker = team.cloud.aws.client("sagemaker", PROD)
    assert len(sagemaker.list_endpoint_configs()["EndpointConfigs"]) == 1
    assert len(sagemaker.list_models()["Models"]) == 2


def test_a_version_alone_ends_the_comparison_and_an_old_assembly_begins_none(
    team: Team, champion: tuple[str, Path], beside: tuple[str, Path], new_version: Make, tmp_path: Path
) -> None:
    output = tmp_path / "assembly"
    done(team.synth(beside[0], output, "--alone", "Robin: it is better"))
    done(team.apply(output, "prod", "44", "--promote", "Robin: it is better"))
    expected = Version(slope=3.0).predict(1.5)
    assert [answer for _, answer in asked(team, 10)] == [pytest.approx(expected)] * 10
    assert (cycle(team, champion[0]), cycle(team, beside[0])) == ("Retired", "InService")
    metadata = team.package(beside[0])["CustomerMetadataProperties"]
    assert metadata["prod_promoted"] == "run 44: Robin: it is better"
    assert "prod_rolled_back" not in metadata
    sagemaker = team.cloud.aws.client("sagemaker", PROD)
    assert len(sagemaker.list_models()["Models"]) == 1
    nothing = team.operate("compare", MODEL).exception
    assert isinstance(nothing, NotFound) and "prod serves version 2 alone" in nothing.what
    problem = team.apply(beside[1], "prod", "45").exception
    assert isinstance(problem, Refused)
    assert "compares with version 1, and version 2 serves prod by now" in problem.what
