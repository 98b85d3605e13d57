import gzip
import json
import os
import random
import re
import threading

import numpy as np
import pytest
import spglib
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifParser

from migbar.errors import (
    EmptyStructureError,
    MigbarError,
    NoMobileIonError,
    OccupancyError,
    OverlapError,
    StructureFileError,
    UnknownElementError,
)
from migbar.resources import examples
from migbar.structures import (
    ENDINGS,
    SYMPREC,
    formula,
    insertion_ions,
    is_partly_occupied,
    list_sites,
    mobile_ions,
    read_structure,
    reading_notes,
    require_ordered,
    structure_blocks,
    symmetrised,
    symmetry,
    symmetry_notes,
    write_cif,
    write_structure,
)
from tests.core.small_bands import shaken

EXAMPLES = {path.stem: path for path in examples()}
CELL = """_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
"""
TABLE = """loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
"""
ROCK_SALT = "Li1 Li1+ 0 0 0 1\nF1 F1- 0.5 0.5 0.5 1\n"


@pytest.fixture
def write(tmp_path):
    def write_file(text, name="test.cif"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_file


def cif_text(atoms=ROCK_SALT, symmetry="", cell=CELL):
    return f"data_test\n{cell}{symmetry}{TABLE}{atoms}"


@pytest.fixture
def supercell():
    return read_structure(EXAMPLES["LiFePO4"]) * (2, 2, 2)


def same_geometry(one, other):
    assert [s.symbol for s in one.species] == [s.symbol for s in other.species]
    return np.abs(one.distance_matrix - other.distance_matrix).max() < 1e-6


def same_atoms(one, other):
    """Whether two structures have the same atoms in the same places, in whatever order."""
    apart = one.lattice.get_all_distances(one.frac_coords, other.frac_coords)
    nearest = apart.argmin(axis=1)
    assert sorted(nearest) == list(range(len(other)))
    assert [s.species for s in one] == [other[i].species for i in nearest]
    return apart.min(axis=1).max() < 1e-6


def test_that_the_atoms_keep_the_order_and_the_labels_of_the_file(write):
    structure = read_structure(write(cif_text("F9 F 0.5 0.5 0.5 1\nLi3 Li 0 0 0 1\n")))
    assert [site.label for site in structure] == ["F9", "Li3"]
    assert [site.specie.symbol for site in structure] == ["F", "Li"]


def test_that_oxidation_states_are_dropped_and_positions_wrapped(write):
    structure = read_structure(write(cif_text("Li1 Li1+ -0.25 1.5 0 1\nF1 F- 0.25 0 0.5 1\n")))
    assert not any(hasattr(site.specie, "oxi_state") for site in structure)
    np.testing.assert_allclose(structure[0].frac_coords, [0.75, 0.5, 0.0])


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_that_a_cif_is_read_as_pymatgen_reads_it(name):
    mine = read_structure(EXAMPLES[name])
    theirs = CifParser(EXAMPLES[name]).parse_structures(primitive=False)[0]
    assert len(mine) == len(theirs)
    apart = mine.lattice.get_all_distances(mine.frac_coords, theirs.frac_coords)
    nearest = apart.argmin(axis=1)
    assert apart.min(axis=1).max() < 2e-3
    for site, i in zip(mine, nearest, strict=True):
        assert site.species.almost_equals(theirs[i].species.remove_charges())


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_that_writing_a_cif_and_reading_it_gives_the_same_geometry(name, tmp_path):
    structure = read_structure(EXAMPLES[name])
    write_cif(structure, tmp_path / "out.cif")
    again = read_structure(tmp_path / "out.cif")
    assert [s.species for s in again] == [s.species for s in structure]
    np.testing.assert_allclose(again.distance_matrix, structure.distance_matrix, atol=1e-7)
    assert [p.name for p in tmp_path.iterdir()] == ["out.cif"]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["Li7P3S11", "LiCoO2"])
def test_that_a_written_structure_is_read_again_in_its_order(name, ending, tmp_path):
    sites = read_structure(EXAMPLES[name])
    structure = Structure.from_sites([*sites[::-2], *sites[::2]])  # no element's stand together
    write_structure(structure, tmp_path / f"out{ending}", "from a file\nby hand")
    again = read_structure(tmp_path / f"out{ending}")
    assert [s.species for s in again] == [s.species for s in structure]
    np.testing.assert_allclose(again.lattice.matrix, structure.lattice.matrix, atol=1e-8)
    apart = again.frac_coords - structure.frac_coords
    assert np.abs(apart - np.round(apart)).max() < 1e-8


