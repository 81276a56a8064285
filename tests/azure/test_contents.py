"""What a repository is filled with."""

from __future__ import annotations

import subprocess
from pathlib import Path

from isthmus.azure.contents import Folders, push

CHECKOUT = Path(__file__).parents[2]


def test_templates_say_the_name_of_the_platform_that_they_are_pushed_with(tmp_path: Path) -> None:
    """Else a platform of another name asks for service connections that it does not have."""
    bare, file = tmp_path / "platform.git", tmp_path / "platform.yaml"
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
    file.write_text((CHECKOUT / "platform.yaml").read_text().replace("name: isthmus\n", "name: orbit\n"))
    folders = Folders(CHECKOUT, CHECKOUT / "model-build", CHECKOUT / "model-deploy", file)
    push(folders.files("platform"), bare.as_uri(), "", "Begin")

    def pushed(path: str) -> str:
        show = ["git", "-C", str(bare), "show", f"main:{path}"]
        return subprocess.run(show, capture_output=True, text=True, check=True).stdout

    for template in ("model-build", "model-deploy", "stages/infrastructure"):
        text = pushed(f"azure-pipelines/{template}.yml")
        assert "  default: orbit\n" in text and "  default: isthmus\n" not in text
