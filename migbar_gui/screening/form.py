"""What to screen, and how: the first page of the batch dialog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QWidget,
)

from migbar.errors import MigbarError
from migbar.screening import Limits, ScreeningError, ScreeningOptions, read_given_hops
from migbar_gui.computing.models import Models
from migbar_gui.files.recent import last_folder
from migbar_gui.looks.widgets import (
    DecimalBox,
    ProblemLabel,
    button,
    field_rows,
    in_column,
    in_row,
    indented,
    label,
)
from migbar_gui.screening.sources import IonBox, SourcesField, existing, model_box, several

RESULTS = "migbar-results.db"


class ScreeningForm(QWidget):
    """Asks for structures, ion, model and limits; `asked` tells the options of a run."""

    asked = Signal(str, dict)
    """Title and options of the run."""

    def __init__(self, models: Models, settings: QSettings) -> None:
        super().__init__()
        self._settings = settings
        self._suggested = ""
        self.all_paths = QRadioButton("&All distinct paths of every structure in")
        self.given_paths = QRadioButton(
            "&Given paths, from a table with the columns file, from, to"
        )
        self.all_paths.setChecked(True)
        self.sources = SourcesField("to screen", settings)
        self.source = self.sources.line
        self.table = QLineEdit(
            placeholderText="CSV; ion and mechanism are columns that may be there, too"
        )
        self.table.setAccessibleName("Table of given paths")
        self.table_button = button("Table…", self._ask_table)
        self.ion = IonBox()
        self.model = model_box(models)
        self.out = QLineEdit(placeholderText=f"A file; {RESULTS} beside the structures")
        self.out_button = button("Save as…", self._ask_out)
        self.order = QCheckBox("&Order partly occupied structures (else they are left out)")
        self.processes = indented(QSpinBox(minimum=1, maximum=256))
        self.processes.setValue(ScreeningOptions().processes)
        self.seconds = indented(QSpinBox(minimum=1, maximum=86_400, suffix=" s"))
        self.seconds.setValue(int(Limits().seconds))
        self.sites = indented(QSpinBox(minimum=1, maximum=20_000))
        self.sites.setValue(Limits().sites)
        self.cutoff = DecimalBox(minimum=0.0, maximum=12.0, singleStep=0.5, suffix=" Å")
        self.cutoff.setSpecialValueText("until they connect in 3D (4.5 to 7 Å)")
        self.scheduler = QLineEdit(placeholderText="This computer; or Dask, tcp://host:8786")
        self.problem = ProblemLabel("bad")
        self.start = button("Start", self.ask, "primary")
        self._lay_out()
        self.all_paths.toggled.connect(self._enable)
        self.sources.changed.connect(self._suggest_out)
        self.sources.changed.connect(lambda: self.problem.tell())
        self.table.textChanged.connect(self._suggest_out)
        for field in (self.table, self.out, self.scheduler):
            field.textChanged.connect(lambda _: self.problem.tell())
        self.scheduler.textChanged.connect(self._enable)
        self._enable()

    def ask(self) -> None:
        """Start, or say what is wrong."""
        try:
            title, options = self._options()
        except (MigbarError, OSError) as error:
            self.problem.tell(error)
            return
        self.problem.tell()
        self.asked.emit(title, options)

    # -------------------------------------------------------------- building

    def _lay_out(self) -> None:
        about = label(
            "Every structure is read, its symmetry-distinct hops are found, and their barriers predicted. What is "
            "done is kept at once: a screening can be stopped at any time and goes on where it was.",
            "muted",
            wrap=True,
        )
        kept = label("&Results are kept in")
        kept.setBuddy(self.out)
        self.out.setAccessibleName("Results database")
        self.buttons = in_row(None, self.start)
        parts = (
            label("Screen many structures", "formula"),
            about,
            self.all_paths,
            _row(self.sources),
            self.given_paths,
            _row(self.table, self.table_button),
            self._make_fields(),
            self.order,
            kept,
            _row(self.out, self.out_button),
            self.problem,
            None,
            self.buttons,
        )
        self.setLayout(in_column(*parts, spacing=10, margins=(20, 18, 20, 16)))

    def _make_fields(self) -> QHBoxLayout:
        left = (
            ("&Ion that moves", self.ion),
            ("&Model", self.model),
            ("&Longest hop", self.cutoff),
            ("&Where to compute", self.scheduler),
        )
        right = (
            ("&Processes", self.processes),
            ("&Time for one structure", self.seconds),
            ("Most &sites in a cell", self.sites),
        )
        height = max(field.sizeHint().height() for _, field in (*left, *right))
        fields = in_row(spacing=32, margins=(0, 6, 0, 6))
        for column, share in ((left, 4), (right, 3)):
            rows = field_rows(column)
            for row in range(len(column)):  # so that both columns stand on the same lines
                rows.setRowMinimumHeight(row, height)
            fields.addLayout(rows, share)
            fields.setAlignment(rows, Qt.AlignmentFlag.AlignTop)
        return fields

    def _enable(self) -> None:
        every = self.all_paths.isChecked()
        self.sources.setEnabled(every)
        self.cutoff.setEnabled(every)
        self.table.setEnabled(not every)
        self.table_button.setEnabled(not every)
        self.processes.setEnabled(not self.scheduler.text().strip())
        self._suggest_out()

    def _suggest_out(self) -> None:
        """Suggest a place for the results, unless the user has chosen one."""
        if self.out.text() != self._suggested:
            return
        every = self.all_paths.isChecked()
        first = Path((self.sources.names or [""])[0] if every else self.table.text())
        folder = first if first.is_dir() else first.parent
        # Given paths of a file would take the place of all its paths in the same results.
        name = RESULTS if every else f"{first.stem}-results.db"
        self._suggested = str(folder / name) if str(first) not in ("", ".") else ""
        self.out.setText(self._suggested)

    # -------------------------------------------------------------- asking for files

    def _ask_table(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Table of paths", last_folder(self._settings), "CSV tables (*.csv);;All files (*)"
        )
        if name:
            self.table.setText(name)

    def _ask_out(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Results",
            self.out.text() or last_folder(self._settings),
            "Results databases (*.db)",
            options=QFileDialog.Option.DontConfirmOverwrite,  # what is there is gone on with
        )
        if name:
            self.out.setText(name if Path(name).suffix else f"{name}.db")

    # -------------------------------------------------------------- what was chosen

    def _options(self) -> tuple[str, dict[str, Any]]:
        """Return title and options of the run; raises what is wrong with them."""
        every = self.all_paths.isChecked()
        table = self.table.text().strip()
        if not every and not table:
            raise ScreeningError("Choose the table with the given paths.")
        chosen = self.sources.paths() if every else existing([table])
        if not every:
            read_given_hops(chosen[0])  # what is wrong with it is told here, not by the run
        if not self.out.text().strip():
            raise ScreeningError("Choose where the results go.")
        first = Path(chosen[0])
        beside = first if first.is_dir() else first.parent
        options = ScreeningOptions(
            out=beside / Path(self.out.text().strip()).expanduser(),
            ion=self.ion.symbol or None,
            model=self.model.currentText(),
            order=self.order.isChecked(),
            cutoff=(self.cutoff.value() or None) if every else None,
            limits=Limits(seconds=float(self.seconds.value()), sites=self.sites.value()),
            workers=self.processes.value(),
            scheduler=self.scheduler.text().strip() or None,
        )
        options.check()
        what = Path(chosen[0]).name or chosen[0]
        if len(chosen) > 1:
            what = several(chosen)
        key: dict[str, Any] = {"paths": chosen} if every else {"given_hops": chosen[0]}
        return f"Screening {what}", {**options.to_dict(), **key}


def _row(field: QWidget, *buttons: QWidget) -> QHBoxLayout:
    return in_row(field, *buttons, grow=field, margins=(24, 0, 0, 0))