def test_that_what_a_format_cannot_say_is_not_written(tmp_path):
    structure = read_structure(EXAMPLES["Li7La3Zr2O12"])
    for name in ("out.vasp", "out.xyz", "out.pdb", "out"):
        with pytest.raises(MigbarError, match=r"\.cif"):
            write_structure(structure, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_that_the_group_symbol_serves_where_no_operations_are_given(write):
    text = EXAMPLES["LiFePO4"].read_text()
    bare = re.sub(r"loop_\n_symmetry_equiv.*?(?=loop_)", "", text, flags=re.DOTALL)
    assert "'x,y,z'" not in bare
    structure = read_structure(EXAMPLES["LiFePO4"])
    assert same_atoms(read_structure(write(bare)), structure)
    number_only = re.sub(r"_space_group_name.*\n", "", bare)
    assert same_atoms(read_structure(write(number_only)), structure)
    hall = number_only + "_space_group_name_Hall '-P 2ac 2n'\n"
    assert same_atoms(read_structure(write(hall)), structure)
    for unknown in ("P 99", "P 2é"):
        with pytest.raises(StructureFileError, match=f"no space group '{unknown}'"):
            read_structure(write(hall.replace("-P 2ac 2n", unknown)))


def test_that_a_group_with_two_origins_is_not_guessed(write):
    text = EXAMPLES["LiMn2O4"].read_text()
    bare = re.sub(r"loop_\n_symmetry_equiv.*?(?=loop_)", "", text, flags=re.DOTALL)
    assert len(read_structure(write(bare))) == 56
    assert len(read_structure(write(bare.replace(" :2'", " Z'")))) == 56
    with pytest.raises(StructureFileError, match=r"two choices of origin.*F d -3 m :1 or :2"):
        read_structure(write(bare.replace(" :2'", "'")))


def test_that_hexagonal_axes_are_told_from_rhombohedral_ones_by_the_cell(write):
    text = EXAMPLES["LiCoO2"].read_text()
    bare = re.sub(r"loop_\n_symmetry_equiv.*?(?=loop_)", "", text, flags=re.DOTALL)
    assert len(read_structure(write(bare.replace(" :H'", "'")))) == 12


@pytest.mark.parametrize(
    "symmetry",
    [
        "_space_group_name_H-M_alt 'P 31'\n",
        "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-y,x-y,z+1/3\n-x+y,-x,z+2/3\n",
    ],
)
def test_that_a_screw_turns_the_way_of_its_group(write, symmetry):
    hexagonal = CELL.replace("gamma 90", "gamma 120")
    structure = read_structure(write(cif_text("Li1 Li 0.1 0.3 0.2 1\n", symmetry, hexagonal)))
    expected = [[0.1, 0.3, 0.2], [0.7, 0.8, 0.2 + 1 / 3], [0.2, 0.9, 0.2 + 2 / 3]]
    np.testing.assert_allclose(structure.frac_coords, expected, atol=1e-9)


@pytest.mark.parametrize("axis", "abc")
def test_that_a_cell_that_is_thin_in_any_direction_is_refused(write, axis):
    thin = CELL.replace(f"length_{axis} 4.0", f"length_{axis} 0.9")
    with pytest.raises(StructureFileError, match="less than 1 Å thick"):
        read_structure(write(cif_text("Li1 Li 0 0 0 1\n", cell=thin)))


def test_that_a_cell_of_acute_angles_is_read(write):
    primitive = CELL.replace(" 90", " 60")  # of rock salt
    structure = read_structure(write(cif_text(cell=primitive)))
    assert structure.volume == pytest.approx(4**3 / np.sqrt(2))


def test_that_a_site_is_full_where_its_thirds_are_rounded(write):
    structure = read_structure(write(cif_text("M1 Li 0 0 0 0.3333\nM2 Na 0 0 0 0.6666\n")))
    assert structure[0].species.num_atoms == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("symbol", ["P 1 21/c 1", "P21/c", "P2_1/c"])
def test_that_a_group_is_known_by_its_short_symbol_too(write, symbol):
    symmetry = f"_symmetry_space_group_name_H-M '{symbol}'\n"
    structure = read_structure(write(cif_text("Li1 Li 0.1 0.2 0.3 1\n", symmetry)))
    expected = [[0.1, 0.2, 0.3], [0.9, 0.7, 0.2], [0.9, 0.8, 0.7], [0.1, 0.3, 0.8]]
    assert sorted(structure.frac_coords.round(9).tolist()) == sorted(expected)


def test_that_an_unknown_group_is_said_to_be_unknown(write):
    with pytest.raises(StructureFileError, match="no space group 'P n x y'"):
        read_structure(write(cif_text(symmetry="_symmetry_space_group_name_H-M 'P n x y'\n")))


def test_that_the_identity_may_be_left_out_of_the_operations(write):
    symmetry = "loop_\n_symmetry_equiv_pos_as_xyz\n'-x,-y,-z'\n"
    structure = read_structure(write(cif_text("Li1 Li 0.1 0.2 0.3 1\n", symmetry)))
    assert structure.frac_coords == pytest.approx(np.array([[0.1, 0.2, 0.3], [0.9, 0.8, 0.7]]))


def test_that_symmetry_that_does_not_fit_the_cell_is_refused(write):
    text = EXAMPLES["LiFePO4"].read_text().replace("'-x,-y,-z'", "'y,x,-z'")
    with pytest.raises(StructureFileError, match="'y,x,-z' does not fit the cell"):
        read_structure(write(text))


def test_that_operations_that_are_not_all_of_the_named_group_are_told(write):
    text = EXAMPLES["LiFePO4"].read_text().replace("_chemical_formula_sum", "_other_formula")
    assert reading_notes(text.encode(), "a.cif") == []
    lines = text.splitlines()
    cut = "\n".join(line for line in lines if not line.startswith(("'-", "'x+", "'x,-")))
    assert formula(read_structure(write(cut))) == "LiFePO3"
    ((code, told),) = reading_notes(cut.encode(), "a.cif")
    assert code == "odd_symmetry"
    assert "P n m a, which has 8 operations, but lists 1" in told


@pytest.mark.parametrize(
    ("symmetry", "words"),
    [
        ("", "names no space group"),
        ("_symmetry_Int_Tables_number 221\n", "number 221 alone: the setting P m -3 m was taken"),
    ],
)
def test_that_symmetry_that_had_to_be_guessed_is_told(symmetry, words):
    ((code, told),) = reading_notes(cif_text(symmetry=symmetry).encode(), "a.cif")
    assert code == "odd_symmetry"
    assert words in told


@pytest.mark.parametrize(
    "symmetry", ["_symmetry_Int_Tables_number 1\n", "_symmetry_space_group_name_Hall '-P 4 2 3'\n"]
)
def test_that_symmetry_that_leaves_no_choice_raises_no_doubt(symmetry):
    assert reading_notes(cif_text(symmetry=symmetry).encode(), "a.cif") == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_that_the_symmetry_of_sound_files_raises_no_doubt(name):
    assert reading_notes(EXAMPLES[name].read_bytes(), "a.cif") == []


def test_that_positions_of_few_digits_fall_onto_special_positions(write):
    text = EXAMPLES["TiS2"].read_text().replace("0.33333", "0.333").replace("0.66667", "0.667")
    structure = read_structure(write(text))
    assert len(structure) == 3
    np.testing.assert_allclose(structure[1].frac_coords[:2], [1 / 3, 2 / 3], atol=1e-9)


def test_that_the_halves_of_a_split_site_stay_two_sites(write):
    centre = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-x,-y,-z\n"
    path = write(cif_text("Li1 Li 0.04 0 0 0.5\nF1 F 0.5 0.5 0.5 1\n", centre))  # 0.32 Å apart
    structure = read_structure(path)
    halves = [site.frac_coords[0] for site in structure if "Li" in site.species_string]
    assert sorted(halves) == pytest.approx([0.04, 0.96])
    assert [site.species.num_atoms for site in structure] == [0.5, 0.5, 1.0]


def test_that_symmetry_of_another_cell_is_refused(write):
    cell = CELL.replace("_cell_length_b 4.0", "_cell_length_b 4.2")
    diagonal = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\ny,x,z\n"
    with pytest.raises(StructureFileError, match="'y,x,z' does not fit the cell"):
        read_structure(write(cif_text(symmetry=diagonal, cell=cell)))
    hexagonal = CELL.replace("gamma 90", "gamma 120")
    turned = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-y,x-y,z\nx-y,-y,-z\n"
    assert len(read_structure(write(cif_text(symmetry=turned, cell=hexagonal)))) == 4


def test_that_blocks_are_listed_and_chosen_by_name(write):
    other = cif_text("Na1 Na 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1\n").replace("data_test", "data_salt")
    path = write("data_about\n_publ_author_name 'Nobody'\n" + cif_text() + other)
    assert structure_blocks(path) == ["test", "salt"]
    assert formula(read_structure(path)) == "LiF"
    assert formula(read_structure(path, block="salt")) == "NaCl"
    with pytest.raises(StructureFileError, match="test, salt"):
        read_structure(path, block="nothing")


@pytest.mark.parametrize(
    ("name", "fmt"), [("POSCAR", "poscar"), ("a.vasp", "poscar"), ("a.json", "json")]
)
def test_that_pymatgens_other_formats_are_read(supercell, tmp_path, name, fmt):
    supercell.to(tmp_path / name, fmt=fmt)
    assert same_geometry(read_structure(tmp_path / name), supercell)


def test_that_extended_xyz_is_read(supercell, tmp_path):
    supercell.to_ase_atoms().write(tmp_path / "a.xyz", format="extxyz")
    assert same_geometry(read_structure(tmp_path / "a.xyz"), supercell)


@pytest.mark.parametrize("fmt", ["poscar", "json", "cif"])
def test_that_the_format_is_told_by_the_content_of_a_file_without_a_telling_name(
    supercell, tmp_path, fmt
):
    supercell.to(tmp_path / "crystal.txt", fmt=fmt)
    assert formula(read_structure(tmp_path / "crystal.txt")) == "LiFePO4"


def test_that_a_poscar_may_be_scaled_cartesian_and_have_selective_dynamics(write):
    text = """LiF
2.0
2 0 0
0 2 0
0 0 2
Li F
1 1
Selective dynamics
Cartesian
0 0 0 T T T
1 1 1 F F F
"""
    for volume_or_factor in ("2.0", "-64.0"):
        structure = read_structure(write(text.replace("2.0", volume_or_factor, 1), "POSCAR"))
        assert structure.volume == pytest.approx(64.0)
        np.testing.assert_allclose(structure[1].frac_coords, [0.5, 0.5, 0.5])


def test_that_a_simulation_is_not_taken_for_a_structure(write):
    with pytest.raises(StructureFileError, match="simulation by LAMMPS: open its crystal"):
        read_structure(write("ITEM: TIMESTEP\n0\n", "prod.lammpstrj"))


@pytest.mark.parametrize("title", ["Na Cl", "  Na   Cl\t"])
def test_that_the_title_of_a_poscar_of_vasp_4_names_its_elements(write, title):
    text = f"{title}\n1.0\n4 0 0\n0 4 0\n0 0 4\n  1 2\nDirect\n0 0 0\n.5 .5 .5\n.5 0 0\n"
    assert [site.specie.symbol for site in read_structure(write(text, "POSCAR"))] == [
        "Na",
        "Cl",
        "Cl",
    ]
    assert reading_notes(text.encode(), "POSCAR") == [
        (
            "elements_of_title",
            f"The elements were taken from the title of the file (VASP 4 format): {title.strip()}.",
        )
    ]


@pytest.mark.parametrize("title", ["x", "Na", "Na Cl O", "sodium chloride", "", "1 1"])
def test_that_a_poscar_without_elements_says_so(write, title):
    text = f"{title}\n1.0\n4 0 0\n0 4 0\n0 0 4\n1 1\nDirect\n0 0 0\n.5 .5 .5\n"
    with pytest.raises(StructureFileError, match="names no elements"):
        read_structure(write(text, "POSCAR"))


@pytest.mark.parametrize(
    ("properties", "row"),
    [
        ("", "{} {} {} {}"),
        ("Properties=pos:R:3:species:S:1", "{1} {2} {3} {0}"),
        ("Properties=id:I:1:species:S:1:forces:R:3:pos:R:3", "7 {0} 9 9 9 {1} {2} {3}"),
    ],
)
def test_that_the_columns_of_extended_xyz_are_those_that_it_names(write, properties, row):
    atoms = "\n".join(row.format(*atom) for atom in (("Li", 0, 0, 0), ("F", 2, 2, 1)))
    text = f'2\nLattice="4 0 0 0 4 0 0 0 4" {properties}\n{atoms}\n'
    structure = read_structure(write(text, "a.xyz"))
    assert [site.specie.symbol for site in structure] == ["Li", "F"]
    np.testing.assert_allclose(structure.cart_coords, [[0, 0, 0], [2, 2, 1]], atol=1e-9)
    assert reading_notes(text.encode(), "a.xyz") == []


def test_that_an_xyz_file_without_a_lattice_is_refused(write):
    with pytest.raises(StructureFileError, match="Lattice"):
        read_structure(write("1\nmolecule\nLi 0 0 0\n", "a.xyz"))


def test_that_a_compressed_file_says_what_to_do(write):
    for name, data in (
        ("POSCAR.gz", gzip.compress(b"text")),
        ("a.cif", b"PK\x03\x04\0\0"),
    ):
        with pytest.raises(StructureFileError, match="is compressed; unpack it first"):
            read_structure(write(data, name))


def test_that_a_density_is_not_taken_for_a_broken_poscar(write):
    cube = "density\nmade by hand\n1 0 0 0\n9 0.4 0 0\n9 0 0.4 0\n9 0 0 0.4\n3 3 0 0 0\n0.1\n"
    xsf = "CRYSTAL\nPRIMVEC\n4 0 0\n0 4 0\n0 0 4\nPRIMCOORD\n1 1\n3 0 0 0\n"
    for name, text in (("density.cube", cube), ("density.xsf", xsf)):
        with pytest.raises(StructureFileError, match="not a structure file that is known here"):
            read_structure(write(text, name))


def test_that_a_file_that_is_no_structure_says_so(write, tmp_path):
    for name in ("notes.txt", "notes.cif", "POSCAR", "notes.json", "notes.xyz"):
        with pytest.raises(StructureFileError) as error:
            read_structure(write("Dear diary,\ntoday I made LiFePO4.\n", name))
        assert str(error.value).startswith(name)
    with pytest.raises(
        StructureFileError, match=r"missing.cif: there is no such file in .*nowhere"
    ):
        read_structure(str(tmp_path / "nowhere" / "missing.cif"))
    with pytest.raises(StructureFileError, match="cannot be opened"):
        read_structure(tmp_path)


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("_journal_name_full 'Solid State", 2),
        ("_symmetry_space_group_name_H-M P 1", 2),
        ("loop_\n_citation_id\n_citation_year\n1 2001 2", 2),
    ],
)
def test_that_the_line_that_is_not_valid_cif_is_shown(write, written, line):
    with pytest.raises(StructureFileError) as error:
        read_structure(write(cif_text().replace("data_test", "data_test\n" + written)))
    assert f"line {line} is not valid CIF" in str(error.value)
    assert written.splitlines()[line - 2][:20] in str(error.value)


