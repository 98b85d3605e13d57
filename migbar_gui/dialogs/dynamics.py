"""How to simulate the open structure: how hot, for how long, and with how many carriers."""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QSpinBox, QWidget

from migbar.errors import MigbarError
from migbar.wording import duration
from migbar_gui.dialogs.potential import PotentialQuestion
from migbar_gui.looks.widgets import ProblemLabel, field_rows, indented, label, sentence

CHGNET_S = 0.66
"""CHGNet takes so many seconds for a step on a core of a processor, times atoms, times their density (1/Å³) squared.

Bonds go with the density, and angles with its square; measured with Li7P3S11 and LiCoO2.
"""


class DynamicsDialog(PotentialQuestion):
    """Asks how the open structure is to be simulated.

    Parameters
    ----------
    name, ion : str
    atoms : int
        In the supercell that is simulated.
    density : float
        Atoms per Å³.
    is_guest : bool
        Whether the structure holds no such ion, so that some are put in.
    step_fs : float
        That fits the structure's lightest atom.
    """

    chosen = Signal(object)
    """Potential, device, trust and settings, as the options of the run."""

    def __init__(
        self,
        name: str,
        ion: str,
        atoms: int,
        density: float,
        is_guest: bool,
        step_fs: float,
        parent: QWidget | None,
    ) -> None:
        text = (
            f"{ion} in {name}, {atoms} atoms. All atoms move, at each temperature for itself, and in a fixed cell: so "
            f"ions that hop together are seen, which no single barrier tells. It works in the background, for hours."
        )
        super().__init__("Molecular dynamics", text, "Simulate", parent)
        self._step_s = CHGNET_S * atoms * density**2
        self._step_fs = step_fs
        self.temperatures = QLineEdit("800, 1000, 1200")
        self.temperatures.setToolTip(
            "In kelvin, with commas between; two or more make a line to other temperatures"
        )
        self.length = indented(QSpinBox(minimum=2, maximum=10_000, value=20))
        self.length.setSuffix(" ps")
        self.length.setToolTip(
            "At each temperature, after a warm-up of 2 ps; 50 ps and more give small error bars"
        )
        self.carriers = indented(QSpinBox(minimum=int(is_guest), maximum=999, value=1))
        self.carriers.setToolTip(
            "Put into the roomiest voids, far apart"
            if is_guest
            else "Ions that are taken out, far apart; where all places are filled hardly any ion moves without"
        )
        self.body.addLayout(
            field_rows(
                (
                    ("&Potential", self.potential),
                    ("&Temperatures (K)", self.temperatures),
                    ("&Length", self.length),
                    (f"{ion} put &in" if is_guest else "&Vacancies", self.carriers),
                    ("&Compute on", self.device),
                    ("", self.trust),
                )
            )
        )
        self._about = label("", "muted", wrap=True)
        self.problem = ProblemLabel()
        self.body.addWidget(self._about)
        self.body.addWidget(self.problem)
        self.temperatures.textChanged.connect(lambda: self._describe())
        self.length.valueChanged.connect(lambda: self._describe())
        self._describe()
        self.accepted.connect(lambda: self.chosen.emit(self.options()))

    def options(self) -> dict[str, Any]:
        """Return what was chosen."""
        settings = {
            "temperatures_k": _numbers(self.temperatures.text()),
            "length_ps": self.length.value(),
            "step_fs": self._step_fs,
            "carriers": self.carriers.value(),
        }
        return {**self.potential_options(), "settings": settings}

    def _describe(self) -> None:
        from migbar.dynamics import DynamicsSettings

        about, problem = "", ""
        try:
            settings = DynamicsSettings.from_dict(self.options()["settings"])
        except MigbarError as error:
            problem = sentence(str(error))
        else:
            hot = ", ".join(f"{kelvin:g} K" for kelvin in settings.temperatures_k)
            about = f"{hot}: {settings.n_steps:,} steps of {settings.step_fs:g} fs."
            if self.potential.currentText().startswith("chgnet"):
                took = duration(self._step_s * settings.n_steps)
                about += f" With CHGNet some {took} on a core of a processor."
        self._about.setText(about)
        self._about.setVisible(bool(about))
        self.problem.tell(problem)
        super()._describe()
        self.accept_button.setEnabled(self.accept_button.isEnabled() and not problem)


def _numbers(text: str) -> list[float]:
    """Read numbers; what is none is nan, which is refused like one that makes no sense."""
    words = re.split(r"[;\s]+|,(?!\d)|,(?=\d{3,})", text.strip())
    return [_number(word) for word in words if word]


def _number(word: str) -> float:
    try:
        return float(word.replace(",", "."))
    except ValueError:
        return float("nan")
