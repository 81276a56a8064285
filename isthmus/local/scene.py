"""What a demo starts from: the example's repositories, or those of one's own model, in a fresh folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from isthmus.azure.contents import Folders
from isthmus.config import ModelConfig, Platform, read, read_model
from isthmus.errors import BadInput
from isthmus.local.furnish import CHECKOUT
from isthmus.local.traffic import Later, split

PIPELINES = ("azure-pipelines.yml", "azure-pipelines.pull-request.yml")
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".*", "later.csv")


@dataclass(frozen=True)
class Scene:
    """The platform, the model, the folders that fill the repositories, and the data that comes later."""

    platform: Platform
    platform_file: Path
    model: ModelConfig
    folders: Folders
    later: Later


def lay(folder: Path, model_build: Path | None = None) -> Scene:
    """Lay the scene in `folder`. `model_build` stands in for the example's model-build folder.

    Raises `BadInput` for what is wrong in model.yaml or the data, before anything is started.
    """
    source = model_build or CHECKOUT / "model-build"
    model = read_model(source / "model.yaml")
    from isthmus.build.data import local_source

    local_source(source, model)
    first, later = split(source, model)
    if len(later.rows) < 2:
        raise BadInput("too few rows to see anything change", where=str(source / model.data.source))
    build = folder / "model-build"
    shutil.copytree(source, build, ignore=LEFT_OUT)
    (build / model.data.source).write_bytes(first)
    for name in PIPELINES:
        if not (build / name).exists():
            shutil.copy(CHECKOUT / "model-build" / name, build / name)
    deploy = folder / "model-deploy"
    shutil.copytree(CHECKOUT / "model-deploy", deploy, ignore=LEFT_OUT)
    _rename(deploy / "deploy.yaml", "model", model.name)
    platform_file = _platform(folder, model.name)
    platform = read(platform_file, Platform)
    folders = Folders(CHECKOUT, build, deploy, platform_file)
    return Scene(platform, platform_file, model, folders, later)


def _platform(folder: Path, model: str) -> Path:
    """The checkout's platform.yaml, with the demo's model for its first."""
    content = yaml.safe_load((CHECKOUT / "platform.yaml").read_text())
    read(CHECKOUT / "platform.yaml", Platform)
    content["models"] = [content["models"][0] | {"name": model}]
    file = folder / "platform.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def _rename(file: Path, key: str, value: str) -> None:
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(content | {key: value}, sort_keys=False))