def test_that_a_cif_that_breaks_off_is_said_to(write):
    with pytest.raises(StructureFileError, match="cut short"):
        read_structure(write("data_test\nloop_\n"))


@pytest.mark.parametrize("tag", ["symop_magn_operation.xyz", "symop.magn_operation_xyz"])
def test_that_a_magnetic_cif_is_refused(write, tag):
    loop = f"loop_\n_space_group_{tag}\n'x,y,z,+1'\n"
    with pytest.raises(StructureFileError, match="magnetic"):
        read_structure(write(cif_text(symmetry=loop)))


def test_that_a_modulated_structure_is_refused(write):
    loop = "loop_\n_space_group_symop_ssg_operation_algebraic\n'x1,x2,x3,x4'\n'-x1,-x2,-x3,-x4'\n"
    with pytest.raises(StructureFileError, match="modulated"):
        read_structure(write(cif_text(symmetry=loop)))


def test_that_an_empty_structure_says_so(write):
    for text in ("", "  \n", cif_text(atoms=""), f"data_x\n{CELL}"):
        with pytest.raises(EmptyStructureError):
            read_structure(write(text))


def test_that_an_unknown_element_is_named(write):
    with pytest.raises(UnknownElementError, match="Xx"):
        read_structure(write(cif_text(ROCK_SALT.replace("Li1+", "Xx"))))


