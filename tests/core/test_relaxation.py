"""Relaxed crystals, and barriers at several volumes."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from migbar import runs
from migbar.bands import Band, linear_path
from migbar.errors import Cancelled
from migbar.neb.settings import NebError, NebSettings
from migbar.neb.task import neb_options
from migbar.neb.volume import VolumeDependence, scaled, volume_dependence
from migbar.potentials import PotentialError, load_potential
from migbar.relaxation import (
    RelaxationError,
    RelaxationSettings,
    RelaxedStructure,
    relax_structure,
)
from migbar.structures import symmetry


@pytest.fixture
def emt():
    return load_potential("ase:emt")


def copper(a: float) -> Structure:
    return AseAtomsAdaptor.get_structure(bulk("Cu", a=a, cubic=True))


def copper_hop() -> Band:
    """A vacancy hop in copper at EMT's own volume."""
    crystal = copper(3.59) * (2, 2, 2)
    near = crystal.lattice.get_all_distances([crystal[0].frac_coords], crystal.frac_coords)[0]
    other = int(np.argsort(near)[1])
    start = crystal[0].frac_coords
    _, image = crystal.lattice.get_distance_and_image(start, crystal[other].frac_coords)
    end = crystal[other].frac_coords + image
    crystal.remove_sites([0, other])
    return Band(crystal, "Cu", linear_path(start, end))


def test_that_a_crystal_finds_its_volume(emt):
    relaxed = relax_structure(copper(3.7), emt)
    assert relaxed.converged
    # EMT's copper has a = 3.59 Å.
    assert relaxed.after.lattice.a == pytest.approx(3.59, abs=0.01)
    assert relaxed.volume_change == pytest.approx((3.59 / 3.7) ** 3 - 1, abs=0.01)
    assert np.allclose(relaxed.length_changes, 3.59 / 3.7 - 1, atol=0.003)
    assert np.allclose(relaxed.angle_changes, 0, atol=1e-6)
    assert relaxed.energy_change_ev < 0
    assert abs(relaxed.pressure_gpa) < 0.5
    assert "emt" in relaxed.potential


def test_that_the_cell_stays_where_it_is_not_to_relax(emt):
    shaken = copper(3.59).translate_sites([0], [0.03, 0.01, 0.0])
    relaxed = relax_structure(shaken, emt, RelaxationSettings(cell=False, keep_symmetry=False))
    assert relaxed.volume_change == 0
    assert 0.02 < relaxed.displacements.max() < 0.3
    assert relaxed.force_ev_per_angstrom < 0.02


def test_that_the_space_group_is_kept(emt):
    tetragonal = copper(3.6)
    tetragonal = Structure(
        tetragonal.lattice.from_parameters(3.6, 3.6, 3.8, 90, 90, 90),
        tetragonal.species,
        tetragonal.frac_coords,
        labels=["a", "b", "c", "d"],
    )
    before = symmetry(tetragonal).number
    relaxed = relax_structure(tetragonal, emt, RelaxationSettings(steps=5))
    assert symmetry(relaxed.after).number == before
    assert not relaxed.converged
    assert relaxed.steps == 5
    assert relaxed.after.labels == ["a", "b", "c", "d"]


class Uneven(EMT):
    """Forces that do not know the symmetry, as those of a network hardly do."""

    def calculate(self, *args):
        super().calculate(*args)
        self.results["forces"][:2, 0] += 0.3, -0.3


@pytest.mark.parametrize("kept", [True, False])
def test_that_forces_off_the_symmetry_break_it_where_it_is_not_to_be_kept(emt, kept, monkeypatch):
    monkeypatch.setattr(emt, "calculator", Uneven)
    relaxed = relax_structure(copper(3.6), emt, RelaxationSettings(keep_symmetry=kept, steps=20))
    assert (symmetry(relaxed.after, 0.01).symbol == "Fm-3m") is kept


def test_that_the_pressure_that_is_left_is_the_slope_of_the_energy(emt):
    relaxed = relax_structure(copper(3.7), emt, RelaxationSettings(cell=False))
    smaller, larger = (copper(3.7 + off) for off in (-0.001, 0.001))
    pair = [AseAtomsAdaptor.get_atoms(crystal, msonable=False) for crystal in (smaller, larger)]
    fall = np.subtract(*(one.energy for one in emt.evaluate(pair)))
    slope = fall / (larger.volume - smaller.volume)  # eV/Å³
    assert relaxed.pressure_gpa == pytest.approx(160.2177 * slope, rel=1e-3)


def test_that_a_relaxation_survives_being_written(emt):
    relaxed = relax_structure(copper(3.6), emt)
    again = RelaxedStructure.from_dict(relaxed.to_dict())
    assert again.volume_change == pytest.approx(relaxed.volume_change)
    assert again.converged
    with pytest.raises(RelaxationError, match="no relaxed structure"):
        RelaxedStructure.from_dict({"before": 1})


