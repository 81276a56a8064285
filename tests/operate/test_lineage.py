"""`isthmus lineage` forth and back: versions of a commit and of data, and where they served, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from isthmus.errors import BadInput, NotFound
from tests.local.sagemaker.conftest import BUCKET, PROD, Aws
from tests.operate.conftest import CAPTURES, GROUP_ARN, MODEL, Shell, register
from tests.operate.test_commands import fails

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LANDED, HASH = f"s3://data/{MODEL}/landed/2013.csv", "ab" * 32
WEATHER = {"origin": "data/weather.csv", "version_id": "", "sha256": "cd" * 32}
ODD_MANIFESTS = {
    "number": b'{"objects": [{"origin": 5, "version_id": "", "sha256": "aa"}]}',
    "surrogate": json.dumps({"objects": [WEATHER | {"origin": "\ud800"}]}).encode(),
    "deep": b"[" * 100_000,
    "list": b"[]",
    "text": b"no json",
}
ROWS = {"origin": LANDED, "version_id": "v-2", "sha256": HASH}


def built(aws: Aws, *objects: dict[str, str], run_id: str, **metadata: str) -> str:
    """A version that learned from these objects; its number."""
    key = f"manifests/{run_id}/data.json"
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"objects": objects}).encode())
    arn = register(aws, value=0.8, run_id=run_id)
    aws.client("sagemaker").update_model_package(
        ModelPackageArn=arn,
        ModelApprovalStatus="Rejected",
        CustomerMetadataProperties={"commit": COMMIT, "data_manifest": f"s3://{BUCKET}/{key}", **metadata},
    )
    return arn.rpartition("/")[2]


@pytest.fixture(scope="module")
def two(aws: Aws) -> Iterator[tuple[str, str]]:
    """Two versions of a commit: the first served prod until the second took its place."""
    first = built(
        aws, WEATHER, run_id="90", data_version="aaaa000011112222",
        prod_run_id="190", prod_at="2026-11-20T10:00:00+00:00",
    )  # fmt: skip
    second = built(
        aws, WEATHER, ROWS, run_id="91", data_version="bbbb000011112222", data_set="2013-h1@0123456789abcdef",
        prod_run_id="191", prod_at="2026-11-22T10:00:00+00:00",
    )  # fmt: skip
    yield first, second
    for number in (first, second):
        aws.client("sagemaker").delete_model_package(ModelPackageName=f"{GROUP_ARN}/{number}")


def named(shell: Shell, *arguments: str) -> list[str]:
    """The numbers of the versions that were found."""
    return [str(one["version"]["number"]) for one in shell.json("lineage", MODEL, *arguments)]


def test_a_commit_leads_to_its_versions_and_where_each_served(shell: Shell, two: tuple[str, str]) -> None:
    first, second = two
    assert named(shell, "--commit", COMMIT) == named(shell, "--commit", COMMIT[:7]) == [second, first]
    said = shell.says("lineage", MODEL, "--commit", COMMIT, COLUMNS="200")
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith(f"{MODEL}/")}
    assert "run 190, from 2026-11-20 to 2026-11-22" in lines[f"{MODEL}/{first}"]
    assert "run 191, from 2026-11-22" in lines[f"{MODEL}/{second}"]
    (prod,) = shell.json("lineage", MODEL, "--commit", COMMIT)[1]["deployments"]
    assert (prod["at"], prod["until"]) == ("2026-11-20T10:00:00+00:00", "2026-11-22T10:00:00+00:00")


@pytest.mark.parametrize(
    ("wanted", "both"),
    [
        (LANDED, False), (f"{LANDED}?versionId=v-2", False), (HASH, False), (HASH[:12].upper(), False),
        ("2013-h1@0123456789abcdef", False), ("bbbb000011112222", False), ("data/weather.csv", True),
    ],
)  # fmt: skip
def test_data_lead_to_the_versions_that_learned_from_them(
    shell: Shell, two: tuple[str, str], wanted: str, both: bool
) -> None:
    first, second = two
    assert named(shell, "--data", wanted) == ([second, first] if both else [second])


@pytest.mark.parametrize("wanted", [f"{LANDED}?versionId=v-1", "abab", "s3://data/other.csv", "x@y"])
def test_data_that_nobody_learned_from_are_told(shell: Shell, two: tuple[str, str], wanted: str) -> None:
    assert f"no version of {MODEL} learned from {wanted}" in fails(
        shell, NotFound, "lineage", MODEL, "--data", wanted
    )


def test_a_version_names_each_object_with_its_version_and_hash(shell: Shell, two: tuple[str, str]) -> None:
    said = shell.says("lineage", MODEL, two[1])
    assert f"{LANDED}, version v-2, sha256 {HASH}" in said
    assert f"data/weather.csv, sha256 {WEATHER['sha256']}" in said
    assert shell.json("lineage", MODEL, two[1])["data"] == [WEATHER, ROWS]


@pytest.mark.parametrize("kind", ODD_MANIFESTS)
def test_a_manifest_that_no_build_writes_hides_no_version(
    shell: Shell, aws: Aws, two: tuple[str, str], kind: str
) -> None:
    where = {"Bucket": BUCKET, "Key": "manifests/90/data.json"}
    whole = aws.client("s3").get_object(**where)["Body"].read()
    aws.client("s3").put_object(**where, Body=ODD_MANIFESTS[kind])
    try:
        (found,) = shell.json("lineage", MODEL, "--run", "90")
        assert found["data"] == []
        assert "the data manifest is not what a build writes: " in found["origin"]["data unreadable"]
        assert named(shell, "--data", HASH) == [two[1]]
    finally:
        aws.client("s3").put_object(**where, Body=whole)


def test_a_run_leads_to_the_versions_that_it_built_or_deployed(shell: Shell, two: tuple[str, str]) -> None:
    first, second = two
    assert named(shell, "--run", "90") == named(shell, "--run", "190") == [first]
    assert named(shell, "--run", "191") == [second]
    assert "run 7 has built or deployed no version" in fails(shell, NotFound, "lineage", MODEL, "--run", "7")
    assert "is no run" in fails(shell, BadInput, "lineage", MODEL, "--run", "main")


@pytest.fixture
def answered(aws: Aws, two: tuple[str, str]) -> Iterator[None]:
    """The second version was compared with the first, which answered by its own configuration before."""
    first, second = (f"{GROUP_ARN}/{number}" for number in two)
    s3, sagemaker = aws.client("s3", PROD), aws.client("sagemaker")
    keys = [
        f"captures/{MODEL}/{config}/{MODEL}/{variant}/2026/11/20/10/{name}.jsonl"
        for config, variant, names in (
            ("own", "AllTraffic", "ab"), ("both", "AllTraffic", "c"), ("both", "Challenger", "def"),
        )
        for name in names
    ]  # fmt: skip
    for key in keys:
        s3.put_object(Bucket=CAPTURES, Key=key, Body=b"{}")
    kept = {"prod_endpoint_config": "own"}
    sagemaker.update_model_package(ModelPackageArn=first, CustomerMetadataProperties=kept)
    kept = {"prod_compared_config": "both", "prod_compared_with": two[0]}
    sagemaker.update_model_package(ModelPackageArn=second, CustomerMetadataProperties=kept)
    yield
    for key in keys:
        s3.delete_object(Bucket=CAPTURES, Key=key)


def test_back_from_a_commit_data_a_run_or_a_version_are_the_predictions_that_came_of_it(
    shell: Shell, two: tuple[str, str], answered: None
) -> None:
    own, both = (f"s3://{CAPTURES}/captures/{MODEL}/{config}/" for config in ("own", "both"))
    wanted = {two[0]: {own: 2, both: 1}, two[1]: {both: 3}}
    for start in (["--commit", COMMIT], ["--data", "data/weather.csv"]):
        found = shell.json("lineage", MODEL, *start)
        assert {str(one["version"]["number"]): _files(one) for one in found} == wanted
    (run,) = shell.json("lineage", MODEL, "--run", "191")
    assert _files(run) == wanted[two[1]]
    assert _files(shell.json("lineage", MODEL, two[0])) == wanted[two[0]]
    said = shell.says("lineage", MODEL, two[0])
    assert f"below {own}" in said and f"below {both}" in said and "2 files, " in said
    assert "3 files, " in shell.says("lineage", MODEL, "--commit", COMMIT, COLUMNS="250")


def _files(one: dict[str, Any]) -> dict[str, int]:
    (prod,) = (each for each in one["deployments"] if each["stage"] == "prod")
    assert all(each["since"] <= each["until"] for each in prod["predictions"])
    return {each["uri"]: each["files"] for each in prod["predictions"]}


def test_why_a_version_was_rolled_back_stands_where_people_look(
    shell: Shell, aws: Aws, two: tuple[str, str]
) -> None:
    why = {"prod_rolled_back": "run 192: Robin: it answers rain for every day"}
    arn = f"{GROUP_ARN}/{two[1]}"
    aws.client("sagemaker").update_model_package(ModelPackageArn=arn, CustomerMetadataProperties=why)
    said = [" ".join(line.split()) for line in shell.says("lineage", MODEL, two[1]).splitlines()]
    assert f"rolled back in prod {why['prod_rolled_back']}" in said
    listed = shell.says("models", COLUMNS="250").splitlines()
    marked = [line.split()[0] for line in listed if "rolled back in prod" in line]
    assert marked == [f"{MODEL}/{two[1]}"]
    assert max(map(len, shell.says("models", COLUMNS="80").splitlines())) <= 80


def test_what_makes_no_sense_is_refused(shell: Shell, two: tuple[str, str]) -> None:
    assert "version and commit are given" in fails(shell, BadInput, "lineage", MODEL, "1", "--commit", COMMIT)
    assert "is no commit" in fails(shell, BadInput, "lineage", MODEL, "--commit", "main")
    assert "built from commit ffffff" in fails(shell, NotFound, "lineage", MODEL, "--commit", "ffffff")
