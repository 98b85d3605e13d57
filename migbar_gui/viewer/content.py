"""What the view shows, all in one place: those who draw, caption and point read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar_gui.looks.colours import ball_radius
from migbar_gui.viewer import scene, themes
from migbar_gui.viewer.isosurface import Isosurface
from migbar_gui.viewer.network import NetworkDrawing, Scale
from migbar_gui.viewer.scene import AtomInfo, Balls

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PathDrawing:
    """A migration path as it is drawn.

    Attributes
    ----------
    points : ndarray, shape (n, 3)
        Positions of the ion from the initial to the final site in Å, in the frame of the displayed cell.
    ion : str
        Symbol of the migrating element.
    colour : str
        ``#rrggbb``.
    active : bool
        Whether it is the path being looked at.
    label : str
        Short text beside it.
    clashes : tuple of int
        Rows of `points` that come too close to an atom.
    """

    points: Floats
    ion: str
    colour: str
    active: bool
    label: str = ""
    clashes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Style:
    """What is shown beside the atoms, and how.

    Attributes
    ----------
    bonds, cell, boundary, polyhedra : bool
        Bonds, cell edges with the axes, images on the faces and around the cell, coordination polyhedra.
    """

    bonds: bool = True
    cell: bool = True
    boundary: bool = True
    polyhedra: bool = False


@dataclass(slots=True)
class Content:
    """What is shown, and where its balls are.

    Attributes
    ----------
    structure : Structure or None
    ion : str or None
        The mobile ion.
    shell : bool
        Whether the ion's images around the cell are shown.
    rings : mapping of int to str
        Colours of rings around atoms, by index.
    voids : sequence of 3 floats
        Fractional coordinates.
    start, end : AtomInfo or None
        The initial and the final site.
    emptied : tuple of AtomInfo
        Sites that are empty in the next path.
    drawings : tuple of PathDrawing
    network : NetworkDrawing or None
    surface : Isosurface or None
    arrows : ndarray, shape (n, 2, 3)
        From start to tip in Å.
    hovered : AtomInfo or None
        Under the mouse.
    hovered_tube : int or None
        Row of the network's tube under the mouse.
    hidden : frozenset of str
        Elements that are not drawn.
    labelled : bool
        Whether element and index are written on the atoms.
    style : Style
    theme : Theme
    atoms : Balls
        All that are drawn: `solid` ones, and translucent `ghosts` beyond the cell.
    void_balls : Balls
    """

    structure: Structure | None = None
    ion: str | None = None
    shell: bool = True
    rings: Mapping[int, str] = field(default_factory=dict)
    voids: Sequence[Sequence[float]] = ()
    start: AtomInfo | None = None
    end: AtomInfo | None = None
    emptied: tuple[AtomInfo, ...] = ()
    drawings: tuple[PathDrawing, ...] = ()
    network: NetworkDrawing | None = None
    surface: Isosurface | None = None
    arrows: Floats = field(default_factory=lambda: np.zeros((0, 2, 3)))
    hovered: AtomInfo | None = None
    hovered_tube: int | None = None
    hidden: frozenset[str] = frozenset()
    labelled: bool = False
    style: Style = field(default_factory=Style)
    theme: themes.Theme = themes.LIGHT
    atoms: Balls = field(default_factory=lambda: scene.no_balls("atom"))
    solid: Balls = field(default_factory=lambda: scene.no_balls("atom"))
    ghosts: Balls = field(default_factory=lambda: scene.no_balls("atom"))
    void_balls: Balls = field(default_factory=lambda: scene.no_balls("void"))

    @property
    def ends(self) -> tuple[tuple[AtomInfo | None, str, str], ...]:
        """The initial and the final site, each with its name and colour."""
        return (
            (self.start, "initial", themes.START_COLOUR),
            (self.end, "final", themes.END_COLOUR),
        )

    def clear(self) -> None:
        """Forget all that belongs to one structure only."""
        self.voids = self.emptied = self.drawings = ()
        self.network = self.surface = self.start = self.end = None
        self.arrows = np.zeros((0, 2, 3))

    def place_atoms(self) -> None:
        """Find the balls of the atoms."""
        balls = scene.no_balls("atom")
        if self.structure is not None:
            balls = scene.atom_balls(self.structure, self.ion, self.style.boundary)
            balls = balls.where(~np.isin(balls.elements, list(self.hidden)))
            balls = balls if self.shell else balls.where(~balls.beyond)
        self.atoms = balls
        self.solid, self.ghosts = balls.where(~balls.beyond), balls.where(balls.beyond)

    def place_voids(self) -> None:
        """Find the balls of the voids."""
        self.void_balls = scene.no_balls("void")
        if self.structure is not None:
            self.void_balls = scene.void_balls(self.structure.lattice, self.voids, self.ion)

    def scale(self, network: NetworkDrawing) -> Scale:
        """Return the colours of a network's saddles."""
        return Scale.of(network.heights, self.theme is themes.DARK)

    def extent(self) -> tuple[Floats, Floats]:
        """Return positions (n, 3) and radii (n,) in Å of balls that hold all that is drawn."""
        points = [self.atoms.positions, self.void_balls.positions]
        radii = [self.atoms.radii, self.void_balls.radii]
        if self.structure is not None and self.style.cell:
            corners = scene.cell_edges(self.structure.lattice).reshape(-1, 3)
            points.append(corners)
            radii.append(np.full(len(corners), 0.3))
        for drawing in self.drawings:
            points.append(np.asarray(drawing.points, float))
            radii.append(np.full(len(drawing.points), ball_radius(drawing.ion)))
        if self.network is not None:
            points.append(self.network.ends.reshape(-1, 3))
            radii.append(np.full(2 * len(self.network.ends), 0.3))
        return np.vstack(points), np.concatenate(radii)
