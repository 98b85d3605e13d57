"""What trajectories of other programs do not tell themselves: temperature, and the time between their frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QWidget

from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import (
    DecimalBox,
    ElidedLabel,
    ProblemLabel,
    Question,
    field_rows,
    label,
    scrolled,
)

if TYPE_CHECKING:
    from migbar.dynamics import Simulation

ROWS = 6
"""Files that are seen at once."""


class ReadDynamicsDialog(Question):
    """Asks for what is not known of trajectories, one for each temperature.

    Parameters
    ----------
    name, ion : str
    guesses : mapping
        Of each file the temperature (K) and the time from frame to frame (fs), or None.
    """

    chosen = Signal(object, float)
    """A list of `Simulation`, and how many ps of each are left out."""

    def __init__(
        self,
        name: str,
        ion: str,
        guesses: dict[Path, tuple[float | None, float | None]],
        parent: QWidget | None,
    ) -> None:
        super().__init__(
            "Read simulation",
            f"{ion} in {name}, as another program simulated it, one file for each temperature. Its atoms are followed "
            "from frame to frame, wrapped into the cell or not.",
            "Read",
            parent,
        )
        self.setMinimumWidth(with_text(540))
        self.kelvins: dict[Path, DecimalBox] = {}
        self.frames: dict[Path, DecimalBox] = {}
        self.body.addWidget(self._make_rows(guesses))
        self.skip = DecimalBox(minimum=0.0, maximum=1e5, value=2.0, decimals=1, suffix=" ps")
        self.skip.setToolTip("The warm-up: until the crystal has settled at its temperature")
        self.body.addLayout(field_rows([("&Leave out the first", self.skip)]))
        self._about = label("", "muted", wrap=True)
        self.problem = ProblemLabel()
        self.body.addWidget(self._about)
        self.body.addWidget(self.problem)
        for box in (*self.kelvins.values(), *self.frames.values()):
            box.valueChanged.connect(lambda _: self._describe())
        self.accepted.connect(lambda: self.chosen.emit(self.simulations(), self.skip.value()))
        self._describe()

    def simulations(self) -> list[Simulation]:
        """Return the files with what was said of them."""
        from migbar.dynamics import Simulation

        return [
            Simulation(path, self.kelvins[path].value(), self.frames[path].value())
            for path in self.kelvins
        ]

    def _make_rows(self, guesses: dict[Path, tuple[float | None, float | None]]) -> QWidget:
        from migbar.dynamics.settings import HOTTEST_K

        rows = QWidget()
        grid = QGridLayout(rows)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(14)
        grid.setColumnStretch(0, 1)
        for column, text in enumerate(("File", "Temperature", "Between frames")):
            grid.addWidget(label(text, "section"), 0, column)
        for row, (path, (kelvin, frame_fs)) in enumerate(guesses.items(), start=1):
            text = f"{path.parent.name}/{path.name}"
            name = ElidedLabel()
            name.setText(text)
            name.setToolTip(str(path))
            self.kelvins[path] = _box(kelvin, HOTTEST_K, " K", f"Temperature of {text}")
            self.frames[path] = _box(frame_fs, 1000.0, " fs", f"Time between frames of {text}")
            self.frames[path].setToolTip(
                "The time step, times the steps from one frame to the next"
            )
            for column, widget in enumerate((name, self.kelvins[path], self.frames[path])):
                grid.addWidget(widget, row, column)
        if len(guesses) <= ROWS:
            return rows
        area = scrolled(rows, "Files")
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFixedHeight(with_text(36) * (ROWS + 1))
        return area

    def _describe(self) -> None:
        boxes = (*self.kelvins.values(), *self.frames.values())
        is_known = all(box.value() > 0 for box in boxes)
        hot = [box.value() for box in self.kelvins.values()]
        twice = is_known and len(set(hot)) < len(hot)
        self._about.setText(
            "Give temperature and time from frame to frame of each file."
            if not is_known
            else "Two temperatures or more make a line to others."
            if len(hot) < 2
            else ""
        )
        self.problem.tell(
            "Two files are of one temperature: read them one after the other." if twice else ""
        )
        self._about.setVisible(bool(self._about.text()))
        self.accept_button.setEnabled(is_known and not twice)
        if self.isVisible():
            self.fit()


def _box(value: float | None, most: float, suffix: str, name: str) -> DecimalBox:
    """Make a box for a number that may not be known: then it is empty."""
    box = DecimalBox(minimum=0.0, maximum=most, decimals=2 if suffix == " fs" else 1, suffix=suffix)
    box.setSpecialValueText(" ")
    box.setValue(value or 0.0)
    box.setAccessibleName(name)
    box.setFixedWidth(with_text(120))
    return box
