"""Hops in which the ion takes the place of another, which goes on: their ends, and the band between them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write
from pymatgen.core import Lattice, Structure

from migbar.bands import Band, linear_path
from migbar.neb import (
    NebError,
    NebSettings,
    endpoints,
    pushed_ion,
    pushing_endpoints,
    relax_band,
)
from migbar.neb.task import neb_options
from migbar.potentials import load_potential
from tests.core.test_neb_cli import run


def row(moved: float = 0.0) -> Band:
    """A lithium that goes to where the next but one was, in a row along the face diagonal; one lies between."""
    crystal = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.0), ["Li"], [[0, 0, 0]]) * (
        3,
        3,
        3,
    )
    crystal.translate_sites(range(len(crystal)), [moved, moved, 0.0], to_unit_cell=True)
    start = np.array([moved, moved, 0.0])
    end = start + np.array([1 / 3, 1 / 3, 0.0])
    away = crystal.lattice.get_all_distances([start, end], crystal.frac_coords).min(axis=0)
    host = crystal.copy()
    host.remove_sites(np.flatnonzero(away < 0.1).tolist())
    return Band(host, "Li", linear_path(start, end))


def same_places(first, second) -> bool:
    """Whether like atoms are at the same places of the cell, whichever is where."""
    ours, theirs = first.get_scaled_positions(), second.get_scaled_positions()
    away = first.cell.cellpar()[0] * np.abs((ours[:, None] - theirs + 0.5) % 1 - 0.5).max(axis=2)
    return bool((away.min(axis=1) < 1e-6).all() and (away.min(axis=0) < 1e-6).all())


@pytest.mark.parametrize("moved", [0.0, 0.9])
def test_that_pushing_ends_where_the_ion_alone_would_have_brought_it(moved):
    band = row(moved)
    alone, pushing = endpoints(band), pushing_endpoints(band)
    assert (pushing[0].positions == alone[0].positions).all()
    assert same_places(pushing[1], alone[1])
    moves = np.linalg.norm(pushing[1].positions - pushing[0].positions, axis=1)
    index = 1 + pushed_ion(band)
    assert moves[[0, index]] == pytest.approx(4.0 / np.sqrt(2))
    assert np.delete(moves, [0, index]) == pytest.approx(0.0)


def test_that_the_ion_with_the_smallest_detour_is_pushed():
    band = row()
    host = band.host.copy()
    place = host[pushed_ion(band)].frac_coords
    assert host.lattice.get_all_distances([place], [[1 / 6, 1 / 6, 0]])[0, 0] < 1e-6
    host.remove_sites([pushed_ion(band)])
    beside = Band(host, "Li", band.path)
    ends = beside.cartesian_path[[0, -1]]
    _, final = pushing_endpoints(beside)
    assert np.linalg.norm(final.positions[0] - ends, axis=1).sum() == pytest.approx(
        np.sqrt(8) + np.sqrt(24)
    )


def test_that_the_third_ion_of_a_triangle_is_pushed_wherever_the_cell_begins():
    crystal = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.1), ["Li"], [[0, 0, 0]])
    crystal = crystal * (2, 2, 2)
    way = linear_path([0, 0, 0], [0.25, 0.25, 0])
    away = crystal.lattice.get_all_distances(way[[0, -1]], crystal.frac_coords).min(axis=0)
    crystal.remove_sites(np.flatnonzero(away < 0.1).tolist())
    for shift in np.random.default_rng(0).random((20, 3)):
        host = crystal.copy()
        host.translate_sites(range(len(host)), shift, to_unit_cell=True)
        assert pushed_ion(Band(host, "Li", way + shift)) is not None


def test_that_nothing_is_pushed_where_nothing_is_beside_the_path():
    band = row()
    alone = Band(
        Structure(band.host.lattice, ["F"] * len(band.host), band.host.frac_coords),
        "Li",
        band.path,
    )
    assert pushed_ion(alone) is None
    with pytest.raises(NebError, match="no other Li beside the path"):
        pushing_endpoints(alone)
    with pytest.raises(NebError, match="no other Li"):
        neb_options(alone, push=True)
    short = Band(band.host, "Li", linear_path(band.path[0], band.path[0] + [0.05, 0, 0]))
    assert pushed_ion(short) is None


def test_that_both_ions_hop_at_once(tmp_path, capsys):
    crystal = bulk("Cu", cubic=True) * (3, 3, 3)
    write(tmp_path / "Cu.cif", crystal)
    far = "0.3333333333,0.3333333333,0"
    hop = ("--ion", "Cu", "--from", 0, "--to-frac", far, "--mechanism", "vacancy")
    options = ("--supercell", "none", "--potential", "ase:emt", "--images", 1)
    said = run("neb", tmp_path / "Cu.cif", *hop, *options, "--push", "--out", tmp_path / "out")
    assert said == 0
    assert "moves with it: 1 ion of its kind" in capsys.readouterr().out
    data = json.loads((tmp_path / "out" / "result.json").read_text())
    assert data["converged"]
    assert len(data["pushed"]) == 1
    assert data["reaction_energy_ev"] == pytest.approx(0.0, abs=0.01)
    assert run("neb", "--bands", tmp_path / "b.json", "--push", "--out", tmp_path / "o") == 2


def test_that_a_band_says_which_ions_move():
    band = row()
    emt = load_potential("ase:emt")
    copper = Band(
        Structure(Lattice.cubic(10.83), ["Cu"] * len(band.host), band.host.frac_coords),
        "Cu",
        band.path,
    )
    settings = NebSettings(n_images=2, relax_ends=False, max_steps=0)
    assert relax_band(*endpoints(copper), emt, settings).pushed == ()
    pushing = relax_band(*pushing_endpoints(copper), emt, settings)
    assert pushing.pushed == (1 + pushed_ion(copper),)
