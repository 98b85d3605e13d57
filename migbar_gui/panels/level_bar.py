"""The bar under the 3D view that sets how much of the site-energy map is seen."""

from __future__ import annotations

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtWidgets import QFrame, QSlider

from migbar_gui.looks import energies
from migbar_gui.looks.flow import Flow
from migbar_gui.looks.theme import with_text
from migbar_gui.looks.widgets import button, label
from migbar_gui.workspace import Workspace

STEP_EV = 0.05
HIGHEST_EV = 5.0

SITE_ENERGY = (
    "Bond-valence site energy of one ion alone in the rigid crystal, above its lowest. It shows sites and "
    "channels; barriers come from the model."
)

FREE_ENERGY = (
    "−kT ln of how often an ion was here in the simulation, above the lowest: places, and ways."
)


class LevelBar(QFrame):
    """Slider for the energy up to which the map is shown."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.setObjectName("level")
        self._workspace = workspace
        self._title = label("")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, round(HIGHEST_EV / STEP_EV))
        self.slider.setPageStep(5)
        self.slider.setMinimumWidth(with_text(110))
        self.slider.setAccessibleName("Site energy up to which the map is shown")
        self.slider.valueChanged.connect(
            lambda value: workspace.set_landscape_level(round(value * STEP_EV, 6))
        )
        self.level = label("")
        self.share = label("", "muted")
        hide = button("Hide", lambda: workspace.set_show_landscape(False), "link")
        parts = (self._title, self.slider, self.level, self.share, hide)
        # In two lines where there is no room: else large text would push the docks aside.
        self.setLayout(Flow(*parts, grow=self.slider, spacing=10, margins=(14, 5, 8, 5)))
        workspace.landscape_changed.connect(self._show)
        workspace.numbers_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        workspace = self._workspace
        landscape, level = workspace.landscape, workspace.landscape_level
        self.setVisible(workspace.show_landscape)
        with QSignalBlocker(self.slider):
            self.slider.setValue(round(level / STEP_EV))
        self.slider.setEnabled(landscape is not None)
        kelvin = None if landscape is None else landscape.kelvin
        what = "Site energy" if kelvin is None else f"Free energy at {kelvin:g} K"
        self._title.setText(f"{what} of {workspace.state.ion} up to")
        self._title.setToolTip(SITE_ENERGY if kelvin is None else FREE_ENERGY)
        self.level.setText(energies.energy(level, 2))
        share = (
            f"{100 * landscape.open_fraction(level):.1f} % of the cell"
            if landscape is not None
            else "computing …"
        )
        self.share.setText(share)
