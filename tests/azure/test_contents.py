"""What a repository is filled with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from isthmus.azure.contents import Folders, push

CHECKOUT = Path(__file__).parents[2]


def test_templates_say_the_name_of_the_platform_that_they_are_pushed_with(tmp_path: Path) -> None:
    """Else a platform of another name asks for service connections that it does not have."""
    bare, file = tmp_path / "platform.git", tmp_path / "platform.yaml"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    file.write_text((CHECKOUT / "platform.yaml").read_text().replace("name: isthmus\n", "name: orbit\n"))
    push(Folders.beside(file).files("platform"), bare.as_uri(), "", "Begin")

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
    files = Folders(CHECKOUT, CHECKOUT / "model-build", CHECKOUT / "model-deploy").files("platform")
    assert {"bridge", "gateway", "landing"} <= code
    assert all(f"{folder}/handler.py" in files for folder in code)


def test_a_platform_yaml_of_its_own_is_filled_from_this_checkout(tmp_path: Path) -> None:
    """Else a plan proposes to remove all but platform.yaml from the platform's repository."""
    file = tmp_path / "platform.yaml"
    file.write_text((CHECKOUT / "platform.yaml").read_text())
    (tmp_path / "model-build").mkdir()
    found = Folders.beside(file)
    assert (found.platform, found.model_deploy) == (CHECKOUT, CHECKOUT / "model-deploy")
    assert found.model_build == tmp_path / "model-build"
    usual = Folders.beside(CHECKOUT / "platform.yaml")
    assert found.files("platform").keys() == usual.files("platform").keys()
    assert found.files("platform")["platform.yaml"] == file