def test_that_an_isotope_is_read_as_its_element(write):
    atoms = ROCK_SALT.replace("Li1+", "7Li")
    assert "7Li" in atoms
    assert formula(read_structure(write(cif_text(atoms)))) == "LiF"


@pytest.mark.parametrize(
    ("label", "formula_sum", "element"),
    [("HO1", "H F", "H"), ("HO1", "Ho F", "Ho"), ("CO1", "C F", "C"), ("D2", "D F", "H")],
)
def test_that_a_label_names_an_element_of_the_formula(label, formula_sum, element, write):
    columns = "".join(f"_atom_site_{x}\n" for x in ("label", "fract_x", "fract_y", "fract_z"))
    text = f"data_a\n{CELL}_chemical_formula_sum '{formula_sum}'\nloop_\n{columns}"
    there = "F1 0.5 0.5 0.5\n"
    assert read_structure(write(f"{text}{label} 0 0 0\n{there}"))[0].specie.symbol == element
    with pytest.raises(UnknownElementError, match="Wat1"):  # water, and not tungsten
        read_structure(write(f"{text}Wat1 0 0 0\n{there}"))
    with pytest.raises(UnknownElementError, match="T1"):  # a tetrahedral site, and no tritium
        read_structure(write(f"{text}T1 0 0 0\n{there}"))


