"""Finished NEB calculations of other programs: read as they are, and known again as a path's."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.constraints import FixAtoms
from ase.io import write
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp import Poscar

from migbar.bands import Band, linear_path
from migbar.datasets.reading import import_data, read_candidates
from migbar.dft import images_of, input_files, prepare
from migbar.hops import Mechanism
from migbar.neb import write_result
from migbar.neb.codes import neb_x_output
from migbar.neb.finished import (
    CalculationError,
    is_calculation,
    read_calculation,
    with_calculations,
)
from migbar.neb.profiles import profile_of
from migbar.paths import CrystalPaths, HopSearch, find_paths
from migbar.structures import read_structure, write_cif
from tests.core.calculations import (
    copper_images,
    outcar,
    straight_images,
    write_ase,
    write_espresso,
    write_vasp,
)

WRITERS = {"VASP": write_vasp, "Quantum ESPRESSO": write_espresso, "ASE": write_ase}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_vasp(tmp_path / "neb", copper_images())
    return tmp_path / "neb"


@pytest.mark.parametrize("code", WRITERS)
def test_that_a_calculation_is_read_with_its_energies_and_forces(tmp_path, code):
    WRITERS[code](tmp_path / "neb", copper_images())
    assert is_calculation(tmp_path / "neb")
    found = read_calculation(tmp_path / "neb")
    expected = profile_of(copper_images())
    result = found.result
    assert result.potential.name == code
    assert result.profile.relative == pytest.approx(expected.relative, abs=1e-6)
    assert result.profile.distance == pytest.approx(expected.distance, abs=1e-4)
    assert result.profile.tangential_forces == pytest.approx(expected.tangential_forces, abs=1e-4)
    assert found.record.target_ev == pytest.approx(expected.barrier_ev, abs=1e-6)
    assert result.converged
    assert result.ends_relaxed
    assert result.trust.code == "calculated"
    assert not [remark.code for remark in result.remarks]
    moved = np.linalg.norm(result.images[-1].positions - result.images[0].positions, axis=1)
    assert moved.argmax() == 0  # the ion comes first
    assert moved[0] == pytest.approx(2.553, abs=0.1)


def steps_of_ase(folder: Path, name: str = "vasp") -> Path:
    """Write two steps of a band, the last one the right one, and half of a third."""
    folder.mkdir(parents=True)
    images = copper_images()
    earlier = [atoms.copy() for atoms in images]
    for step in (images, earlier):
        for atoms, known in zip(step, copper_images(), strict=True):
            extra = 0.5 if step is earlier and atoms is step[1] else 0.0
            energy = known.get_potential_energy() + extra
            atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=known.get_forces())
            atoms.calc.name = name
    write(folder / "neb.traj", [*earlier, *images, *earlier[:2]])
    return folder


def test_that_the_last_step_of_a_trajectory_of_a_band_is_read(tmp_path):
    folder = steps_of_ase(tmp_path / "neb")
    assert is_calculation(folder)
    result = read_calculation(folder).result
    assert len(result.images) == len(copper_images())
    assert result.barrier_ev == pytest.approx(profile_of(copper_images()).barrier_ev)
    assert str(result.potential) == "vasp by ASE"
    (candidate,) = read_candidates(tmp_path)
    assert candidate.accepted()
    assert candidate.record.target_ev == pytest.approx(result.barrier_ev)


def test_that_a_band_may_have_gone_on_with_more_images(tmp_path):
    file = steps_of_ase(tmp_path / "neb") / "neb.traj"
    *begun, end = copper_images()
    write(file, [*copper_images(), *begun, begun[-1], end, *begun])
    assert len(read_calculation(file.parent).result.images) == len(copper_images()) + 1


def test_that_one_image_is_no_band(tmp_path):
    file = steps_of_ase(tmp_path / "neb") / "neb.traj"
    write(file, copper_images()[:1])
    with pytest.raises(CalculationError, match="neb holds 1 image; a band has three or more"):
        read_calculation(file.parent)


def test_that_a_trajectory_of_a_potential_teaches_nothing(tmp_path):
    steps_of_ase(tmp_path / "neb", "chgnetcalculator")
    (candidate,) = read_candidates(tmp_path)
    assert [problem.code for problem in candidate.problems] == ["predicted_barrier"]
    assert not read_calculation(tmp_path / "neb").result.potential.calculated


@pytest.mark.parametrize(("scheme", "climbs"), [("auto", True), ("manual", True), ("no-CI", False)])
def test_that_the_input_of_neb_x_tells_whether_an_image_climbs(tmp_path, scheme, climbs):
    folder = tmp_path / "neb"
    write_espresso(folder, copper_images())
    (folder / "neb.in").write_text(f"&PATH\n   ci_scheme = '{scheme}'\n/\n")
    (folder / "scf.in").write_text("&CONTROL\n/\n")
    assert neb_x_output(folder).climb is climbs


@pytest.mark.parametrize("label", ["Cu1", "Cu_a", "Cu-u", "CU2"])
def test_that_kinds_of_atoms_of_neb_x_are_the_elements_they_are_named_after(tmp_path, label):
    write_espresso(tmp_path / "neb", copper_images())
    file = tmp_path / "neb" / "neb.axsf"
    lines = file.read_text().splitlines()
    lines[8::2] = [line.replace("Cu", label) for line in lines[8::2]]
    file.write_text("\n".join(lines) + "\n")
    found = read_calculation(tmp_path / "neb")
    assert set(found.result.images[0].symbols) == {"Cu"}
    assert found.result.barrier_ev == pytest.approx(profile_of(copper_images()).barrier_ev)


def test_that_vasp_tells_what_it_computed_with(folder):
    result = read_calculation(folder).result
    assert str(result.potential) == "VASP 6.3.0, PBE, 520 eV"
    assert result.settings.climb
    assert result.settings.n_images == 1
    assert (result.steps, result.seconds) == (2, 7204.0)


@pytest.mark.parametrize(
    ("lines", "told"),
    [("   GGA     =    PS    GGA type\n", "PBEsol"), ("   METAGGA= R2SCAN    non\n", "R2SCAN"),
     ("   LDA+U is selected, type is set to LDAUTYPE =  2\n", "PBE+U"),
     ("   LHFCALC =      T    Hartree Fock is set to\n", "PBE hybrid")],
)  # fmt: skip
def test_that_the_functional_is_told(folder, lines, told):
    file = folder / "01" / "OUTCAR"
    text = file.read_text().replace("   GGA     =    --    GGA type\n", lines)
    file.write_text(text)
    assert str(read_calculation(folder).result.potential) == f"VASP 6.3.0, {told}, 520 eV"


def with_forces(atoms: Atoms, forces: np.ndarray) -> Atoms:
    changed = atoms.copy()
    energy = atoms.get_potential_energy()
    changed.calc = SinglePointCalculator(changed, energy=energy, forces=forces)
    return changed


def test_that_forces_on_atoms_that_are_held_do_not_count(tmp_path):
    forces = np.zeros((31, 3))
    forces[20] = [0.4, 0, 0]
    images = [with_forces(atoms, forces) for atoms in copper_images()]
    write_vasp(tmp_path / "neb", images)
    result = read_calculation(tmp_path / "neb").result
    assert not result.ends_relaxed
    assert [remark.code for remark in result.remarks] == ["ends_not_converged", "forces_left"]
    assert all("forces up to 0.40 eV/Å" in remark.text for remark in result.remarks)
    for number, atoms in enumerate(images):
        atoms.set_constraint(FixAtoms([20]))
        write(tmp_path / "neb" / f"{number:02d}" / "CONTCAR", atoms, format="vasp", direct=True)
    result = read_calculation(tmp_path / "neb").result
    assert result.ends_relaxed
    assert result.residual == pytest.approx(0.0)
    assert not result.remarks


@pytest.mark.parametrize("end", [0, 2])
def test_that_either_end_may_be_the_one_that_is_not_relaxed(tmp_path, end):
    images = [with_forces(atoms, np.zeros((31, 3))) for atoms in copper_images()]
    images[end] = with_forces(images[end], np.eye(31, 3) / 2)
    write_vasp(tmp_path / "neb", images)
    result = read_calculation(tmp_path / "neb").result
    assert [remark.code for remark in result.remarks] == ["ends_not_converged"]
    assert not result.ends_relaxed


@pytest.mark.parametrize(("scheme", "residual"), [("auto", 0.3), ("no-CI", 0.0)])
def test_that_an_image_that_climbs_has_no_force_left_along_the_path_either(
    tmp_path, scheme, residual
):
    images = [with_forces(atoms, np.zeros((31, 3))) for atoms in copper_images()]
    along = images[2].positions - images[0].positions
    # Nearer to one end than to the other: springs are no forces of the code.
    nearer, energy = images[1].copy(), images[1].get_potential_energy()
    nearer.positions -= 0.05 * along
    forces = 0.3 * along / np.linalg.norm(along, axis=1).max()
    nearer.calc = SinglePointCalculator(nearer, energy=energy, forces=forces)
    images[1] = nearer
    write_espresso(tmp_path / "neb", images)
    (tmp_path / "neb" / "neb.in").write_text(f"&PATH\n   CI_scheme = '{scheme}'\n/\n")
    result = read_calculation(tmp_path / "neb").result
    assert result.residual == pytest.approx(residual, abs=0.01)
    assert result.converged is (residual == 0)


def test_that_a_band_is_converged_where_all_of_its_images_are(tmp_path):
    first, middle, last = copper_images()
    write_vasp(tmp_path / "neb", [first, middle, middle, last])
    assert read_calculation(tmp_path / "neb").result.converged
    (tmp_path / "neb" / "02" / "OUTCAR").write_text(outcar(middle, middle.positions, done=False))
    assert not read_calculation(tmp_path / "neb").result.converged


def test_that_a_folder_is_named_wherever_one_stands(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert read_calculation(".").record.sys_name == "neb"


def test_that_packed_files_are_read(folder):
    file = folder / "01" / "OUTCAR"
    (folder / "01" / "OUTCAR.gz").write_bytes(gzip.compress(file.read_bytes()))
    file.unlink()
    assert read_calculation(folder).result.converged


def test_that_a_step_that_was_cut_short_does_not_count(folder):
    file = folder / "01" / "OUTCAR"
    barrier = read_calculation(folder).result.barrier_ev
    whole = outcar(copper_images()[1], copper_images()[1].positions, done=False)
    begun = whole[whole.index("-----") : whole.index("  FREE ENERGIE")]
    file.write_text(whole + begun)
    result = read_calculation(folder).result
    assert result.barrier_ev == pytest.approx(barrier)
    assert not result.converged


def test_that_the_energies_of_ends_may_stand_in_a_table(folder):
    energies = [atoms.get_potential_energy() for atoms in copper_images()]
    barrier = read_calculation(folder).result.barrier_ev
    for number in ("00", "02"):
        (folder / number / "OUTCAR").unlink()
    with pytest.raises(CalculationError, match=r"no OUTCAR in 00 of neb: copy that"):
        read_calculation(folder)
    table = [f"{n} 0.0 {energy:.5f} 0.0 {n}" for n, energy in enumerate(energies)]
    (folder / "nebef.dat").write_text("\n".join(table) + "\n")
    (folder / "00" / "CONTCAR").rename(folder / "kept")
    with pytest.raises(CalculationError, match="00 of neb: POSCAR"):
        read_calculation(folder)
    (folder / "kept").rename(folder / "00" / "CONTCAR")
    for name, off in (("nebef.dat", 0.0), ("neb.dat", energies[0])):
        rows = [f"{n} 0.0 {energy - off:.5f} 0.0 {n}" for n, energy in enumerate(energies)]
        (folder / name).write_text("\n".join(rows) + "\n")
        result = read_calculation(folder).result
        assert result.barrier_ev == pytest.approx(barrier, abs=1e-5)
        assert [remark.code for remark in result.remarks] == ["end_without_outcar"] * 2


def test_that_a_table_of_earlier_energies_is_told(tmp_path):
    first, middle, last = copper_images()
    write_vasp(tmp_path / "neb", [first, middle, middle, last])
    (tmp_path / "neb" / "03" / "OUTCAR").unlink()
    rows = [f"{n} 0.0 {energy} 0.0 {n}" for n, energy in enumerate((0.0, 0.7, 0.8, 0.0))]
    (tmp_path / "neb" / "neb.dat").write_text("\n".join(rows) + "\n")
    with pytest.raises(CalculationError, match="not that of the last step"):
        read_calculation(tmp_path / "neb")


def test_that_the_script_tells_what_it_computed_with(tmp_path):
    images = [atoms.copy() for atoms in copper_images()]
    for image, known in zip(images, copper_images(), strict=True):
        image.calc = known.calc
        image.info.update(computed_with="VASP", converged=False)
    write_ase(tmp_path / "vasp", images)
    result = read_calculation(tmp_path / "vasp").result
    assert str(result.potential) == "VASP by ASE"
    assert result.potential.calculated
    assert not result.converged
    for image in images:
        image.info["computed_with"] = "chgnet"
    write_ase(tmp_path / "chgnet", images)
    result = read_calculation(tmp_path / "chgnet").result
    assert not result.potential.calculated
    assert result.trust.code != "calculated"


def test_that_a_band_of_its_own_keeps_what_relaxed_it(tmp_path, folder):
    found = read_calculation(folder)
    write_result(found.result, tmp_path / "own")
    again = read_calculation(tmp_path / "own")
    assert again.result.potential == found.result.potential
    assert again.record.target_ev == found.record.target_ev
    potential = replace(found.result.potential, name="chgnet", calculated=False)
    write_result(replace(found.result, potential=potential), tmp_path / "own")
    crystal = CrystalPaths(HopSearch("Cu", Mechanism.VACANCY, 3.0, (), (), (), ()), (), {})
    with pytest.raises(CalculationError, match="was relaxed with chgnet"):
        with_calculations(crystal, [read_calculation(tmp_path / "own")])


def band_of(images: tuple[Atoms, ...]) -> Band:
    """What was predicted: atoms where they were before they were relaxed."""
    symbols, ends = list(images[0].symbols), (images[0], images[-1])
    frac = [end.get_scaled_positions(wrap=False) for end in ends]
    host = [i for i in range(len(symbols)) if i != 7]
    rng = np.random.default_rng(0)
    places = (frac[0] + frac[1])[host] / 2 + rng.normal(scale=0.003, size=(len(host), 3))
    mixed = rng.permutation(len(host))
    crystal = Structure(images[0].cell.array, ["Cu"] * len(host), places[mixed])
    return Band(crystal, "Cu", linear_path(frac[0][7] + [1, 0, -1], frac[1][7] + [1, 0, -1]))


def test_that_a_calculation_is_known_as_that_of_its_path(folder):
    found, band = read_calculation(folder), band_of(copper_images())
    back = Band(band.host, "Cu", band.path[::-1].copy())
    assert found.among([band]) == found.among([back]) == 0
    farther = linear_path(band.path[0], band.path[0] + 2 * (band.path[-1] - band.path[0]))
    others = [
        Band(band.host, "Cu", farther),
        Band(band.host, "Cu", band.path + np.array([0.25, 0.25, 0])),
        Band(band.host, "Cu", band.path + np.array([0.15, 0, 0])),
        Band(band.host, "Li", band.path),
        Band(band.host.copy().replace(3, "Ni"), "Cu", band.path),
        Band(band.host.copy().apply_strain([0, 0.1, 0]), "Cu", band.path),
        Band(band.host.copy().remove_sites([3]), "Cu", band.path),
    ]
    assert found.among(others) is None
    assert found.among([*others, band]) == len(others)


def test_that_a_left_handed_cell_comes_back_from_vasp_as_that_of_its_path(tmp_path):
    """VASP refuses such a cell: its input has all vectors the other way round."""
    images = [kept.copy() for kept in copper_images()]
    for image in images:
        image.set_cell(image.cell.array * [1, 1, -1], scale_atoms=True)
    band = band_of(tuple(images))
    files = input_files(prepare(images_of(band, 1)), "vasp")
    cell = Poscar.from_str(files["00/POSCAR"]).structure.lattice.matrix
    for image, kept in zip(images, copper_images(), strict=True):
        image.set_cell(cell, scale_atoms=True)
        energy, forces = kept.get_potential_energy(), kept.get_forces() * [-1, -1, 1]
        image.calc = SinglePointCalculator(image, energy=energy, forces=forces)
    write_vasp(tmp_path / "neb", images)
    assert read_calculation(tmp_path / "neb").among([band]) == 0


@pytest.mark.parametrize("end", [0, -1])
def test_that_of_several_hops_that_are_near_a_calculation_is_that_of_the_nearest(folder, end):
    found, band = read_calculation(folder), band_of(copper_images())
    ends = band.path[[0, -1]].copy()
    ends[end] += band.host.lattice.get_fractional_coords([0, 0, 0.9])
    beside = Band(band.host, "Cu", linear_path(*ends))
    back = Band(beside.host, "Cu", beside.path[::-1].copy())
    assert found.among([beside]) == found.among([back]) == 0
    assert found.among([beside, back, band]) == 2
    moved = Band(band.host, "Cu", band.path + (ends - band.path[[0, -1]])[end])
    assert found.among([moved]) == 0
    assert found.among([moved, band]) == 1


def test_that_atoms_that_were_exchanged_make_another_band(folder):
    band = band_of(copper_images())
    one, other = (Band(band.host.copy().replace(n, "Ni"), "Cu", band.path) for n in (3, 4))
    found = read_calculation(folder)
    found = replace(found, record=replace(found.record, band=one))
    assert found.among([other, one]) == 1


@pytest.mark.parametrize("code", WRITERS)
def test_that_its_barrier_can_be_taught(tmp_path, code):
    WRITERS[code](tmp_path / "data" / "vacancy", copper_images())
    reading = import_data([tmp_path / "data"], tmp_path / "own.parquet")
    assert reading.names == ("vacancy",)
    expected = profile_of(copper_images()).barrier_ev
    assert reading.barriers == pytest.approx([expected], abs=1e-6)
    (tmp_path / "list.csv").write_text("folder,barrier\ndata/vacancy,0.5\n")
    assert import_data([tmp_path / "list.csv"], None).barriers == pytest.approx([0.5])


def test_that_energies_that_are_no_numbers_teach_nothing(tmp_path):
    first, middle, last = copper_images()
    lower, broken = middle.copy(), middle.copy()
    energy = middle.get_potential_energy()
    lower.calc = SinglePointCalculator(lower, energy=energy - 0.4, forces=middle.get_forces())
    broken.calc = SinglePointCalculator(broken, energy=np.nan, forces=middle.get_forces())
    images = [first, lower, broken, lower, last]
    write_espresso(tmp_path / "data" / "a", images)
    write_ase(tmp_path / "data" / "b", images)
    write_vasp(tmp_path / "data" / "c", [first, lower, middle, lower, last])
    (tmp_path / "data" / "c" / "00" / "OUTCAR").unlink()
    rows = [f"{n} 0.0 {image.get_potential_energy()} 0.0 {n}" for n, image in enumerate(images)]
    (tmp_path / "data" / "c" / "neb.dat").write_text("\n".join(rows) + "\n")
    for candidate in read_candidates(tmp_path / "data"):
        assert not candidate.accepted()
        assert [problem.code for problem in candidate.problems] == ["bad_barrier"]


def test_that_a_band_by_a_potential_teaches_nothing(tmp_path):
    images = [atoms.copy() for atoms in copper_images()]
    for image, known in zip(images, copper_images(), strict=True):
        image.calc = known.calc
        image.info.update(computed_with="chgnet", converged=False)
    write_ase(tmp_path / "data" / "vacancy", images)
    (candidate,) = read_candidates(tmp_path / "data")
    assert not candidate.accepted()
    assert {p.code for p in candidate.problems} == {"predicted_barrier", "not_converged"}
    write_result(read_calculation(tmp_path / "data" / "vacancy").result, tmp_path / "own" / "run")
    (candidate,) = read_candidates(tmp_path / "own")
    assert "holds no NEB" in candidate.problems[0].text


def test_that_the_way_through_counts_with_what_was_calculated(tmp_path, run):
    write_cif(
        Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]]),
        tmp_path / "cu.cif",
    )
    words = [
        "paths",
        tmp_path / "cu.cif",
        "--ion",
        "Cu",
        "--cutoff",
        3,
        "--supercell",
        "2,2,2",
        "--json",
    ]
    predicted = json.loads(run(*words)[1])
    (path,) = find_paths(
        read_structure(tmp_path / "cu.cif"), "Cu", cutoff=3, supercell=np.diag([2, 2, 2])
    ).paths
    write_vasp(tmp_path / "neb", straight_images(path.band))
    barrier = read_calculation(tmp_path / "neb").result.barrier_ev
    counted = json.loads(run(*words, "--calculated", tmp_path / "neb")[1])
    assert counted["percolation_ev"]["3D"] == pytest.approx(barrier)
    assert counted["percolation_interval_ev"]["3D"] == pytest.approx([barrier, barrier])
    assert predicted["percolation_ev"]["3D"] != pytest.approx(barrier, abs=0.05)
    told = [
        {remark["code"] for remark in found["paths"][0]["warnings"]}
        for found in (predicted, counted)
    ]
    assert "unseen_ion" in told[0]  # the number is a rough guess
    assert told[1] == {"calculated"}
    assert "VASP 6.3.0, PBE, 520 eV, not predicted" in counted["warnings"][-1]["text"]
    run(*words[:-1], "--calculated", tmp_path / "neb", "--report", tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert page.count("VASP 6.3.0") == 1
    assert "rough guess" not in page
    code, _, told = run(
        *words, "--cutoff", 3, "--supercell", "3,3,3", "--calculated", tmp_path / "neb"
    )
    assert code == 2
    assert "The NEB in neb is of none of the hops found here" in told
    outcar = tmp_path / "neb" / "01" / "OUTCAR"
    outcar.write_text(outcar.read_text().replace("reached required accuracy", "not yet"))
    assert "has not converged" in run(*words, "--calculated", tmp_path / "neb")[2]


def test_that_a_mistyped_calculation_is_told_before_the_hops_are_looked_for(
    run, tmp_path, monkeypatch
):
    write_cif(Structure(Lattice.cubic(2.5), ["Cu"], [[0, 0, 0]]), tmp_path / "cu.cif")
    looked_for = []
    monkeypatch.setattr("migbar.paths.find_paths", lambda *given: looked_for.append(given))
    words = ["paths", tmp_path / "cu.cif", "--ion", "Cu", "--calculated", tmp_path / "nbe"]
    code, _, told = run(*words)
    assert code == 2
    assert "There is no folder" in told
    assert looked_for == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "01" / "OUTCAR").unlink(), "There is no OUTCAR in 01 of neb"),
        (lambda f: (f / "01" / "OUTCAR").write_text("vasp.6.3.0\n"), "neb/01/OUTCAR tells no energy"),
        (lambda f: (f / "01" / "OUTCAR").rename(f / "01" / "OUTCAR.gz"), r"neb/01/OUTCAR\.gz tells no energy"),
        (lambda f: (f / "INCAR").write_text("IMAGES = 2\n"), "neb: The images 03 are missing"),
        (lambda f: (f / "02").rename(f / "03") and (f / "02").mkdir(), "the band ends at 02; 03 are of another run"),
        (lambda f: (f / "02" / "OUTCAR").write_bytes((f / "00" / "OUTCAR").read_bytes()), "No atom moves"),
    ],
)  # fmt: skip
def test_that_a_calculation_that_cannot_be_read_says_why(folder, spoil, told):
    spoil(folder)
    with pytest.raises(CalculationError, match=told):
        read_calculation(folder)


def test_that_other_folders_are_refused(tmp_path):
    (tmp_path / "some.cif").write_text("data_x\n")
    assert not is_calculation(tmp_path)
    assert not is_calculation(tmp_path / "nothing")
    with pytest.raises(CalculationError, match="holds no NEB"):
        read_calculation(tmp_path)
    with pytest.raises(CalculationError, match=r"There is no folder .*nothing"):
        read_calculation(tmp_path / "nothing")
    write_espresso(tmp_path / "neb", copper_images())
    (tmp_path / "neb" / "neb.dat").write_text("0.0 0.0 0.0\n1.0 0.0 0.0\n")
    with pytest.raises(
        CalculationError, match=r"neb\.axsf: holds 3 images, and neb\.dat 2 energies"
    ):
        read_calculation(tmp_path / "neb")
    for ending in ("axsf", "dat"):
        file = tmp_path / "neb" / f"neb.{ending}"
        file.with_stem("old").write_text(file.read_text())
    with pytest.raises(CalculationError, match=r"one \.axsf .* there is neb\.axsf, old\.axsf"):
        read_calculation(tmp_path / "neb")
    first, middle, last = copper_images()
    broken = middle.copy()
    forces = middle.get_forces()
    broken.calc = SinglePointCalculator(broken, energy=np.nan, forces=forces)
    for code, write_code in WRITERS.items():
        if code != "VASP":  # whose file of the test tells no NaN
            write_code(tmp_path / "nan" / code, [first, broken, last])
            with pytest.raises(CalculationError, match=r"image 1 in .* are no numbers"):
                read_calculation(tmp_path / "nan" / code)
    bare = [atoms.copy() for atoms in copper_images()]
    write_ase(tmp_path / "ase", bare)
    with pytest.raises(
        CalculationError, match=r"Image 0 of band\.extxyz .*: relaxed ends need theirs"
    ):
        read_calculation(tmp_path / "ase")


def test_that_the_command_tells_barrier_and_prediction(folder, tmp_path, run):
    code, out, _ = run("read-dft", folder, "--out", tmp_path / "back")
    assert code == 0
    assert "VASP 6.3.0, PBE, 520 eV, 1 image, ends relaxed: converged" in out
    assert "E_m = 0.76" in out
    assert "predicted " in out
    assert (tmp_path / "back" / "profile.csv").exists()
    data = json.loads(run("read-dft", folder, "--json")[1])
    assert data["barrier_ev"] == pytest.approx(0.76, abs=0.01)
    assert data["predicted"]["interval_low_ev"] < data["predicted"]["barrier_ev"]
    assert run("read-dft", tmp_path)[0] == 2
