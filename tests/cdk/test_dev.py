"""The dev account's templates: Studio as it was asked for, nothing of it else, and teams of any size."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from isthmus.config import Model, Platform, Studio, Team, read_platform
from isthmus.errors import BadInput
from isthmus.infra.manifest import read_stacks
from isthmus.infra.node import use_node
from tests.cdk.conftest import FULL

Templates = dict[str, dict[str, Any]]
MOST_RESOURCES, MOST_BYTES = 500, 1_000_000


@pytest.fixture(scope="module")
def dev(full: Path) -> Templates:
    """The full platform's templates in the dev account, by stack."""
    return {
        stack.name: json.loads(stack.template.read_text())
        for stack in read_stacks(full)
        if stack.name.startswith("isthmus-dev")
    }


def of_type(template: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    found = template["Resources"].values()
    return [one["Properties"] for one in found if one["Type"] == type_]


def synthesized(platform: Platform, folder: Path) -> Templates:
    """The dev account's stacks alone, made in this process."""
    use_node()
    from aws_cdk import App

    from cdk.dev import DevStack
    from cdk.team import TeamStack

    app = App(outdir=str(folder), analytics_reporting=False, tree_metadata=False)
    DevStack(app, platform)
    for team in platform.teams:
        TeamStack(app, platform, team)
    app.synth()
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in folder.glob("*.template.json")}


def changed(**changes: Any) -> Platform:
    full = read_platform(FULL)
    # Subjects are given for the connections of the file's own models.
    azure = full.azure.model_copy(update={"entra_subjects": {}})
    return full.model_copy(update={"azure": azure, **changes})


def test_without_studio_there_is_nothing_of_it(templates: Templates) -> None:
    types = {one["Type"] for name in ("dev", "dev-weather") for one in templates[name]["Resources"].values()}
    assert not [one for one in types if one.startswith(("AWS::SageMaker::", "AWS::EMR", "AWS::Glue::"))]


def test_the_domain_is_reached_through_the_vpc_only_and_encrypted_with_our_key(dev: Templates) -> None:
    (domain,) = of_type(dev["isthmus-dev"], "AWS::SageMaker::Domain")
    assert (domain["AppNetworkAccessType"], domain["AuthMode"]) == ("VpcOnly", "IAM")
    key = domain["KmsKeyId"]["Fn::GetAtt"][0]
    assert dev["isthmus-dev"]["Resources"][key]["Type"] == "AWS::KMS::Key"
    # A file system would be left behind, and cost money, when the domain goes.
    assert domain["HomeEfsFileSystemCreation"] == "Disabled"
    for app in ("JupyterLabAppSettings", "CodeEditorAppSettings"):
        settings = domain["DefaultUserSettings"][app]
        idle = settings["AppLifecycleManagement"]["IdleSettings"]
        assert idle == {
            "LifecycleManagement": "ENABLED",
            "IdleTimeoutInMinutes": 60,
            "MaxIdleTimeoutInMinutes": 60,
        }
        assert settings["DefaultResourceSpec"]["LifecycleConfigArn"] == settings["LifecycleConfigArns"][0]


def test_each_scientist_has_a_profile_in_her_teams_stack(dev: Templates) -> None:
    names = {
        stack: [one["UserProfileName"] for one in of_type(template, "AWS::SageMaker::UserProfile")]
        for stack, template in dev.items()
    }
    assert names == {
        "isthmus-dev": [],
        "isthmus-dev-weather": ["ada", "ben"],
        "isthmus-dev-churn": ["cleo-li-contoso-example"],
    }


def test_policies_fit_into_what_iam_allows(dev: Templates) -> None:
    for template in dev.values():
        for policy in of_type(template, "AWS::IAM::ManagedPolicy"):
            assert len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) < 6144
        for role in of_type(template, "AWS::IAM::Role"):
            assert len(role.get("ManagedPolicyArns", [])) <= 10


def test_people_sign_in_with_their_names_in_identity_center(tmp_path: Path) -> None:
    studio = Studio(sign_in="identity_center", mlflow="tracking_server")
    made = synthesized(changed(studio=studio), tmp_path)
    (domain,) = of_type(made["isthmus-dev"], "AWS::SageMaker::Domain")
    assert domain["AuthMode"] == "SSO"
    (cleo,) = of_type(made["isthmus-dev-churn"], "AWS::SageMaker::UserProfile")
    assert cleo["SingleSignOnUserIdentifier"] == "UserName"
    assert cleo["SingleSignOnUserValue"] == "Cleo.Li@contoso.example"
    # Who opens Studio is Identity Center's matter then, and nobody's by a URL.
    assert "CreatePresignedDomainUrl" not in json.dumps(made["isthmus-dev"])
    (server,) = of_type(made["isthmus-dev-churn"], "AWS::SageMaker::MlflowTrackingServer")
    assert server["TrackingServerSize"] == "Small"
    assert not of_type(made["isthmus-dev-churn"], "AWS::EMRServerless::Application")


def test_a_hundred_scientists_and_two_hundred_models_fit(tmp_path: Path) -> None:
    teams = [
        Team(name=f"team-{n}", scientists=[f"person-{n}-{number}" for number in range(20)]) for n in range(5)
    ]
    models = [
        Model(name=f"team-{n}-model-{number:03}", owner="a@b.c", team=f"team-{n}")
        for n, count in enumerate((160, 10, 10, 10, 10))
        for number in range(count)
    ]
    made = synthesized(changed(teams=teams, models=models), tmp_path)
    sizes = {name: (len(one["Resources"]), len(json.dumps(one))) for name, one in made.items()}
    assert all(count < MOST_RESOURCES / 5 and size < MOST_BYTES / 5 for count, size in sizes.values()), sizes
    read = [
        resource
        for policy in of_type(made["isthmus-dev-team-0"], "AWS::IAM::ManagedPolicy")
        if "models" in policy["ManagedPolicyName"]
        for resource in policy["PolicyDocument"]["Statement"][0]["Resource"]
    ]
    # Each model's artifacts and data, once.
    assert Counter(read).most_common(1)[0][1] == 1
    assert len(read) == 2 * 160
    for name in made:
        test_policies_fit_into_what_iam_allows({name: made[name]})


def test_a_team_with_more_models_than_a_role_can_name_is_told_so(tmp_path: Path) -> None:
    models = [Model(name=f"model-{'x' * 30}-{n:03}", owner="a@b.c", team="churn") for n in range(400)]
    with pytest.raises(BadInput, match="team churn has 400 models"):
        synthesized(changed(models=models), tmp_path)
