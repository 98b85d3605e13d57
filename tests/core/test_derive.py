"""Charged and discharged limits and other chemistries of a structure."""

from __future__ import annotations

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.derive import DeriveError, charged_limit, discharged_limit, substitute
from migbar.errors import OccupancyError
from migbar.ordering import CLOSEST_IONS
from migbar.paths import find_hops
from migbar.structures import formula, read_structure


@pytest.fixture
def example(examples_dir):
    return lambda name: read_structure(examples_dir / f"{name}.cif")


def closest_ions(structure: Structure, ion: str) -> float:
    sites = structure.frac_coords[[s.specie.symbol == ion for s in structure]]
    distances = structure.lattice.get_all_distances(sites, sites)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min())


def ions_apart(structure: Structure, ion: str) -> list[float]:
    sites = structure.frac_coords[[s.specie.symbol == ion for s in structure]]
    return sorted(structure.lattice.get_all_distances(sites, sites).ravel().tolist())


def test_that_the_charged_limit_is_the_host_in_the_same_cell(example):
    olivine = example("LiFePO4")
    derived = charged_limit(olivine, "Li")
    assert formula(derived.structure) == "FePO4"
    assert len(olivine) == 28  # what was open stays as it was
    assert derived.structure.lattice == olivine.lattice
    assert "4 Li taken out" in derived.note


@pytest.mark.parametrize(
    ("name", "ion", "discharged"),
    [("LiFePO4", "Li", "LiFePO4"), ("LiCoO2", "Li", "LiCoO2"), ("NaV2O5", "Na", "NaV2O5")],
)
def test_that_discharging_the_charged_limit_leads_back(example, name, ion, discharged):
    structure = example(name)
    again = discharged_limit(charged_limit(structure, ion).structure, ion).structure
    assert formula(again) == discharged
    sites = [s.frac_coords for s in structure if s.specie.symbol == ion]
    found = [s.frac_coords for s in again if s.specie.symbol == ion]
    nearest = structure.lattice.get_all_distances(sites, found).min(axis=1)
    assert nearest.max() < 0.3


def test_that_voids_are_filled_as_far_apart_as_the_electrons_last(example):
    # Two Ti4+ per formula unit take up two electrons: Na3Ti2(PO4)3.
    derived = discharged_limit(example("NaTi2P3O12"), "Na")
    assert formula(derived.structure) == "Na3Ti2(PO4)3"
    assert closest_ions(derived.structure, "Na") >= CLOSEST_IONS


@pytest.mark.parametrize("origin", [(0.2, 0.7, 0.4), (0.9, 0.1, 0.6)])
def test_that_half_filled_voids_are_the_same_ones_wherever_the_cell_begins(example, origin):
    host = charged_limit(example("MgTi2S4"), "Mg").structure
    moved = Structure(host.lattice, host.species, host.frac_coords + origin)
    order = np.random.default_rng(5).permutation(len(host))
    found, other = (
        ions_apart(discharged_limit(cell, "Mg").structure, "Mg")
        for cell in (host, Structure.from_sites([moved[i] for i in order]))
    )
    assert found == pytest.approx(other, abs=1e-3)


def test_that_no_ion_is_put_beside_another_one(example):
    # The empty octahedra of the spinel share faces with the tetrahedra that hold its Li, 1.8 Å away.
    with pytest.raises(DeriveError, match="no void of LiMn2O4 has room for another Li"):
        discharged_limit(example("LiMn2O4"), "Li")


def test_that_a_cell_with_too_few_electrons_for_one_ion_is_repeated(example):
    derived = discharged_limit(example("TiS2"), "Mg")
    assert formula(derived.structure) == "Mg(TiS2)2"
    assert "supercell" in derived.note


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_that_the_discharged_limit_does_not_depend_on_the_cell(example, repeats):
    # A cell with three Ti has one electron left beside one Mg.
    derived = discharged_limit(example("TiS2") * (repeats, 1, 1), "Mg")
    assert formula(derived.structure) == "Mg(TiS2)2"


def test_that_copper_takes_one_electron_along(example):
    assert formula(discharged_limit(example("TiS2"), "Cu").structure) == "TiCuS2"


