"""Where the files that come with the program lie: in the source tree, in a wheel, or in a frozen app."""

from __future__ import annotations

import sys
from pathlib import Path


def resource_dir() -> Path:
    """Folder of the bundled examples, models, icons and styles."""
    package = Path(__file__).resolve().parent
    frozen = Path(getattr(sys, "_MEIPASS", package)) / "resources"
    for folder in (frozen, package / "resources", package.parents[1] / "resources"):
        if folder.is_dir():
            return folder
    raise FileNotFoundError("MigBar's resources folder is missing; install the program again.")


def examples() -> list[Path]:
    """Return the bundled example structures, by name."""
    return sorted((resource_dir() / "examples").glob("*.cif"), key=lambda p: p.name.lower())


def manual() -> Path | None:
    """First page of the manual, where it was built (``packaging/docs``) or came with the program."""
    root = Path(__file__).resolve().parents[2]
    for folder in (Path(getattr(sys, "_MEIPASS", root)) / "manual", root / "site"):
        if (folder / "index.html").is_file():
            return folder / "index.html"
    return None
