"""What is drawn of a crystal, and what a pixel shows of it: plain numbers, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from PySide6.QtGui import QImage, QPainter

from migbar_gui.viewer import scene
from migbar_gui.viewer.annotations import Annotations, Legend, paint
from migbar_gui.viewer.network import Scale
from migbar_gui.viewer.projection import Projection
from migbar_gui.viewer.themes import LIGHT
from tests.gui.crystals import layered_oxide, olivine


def test_that_an_atom_at_the_corner_is_repeated_on_all_corners():
    balls = scene.atom_balls(Structure(Lattice.cubic(5), ["Na"], [[0, 0, 0]]), None)
    assert len(balls) == 8
    assert {tuple(image) for image in balls.image.tolist()} == {
        (i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)
    }


def test_that_an_atom_just_inside_a_face_is_repeated_on_the_other_face():
    balls = scene.atom_balls(Structure(Lattice.cubic(5), ["Na"], [[0.995, 0.5, 0.5]]), None)
    assert sorted(balls.image[:, 0].tolist()) == [-1, 0]


def test_that_without_boundary_every_atom_is_drawn_once_and_inside_the_cell():
    structure = Structure(Lattice.cubic(5), ["Na", "Cl"], [[-0.2, 1.3, 0], [0.5, 0.5, 1.0]])
    balls = scene.atom_balls(structure, "Na", boundary=False)
    assert len(balls) == 2
    assert ((balls.frac_coords > -1e-5) & (balls.frac_coords < 1)).all()


def test_that_coordinates_agree_with_site_and_image():
    structure = layered_oxide()
    balls = scene.atom_balls(structure, "Li")
    for row in range(len(balls)):
        info = balls.info(row)
        expected = structure[info.index].frac_coords + np.array(info.image)
        assert info.frac_coords == pytest.approx(expected)
        assert info.position == pytest.approx(structure.lattice.get_cartesian_coords(expected))
        assert info.element == structure[info.index].specie.symbol


def test_that_all_neighbours_of_every_ion_in_the_cell_can_be_clicked():
    structure = layered_oxide()
    balls = scene.atom_balls(structure, "Li")
    lithium = balls.positions[balls.elements == "Li"]
    for site in structure:
        if site.specie.symbol == "Li":
            centre = structure.lattice.get_cartesian_coords(site.frac_coords % 1)
            distances = np.linalg.norm(lithium - centre, axis=1)
            assert (np.abs(distances - 2.8156) < 1e-3).sum() == 6


def test_that_a_lone_ion_is_shown_with_its_images_around_the_cell():
    structure = Structure(Lattice.cubic(4), ["Li"], [[0.5, 0.5, 0.5]])
    balls = scene.atom_balls(structure, "Li")
    assert balls.beyond.sum() == 6


def test_that_no_ball_is_drawn_twice():
    for structure in (layered_oxide(), olivine()):
        balls = scene.atom_balls(structure, "Li")
        rows = {
            (int(i), *image) for i, image in zip(balls.index, balls.image.tolist(), strict=True)
        }
        assert len(rows) == len(balls)


def test_that_bonds_join_cations_and_anions_only_and_leave_the_ion_out():
    balls = scene.atom_balls(olivine(), "Li")
    pairs = scene.bonds(balls, "Li")
    joined = {frozenset(balls.elements[pair].tolist()) for pair in pairs}
    assert joined == {frozenset({"P", "O"}), frozenset({"Fe", "O"})}
    assert len({frozenset(pair.tolist()) for pair in pairs}) == len(pairs)


def test_that_coordination_of_host_cations_is_complete():
    balls = scene.atom_balls(olivine(), "Li")
    pairs = scene.bonds(balls, "Li")
    counts = np.bincount(pairs.ravel(), minlength=len(balls))
    assert set(counts[balls.elements == "P"].tolist()) == {4}
    assert set(counts[balls.elements == "Fe"].tolist()) == {6}


def test_that_polyhedra_are_tetrahedra_and_octahedra():
    balls = scene.atom_balls(layered_oxide(), "Li")
    octahedra = scene.polyhedra(balls, scene.bonds(balls, "Li"), "Li")
    cobalt = int((balls.elements == "Co").sum())
    assert len(octahedra.triangles) == 8 * cobalt
    assert len(octahedra.edges) == 12 * cobalt


def test_that_a_partly_occupied_site_is_paler():
    full = scene.atom_balls(Structure(Lattice.cubic(5), ["Li"], [[0.5] * 3]), "Li")
    half = scene.atom_balls(Structure(Lattice.cubic(5), [{"Li": 0.5}], [[0.5] * 3]), "Li")
    assert (half.colours[0] > full.colours[0]).all()


def test_that_the_foremost_ball_under_a_pixel_is_hit():
    camera = Projection(*np.eye(3), np.zeros(3), 20.0, 400, 300)
    positions = np.array([[1.0, 2, 0], [1.0, 2, 3], [-4, 0, 1]])
    radii = np.array([1.0, 0.5, 0.5])
    for row in (1, 2):
        x, y, _ = camera.pixels(positions[row][None])[0]
        hit = camera.hit(x, y, positions, radii)
        assert hit is not None
        assert hit[0] == row
    assert camera.hit(399, 299, positions, radii) is None


def flat_projection() -> Projection:
    """Look down on the xy plane, 10 pixels per Å, the origin in the middle of 200 by 200 pixels."""
    return Projection(*np.eye(3), np.zeros(3), 10.0, 200.0, 200.0)


@pytest.mark.parametrize("height", [90.0, 120.0, 300.0])
def test_that_the_legend_is_whole_in_a_low_view(qapp, height):
    image = QImage(200, int(height), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    notes = Annotations(legend=Legend("Barrier", Scale(0.2, 1.4, False), 1.4))
    look = Projection(*np.eye(3), np.zeros(3), 10.0, 200.0, height)
    painter = QPainter(image)
    paint(painter, notes, look, LIGHT, (np.zeros((0, 3)), np.zeros(0)))
    painter.end()
    assert not any(image.pixelColor(x, 2).alpha() for x in range(200))
    assert image.pixelColor(150, int(height) - 20).alpha()


def test_that_a_stick_is_hit_by_the_distance_of_its_axis_from_the_ray():
    ends = np.array([[[-3.0, 0, 0], [3, 0, 0]]])
    radii = np.array([0.2])
    look = flat_projection()
    assert look.hit_stick(100, 100, ends, radii) == pytest.approx((0, -0.2))
    assert look.hit_stick(125, 101.9, ends, radii) is not None
    assert look.hit_stick(125, 102.1, ends, radii) is None
    assert look.hit_stick(125, 104.9, ends, radii, spare=3) is not None
    assert look.hit_stick(133, 100, ends, radii) is None  # beyond its end


def test_that_the_foremost_stick_is_hit():
    along_x = [[-3.0, 0, 0], [3, 0, 0]]
    ends = np.array([along_x, np.add(along_x, [0, 0, 1.0])])
    found = flat_projection().hit_stick(100, 100, ends, np.array([0.1, 0.1]))
    assert found[0] == 1


def test_that_a_stick_seen_end_on_is_hit():
    ends = np.array([[[0.0, 0, -3], [0, 0, 3]]])
    assert flat_projection().hit_stick(100.5, 100.5, ends, np.array([0.2])) is not None
    assert flat_projection().hit_stick(104, 100, ends, np.array([0.2])) is None


@pytest.mark.parametrize("is_dark", [False, True])
def test_that_barriers_are_told_by_lightness_alone(is_dark):
    from migbar_gui.viewer.network import Scale

    energies = np.linspace(0.2, 1.4, 30)
    colours = Scale.of(energies, is_dark).colours(energies)
    lightness = colours @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) < 0).all() if is_dark else (np.diff(lightness) > 0).all()
