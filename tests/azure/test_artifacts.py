"""What runs published, laid in a folder of ours."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from isthmus.azure import artifacts
from isthmus.azure.client import Client
from isthmus.azure.runs import Run

OUT = ("sample/a/../../../x", "sample/../x", "sample/..", "sample//etc/x", "sample/./x", "x", "sample/")


@pytest.fixture
def hostile() -> Any:
    """Gives an artifact whose archive was made by somebody who wants out of its folder."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for name in (*OUT, "sample/kept/report.json"):
            written.writestr(name, name)
    url = "https://artprodcus3.artifacts.visualstudio.com/a"
    client = create_autospec(Client, instance=True, organization_url="https://dev.azure.com/contoso")
    client.get.return_value = {"value": [{"name": "sample", "resource": {"downloadUrl": url}}]}
    client.content.return_value = archive.getvalue()
    return client


def test_nothing_of_an_artifact_leaves_its_folder(hostile: Any, tmp_path: Path) -> None:
    run = create_autospec(Run, instance=True, id=7)
    artifacts.lay(hostile, run, "sample", tmp_path / "deep" / "inner")
    files = [str(one.relative_to(tmp_path)) for one in tmp_path.rglob("*") if one.is_file()]
    assert files == ["deep/inner/kept/report.json"]
