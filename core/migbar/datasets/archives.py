"""Data sets in ZIP archives, as they are published."""

from __future__ import annotations

import zipfile
from pathlib import Path

from migbar.errors import BandsFileError
from migbar.files import DAMAGED

MAX_BYTES = 20_000_000_000
MAX_FILES = 500_000
"""More is not unpacked: the largest published set of bands takes 1 GB in 3,365 files."""


def unpacked(path: Path, place: Path) -> list[Path]:
    """Unpack an archive into a folder, and return what to read: its one folder, or all its files.

    Raises
    ------
    BandsFileError
        If it is damaged, too large, or would write elsewhere.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_FILES or sum(m.file_size for m in members) > MAX_BYTES:
                raise BandsFileError(path.name, ["holds too much to be unpacked"])
            for member in members:
                target = (place / member.filename).resolve()
                if not target.is_relative_to(place.resolve()):
                    raise BandsFileError(
                        path.name, [f"'{member.filename}' would be written elsewhere"]
                    )
                archive.extract(member, place)
    except DAMAGED as error:
        raise BandsFileError(path.name, [f"is no readable ZIP archive ({error})"]) from None
    found = sorted(p for p in place.iterdir() if not p.name.startswith((".", "__MACOSX")))
    if not found:
        raise BandsFileError(path.name, ["is empty"])
    return found
