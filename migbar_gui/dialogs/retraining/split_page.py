"""Which paths the model is judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QSpinBox, QVBoxLayout

from migbar.datasets.splits import SCHEMES, Scheme, Split, split_dataset
from migbar.wording import counted
from migbar_gui.dialogs.retraining.wizard import RetrainingWizard, WizardPage
from migbar_gui.looks.texts import in_words, sentence
from migbar_gui.looks.widgets import clear, in_row, indented, label, line, remark_row

JOB = "own split"


class SplitPage(WizardPage):
    """Asks how to split, and says at once what comes of it."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(
            wizard,
            "What is the model judged by?",
            "A model that is asked about paths that it was trained on looks better than it is. Some of your "
            "paths are therefore held out, and the model is judged by these alone.",
        )
        self.split: Split | None = None
        self._ask_which()
        self.body.addWidget(line())
        self._ask_how_often()
        self.body.addWidget(line())
        self.counts = label("", "heading", wrap=True)
        self.warnings = QVBoxLayout()
        self.warnings.setSpacing(8)
        self.body.addWidget(self.counts)
        self.body.addLayout(self.warnings)
        self.body.addStretch(1)

    def _ask_which(self) -> None:
        self.schemes: dict[Scheme, QRadioButton] = {}
        group = QButtonGroup(self)
        self.body.addWidget(label("Which ones are held out", "section"))
        for scheme, text in SCHEMES.items():
            choice = QRadioButton(text)
            choice.setChecked(scheme is Scheme.GROUPS)
            choice.toggled.connect(lambda on: self._changed() if on else None)
            group.addButton(choice)
            self.schemes[scheme] = choice
            self.body.addWidget(choice)

    def _ask_how_often(self) -> None:
        self.body.addWidget(label("How often", "section"))
        self.once = QRadioButton("Once; hold out")
        self.folded = QRadioButton("In turn (cross-validation), every path once; number of parts")
        self.folded.setToolTip("Takes as many times as long, and judges by all of your paths")
        self.once.setChecked(True)
        self.share = indented(QSpinBox(minimum=5, maximum=50, singleStep=5, suffix=" %"))
        self.share.setValue(20)
        self.share.setAccessibleName("Share that is held out")
        self.folds = indented(QSpinBox(minimum=2, maximum=20))
        self.folds.setValue(5)
        self.folds.setAccessibleName("Number of parts")
        often = QButtonGroup(self)
        for choice, box in ((self.once, self.share), (self.folded, self.folds)):
            often.addButton(choice)
            choice.toggled.connect(lambda on: self._changed() if on else None)
            box.valueChanged.connect(lambda _: self._changed())
            self.body.addLayout(in_row(choice, box, None))

    def initializePage(self) -> None:  # noqa: N802
        """Show what the split gives for these data."""
        dataset = self.owner.dataset
        has_column = dataset is not None and any(dataset.parts)
        self.schemes[Scheme.COLUMN].setEnabled(has_column)
        self.schemes[Scheme.COLUMN].setToolTip("" if has_column else "The data has no such column")
        self._changed()

    def isComplete(self) -> bool:  # noqa: N802
        """Whether the data can be split like this."""
        return self.split is not None

    def leave(self) -> None:
        """Split no further."""
        self.owner.window_.jobs.cancel(JOB)

    def _changed(self) -> None:
        wizard = self.owner
        scheme = next(s for s, choice in self.schemes.items() if choice.isChecked())
        wizard.chosen = replace(
            wizard.chosen,
            scheme=scheme,
            folds=self.folds.value() if self.folded.isChecked() else 0,
            validation=self.share.value() / 100,
        )
        self.share.setEnabled(self.once.isChecked() and scheme is not Scheme.COLUMN)
        self.folds.setEnabled(self.folded.isChecked() and scheme is not Scheme.COLUMN)
        self.split = None
        self.completeChanged.emit()
        dataset, options = wizard.dataset, wizard.chosen.split
        if dataset is not None:
            wizard.window_.jobs.start(
                JOB, "", lambda _: split_dataset(dataset, options), self._show, self._failed
            )

    def _show(self, split: Split) -> None:
        self.split = split
        held = np.bincount(split.fold[split.fold >= 0])
        if len(held) == 1:
            training = counted(len(split.fold) - held[0], "path")
            text = f"{training} to train on, {held[0]} to judge by."
        else:
            text = (
                f"{len(held)} parts of {held.min()} to {held.max()} paths; each is judged by once."
            )
        self.counts.setText(text)
        self._show_warnings(split.warnings)
        self.completeChanged.emit()

    def _failed(self, error: Exception) -> None:
        self.counts.setText("")
        self._show_warnings((sentence(in_words(error)),))

    def _show_warnings(self, texts: tuple[str, ...]) -> None:
        clear(self.warnings)
        for text in texts:
            self.warnings.addWidget(remark_row(text))
