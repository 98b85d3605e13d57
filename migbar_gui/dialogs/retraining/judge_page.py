"""How good the model is, beside what there was before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QBoxLayout,
    QGridLayout,
    QScrollArea,
    QTableWidget,
    QVBoxLayout,
    QWidget,
)

from migbar.datasets import BandRecord
from migbar.datasets.storage import BarrierDataset
from migbar.models.store import DEFAULT_MODEL
from migbar.training.own.judgement import describe
from migbar.training.own.starts import Kind, available_starts
from migbar_gui.dialogs.models import SCORES, add_titles, with_error
from migbar_gui.dialogs.retraining.wizard import Page, RetrainingWizard, WizardPage
from migbar_gui.files.band_opening import open_record
from migbar_gui.looks import energies
from migbar_gui.looks.charts import ParityPlot
from migbar_gui.looks.tables import LEFT, RIGHT, list_of, write_heads, write_row
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    SCROLL_BAR,
    button,
    clear,
    in_column,
    in_row,
    label,
    restyle,
    scroll,
)

ROWS = (
    ("model", "The new model"),
    ("model_where_start", "The new model, where the start can be judged"),
    ("start", "What you had: {start}"),
    ("baseline", "Mean of each class and ion"),
)
WORST = (
    ("Path", 190, LEFT, ""),
    ("Class", 150, LEFT, ""),
    ("Known ({unit})", 112, RIGHT, "Barrier in the data"),
    ("Predicted ({unit})", 128, RIGHT, "By the new model"),
    ("Error ({unit})", 104, RIGHT, "Predicted minus known barrier"),
    ("What you had ({unit})", 0, RIGHT, "By the model that was there before"),
)
"""Columns of the table of the largest errors."""
VERDICTS = {"better": "good", "not_better": "poor"}


class JudgePage(WizardPage):
    """Shows the judgement that came with the result."""

    def __init__(self, wizard: RetrainingWizard) -> None:
        super().__init__(wizard, "How good is it?", "")
        self._result: dict[str, Any] = {}
        self.verdict = label("", wrap=True)
        self.verdict.setProperty("verdict", "none")
        self.parity = ParityPlot()
        self.parity.setMinimumSize(260, with_text(250))
        self.parity.setMaximumWidth(with_text(400))  # its axes have the same numbers: no strip
        self.parity.clicked.connect(self._choose_point)
        self.scores = QVBoxLayout()
        self._confusion = QVBoxLayout()
        self.calibration = label("", "muted", wrap=True)
        self.worst = self._make_worst()
        right = self._numbers = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(label("Errors with bootstrap standard errors", "section"))
        right.addLayout(self.scores)
        self._threshold = label("", "section")
        right.addWidget(self._threshold)
        right.addLayout(self._confusion)
        right.addWidget(self.calibration)
        right.addStretch(1)
        self._halves = in_row(spacing=18)
        self._halves.addWidget(self.parity, 2)
        self._halves.addLayout(right, 3)
        self.report = button("Open the report", self._open_report)
        text = "Largest errors; double click or Enter opens the path in the main window"
        title = label(text, "section", wrap=True)
        head = in_row(title, self.report, grow=title)
        everything = QWidget()
        everything.setLayout(in_column(self.verdict, self._halves, head, self.worst, spacing=10))
        self._area = QScrollArea()
        self._area.setObjectName("judgement")
        scroll(self._area, everything, "Judgement")
        self._area.viewport().installEventFilter(self)
        everything.installEventFilter(self)
        self.body.addWidget(self._area, 1)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Put the plot above the numbers where there is no room for them beside it: text can be large."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest):
            numbers = self._numbers.minimumSize().width()
            self._area.setMinimumWidth(numbers + SCROLL_BAR)
            needed = self.parity.minimumWidth() + self._halves.spacing() + numbers
            beside = needed <= self._area.viewport().width()
            way = QBoxLayout.Direction.LeftToRight if beside else QBoxLayout.Direction.TopToBottom
            self._halves.setDirection(way)
        return super().eventFilter(watched, event)

    def initializePage(self) -> None:  # noqa: N802
        """Show the run's result."""
        run = self.owner.run_now()
        if run is None or not isinstance(run.result, dict):
            return
        self._result = run.result
        self.refresh_unit()

    def refresh_unit(self) -> None:
        """Write everything in the unit that the user likes."""
        if not (result := self._result):
            return
        self.verdict.setText(describe(result, energies.current()))
        self.verdict.setProperty("verdict", VERDICTS.get(result["verdict"], "none"))
        restyle(self.verdict)
        self._show_scores()
        self._show_confusion()
        told = result["calibration"]
        self.calibration.setText(
            f"{100 * told['coverage']:.0f} ± {100 * told['coverage_se']:.0f} % of the barriers lie in their "
            f"{100 * told['nominal']:.0f} % intervals; half of these are wider than "
            f"{energies.energy(told['median_width_ev'], 2)}."
        )
        parity = result["parity"]
        self.parity.show_points(
            parity["name"],
            _floats(parity["target_ev"]),
            _floats(parity["predicted_ev"]),
            np.array(parity["interval_ev"], float).reshape(-1, 2),
            _floats(parity["start_ev"]),
            result["threshold_ev"],
        )
        self._show_worst()
        self.report.setVisible(Path(result.get("report", "")).is_file())

    def nextId(self) -> int:  # noqa: N802
        """Keep it next."""
        return Page.KEEP

    # -------------------------------------------------------------- tables

    def _show_scores(self) -> None:
        clear(self.scores)
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(5)
        grid.setColumnStretch(0, 1)
        add_titles(grid)
        scores, start = self._result["scores"], self._result["options"]["start"]
        if _kind(start) in (Kind.PRETRAINED, Kind.SCRATCH):  # these predict no barriers
            start = DEFAULT_MODEL
        same = "start" in scores and scores["start"]["n"] == scores["model"]["n"]
        row = 1
        for key, text in ROWS:
            if key not in scores or (key == "model_where_start" and same):
                continue
            name = label(text.format(start=start), "heading" if key == "model" else "", wrap=True)
            name.setMinimumWidth(with_text(150))
            grid.addWidget(name, row, 0)
            grid.addWidget(label(str(scores[key]["n"])), row, 1)
            for column, (score, _, digits) in enumerate(SCORES, start=2):
                grid.addWidget(label(with_error(scores[key], score, digits)), row, column)
            row += 1
        self.scores.addWidget(holder)

    def _show_confusion(self) -> None:
        clear(self._confusion)
        threshold = self._result["threshold_ev"]
        limit = f"{energies.short(threshold)} {energies.unit()}"
        self._threshold.setText(f"Good conductors (at most {limit}) and poor ones")
        holder = QWidget()
        grid = QGridLayout(holder)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(5)
        counts = self._result["confusion"]
        columns = [("model", "the new model"), ("start", "what you had")]
        columns = [pair for pair in columns if pair[0] in counts]
        grid.setColumnStretch(2 * len(columns) + 1, 1)
        for n, (key, who) in enumerate(columns):
            for side, word in enumerate(("good", "poor")):
                text = label(f"called {word}\nby {who}", "muted")
                grid.addWidget(text, 0, 1 + 2 * n + side)
                for row, truth in enumerate(("good", "poor"), start=1):
                    count = counts[key][f"{truth}_called_{word}"]
                    cell = label(str(count), "heading" if truth == word else "")
                    grid.addWidget(cell, row, 1 + 2 * n + side)
        for row, truth in enumerate(("good", "poor"), start=1):
            grid.addWidget(label(f"{truth} in truth", "muted"), row, 0)
        self._confusion.addWidget(holder)

    def _make_worst(self) -> QTableWidget:
        table = list_of(WORST, "Largest errors")
        table.verticalHeader().setDefaultSectionSize(with_text(26))
        table.setMinimumHeight(with_text(80))  # with large text the scores need the room
        table.setMaximumHeight(with_text(150))
        table.currentCellChanged.connect(lambda row, *_: self._mark(row))
        table.itemActivated.connect(lambda item: self.open_path(self._result["worst"][item.row()]))
        return table

    def _show_worst(self) -> None:
        parity, worst = self._result["parity"], self._result["worst"]
        write_heads(self.worst, WORST)
        self.worst.setRowCount(len(worst))
        for row, index in enumerate(worst):
            known, predicted = parity["target_ev"][index], parity["predicted_ev"][index]
            start = parity["start_ev"][index]
            cells = (
                parity["name"][index],
                parity["family"][index],
                energies.number(known),
                energies.number(predicted),
                energies.number(predicted - known, sign=True),
                "" if start is None else energies.number(start),
            )
            write_row(self.worst, row, WORST, cells)

    # -------------------------------------------------------------- one path

    def _mark(self, row: int) -> None:
        worst = self._result.get("worst", ())
        self.parity.choose(worst[row] if 0 <= row < len(worst) else None)

    def _open_report(self) -> None:
        """Open the report, written anew in the unit that the user likes."""
        result, place, form = self._result, self._result["report"], energies.current()

        def write(_: object) -> None:
            from migbar.training.own.report import write_report

            write_report(place, result, form)

        def show(_: object) -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(place))

        window = self.owner.window_
        window.jobs.start(
            "training report", "Writing the report", write,
            show, window.show_error,
        )  # fmt: skip

    def _choose_point(self, index: int) -> None:
        self.parity.choose(index)
        self.open_path(index)

    def open_path(self, index: int) -> None:
        """Open a judged path in the main window, by its place in the parity data."""
        data, name = self._result["options"]["data"], self._result["parity"]["name"][index]

        def load() -> BandRecord:
            dataset = BarrierDataset(data)
            return dataset[dataset.names.index(name)]

        window = self.owner.window_
        open_record(window.workspace, window.jobs, name, load)
        window.raise_()
        window.activateWindow()


def _kind(name: str) -> Kind | None:
    """Return what kind of start a name stands for; None where it is gone."""
    return next((start.kind for start in available_starts() if start.name == name), None)


def _floats(values: list[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if v is None else v for v in values], float)
