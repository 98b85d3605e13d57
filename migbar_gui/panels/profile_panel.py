"""The dock with relaxed bands: their list, their energy profiles, and a slider through the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QListWidget,
    QListWidgetItem,
    QSlider,
    QStackedLayout,
    QToolButton,
    QWidget,
)

from migbar.runs import VIBRATIONS
from migbar_gui.background.run_watcher import Watched
from migbar_gui.background.runs import Runs
from migbar_gui.computing.relaxations import LiveRun, Relaxations
from migbar_gui.computing.relaxed import (
    RelaxedPath,
    ShownImage,
    VolumeResult,
    potential_note,
)
from migbar_gui.looks import energies
from migbar_gui.looks.flow import Flow
from migbar_gui.looks.theme import icon, path_colour, with_text
from migbar_gui.looks.widgets import (
    as_panel,
    button,
    centred,
    in_column,
    in_row,
    label,
    swatch_icon,
    tool_row,
)
from migbar_gui.panels.profile_facts import ProfileFacts, signed
from migbar_gui.panels.profile_plot import LEAST_WIDTH, Curve, LivePlot, ProfilePlot, VolumePlot
from migbar_gui.workspace import Workspace, whenever

Entry = LiveRun | RelaxedPath | VolumeResult

ROLE = Qt.ItemDataRole.UserRole
PLAY_MS = 350


def curve_of(workspace: Workspace, relaxed: RelaxedPath) -> Curve:
    """Return what is drawn of a relaxed path, with the barrier that was predicted for it."""
    result = workspace.result(relaxed.path_id)
    predicted = None
    if result is not None:
        barrier = result.predicted.barrier
        predicted = (barrier.barrier_ev, *barrier.interval_ev)
    return Curve(
        f"{relaxed.title}, {relaxed.method}",
        path_colour(relaxed.path_id),
        relaxed.result.profile,
        relaxed.curve,
        relaxed.result.converged,
        predicted,
    )


class ProfilePanel(QWidget):
    """Relaxed bands: list, profile, image slider and facts, in step with the table and the 3D view.

    Emits `chosen` when it shows another one, or the same one anew.

    Parameters
    ----------
    workspace : Workspace
    relaxations : Relaxations
    runs : Runs
    relax, export, read : callable
        Ask how to relax the selected paths, where to write the relaxed band that is looked at, and which
        calculation to read.
    find_vibrations : callable
        Finds the attempt frequency of the relaxed band that is looked at.
    """

    chosen = Signal()

    def __init__(
        self,
        workspace: Workspace,
        relaxations: Relaxations,
        runs: Runs,
        relax: Callable[[], object],
        export: Callable[[], object],
        read: Callable[[], object],
        find_vibrations: Callable[[], object],
    ) -> None:
        super().__init__()
        as_panel(self)
        self._workspace = workspace
        self._relaxations = relaxations
        self._runs = runs
        self._shown: Entry | None = None
        self._left_out: set[Path] = set()
        self._timer = QTimer(self, interval=PLAY_MS)
        self._timer.timeout.connect(self._step)
        self.list = self._make_list()
        self.plot = ProfilePlot()
        self.plot.image_clicked.connect(self._go_to)
        self.live_plot = LivePlot()
        self.volume_plot = VolumePlot()
        self.facts = ProfileFacts(workspace, relaxations.is_vibrating, find_vibrations)
        self.stop = button("Stop", self._stop)
        self.stop.setToolTip("Stop at the next step; what there is stays, and it can go on later")
        self.resume = button("Resume", self._resume)
        self.relax = button("Relax band…", relax, "primary")
        self.export = button("Export…", export)
        self.export.setToolTip(
            "Write profile or images: CSV, JSON, SVG, PNG, extended XYZ, CIF, GIF"
        )
        self._lay_out(relax, read)
        whenever(
            self._fill,
            workspace.relaxed_changed,
            workspace.numbers_changed,
            workspace.paths_changed,
            workspace.document_changed,
        )
        workspace.active_changed.connect(self._follow_active)
        workspace.image_changed.connect(self._follow_image)
        workspace.result_arrived.connect(lambda _: self._refresh())
        relaxations.progressed.connect(self._progress)
        relaxations.over.connect(lambda _: self._fill())
        runs.changed.connect(self._follow_run)
        runs.removed.connect(lambda _: self.facts.show_entry(self._shown))
        self._fill()

    # -------------------------------------------------------------- building

    def _make_list(self) -> QListWidget:
        bands = QListWidget()
        bands.setObjectName("bands")
        bands.setAccessibleName("Relaxed bands")
        bands.setMinimumWidth(150)
        bands.setMaximumWidth(with_text(236))
        bands.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        bands.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        bands.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        bands.currentItemChanged.connect(lambda *_: self._choose())
        bands.itemChanged.connect(self._check)
        return bands

    def _lay_out(self, relax: Callable[[], object], read: Callable[[], object]) -> None:
        self._plots = QStackedLayout()
        for plot in (self.plot, self.live_plot, self.volume_plot):
            plot.setMinimumWidth(with_text(LEAST_WIDTH))
            self._plots.addWidget(plot)
        self._steering = self._make_steering()
        buttons = tool_row(self.relax, self.stop, self.resume, self.export, None)
        middle = in_column(self._plots, self._steering, grow=self._plots, spacing=0)
        left = in_column(buttons, self.list, grow=self.list, spacing=0)
        page = QWidget()
        page.setLayout(in_row(left, middle, self.facts, grow=middle, spacing=0))
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._make_invitation(relax, read))
        self._pages.addWidget(page)
        self.refresh_icons()

    def _make_invitation(self, relax: Callable[[], object], read: Callable[[], object]) -> QWidget:
        text = centred(
            "A relaxed band tells the energy all along a path: select a path and relax it with a "
            "universal potential, or read a NEB that was calculated elsewhere."
        )
        self.begin = button("Relax band…", relax, "primary")
        self.read = button("Read NEB calculation…", read)
        self.read.setToolTip("The folder of a finished NEB: VASP, Quantum ESPRESSO or ASE")
        buttons = in_row(None, self.begin, self.read, None)
        layout = in_column(None, text, buttons, None)
        invitation = QWidget()
        invitation.setLayout(layout)
        return invitation

    def _make_steering(self) -> QWidget:
        self.play = QToolButton()
        self.play.setCheckable(True)
        self.play.setAccessibleName("Play")
        self.play.setToolTip("Walk through the images")
        self.play.setIconSize(QSize(18, 18))
        self.play.toggled.connect(self._set_playing)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Image")
        self.slider.setPageStep(1)
        self.slider.valueChanged.connect(self._go_to)
        self._image_text = label("", "muted")
        self._image_text.setMinimumWidth(with_text(140))
        self.in_view = QCheckBox("In 3D")
        self.in_view.setToolTip("Show the image in the 3D view in place of the crystal")
        self.in_view.toggled.connect(lambda _: self._show_in_view())
        self.forces = QCheckBox("Forces")
        self.forces.setToolTip("Draw the forces on the atoms as arrows in the 3D view")
        self.forces.toggled.connect(self._toggle_forces)
        shown = QWidget()  # neither stands alone in a line
        shown.setLayout(in_row(self.in_view, self.forces))
        parts = (self.play, self.slider, self._image_text, shown)
        steering = QWidget()
        steering.setLayout(Flow(*parts, grow=self.slider, margins=(8, 0, 8, 6)))
        return steering

    def refresh_icons(self) -> None:
        """Draw the icons in the colours of the current theme."""
        self.play.setIcon(icon("pause" if self.play.isChecked() else "play"))
        self.update()

    # -------------------------------------------------------------- the list

    @property
    def entries(self) -> list[Entry]:
        """What is listed: under way first, then the relaxed bands of the table and those opened besides."""
        here = {path.id for path in self._workspace.state.paths} | {None}
        live: list[Entry] = [run for run in self._relaxations.live if run.path_id in here]
        working = {run.folder for run in self._relaxations.live}
        workspace = self._workspace
        done = [r for r in workspace.relaxed if r.path_id in here and r.folder not in working]
        volumes = [volume for volume in workspace.volumes if volume.path_id in here]
        return [*live, *done, *volumes]

    @property
    def shown(self) -> Entry | None:
        """The entry that is looked at."""
        return self._shown

    @property
    def checked(self) -> list[RelaxedPath]:
        """Relaxed bands that are drawn."""
        return [
            e for e in self.entries if isinstance(e, RelaxedPath) and e.folder not in self._left_out
        ]

    def _fill(self) -> None:
        entries, before = self.entries, self._shown
        with QSignalBlocker(self.list):
            self.list.clear()
            for entry in entries:
                self.list.addItem(self._item(entry))
        self._pages.setCurrentIndex(1 if entries else 0)
        folder = before.folder if before is not None else None
        row = next((n for n, e in enumerate(entries) if e.folder == folder), None)
        if row is None:
            active = self._workspace.active
            rows = [n for n, e in enumerate(entries) if e.path_id == active]
            row = rows[-1] if rows else len(entries) - 1
        with QSignalBlocker(self.list):
            self.list.setCurrentRow(row)
        self._choose(follow=False)

    def _item(self, entry: Entry) -> QListWidgetItem:
        item = QListWidgetItem()
        item.setData(ROLE, entry)
        self._write(item)
        if isinstance(entry, RelaxedPath):
            on = entry.folder not in self._left_out
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
        return item

    @staticmethod
    def _write(item: QListWidgetItem) -> None:
        entry: Entry = item.data(ROLE)
        item.setIcon(swatch_icon(path_colour(entry.path_id)))
        if isinstance(entry, LiveRun):
            force = f"{entry.residuals[-1]:.3f} eV/Å" if entry.residuals else "starting"
            item.setText(f"{entry.title}\nrelaxing, {force}")
            item.setToolTip(f"{entry.title}: relaxing")
            return
        if isinstance(entry, VolumeResult):
            item.setText(f"{entry.title}\n{signed(entry.dependence.slope_ev)} per % of volume")
            item.setToolTip(f"{entry.title}: barrier against volume, {entry.dependence.potential}")
            return
        note = potential_note(entry.result.potential.name, entry.result.ends_relaxed)
        told = f"{energies.energy(entry.result.barrier_ev)}, {entry.result.potential.name}"
        item.setText(f"{entry.title}\n{told}{entry.pushing}{entry.state}")
        item.setToolTip(f"{entry.title}\n{entry.method}{entry.state}\n{note}".strip())

    def _check(self, item: QListWidgetItem) -> None:
        entry = item.data(ROLE)
        if isinstance(entry, RelaxedPath):
            on = item.checkState() is Qt.CheckState.Checked
            (self._left_out.discard if on else self._left_out.add)(entry.folder)
            self._refresh()

    def select(self, folder: Path) -> None:
        """Look at a relaxed band."""
        for row in range(self.list.count()):
            if self.list.item(row).data(ROLE).folder == folder:
                self.list.setCurrentRow(row)

    def _choose(self, follow: bool = True) -> None:
        item = self.list.currentItem()
        before, self._shown = self._shown, item.data(ROLE) if item is not None else None
        shown = self._shown
        if isinstance(shown, RelaxedPath):
            with QSignalBlocker(self.slider):
                self.slider.setRange(0, len(shown.result.images) - 1)
                if before is not shown:
                    self.slider.setValue(shown.result.profile.saddle)
        self._refresh()
        self.chosen.emit()
        if follow and shown is not None and shown.path_id is not None:
            self._workspace.activate(shown.path_id)
        if self._workspace.shown_image is not None and before is not shown:
            self._show_in_view()

    def _follow_active(self) -> None:
        active = self._workspace.active
        if self._shown is not None and self._shown.path_id == active:
            return
        rows = [n for n, entry in enumerate(self.entries) if entry.path_id == active]
        if rows and active is not None:
            self.list.setCurrentRow(rows[-1])

    # -------------------------------------------------------------- what is shown of it

    def _refresh(self) -> None:
        shown = self._shown
        page = 1 if isinstance(shown, LiveRun) else 2 if isinstance(shown, VolumeResult) else 0
        self._plots.setCurrentIndex(page)
        self._steering.setVisible(isinstance(shown, RelaxedPath))
        if isinstance(shown, LiveRun):
            self.live_plot.show_run(shown, path_colour(shown.path_id))
            self._set_playing(False)
        if isinstance(shown, VolumeResult):
            self.volume_plot.show_dependence(shown.dependence, path_colour(shown.path_id))
        drawn = [
            e
            for e in self.entries
            if isinstance(e, RelaxedPath) and (e is shown or e.folder not in self._left_out)
        ]
        current = drawn.index(shown) if isinstance(shown, RelaxedPath) and shown in drawn else None
        self.plot.show_curves([curve_of(self._workspace, e) for e in drawn], current)
        self.facts.show_entry(shown)
        self._tell_image()
        self._enable()

    def _progress(self, live: LiveRun) -> None:
        items = [self.list.item(row) for row in range(self.list.count())]
        item = next((i for i in items if i.data(ROLE) is live), None)
        if item is None:
            self._fill()
            return
        with QSignalBlocker(self.list):
            self._write(item)
        if live is self._shown:
            self.live_plot.show_run(live, path_colour(live.path_id))
            self.facts.show_entry(live)

    def _follow_run(self, watched: Watched) -> None:
        if watched.run.task == VIBRATIONS:
            self.facts.show_entry(self._shown)
        self._enable()

    def _enable(self) -> None:
        shown = self._shown
        watched = self._runs.get(shown.folder) if shown is not None else None
        state = watched.run.state if watched is not None else None
        stopping = watched is not None and watched.stopping
        self.stop.setVisible(isinstance(shown, LiveRun))
        self.stop.setEnabled(not stopping)
        self.stop.setText("Stopping …" if stopping else "Stop")
        goes_on = state is not None and state.can_go_on
        self.resume.setVisible(goes_on)
        self.export.setVisible(isinstance(shown, RelaxedPath))
        self.relax.setVisible(not isinstance(shown, LiveRun) and not goes_on)

    def _stop(self) -> None:
        if self._shown is not None:
            self._runs.stop(self._shown.folder)

    def _resume(self) -> None:
        if self._shown is not None:
            self._runs.resume(self._shown.folder)

    # -------------------------------------------------------------- images

    def look_at(self, relaxed: RelaxedPath, image: int) -> None:
        """Show an image of a listed band in the 3D view, and stay there."""
        self._set_playing(False)
        self.select(relaxed.folder)
        self._go_to(image)

    def _go_to(self, image: int) -> None:
        """Look at an image, in the 3D view as well."""
        if not isinstance(self._shown, RelaxedPath):
            return
        if self._shown.path_id is not None:
            self._workspace.activate(self._shown.path_id)
        with QSignalBlocker(self.slider):
            self.slider.setValue(image)
        if not self.in_view.isChecked():
            self.in_view.setChecked(True)  # shows it
        else:
            self._show_in_view()
        self._tell_image()

    def _tell_image(self) -> None:
        shown = self._shown
        if not isinstance(shown, RelaxedPath):
            return
        image, last = self.slider.value(), self.slider.maximum()
        name = {0: "initial", last: "final"}.get(image, f"image {image}/{last - 1}")
        self._image_text.setText(f"{name}, {signed(shown.result.profile.relative[image])}")
        self.plot.show_image(image)

    def _show_in_view(self) -> None:
        shown = self._shown
        if self.in_view.isChecked() and isinstance(shown, RelaxedPath):
            wanted = ShownImage(shown, self.slider.value(), self.forces.isChecked())
            self._workspace.show_image(wanted)
        else:
            self._workspace.show_image(None)

    def _toggle_forces(self, on: bool) -> None:
        if on and not self.in_view.isChecked():
            self.in_view.setChecked(True)
        image = self._workspace.shown_image
        if image is not None:
            self._workspace.show_image(replace(image, forces=on))

    def _follow_image(self) -> None:
        """Note that the view went back to the crystal."""
        if self._workspace.shown_image is None:
            self._set_playing(False)
            with QSignalBlocker(self.in_view):
                self.in_view.setChecked(False)

    def _set_playing(self, on: bool) -> None:
        with QSignalBlocker(self.play):
            self.play.setChecked(on)
        self.refresh_icons()
        if on:
            self._timer.start()
        else:
            self._timer.stop()

    def _step(self) -> None:
        self._go_to((self.slider.value() + 1) % (self.slider.maximum() + 1))