def test_that_both_limits_of_a_path_can_be_compared(example):
    full = find_hops(example("LiCoO2"), "Li", cutoff=4.0)
    empty = find_hops(charged_limit(example("LiCoO2"), "Li").structure, "Li", cutoff=4.0)
    assert full.hops[0].length == pytest.approx(empty.hops[0].length, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "exchange", "expected", "larger"),
    [
        ("LiFePO4", {"Li": "Na"}, "NaFePO4", True),
        ("LiFePO4", {"Fe": "Mn"}, "LiMnPO4", True),
        ("LiFePO4", {"Li": "Na", "Fe": "Co"}, "NaCoPO4", True),
        ("LiCoO2", {"O": "S"}, "LiCoS2", True),
        ("NaTi2P3O12", {"Na": "Li"}, "LiTi2(PO4)3", False),
    ],
)
def test_that_a_substituted_cell_is_rescaled_by_the_radii(
    example, name, exchange, expected, larger
):
    structure = example(name)
    derived = substitute(structure, exchange)
    assert formula(derived.structure) == expected
    assert (derived.structure.volume > structure.volume) == larger
    assert derived.structure.volume == pytest.approx(structure.volume, rel=0.7)
    assert np.allclose(derived.structure.frac_coords, structure.frac_coords)
    assert derived.structure.is_ordered
    assert "reference lattice scaling with ionic radii" in derived.note


def test_that_the_scaling_is_that_of_pymatgens_predictor(example):
    from pymatgen.analysis.structure_prediction.volume_predictor import RLSVolumePredictor

    structure = example("LiFePO4")
    expected = structure.copy()
    expected.replace_species({"Fe": "Mn"})
    volume = RLSVolumePredictor().predict(expected, structure)
    assert substitute(structure, {"Fe": "Mn"}).structure.volume == pytest.approx(volume, rel=1e-6)


def test_that_the_centre_of_a_polyanion_is_replaced_by_a_cation(example):
    # S6+ is a little smaller than P5+; the radius of S2- would double the volume.
    structure = example("LiFePO4")
    sulphate = substitute(structure, {"P": "S"}).structure
    assert 0.9 < sulphate.volume / structure.volume < 1


def test_that_a_substituted_structure_names_its_new_elements(example):
    derived = substitute(example("LiFePO4"), {"Li": "Na"})
    assert not any(site.label.startswith("Li") for site in derived.structure)


def test_that_what_cannot_be_derived_is_refused_with_the_reason(example, rock_salt):
    with pytest.raises(DeriveError, match="holds no Na"):
        charged_limit(rock_salt, "Na")
    with pytest.raises(DeriveError, match="no transition metal"):
        discharged_limit(rock_salt, "Li")
    with pytest.raises(DeriveError, match=r"mean charge \+2"):
        discharged_limit(example("LiFePO4"), "Li")
    with pytest.raises(DeriveError, match="is an anion"):
        discharged_limit(example("FePO4"), "F")
    with pytest.raises(DeriveError, match="has room"):
        discharged_limit(example("LiCoO2"), "Li")
    with pytest.raises(DeriveError, match="holds no Fe"):
        substitute(rock_salt, {"Fe": "Mn"})
    with pytest.raises(DeriveError, match="not a chemical element"):
        substitute(rock_salt, {"Li": "Xx"})
    with pytest.raises(DeriveError, match="by itself"):
        substitute(rock_salt, {"Li": "Li"})
    with pytest.raises(DeriveError, match="which element"):
        substitute(rock_salt, {})
    mixed = Structure(Lattice.cubic(4.0), [{"Li": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    with pytest.raises(OccupancyError):
        charged_limit(mixed, "Li")


@pytest.mark.parametrize(
    ("name", "exchange", "said"),
    [
        ("Na3PS4", {"P": "Si"}, "(-1 for each Na3SiS4)"),
        ("Na3PS4", {"S": "Se"}, ""),
        ("LiCoO2", {"Li": "Mg"}, ""),  # cobalt takes up the electron
    ],
)
def test_that_a_substitution_that_leaves_a_charge_says_so(example, name, exchange, said):
    note = substitute(example(name), exchange).note
    assert ("not neutral" in note) == bool(said)
    assert said in note
