"""Inputs for DFT-NEB: one order of atoms in all images, no jumps, and texts that their codes can read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from io import StringIO
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read, write
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar

from migbar.bands import Band, linear_path
from migbar.dft import (
    CALCULATORS,
    CODES,
    DftInputError,
    DftSettings,
    images_of,
    input_files,
    parse_incar,
    prepare,
    read_images,
    write_inputs,
)
from migbar.hops import Mechanism, SiteRef, hop_between_points, hop_between_sites
from migbar.neb.finished import read_calculation
from migbar.supercells import make_band


@pytest.fixture
def band(layered_oxide) -> Band:
    """A vacancy hop that leaves the cell through its face at x = 1, other Li staying behind."""
    hop = hop_between_sites(layered_oxide, "Li", SiteRef(0), SiteRef(0, (-1, 0, 0)))
    return make_band(layered_oxide, hop, np.diag([3, 3, 1]))


@pytest.fixture
def images(band):
    return prepare(images_of(band, 3))


def poscars(files) -> list[Structure]:
    names = sorted(name for name in files if re.fullmatch(r"\d\d/POSCAR", name))
    return [Poscar.from_str(files[name]).structure for name in names]


def steps(read) -> np.ndarray:
    """Displacement in Å of every atom from image to image, as the numbers in the files have it."""
    path = np.array([image.frac_coords for image in read])
    return np.linalg.norm(read[0].lattice.get_cartesian_coords(np.diff(path, axis=0)), axis=2)


def test_that_poscars_read_back_hold_one_order_of_atoms_and_only_the_ion_moves(images, band):
    files = input_files(images, "vasp")
    read = poscars(files)
    assert len(read) == 5
    assert len({tuple(s.symbol for s in image.species) for image in read}) == 1
    assert [s.symbol for s in read[0].species][:26] == ["Li"] * 26
    moved = steps(read)
    assert (moved[:, 1:] < 1e-6).all()
    assert moved[:, 0].sum() == pytest.approx(band.length, rel=0.1)
    assert files["POTCAR.symbols"].split() == ["Li_sv", "Co", "O"]
    assert not any(name.endswith("POTCAR") for name in files)


def test_that_the_ion_that_moves_comes_first_whatever_its_element(rock_salt):
    fluorine = [i for i, site in enumerate(rock_salt) if site.specie.symbol == "F"]
    ends = SiteRef(fluorine[0]), SiteRef(fluorine[1])
    lone = make_band(rock_salt, hop_between_sites(rock_salt, "F", *ends, Mechanism.SINGLE_ION))
    ready = prepare(images_of(lone, 3, straight=True))
    files = input_files(ready, "vasp")
    assert (ready.ion, ready.elements, ready.ion_charge) == ("F", ["F", "Li"], -1)
    assert files["POTCAR.symbols"].split() == ["F", "Li_sv"]
    assert [s.symbol for s in poscars(files)[0].species] == ["F", *["Li"] * 32]
    assert files["ends/initial/POSCAR"] == files["00/POSCAR"]
    assert files["ends/final/POSCAR"] == files["04/POSCAR"]


def test_that_values_of_u_stand_in_the_order_of_the_atoms_and_the_cell_stays_as_it_is():
    # By electronegativity manganese would come before the zinc that moves.
    host = Structure(Lattice.cubic(6.0), ["O", "Mn", "O"], [[0.5, 0, 0], [0.5] * 3, [0, 0.5, 0.5]])
    band = Band(host, "Zn", linear_path((0, 0, 0.1), (0, 0, 0.4)))
    files = input_files(
        prepare(images_of(band, 1, straight=True)), "vasp", DftSettings(hubbard_u=True)
    )
    for name in ("INCAR", "ends/initial/INCAR", "ends/final/INCAR"):
        incar = Incar.from_str(files[name])
        assert incar["LDAUU"] == [0, 0, 3.9]
        assert incar["ISIF"] == 2
    assert [s.symbol for s in poscars(files)[0].species] == ["Zn", "O", "O", "Mn"]


def test_that_images_are_bent_around_the_atoms_unless_straight_ones_are_asked_for(rock_salt):
    ends = (0.25, 0.25, 0.25), (0.75, 0.75, 0.70)
    hop = hop_between_points(rock_salt, "Li", *ends, Mechanism.INTERSTITIAL)
    band = make_band(rock_salt, hop)
    bent, straight = (
        np.array([image[0].coords for image in images_of(band, 3, straight)])
        for straight in (False, True)
    )
    assert np.diff(straight, 2, axis=0) == pytest.approx(0, abs=1e-6)
    assert np.linalg.norm(bent - straight, axis=1)[2] > 0.2
    told = prepare(images_of(band, 3, True)).warnings[1]
    assert told.startswith("In image 02 the moving ion is 0.10 Å from F: ")


def test_that_every_image_is_the_structure_it_was(images, band):
    from pymatgen.analysis.structure_matcher import StructureMatcher

    given = images_of(band, 3)
    for image, written in zip(given, poscars(input_files(images, "vasp")), strict=True):
        same = StructureMatcher(primitive_cell=False, attempt_supercell=False, scale=False)
        assert same.get_rms_dist(image, written)[0] < 1e-5


def test_that_atoms_that_were_wrapped_do_not_jump(band):
    wrapped = []
    for image in images_of(band, 3):
        inside = Structure(image.lattice, image.species, image.frac_coords % 1.0)
        wrapped.append(inside)
    spread = [image.frac_coords[0, 0] for image in wrapped]
    assert max(spread) - min(spread) > 0.5  # the ion did jump
    assert steps(prepare(wrapped).images).max() < 1.5


def test_that_images_that_do_not_tell_the_way_round_the_cell_are_refused(band):
    around = Band(band.host, band.ion, np.array([[0.0, 0.0, 0.0], [0.55, 1.25, 0.5]]))
    for way in (around, around.reversed()):
        with pytest.raises(DftInputError, match="which way round"):
            images_of(way, 1, straight=True)
    ready = prepare(images_of(around, 3, straight=True))
    gone = ready.images[-1].frac_coords[0] - ready.images[0].frac_coords[0]
    assert gone == pytest.approx([0.55, 1.25, 0.5])


def test_that_the_moving_ion_comes_first_wherever_it_stood(band):
    images = images_of(band, 3)
    order = [5, 1, 7, 0, *[i for i in range(len(images[0])) if i not in (0, 1, 5, 7)]]
    shuffled = [Structure.from_sites([image[i] for i in order]) for image in images]
    moved = steps(prepare(shuffled).images)
    assert (moved[:, 1:] < 1e-6).all()
    assert (moved[:, 0] > 0.3).all()


def test_that_the_incar_says_what_needs_the_vtst_patch(images):
    text = input_files(images, "vasp")["INCAR"]
    incar = Incar.from_str(text)
    assert (incar["IMAGES"], incar["LCLIMB"], incar["IBRION"], incar["POTIM"]) == (3, True, 3, 0)
    assert incar["IOPT"] == 1
    assert (incar["SPRING"], incar["ISYM"]) == (-5, 0)
    assert "VTST" in text
    assert len(incar["MAGMOM"]) == len(images.images[0])
    plain = Incar.from_str(input_files(images, "vasp", DftSettings(climbing=False))["INCAR"])
    assert plain["IBRION"] == 1
    assert not {"LCLIMB", "IOPT", "ICHAIN"} & set(plain)
    ends = Incar.from_str(input_files(images, "vasp")["ends/final/INCAR"])
    assert ends["IBRION"] == 2
    assert not {"IMAGES", "LCLIMB", "SPRING"} & set(ends)


def test_that_settings_reach_the_files(images):
    settings = DftSettings(
        force_ev_per_angstrom=0.02,
        cutoff_ev=600,
        k_spacing=0.2,
        spin=False,
        hubbard_u=True,
        incar=parse_incar("ivdw = 12  # D3\n\nALGO = All"),
    )
    files = input_files(images, "vasp", settings)
    incar = Incar.from_str(files["INCAR"])
    assert (incar["EDIFFG"], incar["ENCUT"], incar["ISPIN"]) == (-0.02, 600, 1)
    assert (incar["IVDW"], incar["ALGO"]) == (12, "All")
    assert incar["LDAUU"] == [0, 3.32, 0]
    assert incar["LMAXMIX"] == 4
    assert "MAGMOM" not in incar
    assert Kpoints.from_str(files["KPOINTS"]).kpts == [(5, 5, 3)]
    assert "path_thr = 0.02" in input_files(images, "espresso", settings)["neb.in"]


def test_that_a_u_that_was_asked_for_in_vain_is_told(images):
    asked = DftSettings(hubbard_u=True)
    assert "+U was asked for" not in input_files(images, "vasp", asked)["README.txt"]
    for image in images.images:
        image.replace_species({"O": "S"})
    assert "+U was asked for" in input_files(images, "vasp", asked)["README.txt"]


def test_that_the_input_of_neb_x_holds_every_image(images):
    text = input_files(images, "espresso")["neb.in"]
    assert "num_of_images = 5" in text
    assert re.findall(r"^[A-Z]+_IMAGE$", text, re.M) == [
        "FIRST_IMAGE",
        *["INTERMEDIATE_IMAGE"] * 3,
        "LAST_IMAGE",
    ]
    # Line by line, so that coordinates cannot be cut off or change order.
    blocks = text.split("ATOMIC_POSITIONS angstrom\n")[1:]
    for block, image in zip(blocks, images.images, strict=True):
        lines = [line.split() for line in block.splitlines()[: len(image)]]
        assert [line[0] for line in lines] == [s.symbol for s in image.species]
        assert np.allclose([[float(x) for x in line[1:4]] for line in lines], image.cart_coords)
    assert f"nat              = {len(images.images[0])}" in text
    assert "&CELL" not in text
    assert text.index("&SYSTEM") < text.index("ATOMIC_SPECIES") < text.index("FIRST_IMAGE")


def test_that_the_input_of_neb_x_has_its_units(images):
    settings = DftSettings(cutoff_ry=50.0, smearing_ev=0.2721139, k_spacing=0.2, climbing=False)
    text = input_files(images, "espresso", settings)["neb.in"]
    told = dict(re.findall(r"^ +(\w+) += (\S+)$", text, re.M))
    assert (float(told["ecutwfc"]), float(told["ecutrho"])) == (50.0, 400.0)
    assert float(told["degauss"]) == pytest.approx(0.02, abs=1e-6)  # Ry
    assert (told["nosym"], told["minimum_image"]) == (".true.", ".true.")
    assert told["CI_scheme"] == "'no-CI'"
    assert re.search(r"^K_POINTS automatic\n5 5 3 +0 0 0$", text, re.M)
    assert "CI_scheme = 'auto'" in input_files(images, "espresso")["neb.in"]


def test_that_the_texts_say_which_charge_a_defect_has_and_what_symmetry_does(images):
    vasp = input_files(images, "vasp")["README.txt"]
    assert "a vacancy has the charge -1 and an extra ion +1" in vasp
    assert "cell +1 for each vacancy, -1 for each extra ion" in vasp  # electrons
    espresso = input_files(images, "espresso")["README.txt"]
    assert "tot_charge = -1 for each vacancy and +1 for each extra ion" in espresso
    assert all("Where symmetry keeps a band on a line" in text for text in (vasp, espresso))


def test_that_lines_that_are_no_tags_are_named():
    with pytest.raises(DftInputError, match="IVDW 12; D3 ="):
        parse_incar("IVDW 12\nALGO = All\nD3 =")


def test_that_the_command_writes_a_folder_and_says_where(examples_dir, tmp_path, capsys):
    from migbar.cli import main

    crystal = str(examples_dir / "LiCoO2.cif")
    hop = ["--ion", "Li", "--from", "0", "--to", "0@1,0,0", "--supercell", "3,3,1"]
    ending = ["--images", "3", "--out", str(tmp_path / "neb"), "--incar", "IVDW=12", "--json"]
    command(main, ["export-dft", crystal, *hop, *ending])
    told = json.loads(capsys.readouterr().out)
    assert (tmp_path / "neb" / "04" / "POSCAR").exists()
    assert "IVDW = 12" in (tmp_path / "neb" / "INCAR").read_text()
    assert set(told["files"]) >= {"INCAR", "KPOINTS", "POTCAR.symbols", "00/POSCAR"}
    with pytest.raises(SystemExit):
        main(["export-dft", crystal, *hop, *ending])
    assert "already" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["export-dft", "--out", str(tmp_path / "other")])
    assert "--band" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--hubbard-u"], ["--incar", "IVDW=12"]])
def test_that_what_only_vasp_would_be_told_is_refused_for_other_codes(
    words, examples_dir, tmp_path, capsys
):
    from migbar.cli import main

    hop = [str(examples_dir / "LiCoO2.cif"), "--ion", "Li", "--from", "0", "--to", "0@1,0,0"]
    out = tmp_path / "neb"
    with pytest.raises(SystemExit):
        main(["export-dft", *hop, "--code", "espresso", "--out", str(out), *words])
    assert "for VASP (--code vasp) alone" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("words", [["--from", "0"], ["--ion", "Li"], ["--images", "7"]])
def test_that_a_band_is_not_written_as_another_hop_than_asked_for(words, tmp_path, capsys):
    from migbar.cli import main

    with pytest.raises(SystemExit):
        main(["export-dft", "--band", str(tmp_path / "band.xyz"), *words])
    assert "has its hop and its images" in capsys.readouterr().err


def command(main, words) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0


def copper_hop() -> Band:
    """A vacancy hop in copper, which EMT describes."""
    crystal = AseAtomsAdaptor.get_structure(bulk("Cu", cubic=True) * (2, 2, 2))
    start, end = crystal[0].frac_coords, crystal[1].frac_coords
    crystal.remove_sites([0, 1])
    return Band(crystal, "Cu", linear_path(start, end))


def test_that_the_script_runs_as_pasted(tmp_path):
    band = prepare(images_of(copper_hop(), 3))
    script = input_files(band, "ase", DftSettings(steps=300))["neb.py"]
    assert "CHGNetCalculator" in script
    calculator = re.compile(r"    from chgnet.*?use_device=\"cpu\"\)\n", re.S)
    emt = "    from ase.calculators.emt import EMT\n\n    return EMT()\n"
    script, replaced = calculator.subn(emt, script)
    assert replaced == 1
    (tmp_path / "neb.py").write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "neb.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "NOT" not in done.stdout
    found = re.search(r"barrier ([\d.]+) eV", done.stdout)
    # By ASE alone, BFGS to 0.02 eV/Å with five images; 0.760 eV in the next larger cell.
    assert float(found[1]) == pytest.approx(0.761, abs=0.005)
    assert len(read_images(tmp_path / "band.extxyz")) == 5
    result = read_calculation(tmp_path).result
    assert result.barrier_ev == pytest.approx(float(found[1]), abs=1e-4)
    assert result.converged
    assert str(result.potential) == "chgnet by ASE"  # as the script says


@pytest.fixture
def script() -> dict[str, Any]:
    """What a script defines, of a hop that ends beside a gold atom, with EMT as its calculator."""
    hop = copper_hop()
    host = hop.host.copy()
    first, last = host.lattice.get_all_distances(hop.path[[0, -1]], host.frac_coords)
    host.replace(int((last - first).argmin()), "Au")
    band = prepare(images_of(Band(host, "Cu", hop.path), 3))
    names: dict[str, Any] = {"__name__": "neb"}
    exec(input_files(band, "ase", DftSettings(force_ev_per_angstrom=0.03))["neb.py"], names)
    return names | {"make_calculator": lambda _: EMT()}


def test_that_the_script_moves_images_with_the_ends_that_were_relaxed(
    script, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # it leaves logs there
    images = read(StringIO(script["BAND"]), ":", format="extxyz")
    before = [image.positions.copy() for image in images]
    for image in (images[0], images[-1]):
        image.calc = EMT()
    script["relax_ends"](images)
    moved = [image.positions - start for image, start in zip(images, before, strict=True)]
    assert np.abs(moved[0] - moved[-1]).max() > 0.05
    for number in (1, 2, 3):
        expected = (1 - number / 4) * moved[0] + number / 4 * moved[-1]
        assert moved[number] == pytest.approx(expected)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("done", [False, True])
def test_that_the_script_climbs_last_and_counts_from_the_lower_end(
    script, backwards, done, tmp_path, monkeypatch, capsys
):
    stages = []

    class Stage:
        def __init__(self, band, climb, method):
            assert method == "improvedtangent"
            self.band, self.climb = band, climb

        def run(self, fmax, steps):
            assert all(image.get_forces().any() for image in self.band)
            stages[-1] += (fmax,)
            return done

    def fire(band, logfile):
        stages.append((band.climb,))
        return band

    monkeypatch.chdir(tmp_path)
    names = script["main"].__globals__
    names |= {"make_calculator": lambda _: EMT(), "relax_ends": lambda images: None}
    names |= {"NEB": Stage, "FIRE": fire}
    if backwards:
        images = read(StringIO(script["BAND"]), ":", format="extxyz")[::-1]
        text = StringIO()
        write(text, images, format="extxyz")
        names["BAND"] = text.getvalue()
    script["main"]()
    assert stages == [(False, pytest.approx(0.15)), (True, pytest.approx(0.03))]
    written = read(tmp_path / "band.extxyz", ":")
    energies = [image.get_potential_energy() for image in written]
    assert abs(energies[0] - energies[-1]) > 0.02
    barrier = max(energies) - min(energies[0], energies[-1])
    told = re.search(r"barrier ([\d.]+) eV(.*)", capsys.readouterr().out)
    assert float(told[1]) == pytest.approx(barrier, abs=1e-4)
    assert ("NOT CONVERGED" in told[2]) is not done
    assert all(bool(image.info["converged"]) is done for image in written)


@pytest.mark.parametrize("calculator", CALCULATORS)
def test_that_the_script_of_every_calculator_is_python(images, calculator):
    script = input_files(images, "ase", DftSettings(calculator=calculator))["neb.py"]
    compile(script, "neb.py", "exec")
    assert max(len(line) for line in script.split("BAND =")[0].splitlines()) <= 120


@pytest.mark.parametrize(
    ("calculator", "moments"), [("espresso", {0.0, 0.5}), ("vasp", {0.6, 5.0})]
)
def test_that_the_script_starts_with_moments_in_the_unit_of_its_calculator(calculator, moments):
    lattice = Lattice.cubic(8.0)
    ends = [
        Structure(lattice, ["Li", "Fe", "O"], [[x, 0, 0], [0, 0.5, 0], [0.5, 0.5, 0]])
        for x in (0, 0.2, 0.4)
    ]
    script = input_files(prepare(ends), "ase", DftSettings(calculator=calculator))["neb.py"]
    band = script.split('BAND = """\\\n')[1].split('"""')[0]
    atoms = read(StringIO(band), 0, format="extxyz")
    assert set(atoms.get_initial_magnetic_moments()) == moments


def test_that_the_script_for_quantum_espresso_asks_for_forces_and_finds_its_pseudopotentials(
    images, tmp_path, monkeypatch
):
    script = input_files(images, "ase", DftSettings(calculator="espresso"))["neb.py"]
    names: dict[str, Any] = {"__name__": "neb"}
    exec(script, names)
    monkeypatch.chdir(tmp_path)
    atoms = read(StringIO(names["BAND"]), 1, format="extxyz")
    calculator = names["make_calculator"]("01")
    calculator.write_inputfiles(atoms, ["energy", "forces"])
    text = (tmp_path / "01" / "espresso.pwi").read_text()
    assert re.search(r"tprnfor += \.true\.", text)
    # pw.x runs in 01, the pseudopotentials lie beside the script
    assert re.search(r"pseudo_dir += '(.+)'", text)[1] == str(tmp_path / "pseudo")


def test_that_a_relaxed_band_is_read_from_extended_xyz(images, tmp_path):
    atoms = [AseAtomsAdaptor.get_atoms(image, msonable=False) for image in images.images]
    write(tmp_path / "band.extxyz", atoms)
    again = prepare(read_images(tmp_path / "band.extxyz"))
    for one, other in zip(images.images, again.images, strict=True):
        assert np.allclose(one.cart_coords, other.cart_coords, atol=1e-5)


def test_that_images_that_make_no_band_are_refused(band, tmp_path):
    images = images_of(band, 3)
    with pytest.raises(DftInputError, match="three images"):
        prepare(images[:2])
    other = images[1].copy()
    other.replace(3, "Na")
    with pytest.raises(DftInputError, match="Image 1 does not hold the same atoms"):
        prepare([images[0], other, *images[2:]])
    wider = Structure(Lattice(images[2].lattice.matrix * 1.1), other.species, other.frac_coords)
    with pytest.raises(DftInputError, match="cell of image 1"):
        prepare([images[0], wider.replace(3, "Li"), *images[2:]])
    (tmp_path / "bad.extxyz").write_text("not an xyz file\n")
    with pytest.raises(DftInputError, match=r"bad\.extxyz"):
        read_images(tmp_path / "bad.extxyz")
    atoms = [AseAtomsAdaptor.get_atoms(image, msonable=False) for image in images]
    atoms[2].pbc = False
    write(tmp_path / "open.extxyz", atoms)
    with pytest.raises(DftInputError, match="every image needs a periodic cell"):
        read_images(tmp_path / "open.extxyz")
    with pytest.raises(DftInputError, match="no input for 'siesta'"):
        input_files(prepare(images), "siesta")


def test_that_an_ion_on_top_of_an_atom_is_told(band):
    images = images_of(band, 3)
    near = images[2].copy()
    near[0] = "Li", near[-1].frac_coords + 0.01
    (warning,) = prepare([*images[:2], near, *images[3:]]).warnings
    assert re.match(r"In image 02 the moving ion is 0\.\d+ Å from O: ", warning)
    assert warning in input_files(prepare([*images[:2], near, *images[3:]]), "vasp")["README.txt"]


@pytest.mark.parametrize("code", CODES)
def test_that_files_are_written_once_and_not_over_others(images, code, tmp_path):
    files = input_files(images, code)
    write_inputs(tmp_path / "new" / "neb", files)
    for name, text in files.items():
        assert (tmp_path / "new" / "neb" / name).read_text(encoding="utf-8") == text
    with pytest.raises(DftInputError, match="already"):
        write_inputs(tmp_path / "new" / "neb", files)
    write_inputs(tmp_path / "new" / "neb", files, overwrite=True)