def test_that_bad_crystals_are_explained(emt):
    salt = Structure.from_spacegroup(
        "Fm-3m", copper(5.6).lattice, ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    with pytest.raises(PotentialError):
        relax_structure(salt, emt)
    with pytest.raises(RelaxationError, match="falls apart"):
        relax_structure(copper(2.0), emt)


def test_that_a_relaxation_stops_when_asked(emt):
    class Stopped:
        def report(self, done, total, message=""): ...

        def cancelled(self):
            return True

    with pytest.raises(Cancelled):
        relax_structure(copper(3.7), emt, progress=Stopped())


def test_that_a_band_is_scaled_with_its_cell():
    band = copper_hop()
    larger = scaled(band, 0.02)
    assert larger.host.volume / band.host.volume == pytest.approx(1.02)
    assert larger.length / band.length == pytest.approx(1.02 ** (1 / 3))


def test_that_barriers_at_several_volumes_are_a_run_that_goes_on(tmp_path):
    options = neb_options(copper_hop(), "ase:emt", "paper", {"n_images": 1}, device="cpu")
    folder = tmp_path / "run"
    runs.create_run(folder, "volume", "Volume", options)
    assert runs.work(folder) is runs.RunState.FINISHED
    found = VolumeDependence.from_dict(runs.read_run(folder).result)
    assert found.changes == (-0.02, 0.0, 0.02)
    assert found.converged == (True, True, True)
    # Copper squeezes through more easily where there is more room.
    assert found.barriers_ev[0] > found.barriers_ev[1] > found.barriers_ev[2]
    assert found.slope_ev < 0
    (folder / "outcome.json").unlink()
    (folder / "-0.020" / "state.npz").unlink()
    assert runs.work(folder) is runs.RunState.FINISHED
    again = VolumeDependence.from_dict(runs.read_run(folder).result)
    assert np.allclose(again.barriers_ev, found.barriers_ev, atol=0.002)


def test_that_volumes_of_another_band_are_not_taken_for_this_one(emt, tmp_path):
    settings = NebSettings(n_images=1)
    volume_dependence(copper_hop(), emt, settings, folder=tmp_path)
    with pytest.raises(NebError, match="another band"):
        volume_dependence(scaled(copper_hop(), 0.1), emt, settings, folder=tmp_path)


def test_that_the_command_writes_the_relaxed_crystal(tmp_path, capsys):
    from migbar.cli import main
    from migbar.structures import read_structure, write_cif

    write_cif(copper(3.7), tmp_path / "cu.cif")
    words = ["relax", str(tmp_path / "cu.cif"), "--potential", "ase:emt", "--device", "cpu"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--out", str(tmp_path / "out.cif"), "--json"])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["converged"] is True
    assert told["volume_change"] == pytest.approx((3.59 / 3.7) ** 3 - 1, abs=0.01)
    assert read_structure(tmp_path / "out.cif").volume == pytest.approx(3.59**3, rel=0.01)


def test_that_rounding_of_the_cell_is_no_warning_to_the_user(tmp_path, monkeypatch, recwarn):
    from migbar import relaxation
    from migbar.cli import main
    from migbar.structures import write_cif

    relax = relaxation.relax_structure

    def rounded(*given):
        warnings.warn("logm result may be inaccurate, err = 3e-13", RuntimeWarning, stacklevel=1)
        return relax(*given)

    monkeypatch.setattr(relaxation, "relax_structure", rounded)
    write_cif(copper(3.6), tmp_path / "cu.cif")
    words = ["relax", str(tmp_path / "cu.cif"), "--potential", "ase:emt", "--device", "cpu"]
    with pytest.raises(SystemExit):
        main([*words, "--out", str(tmp_path / "out.cif")])
    assert (tmp_path / "out.cif").exists()
    assert [str(one.message) for one in recwarn if "logm" in str(one.message)] == []


def test_that_the_command_tells_the_barrier_against_the_volume(tmp_path, capsys):
    from migbar.cli import main
    from migbar.structures import write_cif

    alloy = Structure(Lattice.tetragonal(2.8, 3.8), ["Al", "Cu"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    write_cif(alloy, tmp_path / "alloy.cif")
    words = ["volume", str(tmp_path / "alloy.cif"), "--ion", "Al", "--from", "0", "--to", "0@1,0,0"]
    words += ["--potential", "ase:emt", "--device", "cpu", "--images", "1", "--json"]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--change", "-1", "--change", "1", "--out", str(tmp_path / "out")])
    assert ended.value.code == 0
    told = json.loads(capsys.readouterr().out)
    assert told["volume_changes"] == [-0.01, 0.01]
    assert told["barriers_ev"][0] > told["barriers_ev"][1]
    assert told["converged"] == [True, True]
    with pytest.raises(SystemExit):
        main([*words, "--change", "1", "--out", str(tmp_path / "other")])
    assert "two volumes" in capsys.readouterr().err
