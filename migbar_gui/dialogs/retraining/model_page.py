"""What to start from, how thoroughly to train, and how long that will take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QLineEdit,
    QRadioButton,
    QSpinBox,
)

from migbar.errors import MigbarError
from migbar.models.store import free_name
from migbar.progress import Progress
from migbar.runs import TRAINING
from migbar.training.own.options import PRESETS, Preset, TrainingOptions, write_options
from migbar.training.own.starts import TREES, Kind, available_starts
from migbar.wording import duration
from migbar_gui.dialogs.potential import DEVICES
from migbar_gui.dialogs.retraining.wizard import DATASET, RetrainingWizard, WizardPage
from migbar_gui.files.saving import ask_path
from migbar_gui.looks.texts import in_words, sentence
from migbar_gui.looks.theme import current_theme
from migbar_gui.looks.widgets import (
    align_fields,
    button,
    choice_box,
    field_rows,
    in_column,
    in_row,
    indented,
    label,
)

if TYPE_CHECKING:
    from migbar.training.own.task import Estimate

JOB = "own estimate"
ALL_KNOWN = (
    "What it starts from has seen all of these paths: nothing is left to judge the model by. Start from scratch "
    "above, or go back and add other paths."
)
SETTLE_MS = 500
"""An estimate is made when nothing was changed for so long."""


class ModelPage(WizardPage):
    """Collects the options of the training; its Next button starts it."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(wizard, "What kind of model?", "")
        self.setCommitPage(True)
        self._problem = ""
        self._make_fields()
        self._lay_out()
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._measure)
        self.name.textChanged.connect(lambda _: self._note_name())
        self.start.currentIndexChanged.connect(lambda _: self._offer_recipes())
        for changed in (
            self.recipe.currentIndexChanged,
            self.device.currentIndexChanged,
            self.refit.toggled,
            self.heads.toggled,
        ):
            changed.connect(lambda _: self._changed())

    def _make_fields(self) -> None:
        self.name = QLineEdit()
        self.notes = QLineEdit()
        self.notes.setPlaceholderText("For yourself and others: what it is made from and for")
        self._starts = {start.name: start for start in available_starts()}
        self.start = choice_box({name: start.text for name, start in self._starts.items()})
        self.recipe = choice_box()
        self.heads = QCheckBox("Train its last layers only: for few paths")
        self.device = choice_box(DEVICES)
        self.seed = indented(QSpinBox(minimum=0, maximum=2**31 - 1))
        self.seed.setValue(TrainingOptions("", "").seed)
        self.seed.setToolTip("Same data, options and seed: the same model")
        self.refit = QCheckBox("After it was judged, train the model that is kept on all paths")
        self.refit.setChecked(True)
        self.presets = {preset: QRadioButton(text) for preset, text in PRESETS.items()}
        group = QButtonGroup(self)
        for preset, choice in self.presets.items():
            choice.setChecked(preset is Preset.QUICK)
            choice.toggled.connect(lambda on: self._changed() if on else None)
            group.addButton(choice)
        self.estimate = label("", "heading", wrap=True)
        self.save = button("Save these options as a TOML file…", self._ask_save, "link")
        self.save.setToolTip("The same options give the same model on the command line, too")

    def _lay_out(self) -> None:
        model = field_rows(
            [
                ("&Name", self.name),
                ("N&otes", self.notes),
                ("&Start from", self.start),
                ("&Kind of model", self.recipe),
                ("", self.heads),
            ]
        )
        more = field_rows(
            [("&Device", self.device), ("&Random seed", self.seed), ("In the end", self.refit)]
        )
        align_fields(model, more)
        parts = (
            model,
            label("How thoroughly", "section"),
            *self.presets.values(),
            label("More", "section"),
            more,
            self.estimate,
            None,
            in_row(self.save, None),
        )
        self.body.addLayout(in_column(*parts, spacing=self.body.spacing()), 1)

    def initializePage(self) -> None:  # noqa: N802
        """Suggest a name after the data, and estimate the time."""
        if not self.name.text():
            stem = self.owner.sources[0].stem if self.owner.sources else "my model"
            self.name.setText(free_name(stem))
        self._offer_recipes()

    def isComplete(self) -> bool:  # noqa: N802
        """Whether the options go together."""
        return bool(self.name.text().strip()) and not self._problem

    def validatePage(self) -> bool:  # noqa: N802
        """Start the training."""
        wizard = self.owner
        self.leave()
        options = self.options()
        try:
            options.check()
            count = len(wizard.dataset) if wizard.dataset is not None else 0
            title = f"Training {options.name} on {count} paths"
            folder = wizard.ensure_folder()
            wizard.window_.runs.start(TRAINING, title, options.to_dict(), folder)
        except (MigbarError, OSError) as error:
            self._failed(error)
            return False
        wizard.chosen, wizard.started = options, True
        return True

    def leave(self) -> None:
        """Measure no further."""
        self._timer.stop()
        self.owner.window_.jobs.cancel(JOB)

    def options(self) -> TrainingOptions:
        """Return what was chosen, with the split of the page before."""
        return replace(
            self.owner.chosen,
            name=self.name.text().strip(),
            notes=self.notes.text().strip(),
            data=str(self.owner.ensure_folder() / DATASET),
            start=self.start.currentData(),
            recipe=self.recipe.currentData() or "",
            train="heads" if self.heads.isEnabled() and self.heads.isChecked() else "all",
            preset=next(p for p, choice in self.presets.items() if choice.isChecked()),
            device=self.device.currentData(),
            seed=self.seed.value(),
            refit=self.refit.isChecked(),
        )

    # -------------------------------------------------------------- choices that depend on others

    def _offer_recipes(self) -> None:
        """Offer what can be made of the start; what was chosen stays so where it can."""
        chosen = self.recipe.currentData()
        recipes = self._starts[self.start.currentData()].recipes
        self.recipe.blockSignals(True)
        self.recipe.clear()
        for recipe in recipes:
            self.recipe.addItem(recipe, recipe)
        if not recipes:
            self.recipe.addItem("The same as what it starts from", "")
        self.recipe.setCurrentIndex(max(0, self.recipe.findData(chosen)))
        self.recipe.blockSignals(False)
        self.recipe.setEnabled(len(recipes) > 1)
        self._changed()

    def _note_name(self) -> None:
        if self._problem:  # which may have been the name
            self._changed()
        self.completeChanged.emit()

    def _changed(self) -> None:
        kind = self._starts[self.start.currentData()].kind
        scratch = kind is Kind.SCRATCH
        network = kind is not Kind.GROWN and self.recipe.currentData() not in TREES
        self.device.setEnabled(network)
        self.device.setToolTip("" if network else "Only networks are trained on a graphics card")
        self.heads.setEnabled(network and not scratch)
        tuned = "Of a network that is trained already"
        self.heads.setToolTip("" if self.heads.isEnabled() else tuned)
        self.owner.window_.jobs.cancel(JOB)
        if kind is Kind.GROWN and self.owner.all_known:
            self._timer.stop()
            self._failed(MigbarError(ALL_KNOWN))
            return
        self._say("Measuring how long it will take on this machine …")
        self._problem = ""
        self.completeChanged.emit()
        self._timer.start()

    # -------------------------------------------------------------- the estimate

    def _measure(self) -> None:
        options = replace(self.options(), name="estimate")

        def work(progress: Progress) -> Estimate:
            from migbar.training.own.task import estimate

            return estimate(options, progress)

        self.owner.window_.jobs.start(JOB, "", work, self._show_estimate, self._failed)

    def _show_estimate(self, estimate: Estimate) -> None:
        parts = (
            ("reading", estimate.reading),
            ("judging", estimate.judging),
            ("training", estimate.training),
        )
        told = ", ".join(f"{name} {duration(s)}" for name, s in parts if s >= 1)
        self._say(
            f"About {duration(estimate.seconds)} on this machine" + (f" ({told})." if told else ".")
        )

    def _failed(self, error: Exception) -> None:
        self._problem = sentence(in_words(error))
        self._say(self._problem, current_theme().error)
        self.completeChanged.emit()

    def _say(self, text: str, colour: str = "") -> None:
        self.estimate.setText(text)
        self.estimate.setStyleSheet(f"color: {colour};" if colour else "")

    def _ask_save(self) -> None:
        suggested = str(Path.home() / "training.toml")
        path = ask_path(self, "Save options", suggested, {"TOML file (*.toml)": ".toml"})
        if path is None:
            return
        try:
            write_options(self.options(), path)
        except OSError as error:
            self._failed(error)
