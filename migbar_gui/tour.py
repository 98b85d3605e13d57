"""The two-minute tour: says what to do next, and goes on when it was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from migbar.resources import examples
from migbar_gui.workspace import whenever

if TYPE_CHECKING:
    from migbar_gui.main_window import MainWindow

EXAMPLE = "LiFePO4"


@dataclass(frozen=True, slots=True)
class Step:
    """What to say, and when it was done; without a condition a button goes on."""

    text: str
    done: Callable[[MainWindow], bool] | None = None


def _judged(window: MainWindow) -> bool:
    return window.workspace.result(window.workspace.active) is not None


STEPS = (
    Step(
        "1 of 6   Click a green lithium atom: the hop starts there. Drag turns the crystal, the wheel zooms.",
        lambda w: bool(w.workspace.picks) or bool(w.workspace.state.paths),
    ),
    Step("2 of 6   Click another lithium close to it: the hop ends there.", _judged),
    Step(
        "3 of 6   The barrier is on the right, with the interval that holds the DFT value in nine of ten cases. "
        "Signs below it say what to mind.",
    ),
    Step(
        "4 of 6   Press Ctrl+F to find all hops, and how the ion gets through the crystal.",
        lambda w: w.workspace.state.group is not None,
    ),
    Step(
        "5 of 6   On the right: the barrier of getting through in one, two and three dimensions, and the hop that "
        "limits it. The slider hides hard hops.",
    ),
    Step(
        "6 of 6   Ctrl+S keeps all this in a file, Ctrl+Shift+P finds any command, F1 opens the manual. "
        "Drop a structure of your own anywhere on this window.",
    ),
)


class Tour(QObject):
    """Leads through `STEPS`, one message after the other, beside whatever the user does."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._at: int | None = None
        workspace = window.workspace
        whenever(self._look, workspace.anything_changed, workspace.group_changed)

    def start(self) -> None:
        """Open the example, and say the first step."""
        window = self._window
        window.open_file(next(path for path in examples() if path.stem == EXAMPLE))
        self._at = -1

    def end(self) -> None:
        """Say nothing more."""
        self._at = None

    def _look(self) -> None:
        """Go on where the step was done, or its message was closed in place of "Next"."""
        document = self._window.workspace.document
        if self._at is None or document is None:
            return
        if self._at == -1:
            if document.name == f"{EXAMPLE}.cif" and not self._window.workspace.state.paths:
                self._go_on()
            return
        done = STEPS[self._at].done
        if self._window.notice.isHidden() if done is None else done(self._window):
            self._go_on()

    def _go_on(self) -> None:
        assert self._at is not None
        self._at += 1
        if self._at == len(STEPS):
            self.end()
            return
        step, last = STEPS[self._at], self._at == len(STEPS) - 1
        if step.done is not None and step.done(self._window):
            self._go_on()
            return
        forward = ("Done" if last else "Next", self._go_on) if step.done is None else None
        end = None if last else ("End the tour", self.end)
        self._window.notice.show_message(step.text, "info", action=forward, other_action=end)
