"""The files that were opened lately, where the last one was, and menus of files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QMenu

from migbar.resources import examples
from migbar_gui.looks.texts import verbatim

MOST = 10


def last_folder(settings: QSettings) -> str:
    """Return the folder that a file was opened from last; at first the user's own."""
    return str(settings.value("folder", str(Path.home())))


class RecentFiles:
    """Kept in the settings, the latest first; examples do not count."""

    def __init__(self, settings: QSettings) -> None:
        self._settings = settings

    def paths(self) -> list[Path]:
        """Return those that still exist."""
        stored = self._settings.value("recent", [])
        names = [stored] if isinstance(stored, str) else stored  # Qt stores a list of one so
        if not isinstance(names, list):
            return []
        return [path for path in map(Path, names) if path.is_file()]

    def remember(self, path: Path) -> None:
        """Put a file first."""
        path = path.resolve()
        if path not in (example.resolve() for example in examples()):
            names = [str(path), *(str(other) for other in self.paths() if other != path)]
            self._settings.setValue("recent", names[:MOST])


def fill_with_files(
    menu: QMenu, files: Iterable[tuple[str, Path]], open_file: Callable[[Path], object]
) -> None:
    """List files by name in a menu."""
    for name, path in files:
        menu.addAction(verbatim(name), partial(open_file, path)).setToolTip(str(path))
    if not menu.actions():
        menu.addAction("(none yet)").setEnabled(False)
