"""The docks around the 3D view: where each stands, and which are seen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDockWidget, QMainWindow, QMenu, QTabBar, QWidget

from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import DockTitle
from migbar_gui.placing import Placing

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

WIDTHS = 264, 336
"""Of the docks at the left and at the right in pixels, for text of the usual size."""

HEIGHT = 240
"""The same of those at the bottom."""

_FRONT = {place: title for title, place in reversed(PLACES.items())}


class Docks:
    """A dock for each of `PLACES`.

    Parameters
    ----------
    window : QMainWindow
    panels : mapping of str to QWidget
        What is in each dock, by its title.
    placing : Placing
        Knows how the docks were left.
    """

    def __init__(
        self, window: QMainWindow, panels: Mapping[str, QWidget], placing: Placing
    ) -> None:
        self._window = window
        self._placing = placing
        self._docks = {title: _make_dock(window, title, panels[title]) for title in PLACES}
        window.setCorner(Qt.Corner.BottomLeftCorner, LEFT)
        window.setCorner(Qt.Corner.BottomRightCorner, BOTTOM)
        self.arrange()
        self["Jobs"].hide()  # until it is asked for, or a structure is open

    def arrange(self) -> None:
        """Put all docks where they stand at first, with the most important ones in front."""
        for dock in self:  # side by side, until they are in tabs, they would make the window wider
            dock.hide()
        for title, place in PLACES.items():
            self._window.addDockWidget(place, self[title])
            if self[title] not in self._front:
                self._window.tabifyDockWidget(self[_FRONT[place]], self[title])
        for dock in self:
            dock.show()
        sides = [self[_FRONT[LEFT]], self[_FRONT[RIGHT]]]
        share = _room(sum(WIDTHS), 0.6 * self._window.width()) / sum(WIDTHS)
        widths = [round(share * width) for width in WIDTHS]
        self._window.resizeDocks(sides, widths, Qt.Orientation.Horizontal)
        height = round(_room(HEIGHT, 0.4 * self._window.height()))
        self._window.resizeDocks([self[_FRONT[BOTTOM]]], [height], Qt.Orientation.Vertical)
        self.raise_front()

    def raise_front(self) -> None:
        """Bring the most important docks to the front, but for those that the user has closed."""
        for dock in self._front:
            if not dock.isHidden():
                dock.raise_()

    @property
    def _front(self) -> list[QDockWidget]:
        return [self[title] for title in _FRONT.values()]

    def __getitem__(self, title: str) -> QDockWidget:
        return self._docks[title]

    def __iter__(self) -> Iterator[QDockWidget]:
        return iter(self._docks.values())

    def show(self, title: str) -> None:
        """Bring a dock to the front."""
        self[title].show()
        self[title].raise_()

    def is_seen(self, part: QWidget) -> bool:
        """Whether part of the window is neither in a dock behind another one nor an empty bar of tabs.

        Qt takes both for visible; the bar is one that it put aside, outside the window.
        """
        if isinstance(part, QTabBar) and not part.count():
            return False
        behind = (dock for dock in self if dock.visibleRegion().isEmpty())
        return not any(dock.isAncestorOf(part) for dock in behind)

    def replace(self, title: str, other: str) -> None:
        """Bring a dock to the front where another one is seen that has less to tell now."""
        if self.is_seen(self[other].widget()):
            self.show(title)

    def show_all(self) -> None:
        """Show the docks as they were left, with the most important ones in front."""
        if self._placing.place_docks():
            self.raise_front()
        else:
            self.arrange()

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
            action.triggered.connect(partial(self._switch, dock))
            menu.addAction(action)
        menu.addSeparator()
        menu.addAction("&Arrange as at first").triggered.connect(lambda: self.arrange())

    def _switch(self, dock: QDockWidget) -> None:
        """Close a dock that is in front; show any other."""
        if dock.isHidden() or not self.is_seen(dock.widget()):
            self.show(dock.windowTitle())
        else:
            dock.close()


def _room(usual: int, most: float) -> float:
    """Return as much as the user's text needs, but where it is large leave the view something, too."""
    return min(with_text(usual), max(usual, most))


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
