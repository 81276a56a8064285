"""Tasks of ordinary pipelines: files, build artifacts, coverage, caches, Node.js."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.local.pipelines.tasks import TASKS

ROOT = Path(__file__).parents[3]
MAKE = "bash: mkdir -p out/sub && touch out/a.whl out/sub/b.whl out/c.txt out/sub/.d"


def test_files_are_copied_by_patterns(shop: Any) -> None:
    said = shop.said(
        f"""
        steps:
        - {MAKE}
        - task: CopyFiles@2
          inputs:
            SourceFolder: out
            Contents: "**/*.whl\\n!sub/**"
            TargetFolder: $(Build.ArtifactStagingDirectory)
        - task: CopyFiles@2
          inputs: {{SourceFolder: out, TargetFolder: flat, flattenFolders: true}}
        - bash: ls $(Build.ArtifactStagingDirectory); ls -A flat | xargs
        """
    )
    assert said.splitlines()[-2:] == ["a.whl", ".d a.whl b.whl c.txt"]


def test_files_are_deleted_by_patterns_and_only_in_the_jobs_folders(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/precious").touch()
    ran = shop.run(
        f"""
        steps:
        - {MAKE}
        - {{task: DeleteFiles@1, inputs: {{SourceFolder: out, Contents: "sub\\n*.txt"}}}}
        - bash: ls -A out
        - {{task: DeleteFiles@1, inputs: {{SourceFolder: "{tmp_path}/mine", Contents: "**"}}}}
        """
    )
    assert "a.whl" in ran.host.lines
    assert ran.result == "failed"
    assert (tmp_path / "mine/precious").exists()


def test_build_artifacts_of_one_name_become_one(shop: Any) -> None:
    said = shop.said(
        """
        jobs:
        - job: make
          strategy: {matrix: {x: {v: '1'}, y: {v: '2'}}}
          steps:
          - bash: mkdir out && touch out/wheel$(v)
          - {task: PublishBuildArtifacts@1, inputs: {pathtoPublish: out}}
        - job: use
          dependsOn: make
          steps:
          - {task: DownloadBuildArtifacts@1, inputs: {artifactName: drop, downloadPath: got}}
          - bash: ls got/drop | xargs
        """
    )
    assert "wheel1 wheel2" in said


def test_an_artifact_is_uploaded_as_it_is_published(shop: Any) -> None:
    ran = shop.run(
        """
        jobs:
        - job: make
          steps:
          - bash: mkdir out; echo kept > out/file
          - {upload: out, artifact: drop}
        - job: use
          dependsOn: make
          steps:
          - {task: DownloadPipelineArtifact@2, inputs: {artifact: drop, path: got}}
          - bash: cat got/file
        """
    )
    assert (ran.result, "kept" in ran.log) == ("succeeded", True)


def test_the_old_artifact_tasks_have_defaults_of_their_own(shop: Any) -> None:
    ran = shop.run(
        """
        jobs:
        - job: make
          steps:
          - bash: mkdir out; echo kept > out/file
          - {task: PublishPipelineArtifact@0, inputs: {targetPath: out}}
        - job: use
          dependsOn: make
          steps:
          - {task: DownloadPipelineArtifact@1, inputs: {artifactName: drop}}
          - bash: cat $(System.ArtifactsDirectory)/file
        """
    )
    assert (ran.result, "kept" in ran.log) == ("succeeded", True), ran.log


@pytest.mark.parametrize("name", ["../out", "a/b", "..", "a:b"])
def test_an_artifact_stays_among_artifacts(shop: Any, name: str) -> None:
    ran = shop.run(
        f"steps:\n- bash: touch f; echo '##vso[artifact.upload artifactname={name}]f'\n"
        f"- {{publish: ., artifact: '{name}'}}\n"
    )
    assert ran.result == "failed"
    assert sum("is no name of an artifact" in issue for issue in ran.issues()) >= 1
    assert not (shop.folder / "out").exists()


def test_coverage_is_said_and_a_missing_file_is_a_warning(shop: Any) -> None:
    ran = shop.run(
        """
        steps:
        - bash: echo '<coverage line-rate="0.873"/>' > coverage.xml
        - {task: PublishCodeCoverageResults@2, inputs: {summaryFileLocation: "**/coverage.xml"}}
        - {task: PublishCodeCoverageResults@1, inputs: {codeCoverageTool: x, summaryFileLocation: nope.xml}}
        """
    )
    assert "coverage.xml: 87.3% of lines covered" in ran.log
    assert ran.result == "succeeded"
    assert ran.issues() == ["no coverage file matches 'nope.xml'"]


def test_a_cache_is_never_hit(shop: Any) -> None:
    said = shop.said(
        "steps:\n- {task: Cache@2, inputs: {key: 'a | b', path: p, cacheHitVar: HIT}}\n"
        "- bash: echo hit $(HIT)\n"
    )
    assert "hit false" in said


def test_node_must_be_of_the_version(shop: Any) -> None:
    ran = shop.run("steps: [{task: NodeTool@0, inputs: {versionSpec: 4.x}}]")
    assert ran.result == "failed"
    assert "node" in ran.issues()[-1].lower()


@pytest.mark.parametrize("task", [name for name in TASKS if "@" in name])
def test_a_task_that_runs_here_stands_in_the_docs(task: str) -> None:
    assert f"`{task}`" in (ROOT / "docs/run.md").read_text()
