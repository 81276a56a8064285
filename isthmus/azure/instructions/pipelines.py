"""Pipelines and the environments that they deploy to."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus import names
from isthmus.azure.differences import Difference
from isthmus.azure.instructions.instruction import Instruction, there
from isthmus.azure.present import Present
from isthmus.azure.resources import Environment, Kind, Pipeline

# What a pipeline has whose triggers nobody has overridden: of a settingsSourceType, 1 is its own settings.
TRIGGERED_BY_YAML = {
    "triggerType": "continuousIntegration",
    "settingsSourceType": 2,
    "branchFilters": [],
    "pathFilters": [],
    "batchChanges": False,
    "maxConcurrentBuildsPerBranch": 1,
}


@dataclass(frozen=True)
class CreatePipeline(Instruction):
    pipeline: Pipeline

    @property
    def summary(self) -> str:
        return f"+ pipeline {self.pipeline.name}: {self.pipeline.repository}{self.pipeline.path}"

    @property
    def makes(self) -> tuple[Kind, str] | None:
        return "pipeline", self.pipeline.name

    def carry_out(self, present: Present) -> None:
        repository = there(
            present.repository(self.pipeline.repository), "repository", self.pipeline.repository
        )
        # Microsoft's client loses path and repository of the configuration.
        present.client.post(
            "pipelines",
            {
                "name": self.pipeline.name,
                "folder": names.PIPELINE_FOLDER,
                "configuration": {
                    "type": "yaml",
                    "path": self.pipeline.path,
                    "repository": {"id": repository.id, "type": "azureReposGit"},
                },
            },
        )


@dataclass(frozen=True)
class CreateEnvironment(Instruction):
    environment: Environment

    @property
    def summary(self) -> str:
        return f"+ environment {self.environment.name}"

    @property
    def makes(self) -> tuple[Kind, str] | None:
        return "environment", self.environment.name

    def carry_out(self, present: Present) -> None:
        made = {"name": self.environment.name, "description": self.environment.description}
        present.clients.get_task_agent_client().add_environment(made, present.client.project)


@dataclass(frozen=True)
class ChangePipeline(Instruction):
    """Let a pipeline be the file of the repository that it was made from, and nothing beside it."""

    pipeline: Pipeline
    differences: tuple[Difference, ...] = ()

    @property
    def summary(self) -> str:
        return f"~ pipeline {self.pipeline.name}"

    def carry_out(self, present: Present) -> None:
        name, source = self.pipeline.name, self.pipeline.repository
        repository = there(present.repository(source), "repository", source)
        path = f"build/definitions/{there(present.pipeline(name), 'pipeline', name)}"
        # Whole, with its revision: Azure DevOps refuses what would overwrite somebody's newer change.
        definition = present.client.get(path)
        definition["process"] |= {"yamlFilename": self.pipeline.path.lstrip("/")}
        definition["repository"] |= {"id": repository.id, "name": source}
        definition |= {"path": names.PIPELINE_FOLDER, "queueStatus": "enabled"}
        definition |= {"triggers": [TRIGGERED_BY_YAML], "variables": {}}
        present.client.put(path, definition)
