"""The few things that are kept from one start to the next."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QWidget

from migbar_gui.widgets import Question, field_rows, indented, label

APPEARANCES = {"system": "As the system", "light": "Light", "dark": "Dark"}


class PreferencesDialog(Question):
    """Asks for the appearance and the conductor threshold."""

    chosen = Signal(str, float)

    def __init__(self, appearance: str, threshold: float, parent: QWidget | None) -> None:
        super().__init__("Preferences", "", "Save", parent)
        self.appearance = QComboBox()
        for key, text in APPEARANCES.items():
            self.appearance.addItem(text, key)
        self.appearance.setCurrentIndex(list(APPEARANCES).index(appearance))
        self.threshold = threshold_box(threshold)
        fields = (("&Appearance", self.appearance), ("&Good conductor up to", self.threshold))
        self.body.addLayout(field_rows(fields))
        self.body.addWidget(
            label(
                "0.65 eV keeps up with a rate of C/2 at 300 K in particles of about 100 nm; 0.525 eV in "
                "particles of 1 µm.",
                "muted",
                wrap=True,
            )
        )
        self.accepted.connect(
            lambda: self.chosen.emit(self.appearance.currentData(), self.threshold.value())
        )


def threshold_box(value: float) -> QDoubleSpinBox:
    """Make a box for the largest barrier of a good conductor."""
    box = QDoubleSpinBox(minimum=0.05, maximum=5.0, singleStep=0.05, decimals=3)
    box.setValue(value)
    box.setSuffix(" eV")
    box.setToolTip("Paths with a barrier up to this are called good conductors")
    return indented(box)
