"""platform.yaml: every mistake gives one message with file, line, key and remedy."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import boto3
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from isthmus.config import Platform, read_deploy, read_model, read_platform
from isthmus.config.regions import REGIONS
from isthmus.errors import BadInput

EXAMPLE = Path(__file__).parent.parent / "platform.yaml"
MODEL = "    owner: weather-team@contoso.example\n"
ANOTHER = (
    "models:\n  - {name: snow, owner: a@b.example, build_repository: Model-Build, deploy_repository: snow}\n"
)
ORGANIZATION = "organization:\n  parent: r-abcd\n"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("AZURE_DEVOPS_URL", raising=False)

    def read(old: str, new: str) -> str:
        text = EXAMPLE.read_text()
        assert old in text
        file = tmp_path / "platform.yaml"
        file.write_text(text.replace(old, new, 1))
        with pytest.raises(BadInput) as caught:
            read_platform(file)
        assert caught.value.exit_code == 2
        return str(caught.value)

    return read


def line_of(text: str) -> int:
    lines = EXAMPLE.read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_the_example_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_DEVOPS_URL", raising=False)
    platform = read_platform(EXAMPLE)
    assert platform.model("seattle-rain").build_repository == "model-build"


def test_no_pattern_repeats_all_of_unicodes_letters() -> None:
    """Each repetition copies them into pydantic's automaton: three such patterns took 70 ms of each start."""
    patterns = re.findall(r'"pattern": "(.+?)"[,\n]', json.dumps(Platform.model_json_schema(), indent=0))
    assert len(patterns) > 10
    assert not [one for one in patterns if re.search(r"\\\\w[^]]*\]\{", one)]


def test_the_environment_says_where_azure_devops_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_DEVOPS_URL", "http://127.0.0.1:8080/fabrikam")
    assert read_platform(EXAMPLE).azure.organization == "fabrikam"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("/contoso", "", ["names no organization", "https://dev.azure.com/contoso", "organization_url"]),
        ("/contoso", "/con toso", ["organization_url"]),
        ("dev.azure.com/contoso", "contoso.visualstudio.com", ["names no organization"]),
        *(
            (MODEL, f"{MODEL}    {kind}_repository: {name}\n", [f"{kind}_repository"])
            for kind in ("build", "deploy")
            for name in ("a/b", "_a", "a.", '"a\\nb"', '""', "a" * 65)
        ),
        (MODEL, f"{MODEL}    build_repository: Platform\n", ["repository Platform is the platform's own"]),
        (
            MODEL,
            f"{MODEL}    build_repository: Model-Deploy\n",
            ["build_repository of model seattle-rain", "seattle-rain-deploy"],
        ),
        ("models:\n", ANOTHER, [":34, models.1.build_repository", "of model snow", "seattle-rain-build"]),
        ("region: eu-west-1", "region: cn-north-1", ["a region of commercial AWS"]),
        (MODEL, f"{MODEL}    landing: {{writers: [ada]}}\n", ["landing.writers", "arn:aws:iam::"]),
        (MODEL, f"{MODEL}    landing: {{megabytes: 0}}\n", ["landing.megabytes"]),
        (MODEL, f"{MODEL}    landing: {{bucket: a}}\n", ["unknown key 'bucket'"]),
        ("project: weather", "project: A:B", ["Azure DevOps names no project so"]),
        ("region:", "regoin:", ["unknown key 'regoin'", "did you mean 'region'?"]),
        ("  staging:", "  stagging:", ["unknown key 'stagging'", "did you mean 'staging'?", "accounts"]),
        ('"444455556666"', '"44445555666"', ["twelve digits", "44445555666", "accounts.prod"]),
        ('"444455556666"', "444455556666", ['quote it: "444455556666"', "accounts.prod"]),
        ('"111122223333"', "011122223333", ['quote it: "011122223333"']),
        ('"111122223333"', "11112222333", ["twelve digits", "'11112222333'"]),
        ('"111122223333"', '"١١١١٢٢٢٢٣٣٣٣"', ["twelve digits"]),
        ("accounts:", "name: other\naccounts:", ["'name' stands twice", "the other is in line 2"]),
        ('"444455556666"', '"333344445555"', ["prod and staging are the same account"]),
        ("name: seattle-rain", "name: Seattle Rain", ["models.0.name", "Seattle Rain"]),
        ("name: seattle-rain", "name: platform", ["model platform", "the platform's own"]),
        ("name: seattle-rain", "name: log-search", ["model log-search", "the platform's own"]),
        *(
            ("project: weather", f"project: {name}", ["azure.project", words])
            for name, words in (
                ("../weather", "names no project so"),
                ("_weather", "names no project so"),
                ("weather.", "names no project so"),
                ("we'ather", "names no project so"),
                ('"we\\u0007ather"', "can be seen"),
                ('"we\\u202Eather"', "can be seen"),
                ('" "', "can be seen"),
            )
        ),
        ("approvers: [", 'approvers: ["", ', ["azure.approvers.0"]),
        ("approvers: [", 'approvers: ["a\\u202Eda", ', ["azure.approvers.0", "can be seen"]),
        (
            MODEL,
            f"{MODEL}    landing: {{writers: ['arn:aws:iam::111122223333:role/\u0435\u0445port']}}\n",
            ["landing.writers"],
        ),
        ("owner: weather-team", "owner: w\u0435ather-team", ["models.0.owner"]),
        ("name: seattle-rain", "name: staging-rain", ["staging-rain", "the names of others"]),
        (
            "owner: weather-team@contoso.example",
            "owner: weather & team",
            ["models.0.owner", "weather & team"],
        ),
        (
            "  approvers:",
            "  entra_subjects: {isthmus-seattle-rain-build: /a/sc/1, isthmus-seattle-rain-synth: /a/sc/1}\n"
            "  approvers:",
            ["/a/sc/1 stands twice", "azure.entra_subjects"],
        ),
        ("mode: none", "mode: nnoe", ["network.mode", "nnoe"]),
        ("mode: none", "mode: nonee", ["found 'nonee'; did you mean 'none'?"]),
        ("network:\n  mode: none\n", "network:\n", ["network: it is empty"]),
        ("region: eu-west-1", "region: eu-wst-1", ["found 'eu-wst-1'", "did you mean 'eu-west-1'?"]),
        ("azure:", f"{ORGANIZATION}  regions: [eu-centrall-1]\nazure:", ["did you mean 'eu-central-1'?"]),
        ("https://dev.azure", "dev.azure", ["an address without spaces that begins with https://"]),
        ("5f0e7a52-6a1b", "5f0e7a52", ["an id such as 5f0e7a52-6a1b-4c7e"]),
        (
            "azure:",
            f"{ORGANIZATION}  members: {{dev: nobody}}\nazure:",
            ["organization.members.dev: a mail address, such as"],
        ),
        ("mode: none", "mode: existing", ["mode existing needs vpcs: a vpc_id"]),
        ("project: weather", "project: AKIAIOSFODNN7EXAMPLE", ["looks like a secret"]),
        ("models:", "models: [", ["not valid YAML"]),
    ],
)
def test_a_mistake_is_named_with_its_remedy(broken, old: str, new: str, words: list[str]) -> None:
    message = broken(old, new)
    for word in words:
        assert word in message
    assert "platform.yaml:" in message


