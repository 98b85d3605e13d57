"""The site-energy map: computed on demand, drawn at a level, gone when it cannot be had."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from tests.gui.conftest import wait_for_document

pytestmark = pytest.mark.gui


def landscape(lattice: Lattice, n: int = 24):
    """One well at the cell's centre: the squared fractional distance from it, in eV."""
    from migbar.landscape import Landscape

    axes = np.meshgrid(*[np.arange(n) / n - 0.5] * 3, indexing="ij")
    return Landscape("Li", lattice, sum(axis**2 for axis in axes))


@pytest.mark.parametrize("order", [[0, 1, 2], [1, 0, 2]])
def test_that_the_surface_lies_where_the_energy_is_that_of_the_level(order):
    from migbar_gui.viewer import isosurface

    lattice = Lattice(Lattice.from_parameters(8, 9, 10, 80, 100, 120).matrix[order])
    surface = isosurface(landscape(lattice), 0.09)
    frac = lattice.get_fractional_coords(surface.points)
    assert np.linalg.norm(frac - 0.5, axis=1) == pytest.approx(0.3, abs=3e-3)
    # The normals are those of the ellipsoid that the ball becomes in the skew cell.
    slopes = (frac - 0.5) @ lattice.inv_matrix.T
    slopes /= np.linalg.norm(slopes, axis=1)[:, None]
    assert (surface.normals * slopes).sum(axis=1) == pytest.approx(1.0, abs=0.01)
    corners = surface.points[surface.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    along = (faces * surface.normals[surface.triangles[:, 0]]).sum(axis=1)
    assert (along > -1e-9).all()
    assert len(surface.triangles) > 100


def test_that_a_surface_round_a_corner_reaches_all_faces_of_the_cell():
    from migbar_gui.viewer import isosurface

    centred = landscape(Lattice.cubic(6.0))
    moved = type(centred)("Li", centred.lattice, np.roll(centred.energies, 12, axis=(0, 1, 2)))
    points = isosurface(moved, 0.04).points
    assert (points.min(axis=0), points.max(axis=0)) == (
        pytest.approx(0.0, abs=1e-6),
        pytest.approx(6.0, abs=1e-6),
    )


def test_that_a_level_above_all_energies_shows_nothing():
    from migbar_gui.viewer import isosurface

    assert len(isosurface(landscape(Lattice.cubic(6.0)), 10.0).triangles) == 0


def test_that_large_cells_get_coarser_grids():
    from migbar.landscape import RESOLUTION
    from migbar_gui.computing.site_energy import MOST_POINTS, resolution_for

    small = Structure(Lattice.cubic(8.0), ["O"], [[0, 0, 0]])
    large = Structure(Lattice.cubic(40.0), ["O"], [[0, 0, 0]])
    assert resolution_for(small) == RESOLUTION
    assert (40 / resolution_for(large)) ** 3 <= 1.001 * MOST_POINTS


@pytest.mark.parametrize("width", [260, 900])
def test_that_the_slider_of_the_map_is_long_enough_to_be_moved(qtbot, width):
    from migbar_gui.panels.level_bar import LevelBar
    from migbar_gui.workspace import Workspace

    workspace = Workspace()
    bar = LevelBar(workspace)
    qtbot.addWidget(bar)
    bar.show()
    bar.resize(width, bar.heightForWidth(width))
    assert bar.minimumSizeHint().width() <= width  # no dock has to give way
    assert bar.slider.width() >= 100
    assert bar.rect().contains(bar.share.geometry())


def show_map(window, qtbot) -> None:
    window.commands["view.landscape"].setChecked(True)
    qtbot.waitUntil(lambda: window.workspace.landscape is not None, timeout=60_000)


def test_that_the_map_appears_and_its_level_changes_the_surface(opened, qtbot):
    assert not opened.centre.level_bar.isVisible()
    show_map(opened, qtbot)
    assert opened.centre.level_bar.isVisible()
    before = opened.view.content.surface
    opened.centre.level_bar.slider.setValue(opened.centre.level_bar.slider.value() * 2)
    assert opened.workspace.landscape_level == pytest.approx(2.0)
    assert opened.view.content.surface is not before
    assert "2.00 eV" in opened.centre.level_bar.level.text()
    assert opened.workspace.landscape.open_fraction(2.0) > 0
    opened.commands["view.landscape"].trigger()
    assert opened.view.content.surface is None
    assert not opened.centre.level_bar.isVisible()


def test_that_the_surface_can_be_seen(opened, qtbot):
    def picture() -> np.ndarray:
        image = opened.view.grab().toImage()
        return np.array([image.pixelColor(x, y).getRgb() for x in range(0, image.width(), 6)
                         for y in range(0, image.height(), 6)])  # fmt: skip

    show_map(opened, qtbot)
    opened.workspace.set_landscape_level(0.05)
    qtbot.wait(600)
    without = picture()
    opened.workspace.set_landscape_level(3.0)
    qtbot.wait(600)
    assert (np.abs(picture() - without).max(axis=1) > 30).mean() > 0.01


def test_that_another_ion_gets_its_own_map(opened, qtbot):
    show_map(opened, qtbot)
    opened.workspace.set_ion("Na")
    assert opened.view.content.surface is None
    qtbot.waitUntil(lambda: opened.workspace.landscape is not None, timeout=60_000)
    assert opened.workspace.landscape.ion == "Na"


def test_that_a_map_without_parameters_is_explained_and_switched_off(window, qtbot, tmp_path):
    from pymatgen.io.cif import CifWriter

    phosphide = Structure(Lattice.cubic(6.0), ["Li", "P"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    CifWriter(phosphide).write_file(tmp_path / "phosphide.cif")
    window.open_file(tmp_path / "phosphide.cif")
    wait_for_document(qtbot, window, "phosphide.cif")
    window.commands["view.landscape"].trigger()
    qtbot.waitUntil(window.notice.isVisible, timeout=30_000)
    assert "no bond-valence parameters for Li with P" in window.notice.text.text()
    assert not window.commands["view.landscape"].isChecked()
    assert not window.centre.level_bar.isVisible()


def test_that_cancelling_the_map_switches_it_off(opened, qtbot, monkeypatch):
    import time

    import migbar.landscape
    from migbar.progress import check_cancelled

    def slow(structure, ion, resolution, progress):
        while True:
            check_cancelled(progress)
            time.sleep(0.01)

    monkeypatch.setattr(migbar.landscape, "site_energy_landscape", slow)
    opened.commands["view.landscape"].trigger()
    qtbot.waitUntil(opened.status.cancel.isVisible)
    opened.status.cancel.click()
    assert not opened.workspace.show_landscape
    assert not opened.commands["view.landscape"].isChecked()
