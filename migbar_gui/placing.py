"""Where the window and its docks stand, kept from one start to the next."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings, QSize, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow

from migbar_gui.looks.widgets import FRAME

FIRST_SIZE = QSize(1280, 800)
VERSION = 1
"""Of the docks: an arrangement of other ones is forgotten."""


class Placing:
    """Puts a window and its docks where they were left.

    Parameters
    ----------
    window : QMainWindow
    settings : QSettings
    """

    def __init__(self, window: QMainWindow, settings: QSettings) -> None:
        self._window = window
        self._settings = settings

    def place_window(self) -> None:
        """Give the window its place and size; the first time a usual one, or the whole of a small screen."""
        if self._window.restoreGeometry(self._kept("place")):
            return
        # Not the window's `screen()`: Python may take that for a part of the window, and delete it with it.
        room = QGuiApplication.primaryScreen().availableGeometry().size()
        self._window.resize(FIRST_SIZE.boundedTo(room))
        if not _fits_in(FIRST_SIZE + FRAME, room):
            self._window.setWindowState(Qt.WindowState.WindowMaximized)

    def place_docks(self) -> bool:
        """Arrange the docks as they were left; tell whether they ever were."""
        return self._window.restoreState(self._kept("docks"), VERSION)

    def keep_window(self) -> None:
        """Note where the window stands."""
        self._settings.setValue("place", self._window.saveGeometry())

    def keep_docks(self) -> None:
        """Note where the docks stand, and which are closed."""
        self._settings.setValue("docks", self._window.saveState(VERSION))

    def _kept(self, name: str) -> QByteArray:
        kept = self._settings.value(name)
        return kept if isinstance(kept, QByteArray) else QByteArray()


def _fits_in(size: QSize, room: QSize) -> bool:
    return size.boundedTo(room) == size
