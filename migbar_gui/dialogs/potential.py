"""With which potential something is to be computed, and where."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QCheckBox, QComboBox, QWidget

from migbar_gui.looks.widgets import Question, choice_box

DEVICES = {"auto": "Automatic", "cpu": "Processor", "cuda": "Graphics card (CUDA)"}


def potential_box() -> QComboBox:
    """Make a box for a potential; one that is not listed can be typed."""
    from migbar.potentials import DEFAULT_POTENTIAL, potential_choices

    box = choice_box(editable=True)
    box.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
    for row, choice in enumerate(potential_choices()):
        box.addItem(choice.name)
        box.setItemData(row, choice.missing or choice.summary, Qt.ItemDataRole.ToolTipRole)
        model = box.model()
        if choice.missing and isinstance(model, QStandardItemModel):
            model.item(row).setEnabled(False)
    application = QCoreApplication.instance()
    usual = application.property("potential") if application is not None else None
    box.setCurrentText(str(usual or DEFAULT_POTENTIAL))
    box.setToolTip("chgnet, mace:FILE, or ase:NAME for a calculator that ASE knows")
    return box


class PotentialQuestion(Question):
    """A dialog with the fields of a potential, which the dialog itself puts into its rows."""

    def __init__(self, title: str, text: str, accept: str, parent: QWidget | None) -> None:
        super().__init__(title, text, accept, parent)
        self.potential = potential_box()
        self.device = choice_box(DEVICES)
        self.trust = QCheckBox("Trust the model file: it runs as a program")
        self.trust.hide()
        self.potential.currentTextChanged.connect(lambda: self._describe())

    def potential_options(self) -> dict[str, Any]:
        """Return what was chosen, as the options of a run."""
        return {
            "potential": self.potential.currentText().strip(),
            "device": self.device.currentData(),
            "trust_file": self.trust.isChecked(),
        }

    def _describe(self) -> None:
        name = self.potential.currentText().strip()
        kind, _, variant = name.partition(":")
        is_file = kind == "mace" and variant not in ("", "small", "medium", "large")
        self.trust.setVisible(is_file)
        self.accept_button.setEnabled(bool(name))
        if self.isVisible():
            self.fit()
