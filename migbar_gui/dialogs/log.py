"""What a run's process has printed."""

from __future__ import annotations

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPlainTextEdit, QWidget

from migbar.runs import Run
from migbar_gui.looks.theme import fixed_font
from migbar_gui.looks.widgets import in_column, label, resize_on_screen

SHOWN_BYTES = 100_000
REFRESH_MS = 1000


class LogDialog(QDialog):
    """Shows the end of a run's log and follows it."""

    def __init__(self, run: Run, parent: QWidget | None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Log")
        resize_on_screen(self, 760, 460)
        self._path = run.folder / "log.txt"
        self._size = -1
        self.text = QPlainTextEdit(readOnly=True)
        self.text.setFont(fixed_font())
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setAccessibleName("Log")
        self.text.setPlaceholderText("Nothing was printed.")
        buttons = QDialogButtonBox()
        buttons.addButton("Close", QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        title = label(run.title, "formula", wrap=True)
        place = label(str(self._path), "muted", wrap=True)
        parts = (title, place, self.text, buttons)
        self.setLayout(in_column(*parts, grow=self.text, spacing=12, margins=(20, 18, 20, 16)))
        timer = QTimer(self, interval=REFRESH_MS)
        timer.timeout.connect(self.refresh)
        timer.start()
        self.refresh()

    def refresh(self) -> None:
        """Read on where the file has grown."""
        try:
            size = self._path.stat().st_size
            if size == self._size:
                return
            with self._path.open("rb") as file:
                file.seek(max(0, size - SHOWN_BYTES))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return
        self._size = size
        bar = self.text.verticalScrollBar()
        at_end = bar.value() == bar.maximum()
        self.text.setPlainText(text)
        if at_end:
            bar.setValue(bar.maximum())
