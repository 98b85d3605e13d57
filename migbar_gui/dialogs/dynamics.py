"""How to simulate the open structure: how hot, for how long, and with how many carriers; and how to go on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QSpinBox, QWidget

from migbar.errors import MigbarError
from migbar.wording import duration
from migbar_gui.dialogs.potential import PotentialQuestion
from migbar_gui.looks.widgets import ProblemLabel, field_rows, indented, label

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult, DynamicsSettings

CHGNET_S = 0.66
"""CHGNet takes so many seconds for a step on a core of a processor, times atoms, times their density (1/Å³) squared.

Bonds go with the density, and angles with its square; measured with Li7P3S11 and LiCoO2.
"""


class _DynamicsQuestion(PotentialQuestion):
    """Asks how hot and for how long to simulate.

    Parameters
    ----------
    title, text : str
    settings : DynamicsSettings
        Those to begin with.
    atoms : int
        In the supercell that is simulated.
    density : float
        Atoms per Å³.
    """

    chosen = Signal(object)
    """Potential, device, trust and settings, as the options of the run."""

    def __init__(
        self,
        title: str,
        text: str,
        settings: DynamicsSettings,
        atoms: int,
        density: float,
        parent: QWidget | None,
    ) -> None:
        from migbar.dynamics.settings import LONGEST_PS, SHORTEST_PS

        super().__init__(title, text, "Simulate", parent)
        self._settings = settings
        self._step_s = CHGNET_S * atoms * density**2
        self.temperatures = QLineEdit(", ".join(f"{one:g}" for one in settings.temperatures_k))
        self.temperatures.setToolTip(
            "In kelvin, with commas between; two or more make a line to other temperatures"
        )
        self.length = indented(QSpinBox(minimum=int(SHORTEST_PS), maximum=int(LONGEST_PS)))
        self.length.setValue(round(settings.length_ps))
        self.length.setSuffix(" ps")
        self.length.setToolTip(
            "At each temperature, after a warm-up of 2 ps; 50 ps and more give small error bars"
        )
        self._about = label("", "muted", wrap=True)
        self.problem = ProblemLabel()

    def _lay_out(self, *further: tuple[str, QWidget]) -> None:
        self.body.addLayout(
            field_rows(
                (
                    ("&Potential", self.potential),
                    ("&Temperatures (K)", self.temperatures),
                    ("&Length", self.length),
                    *further,
                    ("&Compute on", self.device),
                    ("", self.trust),
                )
            )
        )
        self.body.addWidget(self._about)
        self.body.addWidget(self.problem)
        self.temperatures.textChanged.connect(lambda: self._describe())
        self.length.valueChanged.connect(lambda: self._describe())
        self._describe()
        self.accepted.connect(lambda: self.chosen.emit(self.options()))

    def settings(self) -> dict[str, Any]:
        """Return what was chosen of the settings."""
        return {
            "temperatures_k": _numbers(self.temperatures.text()),
            "length_ps": self.length.value(),
        }

    def options(self) -> dict[str, Any]:
        """Return what was chosen."""
        settings = self._settings.to_dict() | self.settings()
        return {**self.potential_options(), "settings": settings}

    def steps(self, settings: DynamicsSettings) -> int:
        """Return how many steps are to be made."""
        return settings.n_steps

    def _describe(self) -> None:
        from migbar.dynamics import DynamicsSettings

        about, problem = "", ""
        try:
            settings = DynamicsSettings.from_dict(self.options()["settings"])
        except MigbarError as error:
            problem = str(error)
        else:
            hot = ", ".join(f"{kelvin:g} K" for kelvin in settings.temperatures_k)
            steps = self.steps(settings)
            about = f"{hot}: {steps:,} steps of {settings.step_fs:g} fs."
            if self.potential.currentText().startswith("chgnet"):
                took = duration(self._step_s * steps)
                about += f" With CHGNet some {took} on a core of a processor."
            if steps <= 0:
                about, problem = (
                    "",
                    "All of this is simulated: give a longer time, or more temperatures.",
                )
        self._about.setText(about)
        self._about.setVisible(bool(about))
        self.problem.tell(problem)
        super()._describe()
        self.accept_button.setEnabled(self.accept_button.isEnabled() and not problem)


class DynamicsDialog(_DynamicsQuestion):
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
        from migbar.dynamics import DynamicsSettings

        text = (
            f"{ion} in {name}, {atoms} atoms. All atoms move, at each temperature for itself, and in a fixed cell: so "
            f"ions that hop together are seen, which no single barrier tells. It works in the background, for hours."
        )
        settings = DynamicsSettings(step_fs=step_fs)
        super().__init__("Molecular dynamics", text, settings, atoms, density, parent)
        self.carriers = indented(QSpinBox(minimum=int(is_guest), maximum=999, value=1))
        self.carriers.setToolTip(
            "Put into the roomiest voids, far apart"
            if is_guest
            else "Ions that are taken out, far apart; where all places are filled hardly any ion moves without"
        )
        self._lay_out((f"{ion} put &in" if is_guest else "&Vacancies", self.carriers))

    def settings(self) -> dict[str, Any]:
        """Return what was chosen of the settings."""
        return super().settings() | {"carriers": self.carriers.value()}


class LongerDynamicsDialog(_DynamicsQuestion):
    """Asks for how long to go on with a simulation, and at which further temperatures.

    Parameters
    ----------
    result : DynamicsResult
    options : mapping
        Those of its run.
    """

    def __init__(
        self, result: DynamicsResult, options: Mapping[str, Any], parent: QWidget | None
    ) -> None:
        from migbar.dynamics import DynamicsSettings
        from migbar.dynamics.settings import LONGEST_PS

        text = f"{result.story}. It goes on from there, as another run; temperatures that you add begin anew."
        before = DynamicsSettings.from_dict(options["settings"])
        longer = replace(
            before,
            temperatures_k=tuple(one.kelvin for one in result.at),
            length_ps=min(2 * before.length_ps, LONGEST_PS),
        )
        density = result.ion_density * result.n_atoms / result.n_ions
        super().__init__("Simulate longer", text, longer, result.n_atoms, density, parent)
        self._at = result.at
        self.length.setMinimum(math.ceil(before.length_ps))
        self.potential.setCurrentText(options["potential"])
        self.potential.setEnabled(False)
        self.trust.setChecked(bool(options.get("trust_file")))
        self._lay_out()

    def steps(self, settings: DynamicsSettings) -> int:
        """Return how many steps are still to be made."""
        done = sum(
            settings.warm_up_ps + one.length_ps
            for one in self._at
            if one.kelvin in settings.temperatures_k
        )
        return settings.n_steps - round(1000 * done / settings.step_fs)


def _numbers(text: str) -> list[float]:
    """Read numbers; what is none is nan, which is refused like one that makes no sense."""
    words = re.split(r"[;\s]+|,(?!\d)|,(?=\d{3,})", text.strip())
    return [_number(word) for word in words if word]


def _number(word: str) -> float:
    try:
        return float(word.replace(",", "."))
    except ValueError:
        return float("nan")