def test_that_occupancies_of_one_place_add_up_to_one_at_most(write):
    crowded = "Li1 Li 0 0 0 0.7\nNa1 Na 0 0 0 0.5\nF1 F 0.5 0.5 0.5 1\n"
    with pytest.raises(OverlapError, match=r"share a place, but their occupancies add up to 1\.2"):
        read_structure(write(cif_text(crowded)))


def test_that_overlapping_atoms_are_named_with_their_distance(write):
    with pytest.raises(OverlapError, match=r"Li1 \(index 0\) and F1 \(index 1\) are 0\.40 Å apart"):
        read_structure(write(cif_text("Li1 Li 0 0 0 1\nF1 F 0.9 0 0 1\n")))
    with pytest.raises(OverlapError):
        read_structure(write(cif_text(ROCK_SALT + ROCK_SALT)))


def test_that_partly_occupied_alternatives_do_not_overlap(write):
    path = write(cif_text("Li1 Li 0 0 0 0.5\nLi2 Li 0.1 0 0 0.5\nF1 F 0.5 0.5 0.5 1\n"))
    structure = read_structure(path)
    assert is_partly_occupied(structure)
    with pytest.raises(OccupancyError, match="Li1, Li2"):
        require_ordered(structure)


def test_that_elements_on_one_position_share_a_site(write):
    atoms = "Li1 Li 0 0 0 0.667\nNa1 Na 0 0 0 0.333\nF1 F 0.5 0.5 0.5 1\n"
    structure = read_structure(write(cif_text(atoms)))
    assert len(structure) == 2
    assert structure[0].species.as_dict() == {"Li": 0.667, "Na": 0.333}
    assert structure[0].label == "Li1/Na1"


def test_that_ordered_structures_pass():
    require_ordered(read_structure(EXAMPLES["LiFePO4"]))


