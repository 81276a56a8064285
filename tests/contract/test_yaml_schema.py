"""Our pipeline YAML under Microsoft's own checks: the schema, and the language service of its editor."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import check_jsonschema
import pytest

ROOT = Path(__file__).parents[2]
MODULES = ROOT / "node_modules"
FILES = sorted(
    path
    for folder in ("azure-pipelines", "model-build", "model-deploy")
    for path in (ROOT / folder).rglob("*.yml")
    if "node_modules" not in path.parts
)
SCHEMA = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/azure-pipelines.json"
WRONG = "steps:\n- scrpt: echo\n"


def test_there_are_files_to_check() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in FILES}
    assert {
        "azure-pipelines/infrastructure.yml",
        "azure-pipelines/model-build.yml",
        "azure-pipelines/model-deploy.yml",
        "azure-pipelines/model-deploy-pull-request.yml",
        "azure-pipelines/model-pull-request.yml",
        "azure-pipelines/pull-request.yml",
        "model-build/azure-pipelines.yml",
        "model-build/azure-pipelines.pull-request.yml",
        "model-deploy/azure-pipelines.pull-request.yml",
        "model-deploy/azure-pipelines.yml",
    } <= names


def schema_check(*files: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("check-jsonschema")
    options = ["--regex-variant", "nonunicode", "--builtin-schema", "vendor.azure-pipelines"]
    return subprocess.run([tool, *options, *files], capture_output=True, text=True, check=False)


def test_the_schema_finds_no_problem() -> None:
    done = schema_check(*FILES)
    assert done.returncode == 0, done.stdout


def test_the_schema_would_find_one(tmp_path: Path) -> None:
    (tmp_path / "azure-pipelines.yml").write_text(WRONG)
    assert schema_check(tmp_path / "azure-pipelines.yml").returncode == 1


def language_service(*files: Path) -> list[dict[str, object]]:
    node = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if node is None or not (MODULES / "azure-pipelines-language-service").is_dir():
        pytest.skip("Microsoft's language service is not installed: make install (npm ci) brings it")
    program = Path(__file__).with_name("language_service.js")
    done = subprocess.run(
        [node, program, MODULES, SCHEMA, *files], capture_output=True, text=True, check=True, timeout=60
    )
    # The service writes traces of its own before.
    found: list[dict[str, object]] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_the_language_service_finds_no_problem() -> None:
    assert language_service(*FILES) == []


def test_the_language_service_would_find_one(tmp_path: Path) -> None:
    (tmp_path / "azure-pipelines.yml").write_text(WRONG)
    found = language_service(tmp_path / "azure-pipelines.yml")
    assert any("scrpt" in str(one["message"]) and one["line"] == 2 for one in found)
