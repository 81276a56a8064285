"""What a demo starts from: the example's repositories, or those of one's own model, in a fresh folder."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import yaml

from isthmus.azure.contents import CHECKOUT, Folders, beside, tracked
from isthmus.build import content
from isthmus.config import ModelConfig, Platform, read, read_model
from isthmus.errors import BadInput
from isthmus.local.here import platform_file
from isthmus.local.traffic import LATER, Later, split

PIPELINES = ("azure-pipelines.yml", "azure-pipelines.pull-request.yml")
HIDDEN = shutil.ignore_patterns("__pycache__", ".*")


@dataclass(frozen=True)
class Scene:
    """The platform, the model, the folders that fill the repositories, and the data that come later.

    `later_from` says where those data are from.
    """

    platform: Platform
    platform_file: Path
    model: ModelConfig
    folders: Folders
    later: Later
    later_from: str


def lay(folder: Path, model_build: Path | None = None) -> Scene:
    """Lay the scene in `folder`. `model_build` stands in for the example's model-build folder.

    Raises `BadInput` for what is wrong in model.yaml or the data, before anything is started.
    """
    described = platform_file()
    first_model = read(described, Platform).models[0]
    source = model_build or beside(described, first_model.build_repository, "model-build")
    model = read_model(source / "model.yaml")
    _require_code(source)
    first, later = split(source, model)
    if len(later.rows) < 2:
        raise BadInput("too few rows to see anything change", where=str(source / model.data.source))
    build = folder / "model-build"
    _copy(source, build)
    _within(build, model.data.source).write_bytes(first)
    for name in PIPELINES:
        if not (build / name).exists():
            shutil.copy(CHECKOUT / "model-build" / name, build / name)
    deploy = folder / "model-deploy"
    shutil.copytree(beside(described, first_model.deploy_repository, "model-deploy"), deploy, ignore=HIDDEN)
    _rename(deploy / "deploy.yaml", "model", model.name)
    file = _platform(folder, described, model.name)
    return Scene(
        read(file, Platform),
        file,
        model,
        Folders.beside(file),
        later,
        _origin(source, model),
    )


def _require_code(source: Path) -> None:
    """Raise `BadInput` for what the first build would miss, long after the clouds have started."""
    missing = [name for name in ("pipeline.py", *content.CODE) if not (source / name).exists()]
    if missing:
        raise BadInput(
            f"there is no {' and no '.join(missing)}",
            where=str(source),
            todo=f"a build needs them; {CHECKOUT / 'model-build'} shows what they are",
        )


def _origin(source: Path, model: ModelConfig) -> str:
    name = Path(model.data.source).name
    if (source / model.data.source).with_name(LATER).exists():
        return LATER
    return (
        f"the later half of {name} by {model.data.time}" if model.data.time else f"every other row of {name}"
    )


def _copy(source: Path, build: Path) -> None:
    """What the repository would hold: files as they are, no link, and nothing from outside of `source`."""
    for file in tracked(source):
        name = file.relative_to(source)
        if name.name != LATER and not any(part.startswith(".") for part in name.parts):
            shutil.copy(content.inside(source, str(name)), _within(build, str(name)))


def _within(build: Path, name: str) -> Path:
    """Where a file of the scene is written: never through a link, never outside."""
    file = build / name
    if file.resolve() != build.resolve() / name:
        raise BadInput(f"{name} is no file of the repository", where=str(file))
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def _platform(folder: Path, described: Path, model: str) -> Path:
    """The platform.yaml that is meant here, with the demo's model for its first and only one."""
    content = yaml.safe_load(described.read_text())
    content["models"] = [content["models"][0] | {"name": model}]
    file = folder / "platform.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


def _rename(file: Path, key: str, value: str) -> None:
    content = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(content | {key: value}, sort_keys=False))
