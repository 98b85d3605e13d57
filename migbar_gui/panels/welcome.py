"""What an empty window shows: examples, recent files, and where to drop one's own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from migbar.resources import examples
from migbar.wording import formula_text
from migbar_gui.looks.texts import verbatim
from migbar_gui.looks.theme import current_theme, icon, pixmap, with_text
from migbar_gui.looks.widgets import button, clear, in_column, label, restyle

CARD_WIDTH, LINK_WIDTH = 210, 380

TASKS = (
    ("file.batch", "Screen a folder", "Barriers of all paths of many structures, in one table"),
    ("model.train", "Train on your barriers", "From NEB folders or tables to a model of your own"),
    ("model.suggest", "Choose what to compute", "The paths whose DFT barriers teach a model most"),
)
"""Commands that need no open structure, with a title and a line about each."""


def example_title(path: Path) -> tuple[str, str]:
    """Return an example's name and a line about it, from the ``# MigBar example`` comment of its file."""
    head = path.read_text(encoding="utf-8", errors="replace")[:2000]
    comments = [line.lstrip("# ").strip() for line in head.splitlines() if line.startswith("#")]
    about = next((c for c in comments if c), "")
    return path.stem.replace("_", " "), re.split(r"(?<=\w)[.;] ", about)[0]


class Card(QPushButton):
    """One example or task: a name, and a line about it."""

    def __init__(self, title: str, about: str, name: str) -> None:
        super().__init__()
        self.setObjectName("card")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(name)
        self.setToolTip(about)
        words = label(formula_text(about), "muted", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignTop)
        heading = label(formula_text(title), "heading")
        margins = (14, 10, 12, 10)
        self.setLayout(in_column(heading, words, grow=words, spacing=2, margins=margins))
        # Else a description of three lines would be cut off.
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Minimum)
        for child in self.findChildren(QLabel):
            child.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(with_text(CARD_WIDTH), 46 + 2 * self.fontMetrics().lineSpacing())


class WelcomePage(QScrollArea):
    """Empty state of the window."""

    open_asked = Signal()
    tour_asked = Signal()
    path_chosen = Signal(Path)
    left_off_asked = Signal(Path)
    command_asked = Signal(str)
    """Name of a command."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it moves to the button that Tab leads to
        self.setObjectName("welcomePage")
        self._body = QWidget()
        self._body.setObjectName("welcome")
        self.setWidget(self._body)
        self._logo = QLabel()
        self._logo.setPixmap(pixmap("migbar", "", 64, 2.0))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(label("MigBar", "title"))
        words.addWidget(
            label("Click an ion's initial and final site, read off its migration barrier.", "muted")
        )
        head = QHBoxLayout()
        head.setSpacing(18)
        head.addWidget(self._logo)
        head.addLayout(words, 1)
        self._drop = self._make_drop_zone()
        self._cards = [self._make_card(path) for path in examples()]
        self.tasks = [self._make_task(*task) for task in TASKS]
        self._tasks_title = label("Many structures, own barriers", "section")
        self._tasks_title.setContentsMargins(0, 8, 0, 0)
        self._grid = QGridLayout()
        self._grid.setSpacing(10)
        self._columns = 0
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        self._recent_title = label("Recent", "section")
        column = QVBoxLayout(self._body)
        column.setContentsMargins(48, 34, 48, 34)
        column.setSpacing(10)
        column.addLayout(head)
        column.addSpacing(10)
        column.addWidget(self._drop)
        column.addSpacing(8)
        column.addWidget(self._recent_title)
        column.addLayout(self._recent)
        column.addSpacing(4)
        column.addWidget(label("Examples", "section"))
        column.addLayout(self._grid)
        column.addStretch(1)
        self.show_recent((), {})

    def show_recent(self, paths: Sequence[Path], left_off: Mapping[Path, str]) -> None:
        """List the files that were opened lately, and first those with paths that were left unsaved."""
        clear(self._recent)
        self._recent_title.setVisible(bool(paths or left_off))
        for path, about in left_off.items():
            text = f"Go on where you left off    {self._elided(about)}"
            link = button(verbatim(text), partial(self.left_off_asked.emit, path), "link")
            link.setToolTip(
                f"{about}: what was open when the window was closed, and in no session file"
            )
            self._recent.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)
        for path in paths[:4]:
            link = button(
                verbatim(f"{self._elided(path.name)}    {self._elided(_shortened(path.parent))}"),
                partial(self.path_chosen.emit, path),
                "link",
            )
            link.setToolTip(str(path))
            self._recent.addWidget(link, 0, Qt.AlignmentFlag.AlignLeft)

    def _elided(self, text: str) -> str:
        """Leave out the middle of a text that would make the page wider than the window."""
        return self.fontMetrics().elidedText(
            text, Qt.TextElideMode.ElideMiddle, with_text(LINK_WIDTH)
        )

    def set_hot(self, hot: bool) -> None:
        """Show that a dragged file can be dropped."""
        self._drop.setProperty("hot", hot)
        restyle(self._drop)

    def refresh_icons(self) -> None:
        """Draw icons in the colours of the current theme."""
        self._drop_icon.setPixmap(pixmap("open", current_theme().accent, 28, 2.0))
        self._open.setIcon(icon("open", current_theme().on_accent))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        room = self.viewport().width() - 96 + 10
        columns = max(1, room // (with_text(CARD_WIDTH) + 10))
        if columns != self._columns:
            self._columns = columns
            below = -(-len(self._cards) // columns)
            for first, cards in ((0, self._cards), (below + 1, self.tasks)):
                for number, card in enumerate(cards):
                    row, column = divmod(number, columns)
                    self._grid.addWidget(card, first + row, column)
            self._grid.addWidget(self._tasks_title, below, 0, 1, columns)
            for column in range(self._grid.columnCount()):
                self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def _make_card(self, path: Path) -> Card:
        title, about = example_title(path)
        card = Card(title, about, f"Open the example {title}")
        card.clicked.connect(lambda: self.path_chosen.emit(path))
        return card

    def _make_task(self, command: str, title: str, about: str) -> Card:
        card = Card(title, about, title)
        card.clicked.connect(lambda: self.command_asked.emit(command))
        return card

    def _make_drop_zone(self) -> QFrame:
        zone = QFrame()
        zone.setObjectName("dropzone")
        self._drop_icon = QLabel()
        self._open = button("Open structure…", self.open_asked.emit, "primary")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(label("Drop a structure file here", "heading"))
        kinds = "CIF, POSCAR, extended XYZ, pymatgen JSON, sessions, NEB folders"
        words.addWidget(label(kinds, "muted", wrap=True))
        row = QHBoxLayout(zone)
        row.setContentsMargins(20, 16, 20, 16)
        row.setSpacing(16)
        row.addWidget(self._drop_icon)
        row.addLayout(words, 1)
        row.addWidget(button("Two-minute tour", self.tour_asked.emit))
        row.addWidget(button("Search databases…", lambda: self.command_asked.emit("file.search")))
        row.addWidget(self._open)
        self.refresh_icons()
        return zone


def _shortened(folder: Path) -> str:
    try:
        return f"~/{folder.relative_to(Path.home())}"
    except ValueError:
        return str(folder)
