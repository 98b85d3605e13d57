"""What is told of a relaxed band beside its profile."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget

from migbar.barriers import Remark
from migbar.wording import counted, duration, scientific, with_minus
from migbar_gui.computing.relaxations import LiveRun
from migbar_gui.computing.relaxed import RelaxedPath, VolumeResult, potential_note
from migbar_gui.looks import energies
from migbar_gui.looks.flow import Flow
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    RemarkList,
    ScrolledPage,
    body,
    button,
    in_row,
    label,
    restyle,
    scroll,
)
from migbar_gui.workspace import Workspace

if TYPE_CHECKING:
    from migbar.neb import NebResult, Vibrations

STAGES = {
    "initial": "initial end",
    "final": "final end",
    "band": "band",
    "climb": "climbing image",
}


def signed(energy: float) -> str:
    """Write an energy with its sign, none where it rounds to zero."""
    text = energies.energy(energy if abs(energy) >= 5e-4 else 0.0, sign=True)
    return text.removeprefix("+" if abs(energy) < 5e-4 else "")


WIDTH = 316
"""Pixels, where there is room: for a slope and that it is not converged, in one line."""


class ProfileFacts(ScrolledPage):
    """Barriers, convergence and remarks.

    Parameters
    ----------
    workspace : Workspace
    is_vibrating, find_vibrations : callable
        Whether the attempt frequency of a band is being looked for; look for that of the band shown.
    """

    def __init__(
        self,
        workspace: Workspace,
        is_vibrating: Callable[[RelaxedPath], bool],
        find_vibrations: Callable[[], object],
    ) -> None:
        super().__init__()
        self._workspace = workspace
        self._is_vibrating = is_vibrating
        self.setMaximumWidth(with_text(WIDTH))
        self.barrier = label("", "formula")
        self.state = label()
        self.state.setProperty("verdict", "good")
        head = QWidget()
        head.setLayout(Flow(self.barrier, self.state, grow=self.barrier))
        self.lines = label("", wrap=True)
        self.attempts = button("", find_vibrations, "link")
        self.attempts.setToolTip(
            "How often the ion tries to hop: from its vibrations at the end and at the saddle, in the background"
        )
        self.method = label("", "muted", wrap=True)
        self.remarks = RemarkList()
        parts = (
            head,
            self.lines,
            in_row(self.attempts, None),
            self.method,
            self.remarks,
        )
        page = body(*parts, spacing=5, margins=(7, 7, 13, 9))
        scroll(self, page, "Relaxed band")

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(with_text(WIDTH), super().sizeHint().height())

    def show_entry(self, entry: LiveRun | RelaxedPath | VolumeResult | None) -> None:
        """Show the facts of another band, or how it went on."""
        self.setVisible(entry is not None)
        self.remarks.tell()
        self.attempts.setVisible(isinstance(entry, RelaxedPath) and _lacks_vibrations(entry.result))
        if isinstance(entry, LiveRun):
            self._show_live(entry)
        elif isinstance(entry, VolumeResult):
            self._show_volume(entry)
        elif entry is not None:
            self._show_relaxed(entry)

    def _show_live(self, live: LiveRun) -> None:
        self.barrier.setText("…")
        self._set_state("none", "relaxing")
        steps = counted(len(live.residuals), "step")
        stage = STAGES.get(live.stages[-1], live.stages[-1]) if live.stages else ""
        now = f"{steps}: {stage}, {live.residuals[-1]:.3f} eV/Å" if stage else "starting"
        self.lines.setText(now)
        self.method.setText("")

    def _show_relaxed(self, relaxed: RelaxedPath) -> None:
        result, profile = relaxed.result, relaxed.result.profile
        self.barrier.setText(energies.energy(result.barrier_ev))
        self._set_converged(result.converged)
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
        vibrations = result.vibrations
        lines += [] if vibrations is None else _of_vibrations(vibrations)
        self.lines.setText("\n".join(lines))
        self.attempts.setText(
            "Finding attempt frequency …"
            if self._is_vibrating(relaxed)
            else "Find attempt frequency"
        )
        ends = "ends relaxed" if result.ends_relaxed else "ends as they were"
        work = f"{counted(result.steps, 'step')}, " if result.steps else ""
        seconds = f", {duration(result.seconds)}" if result.seconds else ""
        self.method.setText(
            f"{result.potential}, {relaxed.images}, {ends}. {work}{result.residual:.3f} eV/Å left{seconds}."
        )
        odd = () if vibrations is None else vibrations.remarks
        bias = _bias(result.potential.name, result.ends_relaxed)
        self.remarks.tell((*result.remarks, *odd, *bias))

    def _show_volume(self, volume: VolumeResult) -> None:
        from migbar.neb.volume import slope_text

        found = volume.dependence
        self.barrier.setText(f"{signed(found.slope_ev)}/%")
        self._set_converged(all(found.converged))
        lines = [
            f"{f'{100 * change:+.0f}' if change else 0} % volume: {energies.energy(barrier)}"
            + ("" if ok else ", not converged")
            for change, barrier, ok in zip(
                found.changes, found.barriers_ev, found.converged, strict=True
            )
        ]
        self.lines.setText(with_minus("\n".join(lines)))
        self.method.setText(
            f"The barrier {energies.in_text(slope_text(found))}. {found.potential}."
        )
        self.remarks.tell(_bias(found.potential.partition(" ")[0], True))

    def _set_converged(self, converged: bool) -> None:
        if converged:
            self._set_state("good", "converged")
        else:
            self._set_state("poor", "not converged")

    def _set_state(self, verdict: str, text: str) -> None:
        self.state.setProperty("verdict", verdict)
        self.state.setText(text)
        restyle(self.state)


def _lacks_vibrations(result: NebResult) -> bool:
    from migbar.neb.vibrations import saddle_problems

    return result.vibrations is None and not saddle_problems(result)


def _of_vibrations(vibrations: Vibrations) -> list[str]:
    attempts, zero_point = vibrations.attempt_frequency, vibrations.zero_point_ev
    if attempts is None or zero_point is None:
        return []
    return [
        f"attempt frequency {scientific(attempts)} 1/s",
        f"{signed(zero_point)} by zero-point vibrations",
    ]


def _bias(potential: str, ends_relaxed: bool) -> list[Remark]:
    text = potential_note(potential, ends_relaxed)
    return [Remark("measured_error", text)] if text else []
