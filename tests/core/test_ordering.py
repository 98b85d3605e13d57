import re
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.errors import Cancelled, OrderingError
from migbar.ordering import CLOSEST_IONS, order_structure
from migbar.resources import examples
from migbar.structures import formula, is_partly_occupied, read_structure

EXAMPLES = {path.stem: path for path in examples()}


class Recorder:
    def __init__(self, cancel_after=10**9):
        self.reports = []
        self.cancel_after = cancel_after

    def report(self, done, total, message=""):
        self.reports.append((done, total, message))

    def cancelled(self):
        return len(self.reports) >= self.cancel_after


def closest(structure, ion):
    sites = [i for i, site in enumerate(structure) if site.specie.symbol == ion]
    distances = structure.distance_matrix[np.ix_(sites, sites)]
    return (distances + 99 * np.eye(len(sites))).min()


def rock_salt(**cation):
    return Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(4.2), [cation, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )


@cache
def ordered_garnet(max_atoms):
    """The ordering that several tests look at, and what was reported meanwhile."""
    progress = Recorder()
    garnet = read_structure(EXAMPLES["Li7La3Zr2O12"])
    return order_structure(garnet, max_atoms=max_atoms, progress=progress), progress


def garnet_with(tetrahedral, octahedral):
    """The garnet with other occupancies of its two kinds of Li sites: refinements tell 0.4 to 0.9 for the first."""
    garnet = read_structure(EXAMPLES["Li7La3Zr2O12"])
    for i, site in enumerate(garnet):
        if "Li" in site.species.chemical_system:
            garnet.replace(
                i, {"Li": tetrahedral if site.label == "Li1" else octahedral}, label=site.label
            )
    return garnet


@pytest.mark.parametrize("max_atoms", [200, 100])
def test_that_the_cubic_garnet_is_ordered(max_atoms):
    ordering, progress = ordered_garnet(max_atoms)
    ordered = ordering.structure
    assert not is_partly_occupied(ordered)
    assert formula(ordered) == "Li7La3Zr2O12"
    assert len(ordered) <= max_atoms
    assert closest(ordered, "Li") >= CLOSEST_IONS
    assert "0.542" in ordering.note
    assert "Li7La3Zr2O12" in ordering.note
    assert progress.reports


def test_that_a_garnet_is_ordered_though_one_annealing_leaves_ions_side_by_side():
    ordered = order_structure(garnet_with(tetrahedral=0.5, octahedral=0.458)).structure
    assert formula(ordered) == "Li7La3Zr2O12"
    assert closest(ordered, "Li") >= CLOSEST_IONS


def test_that_the_note_says_what_became_of_each_occupancy():
    ordering, _ = ordered_garnet(200)
    counts = re.findall(r"→ (\d+)/(\d+)", ordering.note)
    assert sum(int(n) for n, _ in counts) == ordering.structure.composition["Li"] == 56
    assert [int(n) for _, n in counts] == [24, 96]


def test_that_ordering_twice_gives_the_same_structure():
    garnet = read_structure(EXAMPLES["Li7La3Zr2O12"])
    one = order_structure(garnet, max_atoms=100).structure
    other = ordered_garnet(100)[0].structure
    np.testing.assert_array_equal(one.frac_coords, other.frac_coords)


def test_that_an_ordered_structure_is_left_alone():
    structure = read_structure(EXAMPLES["LiFePO4"])
    assert order_structure(structure).structure is structure


def test_that_mixed_cations_are_ordered_neutrally():
    ordering = order_structure(rock_salt(Li=0.5, Y=0.5))
    assert formula(ordering.structure) == "LiYO2"
    assert len(ordering.structure) == 8


def test_that_occupancies_are_rounded_to_a_neutral_count():
    ordering = order_structure(rock_salt(Li=0.51, Y=0.48))
    assert formula(ordering.structure) == "LiYO2"
    assert "0.51 → 2/4" in ordering.note


def test_that_a_cell_too_small_for_the_occupancies_is_enlarged():
    structure = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(4.2), [{"Na": 0.25, "Ag": 0.75}, "Cl"], [[0, 0, 0], [0.5] * 3]
    )
    ordering = order_structure(structure)
    assert ordering.structure.composition.reduced_formula == "NaAg3Cl4"
    assert "times the cell as read" in ordering.note


def test_that_a_redox_element_takes_up_the_charge():
    structure = read_structure(EXAMPLES["LiCoO2"])
    lithium = [i for i, site in enumerate(structure) if site.specie.symbol == "Li"]
    for i in lithium:
        structure.replace(i, {"Li": 0.5}, label="Li1")
    ordering = order_structure(structure)
    assert formula(ordering.structure) == "Li(CoO2)2"
    assert sum(site.label.startswith("Li1") for site in ordering.structure) == 3


