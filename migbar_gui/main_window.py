"""The window: 3D view in the middle, docks around it, and what its commands do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, QSize, Qt, QTimer, QUrl
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QShowEvent,
)
from PySide6.QtOpenGLWidgets import QOpenGLWidget
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QDockWidget,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QToolBar,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from migbar.errors import Cancelled, MigbarError
from migbar.exports import TableRow, table_text, write_csv, write_xlsx
from migbar.resources import examples, manual
from migbar_gui.actions import Commands
from migbar_gui.band_tools import BandTools
from migbar_gui.deriving import Deriver
from migbar_gui.dialogs.about import AboutDialog
from migbar_gui.dialogs.coordinates import CoordinatesDialog
from migbar_gui.dialogs.models import ModelsDialog
from migbar_gui.dialogs.palette import CommandPalette
from migbar_gui.dialogs.picture import PictureDialog
from migbar_gui.dialogs.preferences import PreferencesDialog
from migbar_gui.dialogs.shortcuts import ShortcutsDialog
from migbar_gui.explaining import Explainer
from migbar_gui.following import Follower
from migbar_gui.job_news import CloseQuestion, JobNews
from migbar_gui.jobs import Jobs
from migbar_gui.log import Log, logger
from migbar_gui.models import Models
from migbar_gui.opening import OPEN_FILTER, Opener
from migbar_gui.panels.comparison_panel import ComparisonPanel
from migbar_gui.panels.jobs_panel import JobsPanel
from migbar_gui.panels.level_bar import LevelBar
from migbar_gui.panels.log_panel import LogPanel
from migbar_gui.panels.network_panel import NetworkPanel
from migbar_gui.panels.notice import Notice
from migbar_gui.panels.path_panel import PathPanel
from migbar_gui.panels.path_table import Column
from migbar_gui.panels.paths_panel import PathsPanel
from migbar_gui.panels.profile_panel import ProfilePanel
from migbar_gui.panels.structure_panel import StructurePanel
from migbar_gui.panels.transport_panel import TransportPanel
from migbar_gui.panels.welcome import WelcomePage
from migbar_gui.panels.why_panel import WhyPanel
from migbar_gui.predictions import Predictions
from migbar_gui.preferences import Preferences
from migbar_gui.relaxations import Relaxations
from migbar_gui.retraining import Retraining
from migbar_gui.runs import Opener as RunOpener
from migbar_gui.runs import Runs
from migbar_gui.screening.opening import PathOpener
from migbar_gui.scripting import script
from migbar_gui.session import SUFFIX
from migbar_gui.sessions import Sessions
from migbar_gui.site_energy import SiteEnergyMaps
from migbar_gui.suggesting import Suggesting
from migbar_gui.theme import apply_theme, chosen_theme, current_theme, icon
from migbar_gui.tour import Tour
from migbar_gui.widgets import DockTitle, button, label
from migbar_gui.workspace import PathResult, Workspace

if TYPE_CHECKING:
    from migbar.runs import Run
    from migbar_gui.relaxed import RelaxedPath, VolumeResult
    from migbar_gui.screening.dialog import BatchDialog
    from migbar_gui.view_link import ViewLink
    from migbar_gui.viewer import CrystalView

RECENT_FILES = 10
HINT_MS = 6000


class MainWindow(QMainWindow):
    """The one window of the program."""

    def __init__(self, settings: QSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or QSettings()
        self.log = Log(self)
        self.preferences = Preferences(self.settings, self)
        self.workspace: Workspace = Workspace(float(self.preferences.get("threshold_ev")))
        self.jobs = Jobs(self, self.show_error)
        self.runs = Runs(self.show_error, self, int(str(self.settings.value("runs_at_once", 1))))
        self.opener = Opener(self.workspace, self.jobs, self.show_error, self)
        self.path_opener = PathOpener(self.workspace, self.jobs, self.opener, self.show_error, self)
        self.runs.register(
            "screening", RunOpener("Open table", self._show_screening, at_any_time=True)
        )
        self.deriver: Deriver = Deriver(self.workspace, self.jobs, self)
        self.retraining: Retraining = Retraining(self)
        self.suggesting: Suggesting = Suggesting(self)
        self.models = Models(self.settings, self.jobs, self.show_error, self)
        self.predictions = Predictions(self.workspace, self.jobs, self.models, self)
        self.explainer: Explainer = Explainer(self.workspace, self.jobs, self)
        self.site_energy = SiteEnergyMaps(self.workspace, self.jobs, self.show_error, self)
        self.relaxations = Relaxations(self.workspace, self.jobs, self.runs, self)
        self.band_tools: BandTools = BandTools(self)
        self.view: CrystalView | None = None
        self._link: ViewLink | None = None
        self._hidden: frozenset[str] = frozenset()
        self._warmed_up = False
        self._may_close = False
        self.setWindowTitle("MigBar")
        self.setWindowIcon(icon("migbar"))
        self.setAcceptDrops(True)
        self.resize(1280, 800)
        self._build_centre()
        self._build_docks()
        self._build_status_bar()
        self.commands = Commands(self)
        self.sessions: Sessions = Sessions(self)
        self.follower: Follower = Follower(self, self.preferences)
        self.tour: Tour = Tour(self)
        self._build_toolbar()
        self._connect()
        self.refresh_theme()
        self._take_drops()
        self._show_page()
        self.commands.refresh()

    # -------------------------------------------------------------- building

    def _build_centre(self) -> None:
        self.notice = Notice()
        self.run_notice = Notice()
        self._prompt_frame = QFrame()
        self._prompt_frame.setObjectName("prompt")
        self.prompt = label("")
        # A long text must not push the docks aside.
        self.prompt.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self._prompt_frame)
        row.setContentsMargins(14, 7, 14, 7)
        row.addWidget(self.prompt, 1)
        self.back = button("Back to the crystal", lambda: self.workspace.show_image(None), "link")
        self.back.setToolTip("Show the crystal again (Esc)")
        self.back.hide()
        row.addWidget(self.back)
        self.welcome = WelcomePage()
        self._view_page = QWidget()
        self._view_layout = QVBoxLayout(self._view_page)
        self._view_layout.setContentsMargins(0, 0, 0, 0)
        self._view_layout.setSpacing(0)
        self._view_layout.addWidget(self._prompt_frame)
        self.level_bar = LevelBar(self.workspace)
        self._view_layout.addWidget(self.level_bar)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self._view_page)
        # Qt makes a new native window, which flickers and loses the focus, when the first OpenGL widget
        # comes into one that is shown; with this one in it from the start it does not.
        QOpenGLWidget(self._view_page).hide()
        centre = QWidget()
        column = QVBoxLayout(centre)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.notice)
        column.addWidget(self.run_notice)
        column.addWidget(self._pages, 1)
        self.setCentralWidget(centre)

    def _build_docks(self) -> None:
        self.structure_panel = StructurePanel(self.workspace)
        self.paths_panel = PathsPanel(self.workspace, self.models)
        self.path_panel = PathPanel(self.workspace)
        self.why_panel = WhyPanel(self.workspace, self.explainer)
        self.transport_panel = TransportPanel(self.workspace)
        self.comparison_panel = ComparisonPanel(self.workspace)
        self.network_panel = NetworkPanel(self.workspace, self.predictions.find_all)
        left, right = Qt.DockWidgetArea.LeftDockWidgetArea, Qt.DockWidgetArea.RightDockWidgetArea
        bottom = Qt.DockWidgetArea.BottomDockWidgetArea
        self.setCorner(Qt.Corner.BottomLeftCorner, left)
        self.setCorner(Qt.Corner.BottomRightCorner, bottom)
        self.docks = [
            self._add_dock("Structure", self.structure_panel, left),
            self._add_dock("Path", self.path_panel, right),
            self._add_dock("Paths", self.paths_panel, bottom),
        ]
        self.why_dock: QDockWidget = self._add_dock("Why", self.why_panel, right)
        self.network_dock = self._add_dock("Network", self.network_panel, right)
        self.docks += [self.why_dock, self.network_dock]
        self.tabifyDockWidget(self.docks[1], self.why_dock)
        self.tabifyDockWidget(self.docks[1], self.network_dock)
        self.transport_dock: QDockWidget = self._add_dock("Transport", self.transport_panel, right)
        self.comparison_dock: QDockWidget = self._add_dock(
            "Comparison", self.comparison_panel, bottom
        )
        self.profile_panel = ProfilePanel(
            self.workspace,
            self.relaxations,
            self.runs,
            self.band_tools.ask_relax,
            self.band_tools.ask_export_profile,
        )
        self.profile_dock: QDockWidget = self._add_dock("Profile", self.profile_panel, bottom)
        self.jobs_panel = JobsPanel(self.jobs, self.runs)
        self.jobs_dock: QDockWidget = self._add_dock("Jobs", self.jobs_panel, bottom)
        self.log_dock: QDockWidget = self._add_dock("Log", LogPanel(self.log), bottom)
        self.jobs_dock.hide()
        self.log_dock.hide()
        self.docks += [
            self.transport_dock,
            self.comparison_dock,
            self.profile_dock,
            self.jobs_dock,
            self.log_dock,
        ]
        self.tabifyDockWidget(self.docks[1], self.transport_dock)
        self.tabifyDockWidget(self.docks[2], self.comparison_dock)
        self.tabifyDockWidget(self.docks[2], self.profile_dock)
        self.tabifyDockWidget(self.comparison_dock, self.jobs_dock)
        self.tabifyDockWidget(self.jobs_dock, self.log_dock)
        self.resizeDocks(self.docks[:2], [250, 310], Qt.Orientation.Horizontal)
        self.resizeDocks(self.docks[2:3], [240], Qt.Orientation.Vertical)

    def _add_dock(self, title: str, panel: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title, self)
        dock.setObjectName(title.lower())
        dock.setWidget(panel)
        dock.setTitleBarWidget(DockTitle(dock))
        dock.setFeatures(
            QDockWidget.DockWidgetFeature.DockWidgetMovable
            | QDockWidget.DockWidgetFeature.DockWidgetClosable
        )
        self.addDockWidget(area, dock)
        return dock

    def _build_status_bar(self) -> None:
        bar = self.statusBar()
        bar.setSizeGripEnabled(False)
        self._hover = QLabel()
        self._hover.setTextFormat(Qt.TextFormat.PlainText)
        bar.addWidget(self._hover, 1)
        self._job_title = QLabel()
        self._progress = QProgressBar()
        self._progress.setFixedWidth(150)
        self._progress.setTextVisible(False)
        self._cancel = button("Cancel", self.jobs.cancel_shown, "link")
        self.job_news = JobNews(self.runs, self.run_notice, self.show_run, self)
        bar.addPermanentWidget(self.job_news.summary)
        for widget in (self._job_title, self._progress, self._cancel):
            widget.hide()
            bar.addPermanentWidget(widget)

    def _build_toolbar(self) -> None:
        toolbar = QToolBar("Toolbar", self)
        toolbar.setObjectName("toolbar")
        toolbar.setMovable(False)
        toolbar.setIconSize(QSize(20, 20))
        toolbar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.commands.fill_toolbar(toolbar)
        self.addToolBar(toolbar)
        for name in ("file.open", "path.find"):  # the two that a newcomer looks for
            tool = toolbar.widgetForAction(self.commands[name])
            if isinstance(tool, QToolButton):
                tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for name in (
            "path.add",
            "path.relax",
            "path.pin",
            "path.remove",
            "edit.copy_table",
            "file.table",
        ):
            tool = QToolButton()
            tool.setDefaultAction(self.commands[name])
            tool.setIconSize(QSize(18, 18))
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
            self.paths_panel.add_tool(tool)
        for name in ("path.note", "path.relax", "path.pin", "edit.copy_table", "path.remove"):
            self.paths_panel.view.addAction(self.commands[name])

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.anything_changed.connect(self.commands.refresh)
        workspace.anything_changed.connect(self._show_prompt)
        workspace.image_changed.connect(self._show_prompt)
        workspace.document_changed.connect(self._show_page)
        workspace.result_arrived.connect(self._note_result)
        workspace.group_changed.connect(self._show_network)
        workspace.landscape_changed.connect(
            lambda: self.commands["view.landscape"].setChecked(workspace.show_landscape)
        )
        self.why_dock.visibilityChanged.connect(self.why_panel.set_looked_at)
        self.path_panel.why_asked.connect(lambda: self.show_dock(self.why_dock))
        self.relaxations.opened.connect(self._show_relaxed)
        self.jobs.changed.connect(self._show_jobs)
        self.jobs_panel.at_once_changed.connect(partial(self.settings.setValue, "runs_at_once"))
        self.paths_panel.models_asked.connect(self.ask_models)
        self.opener.opened.connect(self._remember)
        self.sessions.keeper.opened.connect(self._remember)
        self.sessions.keeper.saved.connect(self._remember)
        self.welcome.open_asked.connect(self.ask_open)
        self.welcome.path_chosen.connect(self.open_file)
        self.welcome.tour_asked.connect(self.tour.start)
        self.structure_panel.hidden_elements_changed.connect(self._hide_elements)
        hints = QGuiApplication.styleHints()
        # A lambda would keep the window for as long as the application lives.
        hints.colorSchemeChanged.connect(self.refresh_theme)
        self.welcome.show_recent(self.recent_files())

    # -------------------------------------------------------------- start-up

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Build what is slow once the window has been painted."""
        super().showEvent(event)
        if not self._warmed_up:
            self._warmed_up = True
            self.sessions.offer_recovery()
            QTimer.singleShot(0, self._warm_up)

    def _warm_up(self) -> None:
        def load_view(_: object) -> None:
            import spglib  # noqa: F401  needed by the first structure

            import migbar_gui.viewer  # noqa: F401

        self.jobs.start("view", "", load_view, lambda _: self._make_view())

    def _make_view(self) -> None:
        from migbar_gui.view_link import ViewLink
        from migbar_gui.viewer import CrystalView

        self.view = CrystalView(self._view_page)
        self.view.set_theme(current_theme().is_dark)
        self._view_layout.insertWidget(1, self.view, 1)
        self._link = ViewLink(self.workspace, self.view, self.show_error, self)
        self._link.pointed.connect(self._hover.setText)
        self._link.hinted.connect(lambda text: self.statusBar().showMessage(text, HINT_MS))
        self.view.file_dropped.connect(lambda names: self.open_files(map(Path, names)))
        self.view.set_hidden_elements(self._hidden)
        self.sessions.aim()
        self.commands.refresh()
        self.predictions.preload()

    # -------------------------------------------------------------- following the workspace

    def _show_page(self) -> None:
        document = self.workspace.document
        page = self._view_page if document else self.welcome
        self.setUpdatesEnabled(False)  # else every dock that appears draws the crystal once more
        if page is not self._pages.currentWidget() or document is None:
            for dock in self.docks:
                if document is not None or dock is not self.jobs_dock:
                    dock.setVisible(document is not None)
            for dock in self.docks[1:3]:
                dock.raise_()
        self._pages.setCurrentWidget(page)
        self.setUpdatesEnabled(True)
        self.sessions.show_title()
        if document is None:
            self.welcome.show_recent(self.recent_files())
        self.notice.hide()
        self._show_prompt()

    def _show_prompt(self) -> None:
        state, picks = self.workspace.state, self.workspace.picks
        image = self.workspace.shown_image
        self.back.setVisible(image is not None)
        if image is not None:
            self.prompt.setText(image.text)
            return
        if state.document is None:
            return
        place = f"{state.ion} site" if state.mechanism.between_sites else "void"
        if not state.ion:
            text = "This structure has no ion that could migrate, and none can be put in."
        elif picks:
            text = f"Initial: {state.ion} at {picks[0]}. Now click the final {place}, or press Esc."
        else:
            text = f"Click the initial {place}, then the final one."
        self.prompt.setText(text)

    def _note_result(self, path_id: int) -> None:
        found, path = self.workspace.results[path_id], self.workspace.path(path_id)
        if isinstance(found, PathResult) and path is not None:
            barrier = found.predicted.barrier
            told = f"{barrier.barrier_ev:.4f} eV by {barrier.model} {barrier.model_version}"
            logger.info("%s %s: %s", path.hop.ion, path.label, told)
        if isinstance(found, Exception) and not isinstance(found, Cancelled):
            self.show_error(found)

    def _show_network(self) -> None:
        if self.workspace.state.group is not None:
            self.network_dock.show()
            self.network_dock.raise_()

    def _show_relaxed(self, made: RelaxedPath | VolumeResult) -> None:
        self.show_dock(self.profile_dock)
        self.profile_panel.select(made.folder)

    def _show_jobs(self) -> None:
        shown = self.jobs.shown
        for widget in (self._job_title, self._progress, self._cancel):
            widget.setVisible(bool(shown))
        if shown:
            job = shown[-1]
            title = f"{job.title}: {job.message}" if job.message else f"{job.title} …"
            self._job_title.setText(title)
            self._progress.setRange(0, job.total)
            self._progress.setValue(job.done)

    def say(self, text: str) -> None:
        """Say something in passing."""
        logger.info(text)
        self.statusBar().showMessage(text, HINT_MS)

    def show_error(self, error: Exception) -> None:
        """Say what went wrong, without stopping anything."""
        fault = None if isinstance(error, MigbarError) else error
        logger.error("%s", error, exc_info=fault)
        self.notice.show_error(error)

    # -------------------------------------------------------------- opening

    def open_file(self, path: Path) -> None:
        """Open a structure or a session file."""
        self.notice.hide()
        if path.suffix.lower() == SUFFIX:
            self.sessions.keeper.open(path)
        else:
            self.opener.open(path)

    def open_files(self, paths: Iterable[Path]) -> None:
        """Open the first of several dropped files, and say so."""
        given = list(paths)
        if not given:
            return
        self.open_file(given[0])
        if len(given) > 1:
            self.statusBar().showMessage(
                f"Opened {given[0].name}; one structure is shown at a time.", HINT_MS
            )

    def ask_open(self) -> None:
        """Ask for a file and open it."""
        folder = str(self.settings.value("folder", str(Path.home())))
        name, _ = QFileDialog.getOpenFileName(self, "Open", folder, OPEN_FILTER)
        if name:
            self.settings.setValue("folder", str(Path(name).parent))
            self.open_file(Path(name))

    def recent_files(self) -> list[Path]:
        """Return the files that were opened lately and still exist, the latest first."""
        stored = self.settings.value("recent", [])
        names = [stored] if isinstance(stored, str) else stored  # Qt stores a list of one so
        if not isinstance(names, list):
            return []
        return [path for path in map(Path, names) if path.is_file()]

    def _remember(self, path: Path) -> None:
        path = path.resolve()
        if path in (p.resolve() for p in examples()):
            return
        names = [str(path), *(str(p) for p in self.recent_files() if p != path)]
        self.settings.setValue("recent", names[:RECENT_FILES])

    def fill_recent(self, menu: QMenu) -> None:
        """List the recent files in a menu."""
        paths = self.recent_files()
        for path in paths:
            menu.addAction(path.name, partial(self.open_file, path)).setToolTip(str(path))
        if not paths:
            menu.addAction("(none yet)").setEnabled(False)

    def fill_examples(self, menu: QMenu) -> None:
        """List the examples in a menu."""
        for path in examples():
            menu.addAction(path.stem, partial(self.open_file, path))

    def fill_docks(self, menu: QMenu) -> None:
        """List the docks in a menu.

        Not by their own `toggleViewAction`: Qt makes it, and Python may take it for what lay at its address before.
        """
        for dock in self.docks:
            action = QAction(dock.windowTitle(), menu)
            action.setCheckable(True)
            action.setChecked(not dock.isHidden())
            action.toggled.connect(dock.setVisible)
            menu.addAction(action)

    # -------------------------------------------------------------- paths

    def find_paths(self) -> None:
        """Find all paths of the current ion."""
        self.predictions.find_all(self.network_panel.chosen_cutoff())

    def ask_coordinates(self) -> None:
        """Ask for the two ends of a path."""
        CoordinatesDialog(self.workspace, self.jobs, self).open()

    def remove_selected(self) -> None:
        """Remove the paths that are selected in the table."""
        self.workspace.remove_paths(self.paths_panel.selected_ids())

    def pin_selected(self) -> None:
        """Keep the paths that are selected in the table for comparison with other structures."""
        ids = self.paths_panel.selected_ids()
        self.workspace.pin(ids)
        pinned = len(self.workspace.state.pins)
        self.statusBar().showMessage(f"{pinned} paths are pinned in the comparison.", HINT_MS)

    def show_dock(self, dock: QDockWidget) -> None:
        """Bring a dock to the front."""
        dock.show()
        dock.raise_()

    def show_run(self, folder: Path) -> None:
        """Show a run in the list of jobs."""
        self.show_dock(self.jobs_dock)
        self.jobs_panel.select(folder)

    def edit_note(self) -> None:
        """Start writing in the note of the selected path."""
        view = self.paths_panel.view
        index = view.currentIndex().siblingAtColumn(Column.NOTE)
        view.setFocus()
        view.setCurrentIndex(index)
        view.edit(index)

    def escape(self) -> None:
        """Clear what was picked; with nothing picked, close the message."""
        if self.workspace.shown_image is not None:
            self.workspace.show_image(None)
        elif self.workspace.picks:
            self.workspace.clear_picks()
        else:
            self.notice.hide()

    # -------------------------------------------------------------- view

    def view_along(self, axis: str) -> None:
        """Look along a lattice vector."""
        if self.view is not None:
            self.view.view_along(axis)  # type: ignore[arg-type]

    def zoom_to_fit(self) -> None:
        """Show the whole structure."""
        if self.view is not None:
            self.view.zoom_to_fit()

    def set_view_style(self, **changes: bool) -> None:
        """Switch bonds, cell, boundary or polyhedra on or off."""
        if self.view is not None:
            self.view.set_style(**changes)

    def set_labels(self, shown: bool) -> None:
        """Switch labels on or off."""
        if self.view is not None:
            self.view.set_labels(shown)

    def _hide_elements(self, hidden: frozenset[str]) -> None:
        changed = hidden != self._hidden
        self._hidden = hidden
        if changed and self.view is not None:
            self.view.set_hidden_elements(hidden)

    # -------------------------------------------------------------- table and pictures

    def table_rows(self, only: Iterable[int] | None = None) -> list[TableRow]:
        """Return the judged paths in the order of the table, all or those with the given ids."""
        document = self.workspace.document
        wanted = list(only) if only is not None else self.paths_panel.ids_as_shown()
        rows = []
        for path_id in wanted:
            entry, result = self.workspace.path(path_id), self.workspace.result(path_id)
            if document is not None and entry is not None and result is not None:
                relaxed = self.workspace.relaxed_of(path_id)
                rows.append(
                    TableRow(
                        document.name,
                        result.predicted,
                        entry.note,
                        relaxed.result if relaxed is not None else None,
                    )
                )
        return rows

    def copy_table(self) -> None:
        """Copy the selected paths, or all, for a spreadsheet."""
        selected = self.table_rows(self.paths_panel.selected_ids())
        rows = selected if len(selected) > 1 else self.table_rows()
        QGuiApplication.clipboard().setText(table_text(rows, self.workspace.threshold, "\t"))
        self.statusBar().showMessage(f"Copied {len(rows)} paths.", HINT_MS)

    def copy_script(self) -> None:
        """Copy what was just done as a Python script."""
        QGuiApplication.clipboard().setText(script(self.workspace, self.models.used))
        self.say("Copied a Python script that does the same.")

    def ask_export_table(self) -> None:
        """Ask where to write the table, and write it."""
        name, kind = QFileDialog.getSaveFileName(
            self, "Export table", self.suggest("paths.csv"), "CSV (*.csv);;Excel workbook (*.xlsx)"
        )
        if name:
            suffix = ".xlsx" if "xlsx" in kind else ".csv"
            path = Path(name)
            self.export_table(path if path.suffix else path.with_suffix(suffix))

    def export_table(self, path: Path) -> None:
        """Write the table as CSV or, where the name ends so, as XLSX."""
        write = write_xlsx if path.suffix.lower() == ".xlsx" else write_csv
        rows, threshold = self.table_rows(), self.workspace.threshold
        self.jobs.start(
            f"export {path}",
            f"Writing {path.name}",
            lambda _: write(path, rows, threshold),
            lambda _: self.say(f"Wrote {path}"),
        )

    def ask_export_report(self) -> None:
        """Ask where to write the report, and write it."""
        name, _ = QFileDialog.getSaveFileName(
            self, "Export report", self.suggest("paths.html"), "HTML page (*.html)"
        )
        if name:
            path = Path(name)
            self.export_report(path if path.suffix else path.with_suffix(".html"))

    def export_report(self, path: Path) -> None:
        """Write a page about all paths that were found, with the picture that is seen."""
        from migbar_gui import reporting

        document, group = self.workspace.document, self.workspace.state.group
        if document is None or group is None:
            return
        picture = self.view.picture() if self.view is not None else None
        threshold = self.workspace.threshold
        self.jobs.start(
            f"export {path}",
            f"Writing {path.name}",
            lambda _: reporting.write(path, document, group, picture, threshold),
            lambda _: self.say(f"Wrote {path}"),
        )

    def ask_save_picture(self) -> None:
        """Ask how large and where to save a picture, and save it."""
        if self.view is None:
            return
        dialog = PictureDialog(self.view.size(), self)
        dialog.chosen.connect(self._ask_picture_name)
        dialog.open()

    def _ask_picture_name(self, scale: int, transparent: bool) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save picture", self.suggest("view.png"), "PNG picture (*.png)"
        )
        if name:
            path = Path(name)
            self.save_picture(path if path.suffix else path.with_suffix(".png"), scale, transparent)

    def save_picture(self, path: Path, scale: int, transparent: bool) -> None:
        """Save the 3D view as a PNG file."""
        if self.view is None:
            return
        try:
            self.view.save_picture(path, scale, transparent)
        except OSError as error:
            self.show_error(error)
            return
        self.say(f"Saved {path}")

    def suggest(self, ending: str) -> str:
        """Return a name for a file about what is open, in the folder used last."""
        document = self.workspace.document
        stem = Path(document.name).stem if document else "migbar"
        return str(Path(str(self.settings.value("folder", str(Path.home())))) / f"{stem}-{ending}")

    # -------------------------------------------------------------- models, preferences, theme, about

    def ask_batch(self) -> BatchDialog:
        """Show the dialog that screens many structures."""
        from migbar_gui.screening.dialog import BatchDialog

        dialog = self.findChild(BatchDialog) or BatchDialog(self)
        dialog.show()
        dialog.raise_()
        dialog.activateWindow()
        return dialog

    def _show_screening(self, run: Run) -> None:
        self.ask_batch().show_run(run)

    def ask_models(self) -> None:
        """Show all models, to choose one, share it, or take one in."""
        dialog = ModelsDialog(self.models, self)
        dialog.training_asked.connect(self.retraining.open)
        dialog.open()

    def ask_preferences(self) -> None:
        """Show what can be chosen for good."""
        structure = self.workspace.structure
        elements = structure.symbol_set if structure is not None else ()
        PreferencesDialog(self.preferences, elements, self).open()

    def refresh_theme(self) -> None:
        """Follow the system's colours, or the user's choice."""
        theme = chosen_theme(str(self.preferences.get("appearance")))
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        if app.property("theme") != theme:
            apply_theme(app, theme)
        self.commands.refresh_icons()
        self.welcome.refresh_icons()
        self.profile_panel.refresh_icons()
        for title in self.findChildren(DockTitle):
            title.close_button.setIcon(icon("close", theme.muted))
        self.path_panel.show_path()
        if self.view is not None:
            self.view.set_theme(theme.is_dark)

    def show_palette(self) -> None:
        """Offer all commands."""
        CommandPalette(self.commands.listed(), self).open_over(self)

    def show_shortcuts(self) -> None:
        """List the keys of all commands."""
        ShortcutsDialog(self.commands.listed(), self).open()

    def open_manual(self) -> None:
        """Open the manual in the browser, or say how to make it."""
        page = manual()
        if page is not None and QDesktopServices.openUrl(QUrl.fromLocalFile(str(page))):
            return
        where = f"is {page}" if page else "was not built here; packaging/docs does it"
        self.notice.show_message(f"The manual {where}.")

    def show_about(self) -> None:
        """Say what this program is."""
        AboutDialog(self).open()

    # -------------------------------------------------------------- drag and drop, end

    def _take_drops(self) -> None:
        """Leave files that are dropped on any part to the window; a field would take them for text."""
        for part in self.findChildren(QWidget):
            part.setAcceptDrops(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept files."""
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()
            self.welcome.set_hot(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """Cool down."""
        self.welcome.set_hot(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped."""
        event.acceptProposedAction()
        self.welcome.set_hot(False)
        names = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        self.open_files(map(Path, names))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Ask about runs and unsaved changes; then stop all work of the window and take the 3D view down in order."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        hurried = app.isSavingSession()  # the session ends: no time to ask
        if self.runs.under_way and not self._may_close and not hurried:
            event.ignore()
            self._ask_close()
            return
        if not hurried and not self.sessions.may_close():
            event.ignore()
            return
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.runs.shut_down()
        self.jobs.shut_down()
        self.sessions.keeper.end()
        self.log.end()
        if self.view is not None:
            self.view.close()
        super().closeEvent(event)

    def _ask_close(self) -> None:
        def close() -> None:
            self._may_close = True
            self.close()

        question = CloseQuestion(self.runs, self)
        question.accepted.connect(close)
        question.open()
