"""The docks around the 3D view: where each stands, and which are seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QWidget

from migbar_gui.looks.widgets import DockTitle

LEFT = Qt.DockWidgetArea.LeftDockWidgetArea
RIGHT = Qt.DockWidgetArea.RightDockWidgetArea
BOTTOM = Qt.DockWidgetArea.BottomDockWidgetArea

PLACES = {
    "Structure": LEFT,
    "Path": RIGHT,
    "Paths": BOTTOM,
    "Why": RIGHT,
    "Network": RIGHT,
    "Transport": RIGHT,
    "Comparison": BOTTOM,
    "Profile": BOTTOM,
    "Jobs": BOTTOM,
    "Log": BOTTOM,
}
"""Those that share a place are tabs, the first of them in front."""


class Docks:
    """A dock for each of `PLACES`.

    Parameters
    ----------
    window : QMainWindow
    panels : mapping of str to QWidget
        What is in each dock, by its title.
    """

    def __init__(self, window: QMainWindow, panels: Mapping[str, QWidget]) -> None:
        self._docks: dict[str, QDockWidget] = {}
        window.setCorner(Qt.Corner.BottomLeftCorner, LEFT)
        window.setCorner(Qt.Corner.BottomRightCorner, BOTTOM)
        front: dict[Qt.DockWidgetArea, QDockWidget] = {}
        for title, place in PLACES.items():
            dock = _make_dock(window, title, panels[title])
            window.addDockWidget(place, dock)
            if place in front:
                window.tabifyDockWidget(front[place], dock)
            front.setdefault(place, dock)
            self._docks[title] = dock
        sides = [front[LEFT], front[RIGHT]]
        window.resizeDocks(sides, [250, 310], Qt.Orientation.Horizontal)
        window.resizeDocks([front[BOTTOM]], [240], Qt.Orientation.Vertical)
        self._front = list(front.values())
        self["Jobs"].hide()  # until it is asked for, or a structure is open

    def __getitem__(self, title: str) -> QDockWidget:
        return self._docks[title]

    def __iter__(self) -> Iterator[QDockWidget]:
        return iter(self._docks.values())

    def show(self, title: str) -> None:
        """Bring a dock to the front."""
        self[title].show()
        self[title].raise_()

    def show_all(self) -> None:
        """Show all docks, with the most important ones in front."""
        for dock in self:
            dock.show()
        for dock in self._front:
            dock.raise_()

    def hide_all(self) -> None:
        """Hide what speaks of a structure."""
        for dock in self:
            if dock is not self["Jobs"]:
                dock.hide()

    def fill_menu(self, menu: QMenu) -> None:
        """List the docks in a menu.

        Not by their own `toggleViewAction`: Qt makes it, and Python may take it for what lay at its address before.
        """
        for dock in self:
            action = QAction(dock.windowTitle(), menu)
            action.setCheckable(True)
            action.setChecked(not dock.isHidden())
            action.toggled.connect(dock.setVisible)
            menu.addAction(action)


def _make_dock(window: QMainWindow, title: str, panel: QWidget) -> QDockWidget:
    dock = QDockWidget(title, window)
    dock.setObjectName(title.lower())
    dock.setWidget(panel)
    dock.setTitleBarWidget(DockTitle(dock))
    dock.setFeatures(
        QDockWidget.DockWidgetFeature.DockWidgetMovable
        | QDockWidget.DockWidgetFeature.DockWidgetClosable
    )
    return dock
