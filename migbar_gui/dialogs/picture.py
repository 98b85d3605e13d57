"""The choice of how large a picture is, and on what background."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QCheckBox, QSpinBox, QWidget

from migbar_gui.looks.widgets import Question, field_rows, indented, label


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
