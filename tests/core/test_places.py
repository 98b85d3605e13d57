"""How places differ in energy: states, relaxations, and what they do to the way through."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.optimize import BFGS
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from typer.testing import CliRunner

from migbar.barriers import ModelCard
from migbar.cli import app
from migbar.errors import Cancelled
from migbar.hops import Mechanism
from migbar.paths import CrystalPaths, find_hops, find_paths
from migbar.places import (
    PlaceEnergies,
    PlacesError,
    carrier_at,
    place_energies,
    place_options,
    run,
)
from migbar.potentials import PotentialError, load_potential
from migbar.progress import SILENT
from migbar.reports import Provenance, html_report
from migbar.structures import read_structure
from tests.core.length_model import LengthModel

TWICE = np.diag([2, 2, 2])


class Told:
    """Keeps what is reported, and stops at a message."""

    def __init__(self, messages: list[str], stop: str = "never") -> None:
        self.messages, self.stop = messages, stop
        self.done: list[tuple[int, int]] = []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.messages.append(message)
        self.done.append((done, total))

    def cancelled(self) -> bool:
        return any(message.startswith(self.stop) for message in self.messages)


FACE_CENTRED = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]


@pytest.fixture(scope="module")
def alloy() -> Structure:
    """Stretched AuCu3: one Cu in the planes of Cu alone, two in those with Au."""
    return Structure(Lattice.tetragonal(3.75, 3.95), ["Au", "Cu", "Cu", "Cu"], FACE_CENTRED)


@pytest.fixture(scope="module")
def compared(alloy) -> PlaceEnergies:
    return place_energies(alloy, find_hops(alloy, "Cu"), load_potential("ase:emt"))


def test_that_places_differ_as_relaxed_crystals_do(alloy, compared):
    supercell = place_options(alloy, find_hops(alloy, "Cu"))["supercell"]
    energies = []
    for site in (1, 2):
        cell = alloy.make_supercell(supercell, to_unit_cell=False, in_place=False)
        place = np.array(alloy[site].frac_coords) @ np.linalg.inv(supercell)
        cell.remove_sites([int(cell.lattice.get_all_distances(place, cell.frac_coords).argmin())])
        atoms = AseAtomsAdaptor.get_atoms(cell, msonable=False)
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.01)
        energies.append(atoms.get_potential_energy())
    expected = np.array(energies) - min(energies)
    assert compared.energies_ev == pytest.approx(tuple(expected), abs=5e-3)
    assert max(compared.energies_ev) > 0.01
    assert compared.converged
    assert compared.stays == (True, True)


def test_that_every_node_has_the_energy_of_its_kind(alloy, compared):
    search = find_hops(alloy, "Cu")
    first, second = compared.energies_ev
    assert search.kinds == (0, 1, 1)
    assert compared.of_nodes(search.kinds) == (first, second, second)


def test_that_kinds_of_places_may_come_in_any_order():
    places = PlaceEnergies((0, 1, 4), (0.3, 0.0, 0.1), (True,) * 3, True, "a test")
    assert places.of_nodes((0, 1, 1, 0, 4, 1)) == (0.3, 0.0, 0.0, 0.3, 0.1, 0.0)


@pytest.mark.parametrize(
    ("mechanism", "ions"),
    [(Mechanism.VACANCY, 23), (Mechanism.SINGLE_ION, 1), (Mechanism.INTERSTITIAL, 25)],
)
@pytest.mark.parametrize("supercell", [TWICE, np.array([[2, 1, 0], [0, 2, 0], [1, 0, 2]])])
def test_that_a_state_holds_as_many_ions_as_its_mechanism_says(alloy, mechanism, ions, supercell):
    point = (0.5, 0.5, 0.0) if mechanism.between_sites else (0.5, 0.5, 0.5)
    state = carrier_at(alloy, "Cu", mechanism, point, supercell)
    assert state.composition["Cu"] == ions
    assert state.composition["Au"] == 8
    place = np.linalg.solve(supercell.T, point)
    here = state.lattice.get_all_distances(place, state.frac_coords)[0]
    assert bool(here.min() > 1.5) is (mechanism is Mechanism.VACANCY)


def test_that_a_place_that_nothing_stays_at_is_told(tmp_path):
    # An ion that hangs over a surface falls onto it.
    slab = Structure(Lattice.tetragonal(4.08, 16.0), ["Au", "Au"], [[0, 0, 0], [0.5, 0.5, 0.1275]])
    height = (0.5 * 4.08 + 1.9 + 1.3) / 16.0
    options = {
        "structure": slab.as_dict(), "ion": "Cu", "mechanism": "insertion", "supercell": TWICE.tolist(),
        "kinds": [0], "points": [[0.0, 0.0, height]], "potential": "ase:emt",
    }  # fmt: skip
    result = run(tmp_path, options, SILENT)
    assert result["stays"] == [False]
    (_, left) = PlaceEnergies.from_dict(result).remarks
    assert left.code == "place_left"
    one_of_two = PlaceEnergies((0, 1), (0.0, 0.3), (True, False), True, "any")
    assert "At 1 kind of places" in one_of_two.remarks[1].text


def test_that_a_host_that_gives_way_is_told(alloy, tmp_path):
    # Gold alone, with three of four atoms gone, is no crystal.
    options = {
        "structure": alloy.as_dict(), "ion": "Cu", "mechanism": "single_ion", "supercell": np.diag([3, 3, 3]).tolist(),
        "kinds": [1], "points": [[0.5, 0.0, 0.5]], "potential": "ase:emt",
    }  # fmt: skip
    (_, left, *_) = PlaceEnergies.from_dict(run(tmp_path, options, SILENT)).remarks
    assert "gives way" in left.text


def test_that_a_stopped_run_goes_on_where_it_was(alloy, compared, tmp_path):
    begun: list[str] = []
    options = place_options(alloy, find_hops(alloy, "Cu")) | {"potential": "ase:emt"}
    with pytest.raises(Cancelled):
        run(tmp_path, options, Told(begun, stop="place 2"))
    assert begun[0].startswith("place 1 of 2")
    del begun[:]
    progress = Told(begun)
    result = PlaceEnergies.from_dict(run(tmp_path, options, progress))
    assert begun[0].startswith("place 2 of 2")
    assert set(progress.done) == {(1, 2)}
    assert result.energies_ev == pytest.approx(compared.energies_ev, abs=1e-6)


def test_that_the_way_through_counts_from_the_best_place(examples_dir):
    # In TiS2 short hops lead by the tetrahedra, but the ion sits in the octahedra.
    structure = read_structure(examples_dir / "TiS2.cif")
    crystal = find_paths(structure, "Li", LengthModel(), cutoff=4.0)
    assert [remark.code for remark in crystal.remarks] == ["unequal_places"]
    places = PlaceEnergies(
        tuple(sorted(set(crystal.search.kinds))), (0.0, 0.4), (True, True), True, "a test"
    )
    known = CrystalPaths.of(crystal.search, crystal.paths, places)
    before, after = crystal.percolation["2D"], known.percolation["2D"]
    assert crystal.search.hops[before.bottleneck].label != "v0 → v0@1,0,0"
    assert crystal.search.hops[after.bottleneck].label == "v0 → v0@1,0,0"
    assert before.barrier_ev < after.barrier_ev == pytest.approx(0.341, abs=1e-3)
    assert known.place_energies == places.of_nodes(crystal.search.kinds)
    (remark,) = known.remarks
    assert "differ in energy by up to 0.400 eV by a test" in remark.text
    card = ModelCard("length", "7", "")
    page = html_report(structure, known, Provenance("TiS2.cif", "", card))
    assert "Kinds of places" in page
    assert "0.400" in page
    level = replace(places, energies_ev=(0.0, 0.0))
    assert CrystalPaths.of(crystal.search, crystal.paths, level).percolation == crystal.percolation


def test_that_they_are_the_same_after_a_journey_through_json(compared):
    assert PlaceEnergies.from_dict(json.loads(json.dumps(compared.to_dict()))) == compared
    for change in (
        {"kinds": [0]},
        {"kinds": [1, 1]},
        {"energies_ev": [0.0, "nan"]},
        {"energies_ev": [0.0, -0.1]},
        {"energies_ev": [0.1, 0.2]},
        {"kinds": [], "energies_ev": [], "stays": []},
        {"potential": None, "stays": 3},
    ):
        with pytest.raises(PlacesError, match="no energies of places"):
            PlaceEnergies.from_dict(compared.to_dict() | change)


def test_that_energies_of_other_places_are_refused(alloy, compared):
    paths = find_paths(alloy, "Cu", LengthModel(), cutoff=3.0)
    for kinds in ((0, 2), (0, 1, 2)):
        energies = (0.0, 0.1, 0.2)[: len(kinds)]
        others = PlaceEnergies(kinds, energies, (True,) * len(kinds), True, "a test")
        with pytest.raises(PlacesError, match="other places"):
            CrystalPaths.of(paths.search, paths.paths, others)


def test_that_without_hops_there_is_nothing_to_compare():
    sparse = Structure(Lattice.cubic(9.0), ["Li", "F"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(PlacesError, match="no hop of Li"):
        place_options(sparse, find_hops(sparse, "Li"))


def test_that_the_command_line_compares_places(alloy, tmp_path):
    alloy.to(filename=str(tmp_path / "alloy.cif"))
    words = [
        "paths",
        str(tmp_path / "alloy.cif"),
        "--ion",
        "Cu",
        "--cutoff",
        "3",
        "--places",
        "ase:emt",
    ]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0
    assert "2 per cell: 0.000 eV" in told.stdout or "1 per cell: 0.000 eV" in told.stdout
    assert "ways through are counted from the best one" in " ".join(told.stdout.split())
    data = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert min(data["places"]["energies_ev"]) == 0.0
    assert data["diffusivity"]["a"]["cm2_per_s"] > 0
    refused = CliRunner().invoke(app, [*words[:-1], "no-such"])
    assert refused.exit_code != 0


def test_that_places_alike_by_symmetry_are_not_compared(tmp_path, monkeypatch):
    def relax(*_):
        raise AssertionError("nothing is to be relaxed")

    monkeypatch.setattr("migbar.relaxation.relax_structure", relax)
    metal = Structure(Lattice.cubic(3.6), ["Cu"] * 4, FACE_CENTRED)
    metal.to(filename=str(tmp_path / "metal.cif"))
    words = ["paths", str(tmp_path / "metal.cif"), "--ion", "Cu", "--cutoff", "3"]
    told = CliRunner().invoke(app, [*words, "--places", "ase:emt", "--json"])
    assert told.exit_code == 0, told.exception
    data = json.loads(told.stdout)
    assert data["places"] is None
    assert "alike_places" in {warning["code"] for warning in data["warnings"]}


def test_that_a_model_file_is_run_only_if_it_is_trusted(alloy, tmp_path):
    file, structure = tmp_path / "own.model", tmp_path / "alloy.cif"
    file.write_bytes(b"no model")
    alloy.to(filename=str(structure))
    words = ["paths", str(structure), "--ion", "Cu", "--places", f"mace:{file}"]
    assert "--trust-file" in str(CliRunner().invoke(app, words).exception)
    trusted = CliRunner().invoke(app, [*words, "--trust-file"])
    assert trusted.exit_code != 0
    assert "--trust-file" not in str(trusted.exception)
    options = place_options(alloy, find_hops(alloy, "Cu")) | {"potential": f"mace:{file}"}
    with pytest.raises(PotentialError, match="runs the program inside"):
        run(tmp_path, options, SILENT)
    with pytest.raises(PotentialError) as problem:
        run(tmp_path, options | {"trust_file": True}, SILENT)
    assert "runs the program" not in str(problem.value)