def test_that_atoms_missing_from_a_file_are_noticed(write):
    lines = EXAMPLES["LiFePO4"].read_text().splitlines()
    for n_missing in (1, 2, 3):
        with pytest.raises(StructureFileError, match="cut short"):
            read_structure(write("\n".join(lines[:-n_missing])))


def test_that_a_structure_is_read_from_a_pipe_but_not_from_one_without_end(tmp_path):
    pipe = tmp_path / "pipe.cif"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(EXAMPLES["LiFePO4"].read_bytes(),))
    writer.start()
    assert formula(read_structure(pipe)) == "LiFePO4"
    writer.join()
    (tmp_path / "endless.cif").symlink_to("/dev/zero")
    with pytest.raises(StructureFileError, match="too large"):
        read_structure(tmp_path / "endless.cif")


def test_that_a_data_block_with_umlauts_is_told_what_to_do(write):
    with pytest.raises(StructureFileError, match=r"line 1 .* the name behind data_ is of plain"):
        read_structure(write(cif_text().replace("data_test", "data_Größe")))


def test_that_too_large_files_are_refused(write, tmp_path):
    path = tmp_path / "large.cif"
    with path.open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(StructureFileError, match="is too large; at most 50 MB"):
        read_structure(path)
    atoms = "".join(f"Li{i} Li {i / 30_000} 0 0 1\n" for i in range(30_000))
    with pytest.raises(StructureFileError, match="at most 20,000"):
        read_structure(write(cif_text(atoms)))
    with pytest.raises(StructureFileError, match="at most 20,000"):
        read_structure(write("x\n1\n9 0 0\n0 9 0\n0 0 9\nLi\n1000000000\nDirect\n", "POSCAR"))


def test_that_a_crystal_of_many_atoms_is_read(tmp_path):
    structure = read_structure(EXAMPLES["LiFePO4"]) * (7, 7, 7)
    write_cif(structure, tmp_path / "large.cif")
    assert len(read_structure(tmp_path / "large.cif")) == 9604


@pytest.mark.parametrize(
    "sites", [{"species": [], "abc": [0, 0, 0]}, {"abc": "abc"}, [], None, {"species": 3}]
)
def test_that_damaged_json_is_refused(write, sites):
    text = json.dumps({"lattice": {"matrix": [[4, 0, 0], [0, 4, 0], [0, 0, 4]]}, "sites": [sites]})
    with pytest.raises(StructureFileError):
        read_structure(write(text, "a.json"))


def test_that_nested_json_is_refused(write):
    with pytest.raises(StructureFileError):
        read_structure(write("[" * 100_000, "a.json"))


# --- what a structure holds ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ion"),
    [("LiFePO4", "Li"), ("MgTi2S4", "Mg"), ("Na3PS4", "Na"), ("Li7La3Zr2O12", "Li")],
)
def test_that_the_mobile_ion_is_found(name, ion):
    assert mobile_ions(read_structure(EXAMPLES[name]))[0] == ion


@pytest.mark.parametrize(
    ("elements", "first"),
    [
        (["Li", "Al", "O"], "Li"),
        (["Zn", "Na", "O"], "Na"),
        (["Ca", "Mn", "O"], "Ca"),
        (["Ag", "I"], "Ag"),
        (["Mg", "Al", "O"], "Mg"),
    ],
)
def test_that_framework_cations_come_after_lighter_ions(elements, first):
    positions = [[i / len(elements)] * 3 for i in range(len(elements))]
    assert mobile_ions(Structure(Lattice.cubic(8), elements, positions))[0] == first


def test_that_an_empty_host_has_no_mobile_ion_but_ions_to_insert():
    host = read_structure(EXAMPLES["TiS2"])
    assert mobile_ions(host) == []
    assert insertion_ions(host)[0] == "Li"
    assert "Li" not in insertion_ions(read_structure(EXAMPLES["LiFePO4"]))
    with pytest.raises(NoMobileIonError, match=r"no site of Li; .* empty host .* insertion"):
        list_sites(host, "Li")
    with pytest.raises(NoMobileIonError, match=r"no site of Lu, but of Li; .* into it "):
        list_sites(read_structure(EXAMPLES["LiFePO4"]), "Lu")


@pytest.mark.parametrize(
    ("name", "ion", "wyckoffs"),
    [
        ("LiFePO4", "Li", {"4a"}),
        ("LiMn2O4", "Li", {"8a"}),
        ("LiCoO2", "Li", {"3a"}),
        ("Na3PS4", "Na", {"2a", "4d"}),
        ("Li7La3Zr2O12", "Li", {"24d", "96h"}),
        ("Li7P3S11", "Li", {"2i"}),
    ],
)
def test_that_sites_have_their_wyckoff_letters(name, ion, wyckoffs):
    structure = read_structure(EXAMPLES[name])
    sites = list_sites(structure, ion)
    assert {site.wyckoff for site in sites} == wyckoffs
    assert all(site.element == ion and site.label.startswith(ion) for site in sites)
    assert all(ion in structure[site.index].species_string for site in sites)


