"""Input of a DFT-NEB: settings on the left, the files as they will be on the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QListWidget,
    QPlainTextEdit,
    QSpinBox,
    QWidget,
)

from migbar.dft import CALCULATORS, CODE_NAMES, DftBand, DftSettings, input_files, parse_incar
from migbar_gui.background.jobs import Jobs
from migbar_gui.looks.theme import fixed_font, with_text
from migbar_gui.looks.widgets import (
    DecimalBox,
    ProblemLabel,
    Question,
    choice_box,
    field_rows,
    in_column,
    in_row,
    indented,
    label,
    resize_on_screen,
)

PAUSE_MS = 250
CALCULATOR_NAMES = {
    "chgnet": "CHGNet",
    "vasp": "VASP",
    "espresso": "Quantum ESPRESSO",
    "gpaw": "GPAW",
}

Source = Callable[[int], DftBand]
"""Called in another thread with the number of images; returns the band to write."""


class ExportDftDialog(Question):
    """Asks for code and settings, and shows every file before it is written.

    Parameters
    ----------
    name : str
        The path.
    sources : mapping
        What makes the images, by its name; the first is taken at first.
    fixed : collection of str
        Sources whose number of images is what it is.
    """

    chosen = Signal(object)
    """The files: text by path in the folder."""

    def __init__(
        self,
        name: str,
        sources: Mapping[str, Source],
        fixed: frozenset[str],
        jobs: Jobs,
        parent: QWidget | None,
    ) -> None:
        super().__init__("Export NEB input", name, "Write…", parent)
        self._sources = sources
        self._fixed = fixed
        self._jobs = jobs
        self._files: dict[str, str] = {}
        self._bands: dict[tuple[str, int], DftBand] = {}
        self._timer = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._timer.timeout.connect(self._make)
        self._make_band_fields()
        self._make_code_fields(DftSettings())
        self._make_files()
        self._lay_out()
        self._connect()
        self._show_fields()
        self.accept_button.setEnabled(False)
        self.cancel_button.setAutoDefault(False)
        self._make()

    # -------------------------------------------------------------- building

    def _make_band_fields(self) -> None:
        """Make what says which band is written, and for which code."""
        self.source = choice_box()
        self.source.addItems(list(self._sources))
        self.images = indented(QSpinBox(minimum=1, maximum=25, value=5))
        self.code = choice_box(CODE_NAMES)
        self.calculator = choice_box({name: CALCULATOR_NAMES[name] for name in CALCULATORS})

    def _make_code_fields(self, defaults: DftSettings) -> None:
        """Make what the codes are told."""
        self.climbing = QCheckBox("Climbing image")
        self.climbing.setToolTip("VASP needs the VTST patch for it")
        self.climbing.setChecked(defaults.climbing)
        self.force = _number(defaults.force_ev_per_angstrom, 0.001, 1.0, 0.01, 3, " eV/Å")
        self.steps = indented(QSpinBox(minimum=1, maximum=9999, value=defaults.steps))
        self.cutoff = _number(defaults.cutoff_ev, 100, 2000, 20, 0, " eV")
        self.cutoff_ry = _number(defaults.cutoff_ry, 10, 200, 5, 0, " Ry")
        self.k_spacing = _number(defaults.k_spacing, 0.05, 2.0, 0.05, 2, " 1/Å")
        self.k_spacing.setToolTip("Largest distance between k-points, 2π included")
        self.spin = QCheckBox("Spin-polarised where there are d or f metals")
        self.spin.setChecked(defaults.spin)
        self.hubbard = QCheckBox("+U of the Materials Project")
        self.incar = QPlainTextEdit(placeholderText="IVDW = 12")
        self.incar.setAccessibleName("Further INCAR tags")
        self.incar.setFixedHeight(with_text(64))
        self._incar_label = label("Further &INCAR tags, one a line", "muted")
        self._incar_label.setBuddy(self.incar)

    def _make_files(self) -> None:
        """Make what shows the files as they will be."""
        self.list = QListWidget()
        self.list.setAccessibleName("Files")
        self.list.setFixedWidth(with_text(170))
        self.list.currentTextChanged.connect(self._show_file)
        self.preview = QPlainTextEdit(readOnly=True)
        self.preview.setFont(fixed_font())
        self.preview.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.preview.setAccessibleName("Preview")
        self.preview.setMinimumSize(300, 380)
        self.warning = ProblemLabel()

    def _lay_out(self) -> None:
        self._rows = (
            ("&Band", self.source),
            ("I&mages", self.images),
            ("&Code", self.code),
            ("C&alculator", self.calculator),
            ("", self.climbing),
            ("&Force", self.force),
            ("S&teps", self.steps),
            ("C&ut-off", self.cutoff),
            ("Cut-&off", self.cutoff_ry),
            ("&k-points", self.k_spacing),
            ("", self.spin),
            ("", self.hubbard),
        )
        left = in_column(field_rows(self._rows), self._incar_label, self.incar, None)
        # So that nothing moves when another code has other fields.
        self.source.setMinimumWidth(with_text(290))
        columns = in_row(left, self.list, self.preview, grow=self.preview, spacing=14)
        self.body.addLayout(columns, 1)
        self.stretch_body()
        self.body.addWidget(self.warning)
        resize_on_screen(self, 1040, 600)

    def _connect(self) -> None:
        for box in (self.source, self.code, self.calculator):
            box.currentIndexChanged.connect(self._changed)
        for number in (
            self.images, self.force, self.steps, self.cutoff, self.cutoff_ry, self.k_spacing,
        ):  # fmt: skip
            number.valueChanged.connect(self._changed)
        for check in (self.climbing, self.spin, self.hubbard):
            check.toggled.connect(self._changed)
        self.incar.textChanged.connect(self._changed)

    # -------------------------------------------------------------- what was chosen

    def settings(self) -> DftSettings:
        """Return what was chosen.

        Raises
        ------
        DftInputError
            If a further tag is none.
        """
        return DftSettings(
            climbing=self.climbing.isChecked(),
            force_ev_per_angstrom=self.force.value(),
            steps=self.steps.value(),
            cutoff_ev=self.cutoff.value(),
            cutoff_ry=self.cutoff_ry.value(),
            k_spacing=self.k_spacing.value(),
            spin=self.spin.isChecked(),
            hubbard_u=self.hubbard.isChecked(),
            calculator=self.calculator.currentData(),
            incar=parse_incar(self.incar.toPlainText()),
        )

    def accept(self) -> None:
        """Hand over the files, once they are those of the present settings."""
        if self._files and not self._timer.isActive():
            self.chosen.emit(dict(self._files))
            super().accept()

    def reject(self) -> None:
        """Leave without files."""
        self._jobs.cancel("export dft")
        super().reject()

    def _changed(self) -> None:
        self.accept_button.setEnabled(False)
        self._show_fields()
        self._timer.start()

    def _show_fields(self) -> None:
        """Show the fields that the chosen code knows."""
        code, calculator = self.code.currentData(), self.calculator.currentData()
        is_ase = code == "ase"
        by = calculator if is_ase else code
        shown = {
            self.images: self.source.currentText() not in self._fixed,
            self.calculator: is_ase,
            self.cutoff: by in ("vasp", "gpaw"),
            self.cutoff_ry: by == "espresso",
            self.k_spacing: by != "chgnet",
            self.spin: by != "chgnet",
            self.hubbard: code == "vasp",
            self.incar: code == "vasp",
            self._incar_label: code == "vasp",
        }
        names = {field: text for text, field in self._rows}
        for widget, visible in shown.items():
            widget.setVisible(visible)
            if widget in names:
                for other in self.findChildren(type(self._incar_label)):
                    if other.buddy() is widget:
                        other.setVisible(visible)

    def _make(self) -> None:
        """Make the files in another thread; a band is made once."""
        try:
            settings = self.settings()
        except Exception as error:
            self._complain(error)
            return
        source, images = self.source.currentText(), self.images.value()
        code = self.code.currentData()
        self.preview.setPlaceholderText("Making the files …")

        def make(_: object) -> tuple[DftBand, dict[str, str]]:
            key = source, images
            if key not in self._bands:
                self._bands[key] = self._sources[source](images)
            return self._bands[key], input_files(self._bands[key], code, settings)

        self._jobs.start("export dft", "", make, self._take, self._complain)

    def _take(self, made: tuple[DftBand, dict[str, str]]) -> None:
        band, self._files = made
        before = self.list.currentItem().text() if self.list.currentItem() else ""
        self.list.clear()
        names = list(self._files)
        self.list.addItems(names)
        first = "INCAR" if "INCAR" in names else names[-1]
        self.list.setCurrentRow(names.index(before if before in names else first))
        self._warn("\n".join(band.warnings))
        self.accept_button.setEnabled(not self._timer.isActive())

    def _show_file(self, name: str) -> None:
        self.preview.setPlainText(self._files.get(name, ""))

    def _complain(self, error: Exception) -> None:
        self._files = {}
        self.list.clear()
        self.preview.setPlaceholderText("")
        self._warn(error)
        self.accept_button.setEnabled(False)

    def _warn(self, problem: object) -> None:
        """Say what is wrong in a line of its own; the fields above it keep their height."""
        self.warning.tell(problem)
        before = self.height()
        self.fit()
        self.resize(self.width(), max(before, self.height()))


def _number(
    value: float, low: float, high: float, step: float, decimals: int, unit: str
) -> DecimalBox:
    box = DecimalBox(minimum=low, maximum=high, singleStep=step, decimals=decimals)
    box.setValue(value)
    box.setSuffix(unit)
    return box
