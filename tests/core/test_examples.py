import re

import numpy as np
import pytest

from migbar.elements import usual_charge
from migbar.resources import examples
from migbar.structures import formula, is_partly_occupied, mobile_ions, read_structure, symmetry

EXAMPLES = {path.stem: path for path in examples()}

# formula, space group, atoms in the cell, density (g/cm³), mobile ion
EXPECTED = {
    "FePO4": ("FePO4", "Pnma", 24, 3.69, None),
    "Li3OCl": ("Li3ClO", "Pm-3m", 5, 2.01, "Li"),
    "Li7La3Zr2O12": ("Li7.002La3Zr2O12", "Ia-3d", 256, 5.10, "Li"),
    "Li7P3S11": ("Li7P3S11", "P-1", 42, 1.98, "Li"),
    "LiCoO2": ("LiCoO2", "R-3m", 12, 5.05, "Li"),
    "LiFePO4": ("LiFePO4", "Pnma", 28, 3.60, "Li"),
    "LiMn2O4": ("LiMn2O4", "Fd-3m", 56, 4.29, "Li"),
    "MgTi2S4": ("Mg(TiS2)2", "Fd-3m", 56, 3.20, "Mg"),
    "Na3PS4": ("Na3PS4", "P-42_1c", 16, 2.22, "Na"),
    "NaFePO4": ("NaFePO4", "Pnma", 28, 3.71, "Na"),
    "NaTi2P3O12": ("NaTi2(PO4)3", "R-3c", 108, 2.96, "Na"),
    "NaV2O5": ("NaV2O5", "Pmmn", 16, 3.47, "Na"),
    "TiS2": ("TiS2", "P-3m1", 3, 3.25, None),
}

# cation, anion, number of bonds up to a length, shortest and longest bond (Å)
BONDS = {
    "FePO4": ("P", "O", 4, 1.50, 1.58),
    "Li3OCl": ("O", "Li", 6, 1.94, 1.97),
    "Li7La3Zr2O12": ("Zr", "O", 6, 2.05, 2.15),
    "Li7P3S11": ("P", "S", 4, 1.98, 2.22),
    "LiCoO2": ("Co", "O", 6, 1.90, 1.94),
    "LiFePO4": ("P", "O", 4, 1.50, 1.58),
    "LiMn2O4": ("Mn", "O", 6, 1.94, 1.98),
    "MgTi2S4": ("Ti", "S", 6, 2.40, 2.46),
    "Na3PS4": ("P", "S", 4, 2.02, 2.08),
    "NaFePO4": ("P", "O", 4, 1.50, 1.58),
    "NaTi2P3O12": ("P", "O", 4, 1.50, 1.56),
    "NaV2O5": ("V", "O", 5, 1.58, 2.02),
    "TiS2": ("Ti", "S", 6, 2.40, 2.46),
}


@pytest.fixture(params=sorted(EXPECTED))
def name(request):
    return request.param


@pytest.fixture
def structure(name):
    return read_structure(EXAMPLES[name])


def test_that_every_example_is_checked_here():
    assert set(EXAMPLES) == set(EXPECTED) == set(BONDS)


def test_that_an_example_is_the_compound_it_says(name, structure):
    compound, group, n_atoms, density, ion = EXPECTED[name]
    assert formula(structure) == compound
    assert symmetry(structure).symbol == group
    assert len(structure) == n_atoms
    assert structure.density == pytest.approx(density, abs=0.01)
    assert (mobile_ions(structure) or [None])[0] == ion


def test_that_an_example_has_the_group_its_file_names(name, structure):
    number = re.search(r"_space_group_IT_number\s+(\d+)", EXAMPLES[name].read_text())
    assert symmetry(structure).number == int(number[1])


def test_that_bonds_are_as_long_as_such_bonds_are(name, structure):
    cation, anion, n_bonds, shortest, longest = BONDS[name]
    centres = [i for i, site in enumerate(structure) if site.species_string == cation]
    assert centres
    for i in centres:
        neighbours = structure.get_neighbors(structure[i], longest + 0.05)
        lengths = [n.nn_distance for n in neighbours if n.species_string == anion]
        assert len(lengths) == n_bonds
        assert shortest <= min(lengths) <= max(lengths) <= longest


def test_that_no_two_atoms_are_too_close(structure):
    filled = structure.copy()
    filled.remove_sites([i for i, site in enumerate(structure) if not site.is_ordered])
    distances = filled.distance_matrix + 9 * np.eye(len(filled))
    assert distances.min() > 1.45


def test_that_an_example_is_neutral(name, structure):
    amounts = structure.composition.get_el_amt_dict()
    # Ti is reduced to +3 in the thiospinel; Fe, Co, Mn and V are between +2 and +5.
    charges = {s: 3 if (name, s) == ("MgTi2S4", "Ti") else usual_charge(s) for s in amounts}
    known = sum(q * amounts[s] for s, q in charges.items() if q is not None)
    flexible = sum(amounts[s] for s, q in charges.items() if q is None)
    if flexible:
        assert 2 <= -known / flexible <= 5
    else:
        assert known == pytest.approx(0.0, abs=0.1)


def test_that_every_example_cites_its_source(name):
    text = EXAMPLES[name].read_text()
    assert re.search(r"^# After [A-Z]", text, re.MULTILINE)
    for key in ("_journal_name_full", "_journal_volume", "_journal_page_first", "_journal_year"):
        assert re.search(rf"^{key}\s+\S", text, re.MULTILINE)
    assert text.isascii()


def test_that_only_the_garnet_is_partly_occupied(name, structure):
    assert is_partly_occupied(structure) == (name == "Li7La3Zr2O12")


def test_that_neighbouring_lithium_in_the_olivine_is_half_of_b_apart():
    structure = read_structure(EXAMPLES["LiFePO4"])
    lithium = structure.get_neighbors(structure[0], 3.1)
    nearest = [site for site in lithium if site.specie.symbol == "Li"]
    assert len(nearest) == 2
    assert all(site.nn_distance == pytest.approx(3.0, abs=0.01) for site in nearest)
