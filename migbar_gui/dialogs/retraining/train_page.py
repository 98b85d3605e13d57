"""The training as it goes on: curves, time left, pause, resume, cancel, log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout

from migbar.runs import RunState
from migbar.wording import counted, duration
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import Follower
from migbar_gui.dialogs.log import LogDialog
from migbar_gui.dialogs.retraining.wizard import Page, RetrainingWizard, WizardPage
from migbar_gui.looks import energies
from migbar_gui.looks.charts import CurveChart, Line
from migbar_gui.looks.theme import current_theme
from migbar_gui.looks.widgets import (
    RemovalQuestion,
    button,
    clear,
    label,
    remark_row,
    restyle,
)

STATES = {
    RunState.INTERRUPTED: "It was interrupted (its process is gone). What it had done is kept: resume it.",
    RunState.STOPPED: "Paused. What it has done is kept; resume it whenever you like.",
    RunState.WAITING: "It waits until another long job is done; the list of jobs lets it start now.",
}

PAUSE_TIPS = {
    False: "Stop at the next step; what was done is kept",
    True: "End its process now; what it has not written is lost",
}


class TrainPage(WizardPage):
    """Follows the run of the training."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(
            wizard,
            "Training",
            "You may close this window, and MigBar too: the training goes on, and the list of jobs leads back "
            "here.",
        )
        self._follower: Follower | None = None
        self._cancelling = False
        self.stage = label("", "heading", wrap=True)
        self.state = label("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.curve = CurveChart("", "Mean absolute error ({unit})", "Errors while training")
        self.curve.hint = (
            "The errors are drawn here, step by step, as soon as there is a first one."
        )
        self._steps: list[dict[str, Any]] = []
        """Points of the curves, the latest heard last; a run that was resumed tells some of them again."""
        self._fold_errors: dict[int, float] = {}
        self.folds = label("", "muted", wrap=True)
        self.split = label("", "muted", wrap=True)
        self._warnings = QVBoxLayout()
        self.pause = button("Pause", lambda: wizard.window_.runs.stop_or_resume(wizard.folder))
        self.cancel = button("Cancel training…", self._ask_cancel)
        self.log = button("Log", self._show_log)
        row = QHBoxLayout()
        for tool in (self.pause, self.cancel):
            row.addWidget(tool)
        row.addStretch(1)
        row.addWidget(self.log)
        for widget in (self.stage, self.state, self.progress):
            self.body.addWidget(widget)
        self.body.addWidget(self.curve, 1)
        self.body.addWidget(self.folds)
        self.body.addWidget(self.split)
        self.body.addLayout(self._warnings)
        self.body.addLayout(row)
        runs = wizard.window_.runs
        runs.changed.connect(self._changed)
        runs.removed.connect(self._removed)

    def initializePage(self) -> None:  # noqa: N802
        """Listen to the run from its beginning."""
        self.leave()
        self._steps = []
        self._fold_errors = {}
        assert self.owner.folder is not None
        self._follower = self.owner.window_.runs.follow(self.owner.folder)
        self._follower.arrived.connect(self._hear)
        self._refresh()

    def isComplete(self) -> bool:  # noqa: N802
        """Whether there is something to judge."""
        run = self.owner.run_now()
        return run is not None and run.state is RunState.FINISHED

    def leave(self) -> None:
        """Listen no more; the run goes on."""
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    # -------------------------------------------------------------- events

    def _hear(self, events: list[dict[str, Any]]) -> None:
        for event in events:
            kind = event.get("kind")
            if kind == "stage":
                self.stage.setText(f"{event['number']} of {event['total']}: {event['text']}")
            elif kind == "split":
                self._show_split(event)
            elif kind == "step":
                self._steps = [s for s in self._steps if _place(s) != _place(event)] + [event]
            elif kind == "fold" and event["folds"] > 1:
                self._fold_errors[event["fold"]] = event["mae_ev"]
        self.refresh_unit()
        self._show_curve()
        self._refresh()

    def refresh_unit(self) -> None:
        """Write the errors in the unit that the user likes."""
        errors = "   ".join(energies.energy(error) for error in self._fold_errors.values())
        self.folds.setText(f"MAE by part: {errors}" if errors else "")

    def _show_split(self, event: dict[str, Any]) -> None:
        training = counted(event["training"], "path")
        text = f"{training} to train on, {event['validation']} to judge by"
        if event["folds"]:
            text += f" (first of {event['folds']} parts)"
        if event["known"]:
            text += f"; {event['known']} are known to the starting model and are trained on only"
        self.split.setText(f"{text}.")
        clear(self._warnings)
        for warning in event["warnings"]:
            self._warnings.addWidget(remark_row(warning, role="muted"))

    def _show_curve(self) -> None:
        if not self._steps:
            self.curve.show_lines([], 1.0)
            return
        theme, last = current_theme(), self._steps[-1]
        shown = [step for step in self._steps if step["fold"] == last["fold"]]
        shown.sort(key=_place)
        lines = [
            Line(name, [s["done"] for s in shown], [_number(s[key]) for s in shown], colour)
            for name, key, colour in (
                ("held-out paths", "validation_ev", theme.accent),
                ("training paths", "training_ev", theme.muted),
            )
        ]
        self.curve.x_caption = str(last["unit"])
        self.curve.setAccessibleDescription(
            f"{last['done']} of {last['total']} {last['unit']}: held-out error "
            + (
                "not known"
                if last["validation_ev"] is None
                else energies.energy(last["validation_ev"])
            )
        )
        self.curve.show_lines(lines, float(last["total"]))

    # -------------------------------------------------------------- the run

    def _refresh(self) -> None:
        watched = self.owner.watched_now()
        if watched is not None:
            self._show(watched)

    def _changed(self, watched: Watched) -> None:
        if watched.run.folder == self.owner.folder:
            self._show(watched)

    def _show(self, watched: Watched) -> None:
        state = watched.run.state
        self.state.setText(self._state_text(watched))
        bad = state is RunState.FAILED
        self.state.setStyleSheet(f"color: {current_theme().error};" if bad else "")
        working = state is RunState.RUNNING
        self.progress.setRange(0, watched.total if working else 1)
        self.progress.setValue(watched.done if working else state is RunState.FINISHED)
        self._show_buttons(watched)
        if self._cancelling and state.has_ended:
            self.owner.window_.runs.remove(watched.run.folder)
        self.completeChanged.emit()
        if state is RunState.FINISHED and self.owner.currentId() == Page.TRAIN:
            self.stage.setText("Finished. Go on to see how good the model is.")

    def _state_text(self, watched: Watched) -> str:
        state = watched.run.state
        if state is RunState.FAILED:
            return f"It failed: {watched.run.error}"
        if state in STATES:
            return STATES[state]
        parts = ["Stopping …" if watched.stopping else state.capitalize()]
        if state is RunState.RUNNING:
            if watched.total and watched.message:
                parts.append(watched.message[:1].lower() + watched.message[1:])
            parts += self._pace(watched)
        return ", ".join(parts)

    def _show_buttons(self, watched: Watched) -> None:
        state = watched.run.state
        again = "Try again" if state is RunState.FAILED else "Resume"
        goes_on, stop = state.can_go_on, "Stop at once" if watched.stopping else "Pause"
        self.pause.setText(again if goes_on else stop)
        self.pause.setToolTip("" if goes_on else PAUSE_TIPS[watched.stopping])
        if self.pause.property("primary") != goes_on:  # then it is the next thing to do
            self.pause.setProperty("primary", goes_on)
            restyle(self.pause)
        self.pause.setEnabled(goes_on or state is RunState.RUNNING)
        self.pause.setVisible(state is not RunState.FINISHED)
        self.cancel.setVisible(state is not RunState.FINISHED)

    def _pace(self, watched: Watched) -> list[str]:
        """Say how far the stage is and what is left of it."""
        step = self._steps[-1] if self._steps else None
        if step is None or step["done"] >= step["total"]:
            left = watched.seconds_left
            return [] if left is None else [f"about {duration(left)} left of this stage"]
        told = [f"{step['done']} of {step['total']} {step['unit']}"]
        return [*told, f"about {duration(step['seconds_left'])} left of this stage"]

    def _removed(self, folder: Path) -> None:
        if folder == self.owner.folder:
            self.owner.reject()

    # -------------------------------------------------------------- buttons

    def _ask_cancel(self) -> None:
        question = RemovalQuestion(
            "Cancel the training?",
            "It is stopped, and what it has done so far is deleted. To go on later, pause it instead.",
            "Cancel the training",
            self.owner,
        )
        question.cancel_button.setText("Go on")
        question.accepted.connect(self._cancel)
        question.open()

    def _cancel(self) -> None:
        run = self.owner.run_now()
        if run is None:
            return
        self._cancelling = True
        if run.state.has_ended:
            self.owner.window_.runs.remove(run.folder)
        else:
            self.owner.window_.runs.stop(run.folder)

    def _show_log(self) -> None:
        run = self.owner.run_now()
        if run is not None:
            LogDialog(run, self.owner).open()


def _place(step: dict[str, Any]) -> tuple[int, int]:
    return step["fold"], step["done"]


def _number(value: float | None) -> float:
    return np.nan if value is None else float(value)
