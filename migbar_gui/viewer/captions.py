"""What lies over what is shown: labels of atoms, tags of paths and sites, rings around ions that hop, the legend."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from migbar_gui.viewer import themes
from migbar_gui.viewer.annotations import Annotations, Label, Legend, Ring, Tag
from migbar_gui.viewer.content import Content

HALO_WIDTH = 0.13
"""Of the ring around a ball, Å; a tag stands clear of it."""


def captions(content: Content) -> Annotations:
    """Return all that lies over the picture."""
    notes = Annotations(_labels(content), [*_path_tags(content)], [*_rings(content)])
    if content.structure is None:
        notes.hint = "Open a structure, or drop a file here"
    elif content.style.cell:
        notes.cell = content.structure.lattice.matrix
    network = content.network
    if network is not None and len(network.hop):
        notes.legend = Legend(network.measure, content.scale(network), network.highest)
        row = content.hovered_tube
        if row is not None:
            middle = network.ends[row].mean(axis=0)
            notes.tags.append(Tag(network.label(row), middle, 0.2, themes.TUBE_COLOUR))
    marked = [(site, "empty", themes.TUBE_COLOUR) for site in content.emptied]
    for site, text, colour in (*marked, *content.ends):
        if site is not None:
            clearance = site.radius + HALO_WIDTH
            notes.tags.append(Tag(text, np.array(site.position), clearance, colour))
    return notes


def _labels(content: Content) -> list[Label]:
    if not content.labelled:
        return []
    atoms = content.atoms
    return [
        Label(f"{element}{index}", position, float(radius), element == content.ion)
        for element, index, position, radius in zip(
            atoms.elements, atoms.index, atoms.positions, atoms.radii, strict=True
        )
    ]


def _rings(content: Content) -> Iterator[Ring]:
    for atom, colour in content.rings.items():
        for ball in np.flatnonzero(content.atoms.index == atom):
            radius = content.atoms.radii[ball] + HALO_WIDTH / 2
            yield Ring(content.atoms.positions[ball], float(radius), HALO_WIDTH, colour)


def _path_tags(content: Content) -> Iterator[Tag]:
    for drawing in content.drawings:
        points = np.asarray(drawing.points, float)
        if drawing.label:
            yield Tag(drawing.label, points[len(points) // 2], 0.35, drawing.colour)
        for row in drawing.clashes:
            yield Tag("!", points[row], 0.4, themes.WARNING_COLOUR)
