"""What to compute next: the few paths whose DFT barrier would teach the model most, found in a run of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QModelIndex, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QLineEdit,
    QProgressBar,
    QSpinBox,
    QStackedLayout,
    QWidget,
)

from migbar.dft import CODE_NAMES
from migbar.errors import MigbarError
from migbar.runs import SUGGESTION, Run, RunState
from migbar_gui.background.run_watcher import Watched
from migbar_gui.files.saving import ask_path
from migbar_gui.looks import energies
from migbar_gui.looks.notice import Notice, open_notice
from migbar_gui.looks.tables import (
    LEFT,
    RIGHT,
    NamesDelegate,
    list_of,
    write_heads,
    write_row,
)
from migbar_gui.looks.widgets import (
    ProblemLabel,
    as_window,
    button,
    choice_box,
    field_rows,
    in_column,
    in_row,
    indented,
    label,
    resize_on_screen,
    restyle,
)
from migbar_gui.screening.opening import WantedPath
from migbar_gui.screening.sources import IonBox, SourcesField, model_box

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

FOLDER = "to-compute"
LIST_FORMATS = {"CSV (*.csv)": ".csv", "Excel workbook (*.xlsx)": ".xlsx"}


COLUMNS = (
    ("Rank", 52, RIGHT, "The most instructive path is the first"),
    ("File", 210, LEFT, "Double-click to open the structure with this path"),
    ("Ion", 44, LEFT, "Element that moves"),
    ("Path", 120, LEFT, "Initial and final site (index@image)"),
    ("Barrier ({unit})", 118, RIGHT, "Predicted migration barrier Eₘ, to be replaced by DFT"),
    ("90 % interval", 116, RIGHT, "The wider, the less sure the model is"),
    ("Unsure (√eV)", 106, RIGHT, "Width of the interval between the square roots of its ends"),
    ("Novelty", 76, RIGHT, "Distance to what is known or stands above: 0 the same, about 1.4 any two paths"),
    ("To know", 0, LEFT, "Warnings of this path"),
)  # fmt: skip
"""Title, width, side and explanation."""

ABOUT = (
    "Finds all distinct paths of your structures, and picks those that the model is unsure of and that are unlike what "
    "it knows and one another. Compute these by DFT, fill in their barriers, and train a model with them."
)


class SuggestionDialog(QDialog):
    """Asks for structures, follows the run, and shows the list; closing it leaves the run alone.

    Parameters
    ----------
    window : MainWindow
        Where double-clicked paths are opened.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("What to compute next")
        resize_on_screen(self, 1080, 560)
        self._window = window
        self._folder: Path | None = None
        self._result: dict[str, Any] = {}
        self.notice = Notice()
        self._pages = QStackedLayout()
        self._pages.addWidget(self._make_form())
        self._pages.addWidget(self._make_results())
        self.setLayout(in_column(self.notice, self._pages, grow=self._pages, spacing=0))
        as_window(self)
        self.sources.line.setFocus()
        window.runs.changed.connect(self._follow)
        window.runs.removed.connect(self._forget)

    def show_run(self, run: Run) -> None:
        """Show how far a run is, or what it has found."""
        self._folder = run.folder
        self._result = {}
        self.refresh_unit()
        self._pages.setCurrentIndex(1)
        self._follow(self._window.runs.get(run.folder) or Watched(run))

    def refresh_unit(self) -> None:
        """Write the list in the unit that the user likes."""
        write_heads(self.table, COLUMNS)
        suggested = self._result.get("suggested", ())
        self.table.setRowCount(len(suggested))
        for row, path in enumerate(suggested):
            write_row(self.table, row, COLUMNS, (str(row + 1), *_cells(path)))
            if file := self.table.item(row, 1):
                file.setToolTip(path["structure"])

    # -------------------------------------------------------------- building

    def _make_form(self) -> QWidget:
        self._make_fields()
        self.problem = ProblemLabel("bad")
        self.start = button("Suggest paths", self.ask, "primary")
        self.start.setDefault(True)
        fields = (
            ("&Structures", self.sources),
            ("&Ion that moves", self.ion),
            ("&Model that is to learn", self.model),
            ("&Number of paths", self.count),
            ("NEB inputs &for", self.code),
            ("Ima&ges between the ends", self.images),
            ("&Write list and inputs to", self._out_row),
        )
        page = QWidget()
        page.setLayout(
            in_column(
                label("What to compute next", "formula"),
                label(ABOUT, "muted", wrap=True),
                field_rows(fields),
                self.problem,
                None,
                in_row(None, self.start, button("Close", self.close)),
                spacing=10,
                margins=(20, 18, 20, 16),
            )
        )
        return page

    def _make_fields(self) -> None:
        self.sources = SourcesField("to pick paths from", self._window.settings)
        self.sources.changed.connect(self._suggest_out)
        self.sources.changed.connect(lambda: self.problem.tell())
        self.ion = IonBox()
        self.model = model_box(self._window.models)
        self.count = indented(QSpinBox(minimum=1, maximum=1000))
        self.count.setValue(10)
        self.code = choice_box(CODE_NAMES)
        self.images = indented(QSpinBox(minimum=1, maximum=25))
        self.images.setValue(5)
        self.out = QLineEdit(placeholderText="A new folder")
        self.out.setAccessibleName("Folder for list and inputs")
        self.out.textChanged.connect(lambda _: self.problem.tell())
        self._suggested_out = ""
        self._out_row = QWidget()
        self._out_row.setFocusProxy(self.out)
        choose = button("Choose…", self._ask_out)
        self._out_row.setLayout(in_row(self.out, choose, grow=self.out))

    def _make_results(self) -> QWidget:
        self.summary = label("", wrap=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.table = list_of(COLUMNS, "Paths to compute")
        self.table.setItemDelegateForColumn(1, NamesDelegate(self.table))
        self.table.activated.connect(self.open_row)
        self.table.itemSelectionChanged.connect(self._enable)
        self.warnings = label("", wrap=True)
        self.left_out = label("", "muted", wrap=True)
        self.view = button("Open in viewer", lambda: self.open_row(self.table.currentIndex()))
        self.export = button("Export list…", self._ask_export)
        self.inputs = button("Open folder of inputs", self._open_inputs)
        self.stop = button("Stop", lambda: self._window.runs.stop_or_resume(self._folder))
        self.new = button("New list…", lambda: self._pages.setCurrentIndex(0))
        close = button("Close", self.close)
        page = QWidget()
        page.setLayout(
            in_column(
                label("What to compute next", "formula"),
                self.summary,
                self.progress,
                self.table,
                self.warnings,
                self.left_out,
                in_row(self.view, self.export, self.inputs, None, self.stop, self.new, close),
                grow=self.table,
                margins=(20, 18, 20, 16),
            )
        )
        return page

    # -------------------------------------------------------------- asking

    def ask(self) -> None:
        """Start, or say what is wrong."""
        try:
            options = self._options()
            name = Path(options["sources"][0]).name
            folder = self._window.runs.start(SUGGESTION, f"Suggesting paths of {name}", options)
        except (MigbarError, OSError) as error:
            self.problem.tell(error)
            return
        self.problem.tell()
        watched = self._window.runs.get(folder)
        assert watched is not None
        self.show_run(watched.run)

    def _options(self) -> dict[str, Any]:
        sources = self.sources.paths()
        out = self.out.text().strip()
        if not out:
            raise MigbarError("Choose a folder for the list and the inputs.")
        return {
            "sources": sources,
            "count": self.count.value(),
            "ion": self.ion.symbol,
            "model": self.model.currentText(),
            "code": self.code.currentData(),
            "images": self.images.value(),
            "out": str(Path(out).expanduser().absolute()),
        }

    def _suggest_out(self) -> None:
        """Suggest a place for the list, unless the user has chosen one."""
        if self.out.text() == self._suggested_out:
            first = Path((self.sources.names or [""])[0])
            folder = first if first.is_dir() else first.parent
            self._suggested_out = str(folder / FOLDER) if self.sources.names else ""
            self.out.setText(self._suggested_out)

    def _ask_out(self) -> None:
        title = "Folder for the list and the inputs"
        if name := QFileDialog.getExistingDirectory(self, title, self.out.text()):
            self.out.setText(name)

    # -------------------------------------------------------------- the run

    def _follow(self, watched: Watched) -> None:
        run = watched.run
        if run.folder != self._folder:
            return
        under_way = not run.state.has_ended
        self.progress.setVisible(under_way)
        self.progress.setRange(0, watched.total)
        self.progress.setValue(watched.done)
        self.stop.setText("Stop" if under_way else "Look again")
        self.stop.setVisible(run.state is not RunState.FINISHED)
        self.stop.setEnabled(not watched.stopping)
        if run.state is RunState.FINISHED and not self._result:
            self._result = dict(run.result)
            self.refresh_unit()
            self.table.selectRow(0)
        self.summary.setText(self._state_text(watched))
        failed = run.state is RunState.FAILED
        self.summary.setProperty("verdict", "bad" if failed else "")
        restyle(self.summary)
        problems = self._result.get("problems", ())
        self.left_out.setText(_left_out(problems))
        self.left_out.setToolTip("\n".join(_reasons(problems)))
        self.left_out.setVisible(bool(self.left_out.text()))
        self._enable()

    def _state_text(self, watched: Watched) -> str:
        state = watched.run.state
        if watched.stopping:
            return "Stopping …"
        if state is RunState.WAITING:
            return "Waiting for its turn: another long job is at work."
        if state is RunState.FAILED:
            return watched.run.error
        if state is RunState.FINISHED:
            found = len(self._result["suggested"])
            return (
                f"{found} of {self._result['paths']:,} paths; list and inputs are in {self._out}."
            )
        if state is not RunState.RUNNING:
            return "Stopped; nothing was written."
        files = f": {watched.done:,} of {watched.total:,} files" if watched.total else ""
        return f"{watched.message or 'Starting'}{files} …"

    @property
    def _out(self) -> Path:
        return Path(self._result["list"]).parent

    def _enable(self) -> None:
        found = bool(self._result)
        self.view.setEnabled(found and self.table.currentRow() >= 0)
        told = self.table.item(self.table.currentRow(), len(COLUMNS) - 1)
        self.warnings.setText(told.text() if told else "")  # its column shows the beginning alone
        self.warnings.setVisible(bool(self.warnings.text()))
        self.export.setEnabled(found)
        self.inputs.setEnabled(found)

    def _forget(self, folder: Path) -> None:
        if folder == self._folder:
            self._folder = None
            self._pages.setCurrentIndex(0)

    # -------------------------------------------------------------- the list

    def open_row(self, index: QModelIndex) -> None:
        """Open the structure of a row with its path in the main window."""
        if not index.isValid():
            return
        path = self._result["suggested"][index.row()]
        self._window.path_opener.open(
            WantedPath(
                Path(path["structure"]), path["ion"], path["from"], path["to"], path["mechanism"]
            )
        )
        self._window.raise_()
        self._window.activateWindow()

    def _open_inputs(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._out)))

    def _ask_export(self) -> None:
        path = ask_path(self, "Export list", str(self._out.with_suffix(".csv")), LIST_FORMATS)
        if path is not None:
            self.export_to(path)

    def export_to(self, path: Path) -> None:
        """Write the list to a file of one's own; energies in eV."""
        from migbar.suggestion import export_list

        source = self._result["list"]
        notices = self.notice, self._window.notice
        self._window.jobs.start(
            "export suggestions",
            f"Writing {path.name}",
            lambda _: export_list(source, path),
            lambda _: open_notice(*notices).show_message(f"Wrote {path}"),
            lambda error: open_notice(*notices).show_error(error),
        )


def _cells(path: dict[str, Any]) -> tuple[str, ...]:
    low, high = path["interval_low_ev"], path["interval_high_ev"]
    return (
        Path(path["structure"]).name,
        path["ion"],
        f"{path['from']} → {path['to'].removesuffix('@0,0,0')}",
        energies.number(path["predicted_barrier_ev"]),
        energies.interval(low, high, " – "),
        f"{path['uncertainty']:.2f}",
        f"{path['novelty']:.2f}",
        energies.in_text(" ".join(path["warnings"])),
    )


def _left_out(problems: list[list[str]] | tuple[()]) -> str:
    """Say which files could not be used, the first few with their reasons."""
    if not problems:
        return ""
    count = "1 file was" if len(problems) == 1 else f"{len(problems)} files were"
    told = "; ".join(_reasons(problems[:3]))
    more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
    return f"{count} left out. {told}{more}."


def _reasons(problems: list[list[str]] | tuple[()]) -> list[str]:
    return [f"{Path(name).name}: {text.rstrip('.')}" for name, text in problems]
