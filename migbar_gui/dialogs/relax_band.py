"""How to relax a band: potential, preset, and the few things that are changed most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QSpinBox, QWidget

from migbar_gui.computing.relaxations import RelaxRequest
from migbar_gui.computing.relaxed import potential_note
from migbar_gui.dialogs.potential import PotentialQuestion
from migbar_gui.looks.widgets import choice_box, field_rows, indented, label

PRESET_NAMES = {"paper": "Paper: 3 images, as published", "quality": "Quality: 5 images, climbing"}

STARTS = {
    "linear": "Straight",
    "idpp": "Bent around the atoms (IDPP)",
    "aside": "Aside, where symmetry keeps it on a ridge",
}

TIMES = {
    "chgnet": "CHGNet needs half a minute to some minutes for a path of 100 atoms.",
    "sevennet": "SevenNet needs some nine times as long as CHGNet, or three times (sevennet:0).",
}


class RelaxBandDialog(PotentialQuestion):
    """Asks how the selected paths are to be relaxed.

    Parameters
    ----------
    names : sequence of str
        The paths.
    atoms : int
        In the largest of their supercells.
    volumes : bool
        Whether the band is to be relaxed at several volumes.
    pushed : str
        What the ion could push beside each of the paths; empty where there is none.
    """

    chosen = Signal(object)

    def __init__(
        self,
        names: Sequence[str],
        atoms: int,
        parent: QWidget | None,
        volumes: bool = False,
        pushed: str = "",
    ) -> None:
        from migbar.neb.settings import PRESETS

        which = names[0] if len(names) == 1 else f"{len(names)} paths, one after the other"
        what = f"{which}, up to {atoms} atoms" if len(names) > 1 else f"{which}, {atoms} atoms"
        text = f"{what}. It works in the background; the window can be closed meanwhile."
        if volumes:
            text = (
                f"{what}, at 98, 100 and 102 % of its volume: three relaxations in the background."
            )
        title = "Barrier against volume" if volumes else "Relax band"
        super().__init__(title, text, "Relax", parent)
        self.preset = choice_box({name: PRESET_NAMES.get(name, name) for name in PRESETS})
        self.images = indented(QSpinBox(minimum=1, maximum=25))
        self.start = choice_box(STARTS)
        self.climb = QCheckBox("Let the highest image climb to the saddle")
        self.ends = QCheckBox("Relax both ends first")
        self.push = QCheckBox(f"Push the {pushed} beside the path to its end")
        self.push.setToolTip(
            "The ion takes the place of another one, which goes on: both move at once (interstitialcy)"
        )
        self.push.setVisible(bool(pushed))
        self.body.addLayout(
            field_rows(
                (
                    ("&Potential", self.potential),
                    ("P&reset", self.preset),
                    ("&Images", self.images),
                    ("&Start", self.start),
                    ("", self.climb),
                    ("", self.ends),
                    ("", self.push),
                    ("&Compute on", self.device),
                    ("", self.trust),
                )
            )
        )
        self._about = label("", "muted", wrap=True)
        self.body.addWidget(self._about)
        self.preset.currentIndexChanged.connect(self._take_preset)
        self._take_preset()
        self.ends.toggled.connect(self._describe)
        self._describe()
        self.accepted.connect(lambda: self.chosen.emit(self.request()))

    def request(self) -> RelaxRequest:
        """Return what was chosen."""
        from migbar.neb.settings import PRESETS

        preset = self.preset.currentData()
        wanted: dict[str, Any] = {
            "n_images": self.images.value(),
            "start": self.start.currentData(),
            "climb": self.climb.isChecked(),
            "relax_ends": self.ends.isChecked(),
        }
        before = PRESETS[preset]
        changes = {name: value for name, value in wanted.items() if getattr(before, name) != value}
        return RelaxRequest(
            self.potential.currentText().strip(),
            preset,
            changes,
            self.device.currentData(),
            self.trust.isChecked(),
            self.push.isChecked(),
        )

    def _take_preset(self) -> None:
        from migbar.neb.settings import PRESETS

        preset = PRESETS[self.preset.currentData()]
        self.images.setValue(preset.n_images)
        self.start.setCurrentIndex(self.start.findData(preset.start))
        self.climb.setChecked(preset.climb)
        self.ends.setChecked(preset.relax_ends)

    def _describe(self) -> None:
        self._about.setText(about(self.potential.currentText().strip(), self.ends.isChecked()))
        super()._describe()


def about(potential: str, ends_relaxed: bool = True) -> str:
    """Say what a barrier of this potential is worth, and how long it takes."""
    note = potential_note(potential, ends_relaxed)
    time = TIMES.get(potential.partition(":")[0])
    if time is not None:
        return f"{time} {note}"
    return note or "The barrier is as good as the potential; the time depends on it, too."
