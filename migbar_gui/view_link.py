"""Keeps the 3D view in step with the workspace, and turns clicks in it into picks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from pymatgen.core import Structure
from PySide6.QtCore import QObject, Signal

from migbar.bands import linear_path
from migbar.errors import MigbarError
from migbar.hops import Point, SiteRef
from migbar_gui.computing.relaxed import RelaxedPath, ShownImage
from migbar_gui.looks import energies
from migbar_gui.looks.theme import path_colour
from migbar_gui.viewer import AtomInfo, CrystalView, NetworkDrawing, PathDrawing, isosurface
from migbar_gui.workspace import Event, Group, PathEntry, Pick, Workspace, whenever


class ViewLink(QObject):
    """Subscribes to the workspace on behalf of the view."""

    pointed = Signal(str)
    """Text about what is under the mouse; empty over nothing."""
    hinted = Signal(str)
    """A gentle word about a click that could not be used."""
    joined = Signal()
    """A path was made by a click on its final site."""

    def __init__(
        self,
        workspace: Workspace,
        view: CrystalView,
        on_failed: Callable[[Exception], None],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._view = view
        self._on_failed = on_failed
        self._shown: tuple[Structure | None, str] = (None, "")
        self._shown_voids: list[Point] = []
        self._image_of: RelaxedPath | None = None
        self._tubes: tuple[Group | None, NetworkDrawing | None] = (None, None)
        workspace.numbers_changed.connect(view.refresh_numbers)
        workspace.image_changed.connect(self._show_image)
        view.site_clicked.connect(self._clicked)
        view.hovered.connect(self._hovered)
        view.hop_clicked.connect(workspace.activate_hop)
        view.hop_hovered.connect(self._hop_hovered)
        for show, events in self._parts().items():
            whenever(partial(self._unless_image, show), *events)
            self._unless_image(show)

    def _parts(self) -> dict[Callable[[], None], tuple[Event, ...]]:
        """Return what shows each part of the crystal, and when to show it anew."""
        workspace = self._workspace
        # Paths that come or go change the active one too: one event is enough.
        active, network_shown = workspace.active_changed, workspace.network_shown_changed
        judged, bent = workspace.result_arrived, workspace.shapes_changed
        relaxed, numbers = workspace.relaxed_changed, workspace.numbers_changed
        return {
            self._show_structure: (workspace.document_changed, workspace.setup_changed),
            self._show_voids: (workspace.voids_changed, workspace.setup_changed),
            self._show_landscape: (workspace.landscape_changed,),
            self._show_paths: (active, judged, bent, network_shown, relaxed, numbers),
            self._show_network: (workspace.group_changed, network_shown, active),
            self._show_ends: (workspace.picks_changed, active),
            self._show_emptied: (workspace.emptied_changed,),
        }

    def _unless_image(self, show: Callable[[], None]) -> None:
        """Show a part of the crystal, where no image of a relaxed band is looked at in its place."""
        if self._workspace.shown_image is None:
            show()

    # ---- workspace → view

    def _show_structure(self) -> None:
        structure, ion = self._workspace.structure, self._workspace.state.ion
        same_structure = structure is self._shown[0]
        if not same_structure or ion != self._shown[1]:
            self._view.show_structure(structure, ion or None, keep_camera=same_structure)
            self._shown = structure, ion

    def _show_voids(self) -> None:
        voids = self._workspace.voids if self._workspace.voids_wanted else None
        points = [void.frac_coords for void in voids or ()]
        if points != self._shown_voids:
            self._view.set_voids(points)
            self._shown_voids = points

    def _show_landscape(self) -> None:
        landscape = self._workspace.landscape if self._workspace.show_landscape else None
        level = self._workspace.landscape_level
        self._view.set_isosurface(None if landscape is None else isosurface(landscape, level))

    def _show_paths(self) -> None:
        self._view.set_paths([self._drawing(path) for path in self._workspace.drawn])
        self._bring_into_view(self._workspace.path(self._workspace.active))

    def _bring_into_view(self, path: PathEntry | None) -> None:
        """Zoom out where the active path, named by coordinates, lies outside the picture."""
        if path is None:
            return
        ends = self._drawing(path).points[[0, -1]]
        if not all(self._view.rect().contains(self._view.world_to_widget(end)) for end in ends):
            self._view.zoom_to_fit()

    def _show_network(self) -> None:
        workspace, network = self._workspace, self._workspace.network
        if network is None or workspace.structure is None or not network.paths:
            self._tubes = network, None
        elif network is not self._tubes[0]:
            search = network.found.crystal.search
            hop, ends = search.segments()
            cartesian = np.asarray(workspace.structure.lattice.get_cartesian_coords(ends))
            labels = tuple(distinct.label for distinct in search.hops)
            tubes = NetworkDrawing(
                hop, cartesian, network.barriers, network.heights, labels, search.ion
            )
            self._tubes = network, tubes
        drawing = self._tubes[1]
        if drawing is not None and network is not None:
            active = network.hop_of(workspace.active)
            drawing = replace(drawing, highest=workspace.highest_shown, active=active)
        self._view.set_network(drawing)

    def _show_ends(self) -> None:
        """Mark the end that was picked, else both ends of the active path."""
        picks, path = self._workspace.picks, self._workspace.path(self._workspace.active)
        if picks:
            self._view.set_selection(self._atom_info(picks[0]), None)
        elif path is not None:
            hop = path.hop
            ends = Pick(hop.start, hop.start_site), Pick(hop.end, hop.end_site)
            self._view.set_selection(*(self._atom_info(end, hop.ion) for end in ends))
        else:
            self._view.set_selection(None, None)

    def _show_emptied(self) -> None:
        structure = self._workspace.structure
        if structure is not None:
            emptied = self._workspace.state.emptied
            picks = [Pick(site.frac_coords(structure), site) for site in emptied]
            self._view.set_emptied([self._atom_info(pick) for pick in picks])

    def _show_image(self) -> None:
        """Show an image of a relaxed band in place of the crystal, or the crystal again."""
        view, shown = self._view, self._workspace.shown_image
        before, self._image_of = self._image_of, shown.relaxed if shown is not None else None
        if shown is None:
            view.set_arrows(np.zeros((0, 2, 3)))
            self._show_crystal()
            return
        relaxed = shown.relaxed
        structure = relaxed.structure(shown.image, centred=True)
        rings = dict.fromkeys(relaxed.movers, path_colour(relaxed.path_id))
        view.show_structure(structure, relaxed.ion, True, shell=False, rings=rings)
        if before is not relaxed:
            self._shown_voids = []
            view.set_voids([])
            view.set_isosurface(None)
            view.set_network(None)
            view.set_emptied([])
            view.set_selection(None, None)
            view.set_paths([_relaxed_drawing(relaxed)])
            view.zoom_to_fit()
        view.set_arrows(relaxed.arrows(shown.image) if shown.forces else np.zeros((0, 2, 3)))

    def _show_crystal(self) -> None:
        structure, ion = self._workspace.structure, self._workspace.state.ion
        self._view.show_structure(structure, ion or None, keep_camera=True)
        self._shown = structure, ion
        for show in self._parts():
            show()
        if structure is not None:
            self._view.zoom_to_fit()

    def _drawing(self, path: PathEntry) -> PathDrawing:
        structure = self._workspace.structure
        assert structure is not None
        points = structure.lattice.get_cartesian_coords(linear_path(path.hop.start, path.hop.end))
        result, shape = self._workspace.result(path.id), self._workspace.shape(path.id)
        label = ""
        clashes: tuple[int, ...] = ()
        group = self._workspace.state.group
        active = path.id == self._workspace.active
        # Paths that were found together are too many to speak all at once.
        quiet = not active and group is not None and group.hop_of(path.id) is not None
        if result is not None and not quiet:
            predicted = result.predicted
            counted = self._workspace.counted_barrier(path.id, predicted.barrier)
            label = energies.energy(counted.barrier_ev, 2)
            near = predicted.approaches if shape is None else shape.approaches
            if active:
                clashes = tuple(a.image for a in near[1:-1] if a.clashes(path.hop.ion))
        if shape is not None:
            points = shape.points
        return PathDrawing(
            points=np.asarray(points),
            ion=path.hop.ion,
            colour=path_colour(path.id),
            active=active,
            label=label,
            clashes=clashes,
        )

    def _atom_info(self, pick: Pick, ion: str = "") -> AtomInfo:
        structure = self._workspace.structure
        assert structure is not None
        x, y, z = (float(c) for c in structure.lattice.get_cartesian_coords(pick.frac_coords))
        ion = ion or self._workspace.state.ion
        if pick.site is not None:
            name = f"{ion}{pick.site.index}"
            return AtomInfo(
                "atom", pick.site.index, pick.site.image, ion, name, pick.frac_coords, (x, y, z)
            )
        return AtomInfo("void", 0, (0, 0, 0), ion, "void", pick.frac_coords, (x, y, z))

    # ---- view → workspace

    def _clicked(self, atom: AtomInfo) -> None:
        hint = self._why_not(atom)
        if hint:
            self.hinted.emit(hint)
            return
        place = SiteRef(atom.index, atom.image)
        is_void = atom.kind == "void"
        pick = Pick(atom.frac_coords, None if is_void else place, f"v{place}" if is_void else "")
        try:
            path_id = self._workspace.pick(pick)
        except MigbarError as error:
            self._on_failed(error)
            return
        if path_id is not None:
            self.joined.emit()

    def _why_not(self, atom: AtomInfo) -> str:
        """Say why a click on this cannot be an end of a hop; empty where it can."""
        if self._workspace.shown_image is not None:
            return "This is an image of a relaxed band. Press Esc to go back to the crystal."
        ion, mechanism = self._workspace.state.ion, self._workspace.state.mechanism
        if atom.kind == "void" and mechanism.between_sites:
            return f"That is a void. This mechanism goes between {ion} sites; interstitial goes between voids."
        if atom.kind == "atom" and not mechanism.between_sites:
            return f"That is {atom.label}. This mechanism goes between voids: click the ghosts."
        if atom.kind == "atom" and atom.element != ion:
            return f"That is {atom.label}; click {ion} sites, or choose another migrating ion."
        return ""

    def _hovered(self, atom: AtomInfo | None) -> None:
        self.pointed.emit(self._describe(atom) if atom is not None else "")

    def _hop_hovered(self, number: int) -> None:
        group = self._workspace.state.group
        if group is None:
            return
        hop = group.found.crystal.search.hops[number]
        low, high = group.found.crystal.paths[number].barrier.interval_ev
        parts = [
            f"{hop.hop.ion}   {hop.label}",
            f"{energies.energy(group.barriers[number])} ({energies.interval(low, high)})",
            f"{hop.length:.2f} Å",
            f"{hop.multiplicity} per cell",
        ]
        if group.found.crystal.places is not None:
            parts.append(f"saddle {energies.energy(group.heights[number])} above the best place")
        self.pointed.emit("   ·   ".join(parts))

    def _describe(self, atom: AtomInfo) -> str:
        document, image = self._workspace.document, self._workspace.shown_image
        if image is not None:
            return _describe_in(image, atom)
        if document is None:
            return ""
        shown = ", ".join(f"{x:.4f}" for x in atom.frac_coords)
        if atom.kind == "atom":
            site = document.structure[atom.index]
            parts = [atom.element, f"site {SiteRef(atom.index, atom.image)}"]
            if site.label != atom.element:
                parts.append(f"label {site.label}")
            if document.symmetry is not None:
                parts.append(f"Wyckoff {document.symmetry.wyckoffs[atom.index]}")
        else:
            parts = [f"void v{atom.index} for {atom.element}"]
            if self._workspace.voids is not None and atom.index < len(self._workspace.voids):
                void = self._workspace.voids[atom.index]
                parts.append(f"{void.radius:.2f} Å to the nearest {void.nearest}")
        parts.append(f"({shown})")
        if self._workspace.picks:
            start = self._workspace.picks[0].frac_coords
            vector = np.subtract(atom.frac_coords, start)
            distance = np.linalg.norm(document.structure.lattice.get_cartesian_coords(vector))
            parts.append(f"{distance:.3f} Å from the initial site")
        return "   ·   ".join(parts)


def _relaxed_drawing(relaxed: RelaxedPath) -> PathDrawing:
    return PathDrawing(
        points=relaxed.ion_path,
        ion=relaxed.ion,
        colour=path_colour(relaxed.path_id),
        active=True,
        label=energies.energy(relaxed.result.barrier_ev, 2) + relaxed.state,
    )


def _describe_in(shown: ShownImage, atom: AtomInfo) -> str:
    """Describe an atom of an image: how far it has moved from the initial state, and its force."""
    images = shown.relaxed.result.images
    moved = images[shown.image].positions[atom.index] - images[0].positions[atom.index]
    force = images[shown.image].get_forces()[atom.index]
    parts = [
        atom.element,
        f"atom {atom.index}",
        f"{np.linalg.norm(moved):.3f} Å from the initial state",
        f"force {np.linalg.norm(force):.3f} eV/Å",
    ]
    return "   ·   ".join(parts)
