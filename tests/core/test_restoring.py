"""A noisy crystal is put exactly onto a symmetry that it nearly has."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner

from migbar.cli import app
from migbar.errors import Cancelled, MigbarError
from migbar.structures import (
    nearby_symmetries,
    read_structure,
    symmetry,
    symmetry_notes,
    write_cif,
)
from migbar.structures.repeats import repeated_part
from tests.core.small_bands import shaken

EXAMPLES = Path(__file__).resolve().parents[2] / "resources" / "examples"


def strained(crystal: Structure, by: float, seed: int = 0) -> Structure:
    turn = np.eye(3) + np.random.default_rng(seed).uniform(-by, by, (3, 3))
    return Structure(
        crystal.lattice.matrix @ turn, crystal.species, crystal.frac_coords, labels=crystal.labels
    )


def spread(one: Structure, other: Structure) -> float:
    """How far atoms of the one are from those of the other, beside the rest, Å."""
    apart = one.frac_coords - other.frac_coords
    apart -= np.round(apart)
    apart -= apart.mean(axis=0)
    return float(np.linalg.norm(apart @ other.lattice.matrix, axis=1).max())


@pytest.mark.parametrize(
    ("name", "number"),
    [("LiFePO4", 62), ("LiMn2O4", 227), ("NaTi2P3O12", 167), ("Na3PS4", 114)],
)
def test_that_the_crystal_beneath_the_noise_is_found(name, number):
    clean = read_structure(EXAMPLES / f"{name}.cif")
    noisy = shaken(strained(clean, 0.003), by=0.06).relabel_sites()
    assert symmetry(noisy).number != number  # within the usual tolerance
    *_, restored = nearby_symmetries(noisy)
    assert restored.number == number
    assert symmetry(restored.structure, 1e-3).number == number
    assert restored.structure.species == clean.species
    assert restored.structure.labels == noisy.labels
    assert spread(restored.structure, clean) < 0.5 * spread(noisy, clean)
    assert restored.farthest == pytest.approx(spread(restored.structure, noisy), rel=0.01)
    assert 0 < restored.strain < 0.01


def test_that_a_clean_crystal_stays_as_it_is():
    for name in ("LiCoO2", "MgTi2S4", "Li3OCl"):
        assert nearby_symmetries(read_structure(EXAMPLES / f"{name}.cif")) == []


def test_that_a_crystal_that_lost_its_symmetry_to_noise_is_told():
    clean = read_structure(EXAMPLES / "LiFePO4.cif")
    [(code, text)] = symmetry_notes(shaken(clean, by=0.08))
    assert code == "near_symmetry"
    assert "has no symmetry, but nearly Pnma (62): atoms are up to 0.1" in text
    assert symmetry_notes(shaken(clean, by=0.5)) == []


def test_that_symmetries_follow_one_another():
    noisy = shaken(read_structure(EXAMPLES / "LiFePO4.cif"), by=0.05)
    found = nearby_symmetries(noisy)
    assert len(found) > 1
    operations = [one.operations for one in found]
    assert operations == sorted(set(operations))
    assert [one.tolerance for one in found] == sorted(one.tolerance for one in found)


def test_that_the_cell_is_not_turned():
    clean = read_structure(EXAMPLES / "LiMn2O4.cif")
    matrix = strained(clean, 0.003).lattice.matrix
    *_, restored = nearby_symmetries(Structure(matrix, clean.species, clean.frac_coords))
    change = np.linalg.solve(matrix, restored.structure.lattice.matrix)
    assert np.allclose(change, change.T, atol=1e-9)
    assert restored.structure.lattice.abc == pytest.approx([restored.structure.lattice.a] * 3)
    assert restored.structure.lattice.angles == pytest.approx([90] * 3)
    assert restored.farthest == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("name", "times", "number"),
    [("LiMn2O4", (2, 2, 2), 227), ("LiMn2O4", (1, 1, 3), 227), ("TiS2", (6, 6, 3), 164)],
)
def test_that_supercells_have_the_symmetry_of_what_they_repeat(name, times, number):
    """spglib misses repeats of a noisy crystal, and looks for them for minutes in one of many cells."""
    clean = read_structure(EXAMPLES / f"{name}.cif")
    n_operations = len(symmetry(clean).rotations) * np.prod(times)
    clean.make_supercell(times)
    noise = np.random.default_rng(1).normal(0, 0.08, (len(clean), 3))
    moved = clean.frac_coords + clean.lattice.get_fractional_coords(noise)
    noisy = Structure(clean.lattice, clean.species, moved)
    *_, found = nearby_symmetries(noisy)
    assert (found.number, found.operations) == (number, n_operations)
    assert found.structure.species == clean.species
    assert spread(found.structure, clean) < 0.5 * spread(noisy, clean)


def test_that_what_a_supercell_repeats_is_found():
    clean = read_structure(EXAMPLES / "LiFePO4.cif")
    cell = clean.make_supercell([1, 3, 2], in_place=False)
    noisy = shaken(cell, by=0.03)
    kinds = np.array(noisy.atomic_numbers)
    part = repeated_part(noisy.lattice.matrix, noisy.frac_coords, kinds, 0.3)
    assert part.times.tolist() == [1, 3, 2]
    assert np.allclose(part.matrix, clean.lattice.matrix)
    assert (part.kinds[part.members] == kinds).all()
    assert np.bincount(part.members).tolist() == [6] * len(clean)
    off = noisy.frac_coords * part.times - part.frac_coords[part.members]
    off = (off - np.round(off)) @ part.matrix
    assert np.allclose([off[part.members == n].mean(axis=0) for n in range(28)], 0, atol=1e-9)
    assert np.linalg.norm(off, axis=1).max() < 0.15
    noisy.remove_sites([0])  # one vacancy
    kinds = np.array(noisy.atomic_numbers)
    part = repeated_part(noisy.lattice.matrix, noisy.frac_coords, kinds, 0.3)
    assert part.times.tolist() == [1, 1, 1]


def test_that_what_a_skewed_supercell_repeats_is_found_within_the_tolerance():
    lattice = Lattice([[4.1, 0.3, 0.1], [1.8, 3.9, 0.5], [-2.2, 1.2, 4.4]])
    cell = Structure(lattice, ["Li", "O", "O"], [[0, 0, 0], [0.3, 0.4, 0.5], [0.7, 0.5, 0.2]])
    large = cell.make_supercell([5, 1, 7], in_place=False)
    kinds = np.array(large.atomic_numbers)
    part = repeated_part(large.lattice.matrix, large.frac_coords, kinds, 0.1)
    assert part.times.tolist() == [5, 1, 7]
    assert np.allclose(part.matrix, lattice.matrix)
    large.translate_sites([len(large) - 1], [0, 0, 0.2], frac_coords=False)
    part = repeated_part(large.lattice.matrix, large.frac_coords, kinds, 0.1)
    assert part.times.tolist() == [1, 1, 1]
    assert np.allclose(part.matrix, large.lattice.matrix)


def test_that_it_can_be_stopped():
    class Stopped:
        def report(self, *_: object) -> None: ...

        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        nearby_symmetries(read_structure(EXAMPLES / "LiFePO4.cif"), Stopped())


def test_the_command(tmp_path):
    noisy, clean = tmp_path / "noisy.cif", tmp_path / "clean.cif"
    write_cif(shaken(read_structure(EXAMPLES / "LiFePO4.cif"), by=0.03), str(noisy))
    shown = CliRunner().invoke(app, ["symmetry", str(noisy)]).stdout.splitlines()
    assert shown[0] == "noisy.cif   P1 (1)"
    assert "Pnma (62): atoms moved by up to 0.0" in shown[-1]
    words = ["symmetry", str(noisy), "--within", "0.7", "--out", str(clean), "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert told["restored"] == told["nearby"][-1] | {"file": str(clean)}
    assert told["restored"]["number"] == 62
    assert symmetry(read_structure(clean), 0.01).number == 62
    shown = CliRunner().invoke(app, ["symmetry", str(clean)]).stdout.splitlines()
    assert shown == ["clean.cif   Pnma (62)", "near no higher symmetry"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--within", "0.3"], "Give both"),
        (["--within", "0.3", "--out", "restored.txt"], "ends in"),
        (["--within", "0.001", "--out", "restored.cif"], "near no higher symmetry within 0.001"),
    ],
)
def test_what_the_command_refuses(tmp_path, monkeypatch, words, told):
    monkeypatch.chdir(tmp_path)
    answer = CliRunner().invoke(app, ["symmetry", str(EXAMPLES / "LiFePO4.cif"), *words])
    assert isinstance(answer.exception, MigbarError)
    assert told in str(answer.exception)
    assert list(tmp_path.iterdir()) == []
