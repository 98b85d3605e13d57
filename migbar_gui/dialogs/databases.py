"""Structures from databases on the web: search them all at once, open one, or keep several."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QItemSelectionModel, QModelIndex, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QStackedLayout,
    QTableWidgetItem,
    QWidget,
)

from migbar.errors import MigbarError
from migbar.online import DATABASES, Database, Entry, Found, filter_of, save_entry, search
from migbar.wording import counted, formula_text, space_group_text
from migbar_gui.files.documents import kept_structures
from migbar_gui.files.recent import last_folder
from migbar_gui.looks import energies
from migbar_gui.looks.tables import LEFT, RIGHT, NamesDelegate, list_of, write_heads
from migbar_gui.looks.widgets import button, centred, in_column, in_row, label, resize_on_screen

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow


COLUMNS = (
    ("Formula", 170, LEFT, "Double-click to open the structure"),
    ("Space group", 130, LEFT, "As found here; partly occupied structures have to be ordered first"),
    ("Atoms", 70, RIGHT, "In the cell as the database has it"),
    ("Above hull ({unit}/atom)", 170, RIGHT,
     "Energy above the convex hull as the database has it: how far from being stable"),
    ("Database", 150, LEFT, "Measured structures are in COD, the Crystallography Open Database"),
    ("Identifier", 0, LEFT, "Of the structure in its database"),
)  # fmt: skip
"""Title, width, side and explanation."""

ABOUT = (
    "Type a formula, the elements of a compound, or an identifier. It is sent to the databases that are ticked, and "
    "nothing else is."
)


class Cell(QTableWidgetItem):
    """A cell that is sorted by what it means; what is not known comes last."""

    def __init__(self, text: str, value: Any, side: Qt.AlignmentFlag) -> None:
        super().__init__(text)
        self.value = value
        self.setTextAlignment(side)

    def __lt__(self, other: QTableWidgetItem) -> bool:
        assert isinstance(other, Cell)
        if self.value is None or other.value is None:
            return self.value is not None
        return bool(self.value < other.value)


class DatabasesDialog(QDialog):
    """Searches databases; each is asked in a thread of its own, and the list grows as they answer.

    Parameters
    ----------
    window : MainWindow
        Where structures are opened.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Search databases")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint)
        resize_on_screen(self, 940, 560)
        self._window = window
        self._asked = ""
        self._found: dict[Database, Found | Exception] = {}
        self._entries: list[Entry] = []
        self.text = QLineEdit(placeholderText="LiFePO4,  Li-Fe-P-O  or  mp-19017")
        self.text.setAccessibleName("Formula, elements or identifier")
        self.text.setClearButtonEnabled(True)
        self.boxes = {where: self._make_box(where) for where in DATABASES}
        self.start = button("Search", self.search, "primary")
        self.start.setDefault(True)
        self.table = list_of(COLUMNS, "Structures found")
        self.table.setItemDelegateForColumn(len(COLUMNS) - 1, NamesDelegate(self.table))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.table.setSortingEnabled(True)
        self.table.activated.connect(self.open_row)
        self.table.itemSelectionChanged.connect(self._enable)
        self.nothing = centred()
        self.said = label("", "muted", wrap=True)
        self.open_button = button("Open", lambda: self.open_row(self.table.currentIndex()))
        self.save_button = button("Save as CIF…", self._ask_folder)
        self.screen_button = button("Screen selected…", self.screen_selected)
        self.screen_button.setToolTip("Find all paths in them and their barriers, as one table")
        self._lay_out()
        window.jobs.cancelled.connect(self._note_cancelled)
        self._refresh()

    def _make_box(self, where: Database) -> QCheckBox:
        box = QCheckBox(where.name)
        box.setChecked(True)
        box.toggled.connect(self._refresh)
        return box

    def _lay_out(self) -> None:
        results = QWidget()
        self._pages = QStackedLayout(results)
        self._pages.addWidget(self.nothing)
        self._pages.addWidget(self.table)
        column = in_column(
            label("Search databases", "formula"),
            label(ABOUT, "muted", wrap=True),
            in_row(self.text, self.start, grow=self.text),
            in_row(*self.boxes.values(), None, spacing=18),
            results,
            self.said,
            in_row(
                self.open_button,
                self.save_button,
                self.screen_button,
                None,
                button("Close", self.close),
            ),
            grow=results,
            spacing=10,
            margins=(20, 18, 20, 16),
        )
        self.setLayout(column)

    # -------------------------------------------------------------- searching

    def search(self) -> None:
        """Ask the databases that are ticked."""
        text = self.text.text().strip()
        self._window.jobs.cancel_kind("database ")
        self._asked, self._found = text, {}
        try:
            filter_of(text)
        except MigbarError as error:
            self._asked = ""
            self._refresh()
            self._say(str(error) if text else "")
            return
        self._say("")
        for where, box in self.boxes.items():
            if box.isChecked():
                self._ask(where, text)
        self._refresh()

    def _ask(self, where: Database, text: str) -> None:
        self._window.jobs.start(
            f"database {where.key}",
            f"Asking {where.name}",
            lambda progress: search(text, where, progress=progress),
            partial(self._take, where),
            partial(self._fail, where),
        )

    def _take(self, where: Database, answer: Found | Exception) -> None:
        self._found[where] = answer
        self._refresh()

    def _fail(self, where: Database, error: Exception) -> None:
        if not isinstance(error, MigbarError):  # a fault of the program, not of the database
            self._window.show_error(error)
        self._take(where, error)

    def _note_cancelled(self, _: str) -> None:
        self._refresh()

    def _is_asked(self, where: Database) -> bool:
        return self._window.jobs.is_running(f"database {where.key}")

    # -------------------------------------------------------------- showing

    def refresh_unit(self) -> None:
        """Write the energies in the unit that the user likes."""
        self._fill()

    def _refresh(self) -> None:
        for where, box in self.boxes.items():
            box.setText(f"{where.name}{self._state(where)}")
            answer = self._found.get(where)
            about = f"Structures {where.holds}\n{where.url}"
            box.setToolTip(str(answer) if isinstance(answer, Exception) else about)
        self._fill()
        told = filter(None, (_told(*pair) for pair in self._found.items()))
        self._say("" if self._none_answered else " ".join(f"{text.rstrip('.')}." for text in told))
        self.nothing.setText(self._empty_text())
        self._pages.setCurrentIndex(1 if self._entries else 0)
        self.start.setEnabled(any(box.isChecked() for box in self.boxes.values()))

    def _state(self, where: Database) -> str:
        if self._is_asked(where):
            return " …"
        answer = self._found.get(where)
        if answer is None:
            return ""
        if isinstance(answer, Exception):
            return " (no answer)"
        brought, fit = len(answer.entries), answer.available
        return f" ({brought})" if brought == fit else f" ({brought} of {fit:,})"

    def _empty_text(self) -> str:
        waiting = [where.name for where in self.boxes if self._is_asked(where)]
        if waiting:
            return f"Asking {', '.join(waiting)} …"
        if not self._asked or not self._found:
            return "Structures appear here: measured ones, and ones relaxed by DFT."
        if self._none_answered:
            return "No database answered. Is this computer connected to the internet?"
        return f"No database has {formula_text(self._asked)}."

    @property
    def _none_answered(self) -> bool:
        return bool(self._found) and all(isinstance(a, Exception) for a in self._found.values())

    def _say(self, text: str) -> None:
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def _fill(self) -> None:
        """Write the list anew, in the order of the databases; what was selected stays so."""
        kept = {(entry.database, entry.id) for entry in self.selected()}
        answers = [self._found.get(where) for where in self.boxes]
        self._entries = [e for a in answers if isinstance(a, Found) for e in a.entries]
        self.table.setSortingEnabled(False)
        self.table.setRowCount(len(self._entries))
        write_heads(self.table, COLUMNS)
        for row, entry in enumerate(self._entries):
            for column, (text, value) in enumerate(_cells(entry)):
                cell = Cell(text, value, COLUMNS[column][2])
                cell.setData(Qt.ItemDataRole.UserRole, row)
                cell.setToolTip(text)
                self.table.setItem(row, column, cell)
        self._select(kept)
        self.table.setSortingEnabled(True)
        self._enable()

    def _select(self, kept: set[tuple[Database, str]]) -> None:
        """Select what was selected; once all databases have answered, the first where that is nothing."""
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        rows = [row for row, e in enumerate(self._entries) if (e.database, e.id) in kept]
        if not rows and self._entries and not any(self._is_asked(where) for where in self.boxes):
            rows = [0]
        self.table.clearSelection()
        for row in rows:
            self.table.selectionModel().select(self.table.model().index(row, 0), flags)
            self.table.setCurrentCell(row, 0, QItemSelectionModel.SelectionFlag.NoUpdate)

    def selected(self) -> list[Entry]:
        """Return what is selected in the list."""
        rows = [
            self.table.item(index.row(), 0) for index in self.table.selectionModel().selectedRows()
        ]
        return [self._entries[cell.data(Qt.ItemDataRole.UserRole)] for cell in rows if cell]

    def _enable(self) -> None:
        chosen = len(self.selected())
        self.open_button.setEnabled(chosen == 1)
        self.save_button.setEnabled(chosen > 0)
        self.screen_button.setEnabled(chosen > 0)

    # -------------------------------------------------------------- keeping

    def open_row(self, index: QModelIndex) -> None:
        """Keep the structure of a row with the user's things, and open it in the window."""
        cell = self.table.item(index.row(), 0)
        if cell is None:
            return
        entry = self._entries[cell.data(Qt.ItemDataRole.UserRole)]
        self._keep([entry], kept_structures(), self._open)

    def _open(self, files: list[Path]) -> None:
        self.close()
        self._window.open_file(files[0])

    def _ask_folder(self) -> None:
        start = last_folder(self._window.settings)
        if name := QFileDialog.getExistingDirectory(self, "Folder for the structures", start):
            self.save_to(Path(name))

    def save_to(self, folder: Path) -> None:
        """Write what is selected to a folder."""
        entries = self.selected()
        wrote = f"Wrote {counted(len(entries), 'structure')} to {folder}."
        self._keep(entries, folder, lambda _: self._say(wrote))

    def screen_selected(self) -> None:
        """Keep what is selected in a folder of its own, and offer to screen that."""
        name = re.sub(r"[^\w.-]+", "_", f"{self._asked} {datetime.now():%Y-%m-%d %H-%M-%S}")
        folder = kept_structures() / name
        self._keep(self.selected(), folder, lambda _: self._offer_screening(folder))

    def _offer_screening(self, folder: Path) -> None:
        self.close()
        self._window.screening.open().offer(folder)

    def _keep(self, entries: list[Entry], folder: Path, then: Callable[[list[Path]], None]) -> None:
        self._window.jobs.start(
            "keep structures",
            "Writing structures",
            lambda _: [save_entry(entry, folder) for entry in entries],
            then,
            lambda error: self._say(str(error)),
        )

    def done(self, result: int) -> None:
        """Ask no longer."""
        self._window.jobs.cancel_kind("database ")
        self._window.jobs.cancel("keep structures")
        super().done(result)


def _told(where: Database, answer: Found | Exception) -> str:
    """Say what went wrong with a database, or with some of its entries."""
    if isinstance(answer, Exception):
        return str(answer)
    if not answer.left_out:
        return ""
    name, reason = answer.left_out[0]
    count = "an entry" if len(answer.left_out) == 1 else f"{len(answer.left_out)} entries"
    return f"{where.name}: left out {count} ({name}: {reason})".replace(".)", ").")


def _cells(entry: Entry) -> tuple[tuple[str, Any], ...]:
    above = entry.above_hull
    group = space_group_text(entry.space_group) or "partly occupied"
    atoms = len(entry.structure)
    return (
        (formula_text(entry.formula), entry.formula),
        (group, group),
        (str(atoms), atoms),
        ("–" if above is None else energies.number(above, 3), above),
        (entry.database.name, entry.database.name),
        (entry.id, entry.id),
    )
