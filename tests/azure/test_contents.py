"""What a repository is filled with."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path

from isthmus.azure.contents import Folders, push
from isthmus.azure.resources import Repository

CHECKOUT = Path(__file__).parents[2]
OURS = Repository("platform", "platform", ours=True)


def test_templates_say_the_name_of_the_platform_that_they_are_pushed_with(tmp_path: Path) -> None:
    """Else a platform of another name asks for service connections that it does not have."""
    bare, file = tmp_path / "platform.git", tmp_path / "platform.yaml"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    file.write_text((CHECKOUT / "platform.yaml").read_text().replace("name: isthmus\n", "name: orbit\n"))
    push(Folders.beside(file).files(OURS), bare.as_uri(), "", "Begin")

    def pushed(path: str) -> str:
        show = ["git", "-C", str(bare), "show", f"main:{path}"]
        return subprocess.run(show, capture_output=True, text=True, check=True).stdout

    for template in ("model-build", "model-deploy", "stages/infrastructure"):
        text = pushed(f"azure-pipelines/{template}.yml")
        assert "  default: orbit\n" in text and "  default: isthmus\n" not in text


def test_a_platform_repository_holds_the_code_of_every_function() -> None:
    """Else a platform that uses it cannot be synthesized by its own pipeline."""
    sources = [file.read_text() for file in (CHECKOUT / "cdk/parts").glob("*.py")]
    code = {name for source in sources for name in re.findall(r'^CODE = .* / "(\w+)"$', source, re.M)}
    files = Folders(CHECKOUT, CHECKOUT / "model-build", CHECKOUT / "model-deploy").files(OURS)
    assert {"bridge", "gateway", "landing"} <= code
    assert all(f"{folder}/handler.py" in files for folder in code)


def test_a_platform_yaml_of_its_own_is_filled_from_this_checkout(tmp_path: Path) -> None:
    """Else a plan proposes to remove all but platform.yaml from the platform's repository."""
    file = tmp_path / "platform.yaml"
    file.write_text((CHECKOUT / "platform.yaml").read_text())
    (tmp_path / "model-build").mkdir()
    found = Folders.beside(file)
    assert found.of(OURS) == CHECKOUT
    assert found.of(Repository("model-deploy", "model-deploy")) == CHECKOUT / "model-deploy"
    assert found.of(Repository("model-build", "model-build")) == tmp_path / "model-build"
    usual = Folders.beside(CHECKOUT / "platform.yaml")
    assert found.files(OURS).keys() == usual.files(OURS).keys()
    assert found.files(OURS)["platform.yaml"] == file


def test_a_new_models_repositories_are_filled_with_the_folders_of_their_names(tmp_path: Path) -> None:
    """Else a team's model is the example's, under its own name."""
    for folder in ("rents-build", "model-build"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "model.yaml").write_text(f"name: of {folder}\n")
    folders = Folders.beside(tmp_path / "platform.yaml")
    build, deploy = Repository("rents-build", "model-build"), Repository("rents-deploy", "model-deploy")
    assert folders.files(build) == {"model.yaml": tmp_path / "rents-build/model.yaml"}
    assert folders.of(deploy) == CHECKOUT / "model-deploy"
    assert folders.of(Repository("model-build", "model-build")) == tmp_path / "model-build"
    assert replace(folders, model_build=tmp_path).of(build) == tmp_path
