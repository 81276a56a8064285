"""Unpacks a model artifact without letting it write beside its folder."""

from __future__ import annotations

import tarfile
from pathlib import Path


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a `.tar.gz` into `folder`; raises `tarfile.TarError` for one that is broken or leaves it."""
    with tarfile.open(archive, "r:*") as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
            return
        # Pythons before 3.11.4 have no filter: only plain files and folders inside are taken.
        for member in tar.getmembers():
            inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
            if not inside or not (member.isfile() or member.isdir()):
                raise tarfile.TarError(f"{member.name!r} is no plain file inside the archive's folder")
        tar.extractall(folder)  # noqa: S202
