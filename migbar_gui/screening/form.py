"""What to screen, and how: the first page of the batch dialog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QSettings, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from migbar.elements import MOBILE_IONS
from migbar.errors import MigbarError
from migbar.screening import Limits, ScreeningError, ScreeningOptions
from migbar.screening.inputs import PATTERNS
from migbar_gui.models import Models
from migbar_gui.widgets import button, field_rows, indented, label

OWN_ION = "Each structure's own"
RESULTS = "migbar-results.db"


class ScreeningForm(QWidget):
    """Asks for structures, ion, model and limits; `asked` tells the options of a run."""

    asked = Signal(str, dict)
    """Title and options of the run."""

    def __init__(self, models: Models, settings: QSettings) -> None:
        super().__init__()
        self._settings = settings
        self._files: list[str] = []
        self._suggested = ""
        self.all_paths = QRadioButton("&All distinct paths of every structure in")
        self.given_paths = QRadioButton(
            "&Given paths, from a table with the columns file, from, to"
        )
        self.all_paths.setChecked(True)
        self.source = QLineEdit(placeholderText="Folder (with all below it), or files")
        self.source.setAccessibleName("Folder or files to screen")
        self.folder_button = button("Folder…", self._ask_folder)
        self.files_button = button("Files…", self._ask_files)
        self.table = QLineEdit(
            placeholderText="CSV; ion and mechanism are columns that may be there, too"
        )
        self.table.setAccessibleName("Table of given paths")
        self.table_button = button("Table…", self._ask_table)
        self.ion = QComboBox(editable=True)
        self.ion.addItems([OWN_ION, *MOBILE_IONS])
        self.model = QComboBox()
        self.model.addItems(models.names())
        self.model.setCurrentText(models.used)
        self.out = QLineEdit()
        self.out_button = button("Save as…", self._ask_out)
        self.order = QCheckBox("&Order partly occupied structures (else they are left out)")
        self.processes = indented(QSpinBox(minimum=1, maximum=256))
        self.processes.setValue(ScreeningOptions().processes)
        self.seconds = indented(QSpinBox(minimum=1, maximum=86_400, suffix=" s"))
        self.seconds.setValue(int(Limits().seconds))
        self.sites = indented(QSpinBox(minimum=1, maximum=20_000))
        self.sites.setValue(Limits().sites)
        self.cutoff = indented(
            QDoubleSpinBox(minimum=0.0, maximum=12.0, singleStep=0.5, suffix=" Å")
        )
        self.cutoff.setSpecialValueText("until they connect in 3D (4.5 to 7 Å)")
        self.scheduler = QLineEdit(
            placeholderText="this computer; or a Dask scheduler, tcp://host:8786"
        )
        self.problem = label("", wrap=True)
        self.problem.setProperty("verdict", "bad")
        self.problem.hide()
        self.start = button("Start", self.ask, "primary")
        self._lay_out()
        self.all_paths.toggled.connect(self._enable)
        self.source.textChanged.connect(self._source_typed)
        self.table.textChanged.connect(self._suggest_out)
        self.scheduler.textChanged.connect(self._enable)
        self._enable()

    def set_source(self, paths: Sequence[Path]) -> None:
        """Screen a folder, or files."""
        self._files = [str(path) for path in paths]
        text = self._files[0] if len(paths) == 1 else f"{len(paths)} files"
        self.source.blockSignals(True)
        self.source.setText(text)
        self.source.blockSignals(False)
        self._suggest_out()

    def ask(self) -> None:
        """Start, or say what is wrong."""
        try:
            title, options = self._options()
        except (MigbarError, OSError) as error:
            self.complain(str(error))
            return
        self.problem.hide()
        self.asked.emit(title, options)

    def complain(self, text: str) -> None:
        """Say what is wrong."""
        self.problem.setText(text)
        self.problem.show()

    # -------------------------------------------------------------- building

    def _lay_out(self) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(10)
        outer.addWidget(label("Screen many structures", "formula"))
        outer.addWidget(
            label(
                "Every structure is read, its symmetry-distinct hops are found, and their barriers predicted. What is "
                "done is kept at once: a screening can be stopped at any time and goes on where it was.",
                "muted",
                wrap=True,
            )
        )
        outer.addWidget(self.all_paths)
        outer.addLayout(_row(self.source, self.folder_button, self.files_button))
        outer.addWidget(self.given_paths)
        outer.addLayout(_row(self.table, self.table_button))
        outer.addSpacing(6)
        columns = QHBoxLayout()
        columns.setSpacing(32)
        columns.addLayout(
            field_rows(
                (
                    ("&Ion that moves", self.ion),
                    ("&Model", self.model),
                    ("&Longest hop", self.cutoff),
                    ("&Where to compute", self.scheduler),
                )
            ),
            3,
        )
        limits = QVBoxLayout()
        limits.addLayout(
            field_rows(
                (
                    ("&Processes", self.processes),
                    ("&Time for one structure", self.seconds),
                    ("Most &sites in a cell", self.sites),
                )
            )
        )
        limits.addStretch(1)
        columns.addLayout(limits, 2)
        outer.addLayout(columns)
        outer.addWidget(self.order)
        outer.addSpacing(6)
        outer.addWidget(label("Results are kept in"))
        outer.addLayout(_row(self.out, self.out_button))
        self.out.setAccessibleName("Results database")
        outer.addWidget(self.problem)
        outer.addStretch(1)
        self.buttons = QHBoxLayout()
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.start)
        outer.addLayout(self.buttons)

    def _enable(self) -> None:
        every = self.all_paths.isChecked()
        for widget in (self.source, self.folder_button, self.files_button, self.cutoff):
            widget.setEnabled(every)
        for widget in (self.table, self.table_button):
            widget.setEnabled(not every)
        self.processes.setEnabled(not self.scheduler.text().strip())
        self._suggest_out()

    def _source_typed(self, text: str) -> None:
        self._files = [text.strip()] if text.strip() else []
        self._suggest_out()

    def _suggest_out(self) -> None:
        """Suggest a place for the results, unless the user has chosen one."""
        if self.out.text() != self._suggested:
            return
        first = Path((self._files or [""])[0] if self.all_paths.isChecked() else self.table.text())
        folder = first if first.is_dir() else first.parent
        self._suggested = str(folder / RESULTS) if str(first) not in ("", ".") else ""
        self.out.setText(self._suggested)

    # -------------------------------------------------------------- asking for files

    def _last_folder(self) -> str:
        return str(self._settings.value("folder", str(Path.home())))

    def _ask_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Folder to screen", self._last_folder())
        if name:
            self.set_source([Path(name)])

    def _ask_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self,
            "Structures to screen",
            self._last_folder(),
            f"Crystal structures ({' '.join(PATTERNS)});;All files (*)",
        )
        if names:
            self.set_source([Path(name) for name in names])

    def _ask_table(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Table of paths", self._last_folder(), "CSV tables (*.csv);;All files (*)"
        )
        if name:
            self.table.setText(name)

    def _ask_out(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self,
            "Results",
            self.out.text() or self._last_folder(),
            "Results databases (*.db)",
            options=QFileDialog.Option.DontConfirmOverwrite,  # what is there is gone on with
        )
        if name:
            self.out.setText(name if Path(name).suffix else f"{name}.db")

    # -------------------------------------------------------------- what was chosen

    def _options(self) -> tuple[str, dict[str, Any]]:
        """Return title and options of the run; raises what is wrong with them."""
        every = self.all_paths.isChecked()
        if every and not self._files:
            raise ScreeningError("Choose a folder or files to screen.")
        if not every and not self.table.text().strip():
            raise ScreeningError("Choose the table with the given paths.")
        if not self.out.text().strip():
            raise ScreeningError("Choose where the results go.")
        ion = self.ion.currentText().strip()
        options = ScreeningOptions(
            out=Path(self.out.text().strip()).expanduser().absolute(),
            ion=None if ion in ("", OWN_ION) else ion[:1].upper() + ion[1:].lower(),
            model=self.model.currentText(),
            order=self.order.isChecked(),
            cutoff=(self.cutoff.value() or None) if every else None,
            limits=Limits(seconds=float(self.seconds.value()), sites=self.sites.value()),
            workers=self.processes.value(),
            scheduler=self.scheduler.text().strip() or None,
        )
        options.check()
        chosen = self._sources(every)
        what = Path(chosen[0]).name or chosen[0]
        if len(chosen) > 1:
            what = f"{len(chosen)} files"
        key: dict[str, Any] = {"paths": chosen} if every else {"given_hops": chosen[0]}
        return f"Screening {what}", {**options.to_dict(), **key}

    def _sources(self, every: bool) -> list[str]:
        names = self._files if every else [self.table.text().strip()]
        chosen = [Path(name).expanduser().absolute() for name in names]
        missing = [path for path in chosen if not path.exists()]
        if missing:
            raise ScreeningError(f"There is no {missing[0]}.")
        return [str(path) for path in chosen]


def _row(field: QWidget, *buttons: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(24, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(field, 1)
    for one in buttons:
        row.addWidget(one)
    return row
