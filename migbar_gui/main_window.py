"""The window: 3D view in the middle, docks around it, and what its commands do."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSettings, QTimer, QUrl
from PySide6.QtGui import (
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDropEvent,
    QGuiApplication,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QDialog,
    QFileDialog,
    QMainWindow,
    QWidget,
)

from migbar.errors import Cancelled, MigbarError
from migbar.resources import manual
from migbar.runs import SCREENING, SUGGESTION
from migbar_gui.background.jobs import Jobs
from migbar_gui.background.runs import Runs
from migbar_gui.commands.band_tools import BandTools
from migbar_gui.commands.deriving import Deriver
from migbar_gui.commands.exporting import Exports
from migbar_gui.commands.menus import Commands
from migbar_gui.commands.opening import OPEN_FILTER, Opener
from migbar_gui.commands.retraining import Retraining
from migbar_gui.commands.run_dialogs import RunDialog, batch_dialog, suggestion_dialog
from migbar_gui.commands.sessions import Sessions
from migbar_gui.computing.asking import Inquiry, explanations, opinions
from migbar_gui.computing.models import Models
from migbar_gui.computing.places import PlaceComparisons
from migbar_gui.computing.predictions import Predictions
from migbar_gui.computing.relaxations import LiveRun, Relaxations
from migbar_gui.computing.simulations import Simulations
from migbar_gui.computing.site_energy import SiteEnergyMaps
from migbar_gui.dialogs.about import AboutDialog
from migbar_gui.dialogs.coordinates import CoordinatesDialog
from migbar_gui.dialogs.models import ModelsDialog
from migbar_gui.dialogs.palette import CommandPalette
from migbar_gui.dialogs.preferences import PreferencesDialog
from migbar_gui.dialogs.shortcuts import ShortcutsDialog
from migbar_gui.docks import Docks
from migbar_gui.files.calculations import BAND_FILES, Calculations
from migbar_gui.files.recent import RecentFiles, last_folder
from migbar_gui.files.session import SUFFIX
from migbar_gui.following import PreferenceFollower
from migbar_gui.log import Log, logger
from migbar_gui.looks.notice import Notice
from migbar_gui.looks.theme import apply_theme, chosen_theme, current_theme, icon
from migbar_gui.looks.widgets import DockTitle, local_files
from migbar_gui.panels.centre import Centre
from migbar_gui.panels.comparison_panel import ComparisonPanel
from migbar_gui.panels.job_news import CloseQuestion, JobNews
from migbar_gui.panels.jobs_panel import JobsPanel
from migbar_gui.panels.log_panel import LogPanel
from migbar_gui.panels.network_panel import NetworkPanel
from migbar_gui.panels.path_panel import PathPanel
from migbar_gui.panels.paths_panel import PathsPanel
from migbar_gui.panels.profile_panel import ProfilePanel
from migbar_gui.panels.status_bar import StatusBar
from migbar_gui.panels.structure_panel import StructurePanel
from migbar_gui.panels.transport_panel import TransportPanel
from migbar_gui.panels.why_panel import WhyPanel
from migbar_gui.placing import Placing
from migbar_gui.preferences import Preferences
from migbar_gui.screening.opening import PathOpener
from migbar_gui.tour import Tour
from migbar_gui.workspace import PathResult, Workspace

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult
    from migbar_gui.computing.relaxed import RelaxedPath, VolumeResult
    from migbar_gui.view_link import ViewLink
    from migbar_gui.viewer import CrystalView


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
        self.screening = RunDialog(self, SCREENING, "Open table", batch_dialog)
        self.deriver: Deriver = Deriver(self.workspace, self.jobs, self)
        self.retraining: Retraining = Retraining(self)
        self.suggesting = RunDialog(self, SUGGESTION, "Open list", suggestion_dialog)
        self.models = Models(self.settings, self.jobs, self.show_error, self)
        self.predictions = Predictions(self.workspace, self.jobs, self.models, self)
        self.explainer: Inquiry = explanations(self.workspace, self.jobs, self)
        self.opinions: Inquiry = opinions(self.workspace, self.jobs, self)
        self.site_energy = SiteEnergyMaps(self.workspace, self.jobs, self.show_error, self)
        self.relaxations = Relaxations(self.workspace, self.jobs, self.runs, self)
        self.calculations = Calculations(self.workspace, self.jobs, self)
        self.places = PlaceComparisons(self.workspace, self.jobs, self.runs, self.show_error, self)
        self.simulations = Simulations(self.workspace, self.jobs, self.runs, self.show_error, self)
        self.band_tools: BandTools = BandTools(self)
        self.exports: Exports = Exports(self)
        self.recent = RecentFiles(self.settings)
        self.view: CrystalView | None = None
        self._link: ViewLink | None = None
        self._hidden: frozenset[str] = frozenset()
        self._warmed_up = False
        self._may_close = False
        self.setWindowTitle("MigBar")
        self.setWindowIcon(icon("migbar"))
        self.setAcceptDrops(True)
        self.placing = Placing(self, self.settings)
        self._build_panels()
        self.commands = Commands(self)
        self.sessions: Sessions = Sessions(self)
        self.follower: PreferenceFollower = PreferenceFollower(self, self.preferences)
        self.tour: Tour = Tour(self)
        self._connect()
        self.refresh_theme()
        self._take_drops()
        self.placing.place_window()
        self._show_page()
        self.commands.refresh()

    # -------------------------------------------------------------- building

    def _build_panels(self) -> None:
        workspace = self.workspace
        self.centre = Centre(workspace)
        self.notice, self.welcome = self.centre.notice, self.centre.welcome
        self.structure_panel = StructurePanel(workspace)
        self.paths_panel = PathsPanel(workspace, self.models)
        self.path_panel = PathPanel(workspace, self.opinions)
        self.why_panel = WhyPanel(workspace, self.explainer)
        self.network_panel = NetworkPanel(
            workspace, self.predictions.find_all, self.band_tools.ask_compare_places
        )
        self.transport_panel = TransportPanel(
            workspace,
            self.jobs,
            self.simulations.show_places,
            self.band_tools.ask_longer_dynamics,
        )
        self.comparison_panel = ComparisonPanel(workspace)
        self.profile_panel = ProfilePanel(
            workspace,
            self.relaxations,
            self.runs,
            self.band_tools.ask_relax,
            self.band_tools.ask_export_profile,
            self.band_tools.ask_calculation,
            self.band_tools.find_vibrations,
        )
        self.jobs_panel = JobsPanel(self.jobs, self.runs)
        self.setCentralWidget(self.centre)
        self.docks: Docks = Docks(
            self,
            {
                "Structure": self.structure_panel,
                "Path": self.path_panel,
                "Paths": self.paths_panel,
                "Why": self.why_panel,
                "Network": self.network_panel,
                "Transport": self.transport_panel,
                "Comparison": self.comparison_panel,
                "Profile": self.profile_panel,
                "Jobs": self.jobs_panel,
                "Log": LogPanel(self.log),
            },
            self.placing,
        )
        self.job_news = JobNews(self.runs, self.centre.run_notice, self.show_run, self)
        self.status = StatusBar(self.jobs, self.job_news.summary)
        self.setStatusBar(self.status)

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.anything_changed.connect(self.commands.refresh)
        workspace.document_changed.connect(self._show_page)
        workspace.result_arrived.connect(self._note_results)
        workspace.group_changed.connect(self._show_network)
        workspace.landscape_changed.connect(
            lambda: self.commands["view.landscape"].setChecked(workspace.show_landscape)
        )
        self.docks["Why"].visibilityChanged.connect(self.why_panel.set_looked_at)
        self.path_panel.why_asked.connect(lambda: self.docks.show("Why"))
        workspace.document_changed.connect(self.job_news.take_back)
        self.profile_panel.chosen.connect(self._note_profile_seen)
        self.docks["Profile"].visibilityChanged.connect(self._note_profile_seen)
        self.relaxations.opened.connect(self._show_relaxed)
        self.calculations.opened.connect(self._show_calculation)
        self.places.opened.connect(self._show_places)
        self.simulations.opened.connect(self._show_simulated)
        self.jobs_panel.at_once_changed.connect(partial(self.settings.setValue, "runs_at_once"))
        self.paths_panel.models_asked.connect(self.ask_models)
        self.models.changed.connect(self.opinions.forget)
        self.opener.opened.connect(self.recent.remember)
        self.sessions.keeper.opened.connect(self.recent.remember)
        self.sessions.keeper.saved.connect(self.recent.remember)
        self.welcome.open_asked.connect(self.ask_open)
        self.welcome.path_chosen.connect(self.open_file)
        self.welcome.left_off_asked.connect(self.sessions.keeper.recover)
        self.welcome.tour_asked.connect(self.tour.start)
        self.welcome.command_asked.connect(lambda name: self.commands[name].trigger())
        self.structure_panel.hidden_elements_changed.connect(self._hide_elements)
        hints = QGuiApplication.styleHints()
        # A lambda would keep the window for as long as the application lives.
        hints.colorSchemeChanged.connect(self.refresh_theme)
        self.sessions.show_recent()

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

        self.view = CrystalView(self.centre.view_page)
        self.view.set_theme(current_theme().is_dark)
        self.centre.add_view(self.view)
        self._link = ViewLink(self.workspace, self.view, self.show_error, self)
        self._link.pointed.connect(self.status.pointed.setText)
        self._link.hinted.connect(self.centre.hint)
        self._link.joined.connect(lambda: self.docks.replace("Path", "Network"))
        self.view.file_dropped.connect(self.open_files)
        self.view.set_hidden_elements(self._hidden)
        self.commands.apply_switches()
        self.sessions.aim()
        self.commands.refresh()
        self.predictions.preload()

    # -------------------------------------------------------------- following the workspace

    def _show_page(self) -> None:
        is_open = self.workspace.document is not None
        self.setUpdatesEnabled(False)  # else every dock that appears draws the crystal once more
        if not is_open:
            self._keep_docks()
            self.docks.hide_all()
            self.sessions.show_recent()
        elif not self.centre.shows_view:
            self.docks.show_all()
        else:
            self.docks.replace("Paths", "Profile")  # which has nothing to tell of another structure
        self.centre.show_view(is_open)
        self.setUpdatesEnabled(True)
        self.sessions.show_title()
        self.notice.hide()

    def _keep_docks(self) -> None:
        if self.centre.shows_view:  # else they are hidden
            self.placing.keep_docks()

    def _note_results(self, path_ids: Iterable[int]) -> None:
        for path_id in path_ids:
            found, path = self.workspace.results[path_id], self.workspace.path(path_id)
            if isinstance(found, PathResult) and path is not None:
                barrier = found.predicted.barrier
                told = f"{barrier.barrier_ev:.4f} eV by {barrier.made_by}"
                logger.info("%s %s: %s", path.hop.ion, path.label, told)
            if isinstance(found, Exception) and not isinstance(found, Cancelled):
                self.show_error(found)

    def _show_network(self) -> None:
        if self.workspace.state.group is not None:
            self.docks.show("Network")
        else:
            self.docks.replace("Path", "Network")

    def _show_places(self, fits: bool) -> None:
        if fits:
            self.docks.show("Network")
        else:
            self.say("Open the structure and find its paths: the energies are used with them.")

    def _show_simulated(self, result: DynamicsResult | None) -> None:
        if result is None:
            self.say("Open the structure that was simulated: its diffusivity is shown with it.")
            return
        self.docks.show("Transport")
        self.transport_panel.select(result)

    def _show_relaxed(self, made: RelaxedPath | VolumeResult) -> None:
        self.docks.show("Profile")
        self.profile_panel.select(made.folder)

    def _note_profile_seen(self) -> None:
        """Take back the news of a band that is looked at."""
        shown = self.profile_panel.shown
        if shown is None or isinstance(shown, LiveRun):
            return
        if self.docks.is_seen(self.profile_panel):
            self.job_news.note_seen(shown.folder)

    def _show_calculation(self, made: RelaxedPath, replaces: bool) -> None:
        self._show_relaxed(made)
        if replaces:
            self.say(
                "Its hop is none in the table, so its own cell was opened; Undo brings back what was open."
            )

    def say(self, text: str) -> None:
        """Say something in passing."""
        logger.info(text)
        self.status.hint(text)

    def show_error(self, error: Exception) -> None:
        """Say what went wrong, without stopping anything."""
        fault = None if isinstance(error, MigbarError) else error
        logger.error("%s", error, exc_info=fault)
        self.notice.show_error(error)

    # -------------------------------------------------------------- opening

    def open_file(self, path: Path) -> None:
        """Open a structure, a session file, or the folder of a NEB calculation."""
        self.notice.hide()
        if path.is_dir():
            self.calculations.look_into(path, self._offer_screening)
        elif path.suffix.lower() == SUFFIX:
            self.sessions.open(path)
        elif path.suffix.lower() in BAND_FILES and path.is_file():
            self.calculations.look_into(path.parent, lambda _: self.opener.open(path))
        else:
            self.opener.open(path)

    def _offer_screening(self, folder: Path) -> None:
        self.notice.show_message(
            f"{folder.name} is a folder: its structures can be screened together.",
            action=("Screen it…", lambda: self.screening.open().offer(folder)),
        )

    def open_files(self, paths: Iterable[Path]) -> None:
        """Open the first of several dropped files, and say so."""
        given = list(paths)
        if not given:
            return
        self.open_file(given[0])
        if len(given) > 1 and given[0].is_file():
            self.status.hint(f"Opened {given[0].name}; one structure is shown at a time.")

    def ask_open(self) -> None:
        """Ask for a file and open it."""
        brief = QFileDialog.Option.HideNameFilterDetails
        folder = last_folder(self.settings)
        name, _ = QFileDialog.getOpenFileName(self, "Open", folder, OPEN_FILTER, options=brief)
        if name:
            self.settings.setValue("folder", str(Path(name).parent))
            self.open_file(Path(name))

    def paste(self) -> None:
        """Open the structure that was copied elsewhere: its text, or its file."""
        copied = QGuiApplication.clipboard().mimeData()
        if files := local_files(copied):
            self.open_files(files)
        elif copied.text().strip():
            self.notice.hide()
            self.opener.open_text(copied.text())
        else:
            self.status.hint("Nothing to paste: copy the text of a structure file first.")

    def ask_databases(self) -> None:
        """Look for a structure on the web."""
        from migbar_gui.dialogs.databases import DatabasesDialog

        DatabasesDialog(self).open()

    # -------------------------------------------------------------- paths

    def find_paths(self) -> None:
        """Find all paths of the current ion."""
        self.predictions.find_all(self.network_panel.chosen_cutoff())

    def ask_coordinates(self) -> None:
        """Ask for the two ends of a path."""
        CoordinatesDialog(self.workspace, self.jobs, self).open()

    def pin_selected(self) -> None:
        """Keep the paths that are selected in the table for comparison with other structures."""
        self.workspace.pin(self.paths_panel.selected_ids())
        pinned = len(self.workspace.state.pins)
        paths = "1 path is" if pinned == 1 else f"{pinned} paths are"
        self.status.hint(f"{paths} pinned in the comparison.")

    def show_run(self, folder: Path) -> None:
        """Show a run in the list of jobs."""
        self.docks.show("Jobs")
        self.jobs_panel.select(folder)

    def escape(self) -> None:
        """Clear what was picked; with nothing picked, close the messages."""
        if self.workspace.shown_image is not None:
            self.workspace.show_image(None)
        elif self.workspace.picks:
            self.workspace.clear_picks()
        else:
            self.notice.hide()
            self.centre.run_notice.hide()

    def _hide_elements(self, hidden: frozenset[str]) -> None:
        changed = hidden != self._hidden
        self._hidden = hidden
        if changed and self.view is not None:
            self.view.set_hidden_elements(hidden)

    def suggest(self, ending: str) -> str:
        """Return a name for a file about what is open, in the folder used last."""
        document = self.workspace.document
        stem = Path(document.name).stem if document else "migbar"
        return str(Path(last_folder(self.settings)) / f"{stem}-{ending}")

    # -------------------------------------------------------------- models, preferences, theme, about

    def ask_all_models(self) -> None:
        """Show what every model says of the active path."""
        self.docks.show("Path")
        self.path_panel.show_opinions()

    def ask_models(self) -> None:
        """Show all models, to choose one, share it, or take one in."""
        dialog = ModelsDialog(self)
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
        for notice in self.findChildren(Notice):
            notice.refresh_icons()
        for title in self.findChildren(DockTitle):
            title.close_button.setIcon(icon("close", theme.muted))
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

    # -------------------------------------------------------------- keyboard, drag and drop, end

    def focusNextPrevChild(self, forward: bool) -> bool:  # noqa: N802
        """Leave out what is in docks behind others: the tabulator would get lost there."""
        first: QWidget | None = None
        while super().focusNextPrevChild(forward):
            here = self.focusWidget()
            if here in (None, first) or self.docks.is_seen(here):
                return True
            first = first or here
        return False

    def _take_drops(self) -> None:
        """Leave files that are dropped on any part to the window; a field would take them for text."""
        for part in self.findChildren(QWidget):
            part.setAcceptDrops(False)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        """Accept files."""
        if local_files(event.mimeData()):
            event.acceptProposedAction()
            self.welcome.set_hot(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802
        """Cool down."""
        self.welcome.set_hot(False)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        """Open what was dropped."""
        event.acceptProposedAction()
        self.welcome.set_hot(False)
        self.open_files(local_files(event.mimeData()))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        """Ask about unsaved changes and runs; then stop all work of the window and take the 3D view down in order."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        if not self._may_close and not app.isSavingSession():  # the session ends: no time to ask
            if not self.sessions.may_leave(self.close):
                event.ignore()
                return
            if self.runs.under_way:  # asked last, as runs that are stopped are stopped at once
                event.ignore()
                self._ask_close()
                return
        for dialog in self.findChildren(QDialog):
            dialog.close()
        self.placing.keep_window()
        self._keep_docks()
        self.runs.shut_down()
        self.jobs.shut_down()
        self.sessions.end()
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
