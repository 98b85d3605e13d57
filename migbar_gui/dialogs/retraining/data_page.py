"""Where the barriers are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QListWidget, QVBoxLayout

from migbar.elements import MOBILE_IONS
from migbar_gui.dialogs.retraining.columns import ColumnsDialog
from migbar_gui.dialogs.retraining.wizard import RetrainingWizard, WizardPage
from migbar_gui.files.recent import last_folder
from migbar_gui.looks.theme import current_theme
from migbar_gui.looks.widgets import bulleted, button, choice_box, field_rows, local_files

KINDS = (
    "Folders of NEB calculations: in each one 00, 01, 02 … with POSCAR or CONTCAR, and OUTCAR or a barrier",
    "CSV or XLSX tables with a row for each path: structure file and sites, two end structures, or a folder; "
    "and the barrier",
    "The published JSON format, extended XYZ, a download of LiTraj, or a dataset of MigBar (.parquet)",
)
FILES = "Barrier data (*.json *.csv *.tsv *.xlsx *.xyz *.extxyz *.parquet);;All files (*)"


class DataPage(WizardPage):
    """Asks for files and folders."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(
            wizard,
            "Your barriers",
            "Choose files or folders with migration barriers that you trust, from DFT-NEB for example. "
            "Nothing in them is changed.",
        )
        for kind in KINDS:
            self.body.addWidget(bulleted(kind, "muted"))
        self.list = _Sources(self)
        self.add_files = button("Add files…", self._ask_files)
        self.add_folder = button("Add folder…", self._ask_folder)
        self.remove = button("Remove", self.take_out)
        self.remove.setToolTip("Take the chosen one from the list (Del); the file stays")
        buttons = QVBoxLayout()
        self.columns = button("Columns…", self._ask_columns)
        self.columns.setToolTip("Say what the columns of a table are called, if not as usual")
        for tool in (self.add_files, self.add_folder, self.remove, self.columns):
            buttons.addWidget(tool)
        buttons.addStretch(1)
        row = QHBoxLayout()
        row.addWidget(self.list, 1)
        row.addLayout(buttons)
        self.body.addLayout(row, 1)
        self.ion = choice_box(
            {"": "Find it by itself"} | {symbol: symbol for symbol in MOBILE_IONS}
        )
        self.ion.setToolTip("Only needed where the data do not say which ion moves")
        self.body.addLayout(field_rows((("The &ion that moves", self.ion),)))
        self.list.currentRowChanged.connect(lambda row: self.remove.setEnabled(row >= 0))
        self.remove.setEnabled(False)
        self.list.ensurePolished()  # else the rows are laid out without the style sheet, and overlap
        self.add(wizard.sources)
        self.ion.setCurrentIndex(self.ion.findData(wizard.read_options.ion))

    def leave(self) -> None:
        """Hand over what was chosen, for the next wizard."""
        self.validatePage()

    def add(self, paths: list[Path]) -> None:
        """Add files and folders."""
        known = {self.list.item(row).text() for row in range(self.list.count())}
        self.list.addItems([str(path) for path in paths if str(path) not in known])
        self.completeChanged.emit()

    def take_out(self) -> None:
        """Take the chosen one from the list."""
        if self.list.currentRow() < 0:
            return
        self.list.takeItem(self.list.currentRow())
        self.completeChanged.emit()

    def isComplete(self) -> bool:  # noqa: N802
        """Whether there is something to read."""
        return self.list.count() > 0

    def validatePage(self) -> bool:  # noqa: N802
        """Hand over what was chosen."""
        wizard = self.owner
        wizard.sources = [Path(self.list.item(row).text()) for row in range(self.list.count())]
        wizard.read_options = replace(wizard.read_options, ion=self.ion.currentData())
        return True

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "Barrier data", self._place(), FILES)
        self.add([Path(name) for name in names])

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder with calculations", self._place())
        if name:
            self.add([Path(name)])

    def _place(self) -> str:
        """Return where to look for more: beside what was added last, or where structures were opened."""
        if self.list.count():
            return str(Path(self.list.item(self.list.count() - 1).text()).parent)
        return last_folder(self.owner.window_.settings)

    def _ask_columns(self) -> None:
        dialog = ColumnsDialog(self.owner.read_options.columns, self)
        dialog.chosen.connect(self._name_columns)
        dialog.open()

    def _name_columns(self, names: dict[str, str]) -> None:
        self.owner.read_options = replace(self.owner.read_options, columns=names)


class _Sources(QListWidget):
    """The list of files and folders; more can be dropped on it."""

    def __init__(self, page: DataPage) -> None:
        super().__init__()
        self._page = page
        self.setAccessibleName("Files and folders")
        self.setAcceptDrops(True)
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if not self.count():
            painter = QPainter(self.viewport())
            painter.setPen(QColor(current_theme().muted))
            place = self.viewport().rect()
            painter.drawText(
                place, Qt.AlignmentFlag.AlignCenter, "Add files or folders, or drop them here."
            )
            painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.matches(QKeySequence.StandardKey.Delete):
            self._page.take_out()
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        self._page.add(local_files(event.mimeData()))
        event.acceptProposedAction()
