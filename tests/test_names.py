"""Names: what is made for a model is never called as something of the platform's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus import names
from isthmus.config import STAGES, WORKLOADS, Platform
from isthmus.config.platform import OURS

EXAMPLE = Path(__file__).parents[1] / "platform.yaml"
# What CDK adds to the name of what leads to the collection of logs.
LOG_SEARCH = ("firehose", "ingest", "sender", "writer")
# SageMaker's pipelines, groups and endpoints, which have no name of the platform's own beside them.
PLAIN = (names.endpoint, names.endpoints, names.component, names.registry_group, names.by_content)


def platform_of(model: str) -> Platform:
    content = yaml.safe_load(EXAMPLE.read_text())
    content["models"][0]["name"] = model
    return Platform.model_validate(content)


PLATFORM = platform_of("of-nobody")


def functions(*parameters: str) -> Iterator[Callable[..., Any]]:
    """Those of `names` that take all of these parameters."""
    for _, function in inspect.getmembers(names, inspect.isfunction):
        taken = inspect.signature(function).parameters
        if (
            function.__module__.startswith(names.__name__)
            and set(parameters) <= set(taken)
            and "team" not in taken
        ):
            yield function


def called(function: Callable[..., Any], **given: Any) -> Iterator[str]:
    """All that the function calls so, in whichever account or stage."""
    taken = inspect.signature(function).parameters
    for account in WORKLOADS if {"account", "stage"} & set(taken) else [""]:
        if "stage" in taken and account not in STAGES:
            continue
        all_given = given | {"account": account, "stage": account, "number": 2, "kind": "shared"}
        name = function(**{key: value for key, value in all_given.items() if key in taken})
        yield from [name] if isinstance(name, str) else name


def own() -> set[str]:
    """All names that do not hold a model's."""
    found = {names.INFRASTRUCTURE_PIPELINE, names.PLATFORM_PULL_REQUEST_PIPELINE}
    found |= {f"{names.log_search(PLATFORM)}-{what}" for what in LOG_SEARCH}
    for function in functions("platform"):
        if set(inspect.signature(function).parameters) <= {"platform", "account"}:
            found |= set(called(function, platform=PLATFORM))
    return {name for name in found if PLATFORM.models[0].name not in name}


def of_model(model: str) -> set[str]:
    made = [one for one in functions("model") if one not in (*PLAIN, names.tags)]
    return {name for one in made for name in called(one, platform=PLATFORM, model=model)}


def words() -> set[str]:
    """What a model could be called whose names begin as the platform's own do."""
    parts = [name.removeprefix(f"{PLATFORM.name}-").split("-") for name in own()]
    return {"-".join(part[:end]) for part in parts for end in range(1, len(part) + 1)}


def test_a_model_named_by_a_word_of_ours_shares_no_name_with_the_platform() -> None:
    meet = {word for word in words() if of_model(word) & own()}
    assert meet <= set(OURS)
    assert meet >= {"platform", "log-search"}


@pytest.mark.parametrize("word", OURS)
def test_no_model_is_called_by_a_word_whose_names_would_meet(word: str) -> None:
    with pytest.raises(ValueError, match="the names of the platform's own"):
        platform_of(word)
