"""Whatever comes that is not exactly one of the events: a dead letter with a reason, and never a run."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.envelope import IDENTITY
from bridge.reactions import REACTIONS
from tests.bridge.clouds import Clouds
from tests.bridge.conftest import GROUP_ARN, MODEL, Bridge, alarm, approval, landing
from tests.bridge.samples import SAMPLES
from tests.bridge.test_callback import begin, call

ODD = [
    None, True, 0, -1, 1e308, float("nan"), "", " ", "\x00", "x" * 5000, [], {}, ["Approved"], {"a": 1},
    "Approved; rm -rf /", "$(id)", "`id`", "../../etc", "?x=1&y=2#z", "%2e", "{{7*7}}", "arn:aws:*", "1\n2",
]  # fmt: skip
FOREIGN: dict[str, dict[str, Any]] = {
    "another account": {"account": "999988887777"},
    "staging's account": {"account": "333344445555"},
    "another region": {"region": "us-east-1"},
    "another source": {"source": "evil.sagemaker"},
    "another kind": {"detail-type": "SageMaker Endpoint State Change"},
    "other resources": {"resources": [f"{GROUP_ARN}/9"]},
    "no detail": {"detail": None},
    "no id": {"id": None},
    "an id of ours": {"id": "reconciler-rain-1"},
    "an id with a command": {"id": "$(touch /tmp/owned)"},
    "an id with an expression": {"id": "${{ variables.token }}"},
    "an id with a logging command": {"id": "##vso[task.setvariable variable=x]y"},
    "an id with markup": {"id": "<script>alert(1)</script>"},
    "an id of two lines": {"id": "one\ntwo"},
    "an id in other letters": {"id": "\u0435vent-1"},
    "an id of 300 letters": {"id": "e" * 300},
}
DETAILS: dict[str, dict[str, Any]] = {
    "a model that is not ours": {"ModelPackageGroupName": "payroll"},
    "a package of another group": {"ModelPackageArn": GROUP_ARN.replace(MODEL, "other") + "/1"},
    "a package of another account": {"ModelPackageArn": GROUP_ARN.replace("2222", "9999") + "/1"},
    "a package without a version": {"ModelPackageArn": GROUP_ARN},
    "version nought": {"ModelPackageArn": f"{GROUP_ARN}/0"},
    "a path below the version": {"ModelPackageArn": f"{GROUP_ARN}/1/../2"},
    "a version in other digits": {"ModelPackageArn": f"{GROUP_ARN}/١"},
    "a query after the version": {"ModelPackageArn": f"{GROUP_ARN}/1?x=1"},
    "no time": {"LastModifiedTime": None},
    "a time that is none": {"LastModifiedTime": "yesterday"},
    "fields that are no list": {"UpdatedModelPackageFields": "ModelApprovalStatus"},
    "no status": {"ModelApprovalStatus": None},
}
NAMES = [
    "<script>alert(1)</script>", "$(touch /tmp/owned)", "`id`", "rain; rm -rf /", "rain\nrain", "a" * 300,
    "a/b", "../rain", "rain'--", "${{ parameters.x }}", "##vso[task.complete]", "r\u0430in", "\u202eniar",
    "rain\u0000", "\U0001f327", "rain%2fother", " rain", "-rain", "rain-",
]  # fmt: skip


@pytest.mark.parametrize("why", FOREIGN)
def test_an_envelope_from_elsewhere_is_refused(bridge: Bridge, clouds: Clouds, why: str) -> None:
    _refused(bridge, clouds, approval() | FOREIGN[why])
    _refused(bridge, clouds, alarm() | FOREIGN[why] | ({"account": "222233334444"} if "acc" in why else {}))


@pytest.mark.parametrize("why", [why for why in FOREIGN if why != "other resources"])
def test_a_data_set_from_elsewhere_is_refused(bridge: Bridge, clouds: Clouds, why: str) -> None:
    _refused(bridge, clouds, landing() | FOREIGN[why])


@pytest.mark.parametrize(
    "detail",
    [{"dataSet": "a/b"}, {"dataSet": "a@b"}, {"version": "7"}, {"version": "x" * 16}, {"landed": "soon"}],
)
def test_a_data_set_that_is_none_is_refused(bridge: Bridge, clouds: Clouds, detail: dict[str, Any]) -> None:
    _refused(bridge, clouds, landing(**detail))


@pytest.mark.parametrize("why", DETAILS)
def test_a_detail_that_is_not_ours_is_refused(bridge: Bridge, clouds: Clouds, why: str) -> None:
    _refused(bridge, clouds, approval(**DETAILS[why]))


@pytest.mark.parametrize(
    "name", ["isthmus-quality", f"isthmus-{MODEL}-cost", f"other-{MODEL}-quality", MODEL]
)
def test_an_alarm_of_another_name_is_refused(bridge: Bridge, clouds: Clouds, name: str) -> None:
    event = alarm(resources=[])
    event["detail"]["alarmName"] = name
    _refused(bridge, clouds, event)


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "7", "{", "[" * 100_000, '{"detail": {}}', "9" * 10_000, r'{"id": "\ud800"}']
)
def test_a_body_that_is_no_event_is_refused(bridge: Bridge, clouds: Clouds, body: str) -> None:
    _refused(bridge, clouds, body)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_no_model_can_have_is_refused_wherever_it_stands(
    bridge: Bridge, clouds: Clouds, name: str
) -> None:
    arn = GROUP_ARN.replace(MODEL, name.lower()) + "/1"
    _refused(bridge, clouds, approval(ModelPackageGroupName=name, ModelPackageArn=arn) | {"resources": [arn]})
    event = alarm(resources=[])
    event["detail"]["alarmName"] = f"isthmus-{name}-quality"
    _refused(bridge, clouds, event)
    _refused(bridge, clouds, landing(model=name))


def _refused(bridge: Bridge, clouds: Clouds, message: Any) -> None:
    """Nothing but the dead letter comes of it, whose reason SQS takes as an attribute."""
    before = len(clouds.dead_letters)
    assert bridge.send(message, told=False) == []
    last = bridge.hops()[-1]
    assert last["hop"] == "refused"
    assert clouds.runs == []
    assert len(clouds.requests) == len(clouds.dead_letters) == before + 1
    letter = clouds.dead_letters[-1]
    assert letter["reason"] == last["reason"] != ""
    assert letter["body"] == (message if isinstance(message, str) else json.dumps(message))


# ---------------------------------------------------------------- fuzz

# No letter that means more than itself to a shell, a template, a query or a page.
PLAIN = re.compile(r"[A-Za-z0-9._:/#@=+-]*")

Path = tuple[Any, ...]
ABSENT = object()

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(ODD),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn, samples: list[dict[str, Any]]) -> Any:
    """A good event of which one to three values have been replaced or taken away."""
    event = copy.deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(1, 3))):
        where: Any = event
        while True:
            key = draw(st.sampled_from(sorted(where) if isinstance(where, dict) else range(len(where))))
            inner = where[key]
            if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
                break
            where = inner
        if isinstance(where, dict) and draw(st.booleans()):
            del where[key]
        else:
            # A copy: the next round may change what was drawn, which is drawn again.
            where[key] = copy.deepcopy(draw(anything))
        if not event:
            break
    return event


@pytest.fixture
def waits(clouds: Clouds) -> None:
    """A job waits for the execution that the samples are about."""
    begin(clouds)
    assert call() == 200


def test_each_kind_that_the_bridge_reacts_to_is_tried() -> None:
    assert SAMPLES.keys() == REACTIONS.keys()


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind[1])
def test_none_of_the_samples_is_refused(bridge: Bridge, clouds: Clouds, kind: tuple[str, str]) -> None:
    """So what a mutation is refused for is the mutation."""
    for sample in SAMPLES[kind]:
        assert bridge.send(sample) == []
    assert clouds.dead_letters == []


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind[1])
def test_no_part_of_another_type_is_more_than_refused(
    bridge: Bridge, clouds: Clouds, kind: tuple[str, str]
) -> None:
    """Each part of each kind in turn: missing, and of each type that JSON has."""
    for sample in SAMPLES[kind]:
        for path in _paths(sample):
            for other in (ABSENT, None, True, 7, "\x00", ["Approved"], {"a": 1}):
                _no_more_than_it_says(bridge, clouds, _with(sample, path, other))


@pytest.mark.usefixtures("waits")
@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind[1])
@given(data=st.data())
@settings(max_examples=30)
def test_no_mutation_becomes_more_than_what_it_says(
    bridge: Bridge, clouds: Clouds, kind: tuple[str, str], data: st.DataObject
) -> None:
    _no_more_than_it_says(bridge, clouds, data.draw(mutated(SAMPLES[kind]) | anything))


def _paths(where: Any, path: Path = ()) -> Iterator[Path]:
    """To each part of an event, whole parts before what is in them."""
    parts = where.items() if isinstance(where, dict) else enumerate(where) if isinstance(where, list) else ()
    for key, inner in parts:
        yield (*path, key)
        yield from _paths(inner, (*path, key))


def _with(sample: dict[str, Any], path: Path, other: Any) -> dict[str, Any]:
    changed: Any = copy.deepcopy(sample)
    where = changed
    for key in path[:-1]:
        where = where[key]
    if other is ABSENT:
        del where[path[-1]]
    else:
        where[path[-1]] = other
    return dict(changed)


def _no_more_than_it_says(bridge: Bridge, clouds: Clouds, message: Any) -> None:
    """It is refused; or it is still an event of ours, and then asks for that model's own pipeline at most."""
    for one in clouds.runs:
        one["status"] = "completed"  # A retraining waits for what goes on.
    letters, runs, hops = len(clouds.dead_letters), len(clouds.runs), len(bridge.hops())
    # It never comes again by itself, which would be for hours.
    assert bridge.send(message) == []
    said = bridge.hops()[hops:]
    if len(clouds.dead_letters) > letters:
        assert (len(clouds.dead_letters), len(clouds.runs)) == (letters + 1, runs)
        assert said[-1]["hop"] == "refused"
        assert clouds.dead_letters[-1]["reason"]
        return
    assert not [one for one in said if one["hop"] in ("refused", "failed", "put off")]
    queued = [one for one in said if one["hop"] in ("queued", "deduplicated")]
    if not queued:
        assert len(clouds.runs) == runs
        return
    asked = clouds.runs[int(queued[-1]["run_id"]) - 1]
    assert asked["pipeline"] in (clouds.pipelines[f"{MODEL}-deploy"], clouds.pipelines[f"{MODEL}-build"])
    parameters = asked["templateParameters"]
    assert all(PLAIN.fullmatch(value) for value in parameters.values())
    key = parameters.get("approvalKey") or parameters["triggerKey"]
    alarms = "arn:aws:cloudwatch:eu-west-1:444455556666:alarm:isthmus-"
    assert key.startswith((f"{GROUP_ARN}/1#", alarms, f"{MODEL}/"))
    if queued[-1]["hop"] == "queued":
        assert parameters["correlationId"] == message["id"]


