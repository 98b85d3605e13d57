"""Fields for what is done to many structures: which ones, the ion that moves, and the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSettings, QSignalBlocker, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit, QWidget

from migbar.elements import MOBILE_IONS
from migbar.screening import ScreeningError
from migbar.structures import FILE_NAMES
from migbar.wording import counted
from migbar_gui.computing.models import Models
from migbar_gui.files.recent import last_folder
from migbar_gui.looks.widgets import button, choice_box, in_row, local_files

OWN_ION = "Each structure's own"


class SourcesField(QWidget):
    """A folder or files, typed or chosen; `changed` tells of others.

    Parameters
    ----------
    purpose : str
        What is done with them, for titles: ``to screen``.
    settings : QSettings
        Knows the folder that was used last.
    """

    changed = Signal()

    def __init__(self, purpose: str, settings: QSettings) -> None:
        super().__init__()
        self._purpose = purpose
        self._settings = settings
        self.names: list[str] = []
        """As they were typed or chosen."""
        self.line = QLineEdit(
            placeholderText="Folder (with all below it), or files; they can be dropped here"
        )
        self.line.setAccessibleName(f"Folder or files {purpose}")
        self.line.textChanged.connect(self._type)
        self.line.setAcceptDrops(False)  # it would take the address of a file for a text
        self.setAcceptDrops(True)
        self.setFocusProxy(self.line)
        folder, files = button("Folder…", self._ask_folder), button("Files…", self._ask_files)
        self.setLayout(in_row(self.line, folder, files, grow=self.line))

    def set_names(self, names: Sequence[str]) -> None:
        """Take a folder, or files."""
        self.names = list(names)
        with QSignalBlocker(self.line):
            self.line.setText(names[0] if len(names) == 1 else several(names))
        self.changed.emit()

    def paths(self) -> list[str]:
        """Return them as whole paths.

        Raises
        ------
        ScreeningError
            If none was chosen, or one does not exist.
        """
        if not self.names:
            raise ScreeningError(f"Choose a folder or files {self._purpose}.")
        return existing(self.names)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Take folders and files from a file manager."""
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Choose what was dropped."""
        if files := local_files(event.mimeData()):
            self.set_names([str(file) for file in files])
            event.acceptProposedAction()

    def _type(self, text: str) -> None:
        self.names = [text.strip()] if text.strip() else []
        self.changed.emit()

    def _ask_folder(self) -> None:
        title = f"Folder {self._purpose}"
        if name := QFileDialog.getExistingDirectory(self, title, last_folder(self._settings)):
            self.set_names([name])

    def _ask_files(self) -> None:
        kinds = f"Crystal structures ({' '.join(FILE_NAMES)});;All files (*)"
        title = f"Structures {self._purpose}"
        names, _ = QFileDialog.getOpenFileNames(self, title, last_folder(self._settings), kinds)
        if names:
            self.set_names(names)


class IonBox(QComboBox):
    """The element that moves: one of the usual ions, another that is typed, or each structure's own."""

    def __init__(self) -> None:
        super().__init__(editable=True)
        self.addItems([OWN_ION, *MOBILE_IONS])

    @property
    def symbol(self) -> str:
        """The element's symbol; empty for each structure's own."""
        text = self.currentText().strip()
        return "" if text == OWN_ION else text[:1].upper() + text[1:].lower()


def model_box(models: Models) -> QComboBox:
    """Make a box with all models, the one in use chosen."""
    box = choice_box()
    box.addItems(models.names())
    box.setCurrentText(models.used)
    return box


def several(names: Sequence[str]) -> str:
    """Return what several files and folders are called together: ``1 folder, 2 files``."""
    folders = sum(Path(name).is_dir() for name in names)
    parts = ((folders, "folder"), (len(names) - folders, "file"))
    return ", ".join(counted(count, noun) for count, noun in parts if count)


def existing(names: Sequence[str]) -> list[str]:
    """Return whole paths of files or folders.

    Raises
    ------
    ScreeningError
        If one does not exist.
    """
    chosen = [Path(name).expanduser().absolute() for name in names]
    missing = [path for path in chosen if not path.exists()]
    if missing:
        raise ScreeningError(f"There is no {missing[0]}.")
    return [str(path) for path in chosen]