def test_that_wyckoff_multiplicities_do_not_depend_on_the_cell(supercell):
    primitive = read_structure(EXAMPLES["LiMn2O4"]).get_primitive_structure()
    assert {site.wyckoff for site in list_sites(primitive, "Li")} == {"8a"}
    assert {site.wyckoff for site in list_sites(supercell, "Li")} == {"4a"}


@pytest.mark.parametrize("origin", [0, 0.13])
@pytest.mark.parametrize("cell", [(1, 1, 1), (2, 1, 1)])
def test_that_a_noisy_crystal_is_put_where_its_symmetry_has_it(cell, origin):
    clean = read_structure(EXAMPLES["MgTi2S4"]) * cell
    clean.translate_sites(range(len(clean)), [origin] * 3)
    noisy = shaken(clean, by=0.02)
    group = symmetry(noisy, 0.1)
    assert (symmetry(noisy, 1e-3).number, group.number) == (1, 227)
    exact = symmetrised(noisy, group)
    assert symmetry(exact, 1e-4).number == 227
    assert exact.species == clean.species
    apart = noisy.frac_coords - exact.frac_coords
    assert np.linalg.norm(apart @ noisy.lattice.matrix, axis=1).max() < 0.05


def test_that_a_crystal_taken_for_more_symmetric_than_it_is_is_told():
    clean = read_structure(EXAMPLES["MgTi2S4"])
    assert symmetry_notes(clean) == symmetry_notes(shaken(clean, by=0.001)) == []
    [(code, text)] = symmetry_notes(shaken(clean, by=0.02))
    assert code == "near_symmetry"
    assert "off the space group Fd-3m, atoms by up to 0." in text
    assert "the cell" not in text
    assert symmetry_notes(shaken(clean, by=0.02), 0.001) == []  # which finds none to be off
    [(_, text)] = symmetry_notes(stretched(clean, 0.002))
    assert "off the space group Fd-3m, the cell by 0.2 %;" in text


def stretched(crystal: Structure, strain: float) -> Structure:
    cell = crystal.lattice.matrix * [1, 1, 1 + strain]
    return Structure(cell, crystal.species, crystal.frac_coords)


def test_that_a_strained_crystal_has_less_symmetry_though_its_atoms_are_hardly_off():
    clean = read_structure(EXAMPLES["MgTi2S4"])
    strained = stretched(clean, 0.006)
    assert abs(strained.lattice.c - clean.lattice.c) < SYMPREC
    assert symmetry(strained).symbol == "I4_1/amd"
    assert symmetry_notes(strained) == []


def test_that_the_symmetry_of_a_crystal_is_looked_for_once(monkeypatch):
    calls = []
    ask = spglib.get_symmetry_dataset
    monkeypatch.setattr(
        spglib, "get_symmetry_dataset", lambda *a, **k: calls.append(a) or ask(*a, **k)
    )
    crystal = shaken(read_structure(EXAMPLES["TiS2"]), seed=7, by=0.02)
    for _ in range(3):
        symmetry(crystal)
    assert len(calls) == 1
    symmetry(crystal, 0.02)
    crystal.translate_sites(0, [0.001, 0, 0])
    symmetry(crystal)
    assert len(calls) == 3


def test_that_symmetry_maps_sites_onto_their_equivalents():
    structure = read_structure(EXAMPLES["LiFePO4"])
    found = symmetry(structure)
    assert (found.number, found.symbol) == (62, "Pnma")
    assert len(found.rotations) == len(found.translations) == 8
    assert len(set(found.equivalent_atoms.tolist())) == 6


@pytest.mark.parametrize("times", [(2, 1, 1), [[1, 1, 0], [0, 2, 0], [0, 0, 1]]])
def test_that_operations_that_turn_the_cell_map_like_atoms_on_one_another(times):
    structure = read_structure(EXAMPLES["LiMn2O4"]).get_primitive_structure()
    structure.make_supercell(times)
    group = symmetry(structure)
    assert len(group.rotations) == 2 * 48
    kinds = np.array([site.specie.symbol for site in structure])
    for rotation, shift in zip(group.rotations, group.translations, strict=True):
        moved = structure.frac_coords @ rotation.T + shift
        apart = structure.lattice.get_all_distances(moved, structure.frac_coords)
        assert np.where(kinds[:, None] == kinds, apart, 9.0).min(axis=1).max() < 1e-6


def test_that_formulas_are_readable():
    assert formula(read_structure(EXAMPLES["LiFePO4"])) == "LiFePO4"
    assert formula(read_structure(EXAMPLES["Li7La3Zr2O12"])) == "Li7.002La3Zr2O12"


# --- bad input ----------------------------------------------------------------------------------


def drop_lines(text, random):
    lines = text.splitlines()
    start = random.randrange(len(lines))
    return "\n".join(lines[:start] + lines[start + random.randint(1, 5) :])


def swap_words(text, random):
    words = re.split(r"(\s+)", text)
    i, j = random.sample(range(0, len(words), 2), 2)
    words[i], words[j] = words[j], words[i]
    return "".join(words)


