"""What is shown of the findings, and how: chosen by the user, kept in sessions, not undone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from migbar.barriers import GOOD_CONDUCTOR_EV
from migbar_gui.workspace.events import Event
from migbar_gui.workspace.findings import Findings
from migbar_gui.workspace.paths import Shape

if TYPE_CHECKING:
    from migbar_gui.computing.relaxed import ShownImage

FIRST_LEVEL_EV = 1.0
"""Site energy up to which the map is shown at first: its sites are joined to channels there."""


class Display(Findings):
    """The choices of what to look at.

    Attributes
    ----------
    show_voids : bool
        Whether voids are shown with mechanisms that do not need them, too.
    bent : bool
        Whether paths are shown bent around the atoms beside them; predictions stay on the straight ones.
    show_network : bool
        Whether the hops that were found are shown as a network.
    highest_shown : float
        Barrier in eV up to which hops of the network are shown.
    show_landscape : bool
        Whether the map is wanted.
    landscape_level : float
        Site energy up to which the map is shown, eV above the lowest.
    shown_image : ShownImage or None
        The image of a relaxed path that is looked at in place of the crystal.
    threshold : float
        Barrier up to which a path is a good conductor, eV.
    numbers_changed : Event
        Energies are written in another way now (`migbar_gui.looks.energies`).
    """

    def __init__(self, threshold: float = GOOD_CONDUCTOR_EV) -> None:
        super().__init__()
        self.show_voids = False
        self.bent = False
        self.show_network = True
        self.highest_shown = np.inf
        self.show_landscape = False
        self.landscape_level = FIRST_LEVEL_EV
        self.shown_image: ShownImage | None = None
        self.threshold = threshold
        self.network_shown_changed = Event()
        self.image_changed = Event()
        self.threshold_changed = Event()
        self.numbers_changed = Event()

    def shape(self, path_id: int | None) -> Shape | None:
        """Return the bent path to show, None where it is to be straight or not known yet."""
        found = self._shapes.get(path_id) if self.bent and path_id is not None else None
        return found if isinstance(found, Shape) else None

    def show_image(self, shown: ShownImage | None) -> None:
        """Look at an image of a relaxed path in place of the crystal, or at the crystal again."""
        self._choose("shown_image", shown, self.image_changed)

    def set_show_voids(self, shown: bool) -> None:
        """Show voids, or only with mechanisms that need them."""
        self._choose("show_voids", shown, self.voids_changed, self.anything_changed)

    def set_bent(self, bent: bool) -> None:
        """Show paths bent around the atoms beside them, or straight."""
        if bent != self.bent:
            # What was cancelled or failed is tried again.
            self._shapes = {n: s for n, s in self._shapes.items() if isinstance(s, Shape)}
        self._choose("bent", bent, self.shapes_changed)

    def set_show_network(self, shown: bool) -> None:
        """Show the found hops as a network, or each path by itself."""
        self._choose("show_network", shown, self.network_shown_changed, self.anything_changed)

    def set_highest_shown(self, barrier: float) -> None:
        """Hide hops of the network above a barrier (eV)."""
        self._choose("highest_shown", barrier, self.network_shown_changed)

    def set_show_landscape(self, shown: bool) -> None:
        """Show the site-energy map, or no longer; a map of a simulation is gone then."""
        if not shown and self.landscape is not None and self.landscape.kelvin is not None:
            self.landscape = None
        self._choose("show_landscape", shown, self.landscape_changed)

    def set_landscape_level(self, level: float) -> None:
        """Show the map up to another site energy (eV above the lowest)."""
        self._choose("landscape_level", level, self.landscape_changed)

    def set_threshold(self, threshold: float) -> None:
        """Move the border between good and poor conductors (eV)."""
        self._choose("threshold", threshold, self.threshold_changed)

    def _choose(self, name: str, value: object, *events: Event) -> None:
        if value != getattr(self, name):
            setattr(self, name, value)
            for event in events:
                event.emit()