@given(
    id=st.from_regex(IDENTITY, fullmatch=True).filter(lambda one: len(one) <= 100),
    text=st.text(min_size=1, max_size=60) | st.sampled_from(["../x", "a?b=c&d#e", "%00"]),
)
@settings(max_examples=25)
def test_nothing_of_an_event_reaches_a_url(bridge: Bridge, clouds: Clouds, id: str, text: str) -> None:
    """What an event says travels in JSON bodies only; every URL is made of the bridge's own settings."""
    clouds.requests.clear()
    at = f"2026-11-20T10:00:00.{len(clouds.runs):03}Z"
    assert (
        bridge.send(
            approval(at=at, id=id, ModelPackageStatusDetails=text, CustomerMetadataProperties={text: text})
        )
        == []
    )
    assert clouds.runs[-1]["templateParameters"]["correlationId"] == id
    api = "/contoso/our%20weather/_apis"
    assert {url for _, url in clouds.requests} <= {
        "/",
        "/entra/tenant/oauth2/v2.0/token",
        "/contoso/_apis/connectionData?api-version=7.1-preview.1",
        f"{api}/build/definitions?name={MODEL}-deploy&api-version=7.1",
        f"{api}/build/builds?definitions=10&queryOrder=queueTimeDescending&%24top=200&api-version=7.1",
        f"{api}/pipelines/10/runs?api-version=7.1",
    }
    assert clouds.dead_letters == []
