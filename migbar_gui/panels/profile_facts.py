"""What is told of a relaxed band beside its profile."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from migbar_gui import energies
from migbar_gui.panels.profile_plot import VolumePlot
from migbar_gui.relaxations import LiveRun
from migbar_gui.relaxed import RelaxedPath, potential_note
from migbar_gui.theme import current_theme, path_colour, pixmap
from migbar_gui.widgets import clear, label, restyle
from migbar_gui.workspace import Workspace

STAGES = {
    "initial": "relaxing the initial end",
    "final": "relaxing the final end",
    "band": "relaxing the band",
    "climb": "letting the highest image climb",
}


def signed(energy: float) -> str:
    """Write an energy with its sign, none where it rounds to zero."""
    text = energies.energy(energy if abs(energy) >= 5e-4 else 0.0, sign=True)
    return text.replace("-", "−").removeprefix("+" if abs(energy) < 5e-4 else "")


class ProfileFacts(QScrollArea):
    """Barriers, convergence, remarks, and the barrier against the volume where that is known."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedWidth(280)
        page = QWidget()
        page.setObjectName("body")
        column = QVBoxLayout(page)
        column.setContentsMargins(8, 8, 14, 10)
        column.setSpacing(5)
        self.barrier = label("", "barrier")
        self.state = label()
        self.state.setProperty("verdict", "good")
        head = QHBoxLayout()
        head.addWidget(self.barrier)
        head.addStretch(1)
        head.addWidget(self.state, 0, Qt.AlignmentFlag.AlignVCenter)
        column.addLayout(head)
        self.lines = label("", wrap=True)
        self.method = label("", "muted", wrap=True)
        column.addWidget(self.lines)
        column.addWidget(self.method)
        self._remarks = QVBoxLayout()
        self._remarks.setSpacing(5)
        column.addLayout(self._remarks)
        self._volume_title = label("Barrier against volume", "section")
        self.volume = VolumePlot()
        self.volume_text = label("", "muted", wrap=True)
        for widget in (self._volume_title, self.volume, self.volume_text):
            column.addWidget(widget)
        column.addStretch(1)
        self.setWidget(page)

    def show_entry(self, entry: LiveRun | RelaxedPath | None) -> None:
        """Show the facts of another band, or how it went on."""
        self.setVisible(entry is not None)
        if isinstance(entry, LiveRun):
            self._show_live(entry)
        elif entry is not None:
            self._show_relaxed(entry)
        self._show_volume(entry.path_id if entry is not None else None)

    def _show_live(self, live: LiveRun) -> None:
        self.barrier.setText("…")
        self._set_state("poor", "relaxing")
        stage = STAGES.get(live.stages[-1], live.stages[-1]) if live.stages else "starting"
        force = f", {live.residuals[-1]:.3f} eV/Å" if live.residuals else ""
        self.lines.setText(f"{len(live.residuals)} steps: {stage}{force}")
        self.method.setText("")
        clear(self._remarks)

    def _show_relaxed(self, relaxed: RelaxedPath) -> None:
        result, profile = relaxed.result, relaxed.result.profile
        self.barrier.setText(energies.energy(result.barrier_ev))
        if result.converged:
            self._set_state("good", "converged")
        else:
            self._set_state("poor", "not converged")
        lines = [
            f"forward {energies.energy(profile.forward_ev)}, "
            f"reverse {energies.energy(profile.reverse_ev)}",
            f"reaction energy {signed(profile.reaction_energy_ev)}",
        ]
        found = self._workspace.result(relaxed.path_id)
        if found is not None:
            predicted = found.predicted.barrier.barrier_ev
            difference = signed(result.barrier_ev - predicted)
            lines.append(f"{difference} from the predicted {energies.energy(predicted)}")
        self.lines.setText("\n".join(lines))
        ends = "ends relaxed" if result.ends_relaxed else "ends as they were"
        self.method.setText(
            f"{result.potential}, {relaxed.method.partition(', ')[2]}, {ends}. {result.steps} steps, "
            f"{result.residual:.3f} eV/Å left, {result.seconds:.0f} s."
        )
        clear(self._remarks)
        for remark in result.remarks:
            self._add_remark(remark.text, "warning")
        bias = potential_note(result.potential.name, result.ends_relaxed)
        if bias:
            self._add_remark(bias, "info")

    def _set_state(self, verdict: str, text: str) -> None:
        self.state.setProperty("verdict", verdict)
        self.state.setText(text)
        restyle(self.state)

    def _add_remark(self, text: str, kind: str) -> None:
        theme = current_theme()
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        sign = QLabel()
        colour = theme.accent if kind == "info" else theme.poor
        sign.setPixmap(pixmap(kind, colour, 16, self.devicePixelRatioF()))
        layout.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        layout.addWidget(label(text, wrap=True), 1)
        self._remarks.addWidget(row)

    def _show_volume(self, path_id: int | None) -> None:
        found = self._workspace.volume_of(path_id)
        for widget in (self._volume_title, self.volume, self.volume_text):
            widget.setVisible(found is not None)
        if found is None or path_id is None:
            return
        from migbar.neb.volume import slope_text

        self.volume.show_dependence(found.dependence, path_colour(path_id))
        open_points = "" if all(found.dependence.converged) else " Open points are not converged."
        text = f"The barrier {slope_text(found.dependence)} ({found.dependence.potential})."
        self.volume_text.setText(text + open_points)
