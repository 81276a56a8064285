"""Unpacks a model artifact without letting it write beside its folder."""

from __future__ import annotations

import tarfile
import zlib
from gzip import BadGzipFile
from pathlib import Path

from isthmus.errors import BadInput

PIECE = 1 << 20


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a `.tar.gz` into `folder`; raises `BadInput` for one that is broken or leaves it."""
    try:
        with tarfile.open(archive, "r:*") as tar:
            _extract(tar, folder)
            # The last file ends before the archive does, and its checksum stands at its end.
            while tar.fileobj and tar.fileobj.read(PIECE):
                pass
    except (BadGzipFile, EOFError, tarfile.TarError, zlib.error) as error:
        raise BadInput(f"no whole .tar.gz: {error}", where=archive.name) from None


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        tar.extractall(folder, filter="data")
        return
    # Pythons before 3.11.4 have no filter: only plain files and folders inside are taken.
    for member in tar.getmembers():
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"{member.name!r} is no plain file inside the archive's folder")
    tar.extractall(folder)  # noqa: S202