def test_names_that_together_are_too_long_for_iam(broken) -> None:
    text = EXAMPLE.read_text()
    longer = text.replace("seattle-rain", "seattle-rain-at-all-hours").replace(
        "isthmus", "the-weather-platform"
    )
    assert "longer than 48" in broken(text, longer.replace("at-all-hours", "at-all-hours-of-the-day"))


@pytest.mark.parametrize(
    ("old", "new", "key", "line"),
    [
        ("    team: weather", "    team: hail", "models.0.team", line_of("    team: weather")),
        (
            MODEL,
            f"{MODEL}    deploy_repository: Platform\n",
            "models.0.deploy_repository",
            line_of(MODEL.strip()) + 1,
        ),
        ("name: seattle-rain", "name: drift", "models.0.name", line_of("name: seattle-rain")),
        ('prod: "444455556666"', 'prod: "333344445555"', "accounts.prod", line_of("  prod:")),
        ("network:", "network:\n  zone_letters: [a, a]", "network.zone_letters", line_of("network:") + 1),
        (
            "accounts:",
            "approvals:\n  remind_after: [1d]\n  escalate_after: 1h\n  escalate_to: [a@b.example]\naccounts:",
            "approvals.escalate_after",
            line_of("accounts:") + 2,
        ),
        ("accounts:", "studio: {}\naccounts:", "studio", line_of("accounts:")),
    ],
)
def test_a_rule_about_several_keys_names_the_one_at_fault(
    broken, old: str, new: str, key: str, line: int
) -> None:
    assert f"platform.yaml:{line}, {key}" in broken(old, new)


def test_the_line_is_the_line_of_the_key(broken) -> None:
    assert f"platform.yaml:{line_of('  prod:')}, accounts.prd" in broken("  prod:", "  prd:")