@pytest.mark.parametrize("metal", ["Ti", "Nb", "Sn"])
def test_that_a_metal_is_reduced_rather_than_the_ions_rounded_away(metal):
    layered = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.44, 6.2), [{"Li": 0.5}, metal, "S"],
        [[0, 0, 0.5], [0, 0, 0], [1 / 3, 2 / 3, 0.25]],
    )  # fmt: skip
    assert formula(order_structure(layered).structure) == f"Li({metal}S2)2"


@pytest.mark.parametrize("ion", [None, "Na"])
def test_that_the_last_ion_is_not_rounded_away(ion):
    layered = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.44, 6.2), [{"Li": 0.04, "Na": 0.04}, "Ti", "S"],
        [[0, 0, 0.5], [0, 0, 0], [1 / 3, 2 / 3, 0.25]],
    )  # fmt: skip
    composition = order_structure(layered, ion).structure.composition
    assert composition[ion or "Li"] == 1
    assert 1 / composition["Ti"] == pytest.approx(0.04, abs=0.05)


def test_that_the_sulphur_of_a_sulphate_is_a_cation():
    # Na2Mg(SO4)2 of anhydrite's shape: with S(-II) no rounding of its occupancies would be neutral.
    sulphate = Structure.from_spacegroup(
        "Pnma", Lattice.orthorhombic(8.7, 6.1, 4.8), [{"Na": 0.5}, {"Mg": 0.75}, "S", "O", "O", "O"],
        [[0, 0, 0], [0.28, 0.25, 0.98], [0.1, 0.25, 0.42], [0.1, 0.25, 0.74], [0.45, 0.25, 0.2], [0.17, 0.04, 0.28]],
    )  # fmt: skip
    assert formula(order_structure(sulphate).structure) == "Na2Mg3(SO4)4"


def test_that_alternatives_are_not_both_occupied():
    structure = Structure(
        Lattice.cubic(5.0),
        [{"Li": 0.5}, {"Li": 0.5}, "Cl"],
        [[0.0, 0, 0], [0.16, 0, 0], [0.5, 0.5, 0.5]],
    )
    ordered = order_structure(structure).structure
    assert closest(ordered, "Li") > 4.0


def test_that_it_is_told_where_the_file_is_far_from_neutral():
    # With all of the Li of Li3YCl6 on sites of which a half is occupied, Y was rounded away without a word.
    note = order_structure(rock_salt(Li=0.75, Y=0.25)).note
    assert "not neutral" in note
    assert "not neutral" not in order_structure(rock_salt(Li=0.5, Y=0.5)).note


def test_that_it_is_told_that_no_hop_leads_to_sites_left_empty():
    half = Structure.from_spacegroup(
        "P-3m1", Lattice.hexagonal(3.44, 6.2), [{"Li": 0.5}, "Ti", "S"],
        [[0, 0, 0.5], [0, 0, 0], [1 / 3, 2 / 3, 0.25]],
    )  # fmt: skip
    assert "Left empty: 1 site of Li" in order_structure(half).note
    assert "Left empty" not in order_structure(rock_salt(Li=0.5, Y=0.5)).note


def test_that_a_charged_composition_is_refused_with_advice():
    with pytest.raises(OrderingError, match="charge-neutral"):
        order_structure(rock_salt(Li=0.5), max_atoms=16)


def test_that_a_cell_above_the_limit_is_refused_with_advice():
    with pytest.raises(OrderingError, match="Allow more atoms"):
        order_structure(read_structure(EXAMPLES["Li7La3Zr2O12"]), max_atoms=50)


def test_that_the_time_limit_ends_the_search():
    with pytest.raises(OrderingError, match="within 0 s"):
        order_structure(read_structure(EXAMPLES["Li7La3Zr2O12"]), time_limit=0.2)


def test_that_the_search_can_be_cancelled():
    garnet = read_structure(EXAMPLES["Li7La3Zr2O12"])
    with pytest.raises(Cancelled):
        order_structure(garnet, progress=Recorder(cancel_after=2))


def test_that_a_script_that_starts_itself_again_is_told_how_to_avoid_that(tmp_path):
    cell = "Structure(Lattice.cubic(4), [{'Li': 0.5}, 'Cl'], [[0, 0, 0], [0.5, 0.5, 0.5]])"
    script = tmp_path / "order.py"
    script.write_text(
        "from pymatgen.core import Lattice, Structure\n"
        f"from migbar.ordering import order_structure\norder_structure({cell}, 'Li')\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False
    )
    assert "below 'if __name__" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("other", "told"), [("Mn", True), ("Ti", False)])
def test_that_elements_of_one_charge_are_not_said_to_be_placed_by_energy(other, told):
    structure = Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.87, 14.2), ["Li", {"Ni": 0.5, other: 0.5}, "O"],
        [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2395]],
    )  # fmt: skip
    note = order_structure(structure).note
    assert ("have the same charge there" in note) == told
