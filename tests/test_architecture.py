"""The directions of docs/architecture.md: which room may import which, and who may know where it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
APART = ("bridge", "gateway", "landing")
COMMON = {"config", "errors", "names"}
SHARED = {"interval", "markdown", "s3"}
# What any room may import beside itself.
ALL = {"errors", "counting", "isthmus"}
# What the bridge carries along (bridge/carries.txt), so that what differs is said in one place.
CARRIED = {"bridge": {"agreement", "config", "names", "serving"}}
# What each room may import beside that.
MAY_IMPORT = {
    "errors": set[str](),
    "counting": set[str](),
    "classes": set[str](),
    "lifeline": set[str](),
    "markdown": set[str](),
    "printable": set[str](),
    "instances": {"config", "executor"},
    "sessions": set[str](),
    "resource_types": set[str](),
    "files": set[str](),
    "interval": set[str](),
    "s3": set[str](),
    "config": {"files"},
    "names": {"config"},
    "network": COMMON,
    "serving": COMMON,
    "agreement": COMMON | {"serving"},
    "asking": COMMON | {"serving", "s3"},
    "aws": COMMON,
    "executor": {"lifeline"},
    "container": {"config", "interval"},
    "azure": COMMON | {"aws", "sessions"},
    "monitor": COMMON | {"aws", "classes", "network", "serving", "container", "interval", "s3"},
    "build": COMMON | {"network", "instances", "container", "executor", "azure", "monitor"} | SHARED,
    "infra": COMMON | {"aws", "azure", "lifeline"},
    "deploy": COMMON
    | SHARED
    | {
        "asking",
        "aws",
        "network",
        "resource_types",
        "serving",
        "instances",
        "container",
        "monitor",
        "infra",
        "azure",
    },
    "operate": COMMON | SHARED | {"agreement", "asking", "aws", "azure", "classes", "serving"},
    "compare": COMMON | {"classes", "container", "monitor", "operate"},
    "audit": COMMON | {"aws", "azure", "build", "infra", "interval", "operate", "s3", "serving"},
    "doctor": COMMON | {"aws", "azure", "infra", "operate"},
    "cdk": COMMON | {"network", "instances", "resource_types", "sessions"},
    "app": {"config", "cdk", "infra"},
}
AT_HOME = {"local", "cli"}
WORDS = ("localhost", "ministack", "127.0.0.1", "isthmus.local", "isthmus/local")


def sources(*tops: str) -> list[Path]:
    return sorted(file for top in tops for file in (ROOT / top).rglob("*.py"))


def room(module: str) -> str:
    """The room that a module is in: `isthmus.config.platform` is in `config`, `cdk.parts.vpc` in `cdk`."""
    parts = module.split(".")
    return parts[1] if parts[0] == "isthmus" and len(parts) > 1 else parts[0]


def imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, inside of its functions too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports by dots"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def ours(file: Path) -> set[str]:
    """The rooms that a file imports from."""
    tops = ("isthmus", "cdk", "app", *APART)
    return {room(module) for module in imports(file) if module.split(".")[0] in tops}


def place(file: Path) -> str:
    return room(".".join(file.relative_to(ROOT).with_suffix("").parts))


@pytest.mark.parametrize("top", APART)
def test_each_lambda_is_packaged_alone(top: str) -> None:
    for file in sources(top):
        held = {top, "isthmus"} | CARRIED.get(top, set())
        assert ours(file) <= held, f"{file} imports what its package does not hold"


def test_rooms_import_what_stands_below_them() -> None:
    for file in [*sources("isthmus", "cdk"), ROOT / "app.py"]:
        if place(file) in MAY_IMPORT:
            beyond = ours(file) - MAY_IMPORT[place(file)] - {place(file)} - ALL
            assert not beyond, f"{file} may not import {', '.join(sorted(beyond))}"


def test_names_are_had_from_one_place() -> None:
    for file in sources("isthmus", "cdk", "tests", "benchmarks"):
        if place(file) != "names":
            within = [module for module in imports(file) if module.startswith("isthmus.names._")]
            assert not within, f"{file} imports {', '.join(within)}: import it from isthmus.names"


def test_every_room_has_its_place() -> None:
    rooms = {place(file) for file in sources("isthmus")} - AT_HOME - {"__init__", "__main__"}
    assert rooms <= MAY_IMPORT.keys()
    TopologicalSorter(MAY_IMPORT).prepare()  # raises CycleError


def test_only_the_command_table_leads_to_the_laptop() -> None:
    knowing = {place(file) for file in [*sources("isthmus", "cdk"), ROOT / "app.py"] if "local" in ours(file)}
    assert knowing == AT_HOME


def test_no_product_code_asks_where_it_runs() -> None:
    product = [file for file in sources("isthmus", "cdk", *APART) if place(file) not in AT_HOME]
    for file in [*product, *sources("model-build", "model-deploy"), *(ROOT / "azure-pipelines").rglob("*")]:
        if file.is_file():
            found = [word for word in WORDS if word in file.read_text()]
            assert not found, f"{file} says {', '.join(found)}"
