"""The choice of how large a picture is, and on what background; and how far its drawing is."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QCheckBox, QProgressDialog, QSpinBox, QWidget

from migbar.progress import check_cancelled
from migbar_gui.looks.widgets import Question, field_rows, indented, label

PATIENCE_MS = 400
"""What lasts longer gets a bar."""


class PictureDialog(Question):
    """Asks for scale and background of a picture of the 3D view."""

    chosen = Signal(int, bool)

    def __init__(self, size: QSize, parent: QWidget | None) -> None:
        super().__init__("Save picture", "", "Save as…", parent)
        self._size = size
        self.scale = indented(QSpinBox(minimum=1, maximum=8, value=3))
        self.scale.setPrefix("×")
        self.transparent = QCheckBox("&Transparent background")
        self.pixels = label("", "muted")
        fields = (("&Scale", self.scale), ("", self.pixels), ("", self.transparent))
        self.body.addLayout(field_rows(fields))
        self.scale.valueChanged.connect(self._show_pixels)
        self._show_pixels()
        self.accepted.connect(
            lambda: self.chosen.emit(self.scale.value(), self.transparent.isChecked())
        )

    def _show_pixels(self) -> None:
        width, height = (n * self.scale.value() for n in self._size.toTuple())
        self.pixels.setText(f"{width} × {height} pixels, PNG")


class DrawingProgress(QProgressDialog):
    """How far a picture is drawn; a `migbar.progress.Progress` for work that only the GUI thread can do."""

    def __init__(self, parent: QWidget | None, what: str = "picture") -> None:
        super().__init__(f"Drawing the {what} …", "Cancel", 0, 0, parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(what.capitalize())
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumDuration(PATIENCE_MS)
        self.setMinimumWidth(340)

    def report(self, done: int, total: int, message: str = "") -> None:
        """Show how many of all parts are done, and let the window breathe.

        Raises
        ------
        Cancelled
            If the user does not want to wait.
        """
        self.setMaximum(total)
        self.setValue(done)  # meanwhile the user may cancel, or close the window
        check_cancelled(self)

    def cancelled(self) -> bool:
        """Whether the user does not want to wait."""
        return self.wasCanceled()
