"""The model among the others: its name, its notes, and what to do with it now."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QPlainTextEdit

from migbar.errors import MigbarError
from migbar.files import write_text
from migbar.models.sharing import SUFFIX, relabel_model
from migbar.models.store import folder_of, read_card
from migbar.runs import Run
from migbar_gui.dialogs.retraining.wizard import RetrainingWizard, WizardPage
from migbar_gui.files.saving import ask_path
from migbar_gui.looks.texts import in_words, sentence
from migbar_gui.looks.theme import current_theme
from migbar_gui.looks.widgets import RemovalQuestion, button, field_rows, label

KEPT = "kept.json"
"""Beside the run: what its model is called now, and the owner's notes on its card."""


class KeepPage(WizardPage):
    """Names the model, puts it to use, gives it away, or throws it away."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(
            wizard,
            "Keep it",
            "The model is among your models already. Give it the name that you want to see in lists, and write "
            "down what you will want to know of it in a year.",
        )
        self.setFinalPage(True)
        self._name = ""
        self._notes = ""
        self.name = QLineEdit()
        self.name.textChanged.connect(lambda _: self._note_name())
        self.name.textEdited.connect(lambda _: self._say(""))
        self.notes = QPlainTextEdit()
        self.notes.setMaximumHeight(110)
        self.notes.setTabChangesFocus(True)
        self.use = QCheckBox("Predict with it in this window from now on")
        self.body.addLayout(field_rows((("&Name", self.name), ("N&otes", self.notes))))
        self.body.addWidget(self.use)
        self.advice = label(
            "It was not better than what you had. You may keep it, but think twice before you use it.",
            wrap=True,
        )
        self.body.addWidget(self.advice)
        self.command = label("", "muted", wrap=True)
        self.body.addWidget(self.command)
        self.message = label("", wrap=True)
        self.give = button("Export as one file…", self._ask_give)
        self.drop = button("Do not keep it…", self._ask_drop)
        row = QHBoxLayout()
        row.addWidget(self.give)
        row.addWidget(self.drop)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.message)
        self.body.addStretch(1)

    def initializePage(self) -> None:  # noqa: N802
        """Show what the model is called."""
        run = self.owner.run_now()
        if run is None or not isinstance(run.result, dict):
            return
        self._name, self._notes = _kept(run)
        try:
            read_card(folder_of(self._name))
        except MigbarError as error:
            self._name = ""
            self._complain(error)
        self.name.setText(self._name)
        self.notes.setPlainText(self._notes)
        better = run.result["verdict"] != "not_better"
        self.use.setChecked(better)
        self.advice.setVisible(not better)
        for widget in (self.name, self.notes, self.use, self.give, self.drop):
            widget.setEnabled(bool(self._name))
        self.owner.window_.models.refresh()

    def isComplete(self) -> bool:  # noqa: N802
        """Whether it has a name."""
        return bool(self.name.text().strip()) or not self._name

    def validatePage(self) -> bool:  # noqa: N802
        """Write name and notes, and use the model where that is wanted."""
        if not self._name:
            return True
        if not self._relabel():
            return False
        if self.use.isChecked():
            self.owner.window_.models.use(self._name)
        return True

    def _note_name(self) -> None:
        name = self.name.text().strip()
        command = f'On the command line: migbar predict structure.cif … --model "{name}"'
        self.command.setText(command if name else "")
        self.completeChanged.emit()

    def _relabel(self) -> bool:
        name, notes = self.name.text().strip(), self.notes.toPlainText().strip()
        run = self.owner.run_now()
        if run is None or (name, notes) == (self._name, self._notes):
            return True
        try:
            card = read_card(folder_of(self._name))
            others = [note for note in card.notes if note != self._notes]
            relabel_model(self._name, name, [notes, *others] if notes else others)
            write_text(run.folder / KEPT, json.dumps({"model": name, "notes": notes}))
        except (MigbarError, OSError) as error:
            self._complain(error)
            return False
        self._name, self._notes = name, notes
        self.owner.window_.models.refresh()
        return True

    def _ask_give(self) -> None:
        if not self._relabel():
            return
        suggested = str(Path.home() / f"{self._name}{SUFFIX}")
        path = ask_path(self, "Export model", suggested, {f"Model (*{SUFFIX})": SUFFIX})
        if path is not None:
            self.export(path)

    def export(self, path: Path) -> None:
        """Write the model as one file."""
        self.owner.window_.models.give(self._name, path, lambda done: self._say(f"Wrote {done}."))

    def _ask_drop(self) -> None:
        question = RemovalQuestion(
            "Throw the model away?",
            f"“{self._name}” is deleted. The data and the judgement stay with the job until you remove that.",
            "Delete the model",
            self.owner,
        )
        question.accepted.connect(self._drop)
        question.open()

    def _drop(self) -> None:
        self.owner.window_.models.remove(self._name)
        self._name = ""
        self.owner.accept()

    def _say(self, text: str, colour: str = "") -> None:
        self.message.setText(text)
        self.message.setStyleSheet(f"color: {colour};" if colour else "")

    def _complain(self, error: Exception) -> None:
        self._say(sentence(in_words(error)), current_theme().error)


def _kept(run: Run) -> tuple[str, str]:
    """Return what a run's model is called, and what its owner has noted on it."""
    try:
        kept = json.loads((run.folder / KEPT).read_text(encoding="utf-8"))
        return str(kept["model"]), str(kept["notes"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(run.result["model"]), str(run.result["options"]["notes"])
