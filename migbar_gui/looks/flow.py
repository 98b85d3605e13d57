"""Things side by side that go on in a further line where there is no room: with large text, in a small window."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget

from migbar_gui.looks.widgets import Margins

Line = list[QLayoutItem]


class Flow(QLayout):
    """Lays widgets out in lines, each as wide as it likes to be.

    Parameters
    ----------
    widgets : QWidget
    grow : QWidget, optional
        The one that takes the room that is left in its line.
    spacing : int
        Pixels between two, and between two lines.
    margins : tuple of 4 ints
    """

    def __init__(
        self,
        *widgets: QWidget,
        grow: QWidget | None = None,
        spacing: int = 8,
        margins: Margins = (0, 0, 0, 0),
    ) -> None:
        super().__init__()
        self._items: Line = []
        self._grow = grow
        self.setSpacing(spacing)
        self.setContentsMargins(*margins)
        for widget in widgets:
            self.addWidget(widget)

    def addItem(self, item: QLayoutItem) -> None:  # noqa: N802
        self._items.append(item)

    def count(self) -> int:
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:  # noqa: N802
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:  # noqa: N802
        return Qt.Orientation(0) if self._grow is None else Qt.Orientation.Horizontal

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        margins = self.contentsMargins()
        lines = self._lines(width - margins.left() - margins.right())
        between = self.spacing() * max(0, len(lines) - 1)
        return sum(map(_height, lines)) + between + margins.top() + margins.bottom()

    def minimumSize(self) -> QSize:  # noqa: N802
        """Return the size of one widget in each line."""
        least = QSize()
        for item in self._items:
            least = least.expandedTo(item.minimumSize())
        return least.grownBy(self.contentsMargins())

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return the size of all in one line."""
        (line,) = self._lines(None) or [[]]
        return QSize(self._width(line), _height(line)).grownBy(self.contentsMargins())

    def setGeometry(self, place: QRect) -> None:  # noqa: N802
        super().setGeometry(place)
        room = place.marginsRemoved(self.contentsMargins())
        top = room.top()
        for line in self._lines(room.width()):
            left, height = room.left(), _height(line)
            over = room.width() - self._width(line)
            for item in line:
                size = item.sizeHint()
                if item.widget() is self._grow or over < 0:  # one alone that is too wide gives way
                    size.setWidth(size.width() + over)
                item.setGeometry(QRect(left, top + (height - size.height()) // 2, *size.toTuple()))
                left += size.width() + self.spacing()
            top += height + self.spacing()

    def _lines(self, width: int | None) -> list[Line]:
        """Return what stands in each line of a width, all in one where none is given."""
        lines: list[Line] = []
        for item in self._items:
            if item.isEmpty():  # hidden
                continue
            if lines and (width is None or self._width([*lines[-1], item]) <= width):
                lines[-1].append(item)
            else:
                lines.append([item])
        return lines

    def _width(self, line: Line) -> int:
        between = self.spacing() * max(0, len(line) - 1)
        return sum(item.sizeHint().width() for item in line) + between


def _height(line: Line) -> int:
    return max((item.sizeHint().height() for item in line), default=0)