def test_two_models_of_one_name(broken) -> None:
    again = "models:\n  - name: seattle-rain\n    owner: someone\n"
    assert "stands twice" in broken("models:\n", again)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"there is no platform\.yaml"):
        read_platform(tmp_path / "platform.yaml")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_no_content_makes_a_traceback(tmp_path_factory: pytest.TempPathFactory, content: object) -> None:
    file = tmp_path_factory.mktemp("any") / "platform.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(BadInput):
        read_platform(file)


STUDIO = "studio:\n  sign_in: iam\n"
SUBNETS = "[subnet-aaaaaaaa, subnet-bbbbbbbb]"
VPCS = "  vpcs:\n" + "".join(
    f"    {account}: {{vpc_id: vpc-0123abcd, subnet_ids: {SUBNETS}}}\n"
    for account in ("dev", "automation", "staging", "prod")
)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("azure:", ORGANIZATION + "azure:", ["organization needs accounts.management"]),
        ("connection_client_id: 6c2e8b4a-7f13-4d59-9e0b-3a8d5c1f7e26", "", ["azure.connection_client_id"]),
        (
            "6c2e8b4a-7f13-4d59-9e0b-3a8d5c1f7e26",
            "1D7F5C1E-2b0a-4f0e-8a55-0c9e3b7a4f33",
            [
                "it is the bridge's application",
                "make another in Entra",
                "yaml:18, azure.connection_client_id",
            ],
        ),
        (
            "    team: weather\n",
            "    team: weather\n    connection_client_id: 1D7F5C1E-2b0a-4f0e-8a55-0c9e3b7a4f33\n",
            ["it is the bridge's application", "models.0.connection_client_id"],
        ),
        ("azure:", STUDIO + "azure:", ["studio is reached through a VPC only"]),
        (
            "  mode: none",
            "  mode: managed\n  cidrs: {dev: 10.40.16.0/20}",
            ["automation 10.40.16.0/20 overlaps dev 10.40.16.0/20", "network.cidrs"],
        ),
        ("  mode: none", "  mode: managed\n  cidrs: {dev: 10.40.0.0/30}", ["/16 to /24", "10.40.0.0/30"]),
        ("  mode: none", "  mode: managed\n  cidrs: {dev: 10.40.0.9/20}", ["not a CIDR block"]),
        ("  mode: none", "  mode: managed\n  cidrs: {dev: 8.8.0.0/20}", ["8.8.0.0/20 is not of the private"]),
        ("  mode: none", "  mode: managed\n  cidrs: {dev: 172.17.4.0/22}", ["SageMaker uses 172.17.0.0/16"]),
        ("  mode: none", "  mode: managed\n  zones: 4", ["network.zones", "4"]),
        (
            "  mode: none",
            "  mode: managed\n  zone_letters: [a]",
            ["zone_letters a are not 2 different zones"],
        ),
        ("  mode: none", f"  mode: managed\n{VPCS}", ["vpcs belong to mode existing, and mode is managed"]),
        ("  mode: none", f"  mode: existing\n{VPCS.replace(SUBNETS, '[]')}", ["network.vpcs.dev.subnet_ids"]),
        (
            "  mode: none",
            f"  mode: existing\n{VPCS.replace('bbbb', 'aaaa')}",
            ["subnet-aaaaaaaa stands twice", "network.vpcs.dev.subnet_ids"],
        ),
        (
            "  mode: none",
            f"  mode: existing\n{VPCS.replace('    prod:', '    prd:')}",
            ["unknown key 'prd'", "did you mean 'prod'?"],
        ),
        ("models:", "  - {name: rain, scientists: [dana]}\n\nmodels:", ["dana stands twice"]),
        ("models:", "approvals: {remind_after: [3d, 1d]}\nmodels:", ["each later than the one before"]),
        ("models:", "approvals: {remind_after: [2w]}\nmodels:", ["30m, 12h or 2d", "approvals.remind_after"]),
        ("models:", "approvals: {escalate_after: 5d}\nmodels:", ["one needs the other", "approvals"]),
        ("models:", "approvals: {timeout: 31d}\nmodels:", ["waits 30d", "approvals.timeout", "'31d'"]),
        *(
            ("  approvers:", f"  business_hours: {{opens: {hours}}}\n  approvers:", words)
            for hours, words in (
                ('"09:00", closes: 17:00, time_zone: UTC', ["business_hours.closes", 'quote it: "17:00"']),
                ('"9:00", closes: "17:00", time_zone: UTC', ["a time of day in quotes", "'9:00'"]),
                ('"09:00", closes: "08:00", time_zone: UTC', ["closes comes after opens"]),
                (
                    '"09:00", closes: "17:00", time_zone: W. Europa Standard Time',
                    ["azure.business_hours.time_zone", "did you mean 'W. Europe Standard Time'?"],
                ),
                (
                    '"09:00", closes: "17:00", time_zone: UTC, days: [mon]',
                    ["business_hours.days.0", "'monday'"],
                ),
                ('"09:00", closes: "17:00"', ["'time_zone' is missing"]),
            )
        ),
        (
            "models:",
            "approvals: {remind_after: [3d], escalate_after: 1d, escalate_to: [a@b.example]}\nmodels:",
            ["escalate_after comes before the first reminder"],
        ),
        ("[dana]", "[dana.li, Dana_Li]", ["team weather", "the same user profile"]),
        ("team: weather", "team: wether", ["no team 'wether'", "did you mean 'weather'?"]),
        (
            "models:",
            "feature_groups:\n  - {name: days, owner: us, record_id: day, event_time: att,"
            " features: {day: String, at: String}}\nmodels:",
            ["event_time 'att' is not among the features", "did you mean 'at'?"],
        ),
    ],
)
def test_what_does_not_fit_together_is_told(broken, old: str, new: str, words: list[str]) -> None:
    message = broken(old, new)
    for word in words:
        assert word in message