def repeat_lines(text, random):
    lines = text.splitlines()
    i = random.randrange(len(lines))
    return "\n".join(lines[:i] + [lines[i]] * random.randint(2, 50) + lines[i:])


def change_number(text, random):
    numbers = list(re.finditer(r"\d+\.?\d*", text))
    match = random.choice(numbers)
    other = random.choice(
        ["1e9", "-7", "0", "nan", "inf", "1e999", "?", ".", "0.1.2", "1e-9", "12345678"]
    )
    return text[: match.start()] + other + text[match.end() :]


def change_symmetry(text, random):
    operation = random.choice(
        ["y,x,z", "x,x,x", "2x,y,z", "x,y", "x+1/0,y,z", "z,x,y", "-x,y,1/5+z"]
    )
    return text.replace("'x,y,z'", f"'{operation}'", 1)


def change_characters(text, random):
    characters = list(text)
    for _ in range(random.randint(1, 30)):
        characters[random.randrange(len(characters))] = random.choice("éÅ漢'\";#_ \n\t0\u2028")
    return "".join(characters)


def random_bytes(text, random):
    data = bytearray(text.encode())
    for _ in range(random.randint(1, 200)):
        data[random.randrange(len(data))] = random.randrange(256)
    return bytes(data)


MUTATIONS = [
    lambda text, random: text[: random.randrange(len(text))],
    drop_lines,
    swap_words,
    repeat_lines,
    change_number,
    change_number,
    change_symmetry,
    change_characters,
    random_bytes,
]


def read_or_explain(path):
    try:
        return read_structure(path), ""
    except MigbarError as error:
        return None, str(error)


@pytest.mark.parametrize("seed", range(200))
def test_that_a_mutated_cif_is_read_or_refused_with_a_clear_error(write, seed):
    chance = random.Random(seed)
    text = chance.choice(list(EXAMPLES.values())).read_text()
    path = write(chance.choice(MUTATIONS)(text, chance))
    structure, problem = read_or_explain(path)
    if structure is None:
        assert problem
        assert "\n" not in problem
    else:
        assert len(structure) > 0
        assert np.isfinite(structure.cart_coords).all()
        assert formula(structure)


# Long enough that quadratic time would show, short enough not to wait for linear time.
LONG = 1_000_000


@pytest.mark.parametrize(
    "content",
    [
        b"lorem ipsum " * (LONG // 12),
        b"x" * LONG,
        b"data_x\n" + b"'" * LONG,
        b"data_x\n" + b"'a " * (LONG // 3),
        b"data_x\n" + b"\n;" * (LONG // 2),
        b"data_x\nloop_\n_a\n" + b"1 " * (LONG // 2),
        b"data_x\n_a\n" * (LONG // 10),
        b"data_x\nloop_\n" + b"_a\n" * (LONG // 3),
        b" " * LONG,
        b"\n" * LONG + b"1",
        (cif_text("Li1 Li 0 0 0 1\n" * (LONG // 15))).encode(),
        (cif_text("Li1 Li 0 0 0 1\n" * 5_000)).encode(),
        bytes(range(256)) * (LONG // 256),
        b"#" * (10 * LONG),
    ],
    ids=range(14),
)
@pytest.mark.parametrize("name", ["large.cif", "large.txt"])
def test_that_a_long_file_of_nonsense_is_refused(write, name, content):
    with pytest.raises(StructureFileError):
        read_structure(write(content, name))


def test_that_a_formula_of_nothing_does_no_harm(write):
    symmetry = "_chemical_formula_sum 'Li0 F0'\n"
    assert len(read_structure(write(cif_text(symmetry=symmetry)))) == 2


@pytest.mark.parametrize("cell", ["1e6", "0", "-4", "0.01", "1e-300", "1e300"])
def test_that_impossible_cells_are_refused(write, cell):
    with pytest.raises(StructureFileError):
        read_structure(write(cif_text(cell=CELL.replace("4.0", cell))))
    with pytest.raises(StructureFileError):
        read_structure(write(cif_text(cell=CELL.replace("_c 4.0", f"_c {cell}"))))


@pytest.mark.parametrize("angles", [("90", "180"), ("gamma 90", "gamma 0"), ("90", "119.9999")])
def test_that_impossible_angles_are_refused(write, angles):
    with pytest.raises(StructureFileError):
        read_structure(write(cif_text(cell=CELL.replace(*angles))))


def test_that_non_ascii_text_in_a_cif_does_no_harm(write):
    text = cif_text().replace("data_test", "# Ångström, 漢字\ndata_test\n_publ_author_name 'Žižek'")
    assert len(read_structure(write(text))) == 2
    assert len(read_structure(write(text.encode("latin-1", errors="replace")))) == 2
    assert len(read_structure(write(text.encode("utf-16")))) == 2
    assert len(read_structure(write(text.replace("\n", "\r\n")))) == 2
