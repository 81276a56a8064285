"""Deployment jobs: the hooks of each strategy in their turns, and the names of their outputs."""

from __future__ import annotations

import platform
from typing import Any

import pytest
import yaml

from isthmus.errors import BadInput
from isthmus.local.pipelines.rendering import final_yaml

SAY = "steps: [{bash: 'echo NAME $(Strategy.Name) $(Strategy.Action) $(Strategy.Increment)'}]"


def deployment(strategy: str, environment: str = "dev", **hooks: str) -> str:
    """A pipeline with one deployment whose every hook says its name."""
    lines = [f"jobs:\n- deployment: d\n  environment: {environment}\n  strategy:\n    {strategy}:"]
    lines += [f"      {name}: {text}" for name, text in hooks.items()]
    return "\n".join(lines) + "\n"


def hook(name: str) -> str:
    return "{" + SAY.replace("NAME", name) + "}"


def test_a_canary_iterates_and_then_promotes(shop: Any) -> None:
    text = deployment(
        "canary",
        increments="[10, 20]",
        preDeploy=hook("before"),
        deploy=hook("deploy"),
        postRouteTraffic=hook("look"),
        on="{success: " + hook("good") + ", failure: " + hook("bad") + "}",
    )
    said = [line for line in shop.said(text).splitlines() if "canary" in line]
    assert said == [
        "before canary deploy",
        "deploy canary deploy 10",
        "look canary deploy 10",
        "deploy canary deploy 20",
        "look canary deploy 20",
        "good canary promote",
    ]


def test_a_canary_that_fails_goes_no_further_and_rejects(shop: Any) -> None:
    text = deployment(
        "canary",
        increments="[10, 20]",
        deploy="{steps: [{bash: exit 1}]}",
        on="{success: " + hook("good") + ", failure: " + hook("bad") + "}",
    )
    ran = shop.run(text)
    assert ran.result == "failed"
    assert ran.results()["__default.d.deploy_20"] == "skipped"
    assert "bad canary reject" in ran.log
    assert "good" not in ran.log


SET = "{steps: [{name: s, bash: 'echo \"##vso[task.setvariable variable=v;isOutput=true]set\"'}]}"


@pytest.mark.parametrize(
    ("strategy", "environment", "extra", "name"),
    [
        ("runOnce", "dev", {}, "d.s.v"),
        ("runOnce", "dev", {}, "deploy.s.v"),
        ("runOnce", "dev.web", {}, "d_web.s.v"),
        ("canary", "dev", {"increments": "[10]"}, "deploy_10.s.v"),
        ("rolling", "dev.web", {"maxParallel": "50%"}, "deploy_web.s.v"),
        ("rolling", "dev", {}, f"deploy_{platform.node()}.s.v"),
    ],
)
def test_outputs_are_called_as_documented(
    shop: Any, strategy: str, environment: str, extra: dict[str, str], name: str
) -> None:
    text = deployment(strategy, environment, **extra, deploy=SET)
    text += f"- job: after\n  dependsOn: d\n  variables: {{got: \"$[dependencies.d.outputs['{name}']]\"}}\n"
    assert "got set" in shop.said(text + "  steps: [{bash: echo got $(got)}]\n")


def test_what_is_printed_of_a_strategy_means_the_same(shop: Any) -> None:
    text = deployment(
        "canary", "dev.web", increments="[10]", deploy=hook("x"), on="{failure: " + hook("y") + "}"
    )
    plan = shop.compile(text)
    assert yaml.safe_load(final_yaml(plan))["stages"][0]["jobs"][0]["environment"] == "dev.web"
    assert final_yaml(shop.compile(final_yaml(plan))) == final_yaml(plan)


@pytest.mark.parametrize(
    ("strategy", "extra", "message"),
    [
        ("canary", {"increments": "[0]"}, "percentages from 1 to 100, not '0'"),
        ("rolling", {"maxParallel": "many"}, "a number or a percentage, not 'many'"),
        ("runOnce", {"increments": "[10]"}, "unknown key 'increments'"),
        ("runTwice", {}, "did you mean 'runOnce'?"),
    ],
)
def test_a_wrong_strategy_is_said(shop: Any, strategy: str, extra: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        shop.compile(deployment(strategy, **extra, deploy=hook("x")))
    assert message in str(caught.value)