def test_zones_are_named_where_accounts_have_others(tmp_path: Path) -> None:
    """In most regions a, b and c; in Tokyo a, c and d; in us-west-1 nobody can know."""
    example = EXAMPLE.read_text().replace("mode: none", "mode: managed")
    file = tmp_path / "platform.yaml"
    for region, more, zones in (
        ("eu-west-1", "zones: 3", ["a", "b", "c"]),
        ("ap-northeast-1", "zones: 3", ["a", "c", "d"]),
        ("us-west-1", "zone_letters: [a, c]", ["a", "c"]),
    ):
        text = example.replace("eu-west-1", region).replace("mode: managed", f"mode: managed\n  {more}")
        file.write_text(text)
        assert read_platform(file).network.zones_in(region) == zones
    file.write_text(example.replace("eu-west-1", "us-west-1"))
    with pytest.raises(BadInput, match=r"us-west-1 has two zones for an account.*network\.zone_letters"):
        read_platform(file)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"name: caf\xe9\n", "not UTF-8 text: byte 9 is 0xe9"),
        (b"name: \x00\n", "not valid YAML"),
        (b"a: &a [*a]\n", "not valid YAML"),
        (b"\xef\xbb\xbfregoin: x\n", "unknown key 'regoin'"),
        (b"a: 2026-13-45\n", "platform.yaml"),
        (b"", "platform.yaml: it is empty"),
        (b"# nothing yet\n", "platform.yaml: it is empty"),
        (b"- isthmus\n", "platform.yaml: it must be keys and values"),
    ],
)
def test_a_file_that_is_no_text_or_no_yaml_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "platform.yaml"
    file.write_bytes(content)
    with pytest.raises(BadInput) as caught:
        read_platform(file)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("first", "next_one"), [("[x]", "[{}]"), ("{x: 1}", "{{<<: [{}]}}")], ids=["lists", "merged mappings"]
)
def test_aliases_that_stand_for_too_much_are_refused_at_once(
    tmp_path: Path, first: str, next_one: str
) -> None:
    """Nine times nine levels: either way of writing them kept every command busy for hours."""
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{n}: &a{n} {next_one.format(', '.join([f'*a{n - 1}'] * 9))}" for n in range(1, 10)]
    file = tmp_path / "platform.yaml"
    file.write_text("\n".join(lines))
    started = time.monotonic()
    with pytest.raises(BadInput, match="more than 100000 values"):
        read_platform(file)
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: rain\ncapacity: {prod: {instance_type: m5.large}}\n", "SageMaker, such as ml.m5.large"),
        ("model: rain\nmonitoring: {schedule: daily}\n", "how often, such as rate(1 day)"),
        ("model: rain\nendpoint: real-time\n", "did you mean 'realtime'?"),
    ],
)
def test_deploy_yaml_says_in_words_what_is_allowed(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "deploy.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        read_deploy(file)
    assert words in str(caught.value) and "pattern" not in str(caught.value)


def test_a_metric_that_is_misspelt_is_told_the_nearest(tmp_path: Path) -> None:
    text = (EXAMPLE.parent / "model-build" / "model.yaml").read_text()
    file = tmp_path / "model.yaml"
    file.write_text(re.sub(r"metric: \w+", "metric: logloss", text))
    with pytest.raises(BadInput, match="found 'logloss'; did you mean 'log_loss'"):
        read_model(file)


def test_the_regions_are_those_that_boto3_knows() -> None:
    assert list(REGIONS) == boto3.Session().get_available_regions("sagemaker")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: Is a directory"):
        read_platform(tmp_path)
