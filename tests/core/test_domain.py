"""The default model on crystals that it knows, hardly knows, and does not know."""

from pathlib import Path

import numpy as np
import pytest
from pymatgen.core import Lattice, Structure

from migbar.bands import Band
from migbar.barriers import Predictor, Remark
from migbar.ends import name_hop
from migbar.models.blend import MigbarFast
from migbar.models.explanation import Explanation
from migbar.models.store import load_model
from migbar.structures import read_structure
from migbar.supercells import choose_supercell, make_band


@pytest.fixture(scope="module")
def model() -> MigbarFast:
    found = load_model("migbar-fast")
    assert isinstance(found, MigbarFast)
    return found


def hop(file: Path, ion: str, start: str, end: str) -> Band:
    structure = read_structure(file)
    chosen, _ = name_hop(structure, ion, start, end)
    return make_band(structure, chosen, choose_supercell(structure, chosen))


def codes(explanation: Explanation) -> list[str]:
    return [concern.code for concern in explanation.domain.concerns]


def test_that_olivine_is_inside(model: MigbarFast, examples_dir: Path) -> None:
    found = model.explain(hop(examples_dir / "LiFePO4.cif", "Li", "0", "1"))
    assert found.domain.place == "in"
    assert found.domain.text == found.domain.lead
    assert found.similar[0].differences


@pytest.mark.parametrize(("name", "ion"), [("Li7P3S11", "Li"), ("Na3PS4", "Na")])
def test_that_superionics_may_move_in_concert(
    model: MigbarFast, examples_dir: Path, name: str, ion: str
) -> None:
    band = hop(examples_dir / f"{name}.cif", ion, "0", "3")
    found = model.explain(band)
    assert found.domain.place == "near"
    assert "concerted" in codes(found)
    assert "in concert" in found.domain.text
    assert "concerted" in [remark.code for remark in model.predict([band])[0].remarks]


def host_with(anion: str, cation: str = "Ti", edge: float = 4.6) -> Structure:
    cell = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(edge), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]]
    )
    return cell.make_supercell([2, 2, 2], in_place=False)


PATH = np.linspace([0.125, 0.125, 0.125], [0.375, 0.125, 0.125], 5)


def test_that_an_unseen_ion_is_outside(model: MigbarFast) -> None:
    found = model.explain(Band(host_with("O"), "Cs", PATH))
    assert found.domain.place == "outside"
    assert "unseen_ion" in codes(found)
    assert "never seen Cs" in found.domain.text
    assert "interval too narrow" in found.domain.text


def test_that_an_oxide_ion_is_said_to_be_no_cation(model: MigbarFast) -> None:
    ceria = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.41), ["Ce", "O"], [[0, 0, 0], [0.25, 0.25, 0.25]]
    )
    chosen, _ = name_hop(ceria, "O", "4", "5")
    found = model.explain(make_band(ceria, chosen))
    assert found.domain.place == "outside"
    assert "are cations, which O is not" in found.domain.text
    assert not {"unusual_bottleneck", "concerted", "no_anion"} & set(codes(found))


def test_that_a_metal_is_told_from_a_compound(model: MigbarFast) -> None:
    metal = Structure.from_spacegroup("Im-3m", Lattice.cubic(3.51), ["Li"], [[0, 0, 0]])
    chosen, _ = name_hop(metal, "Li", "0", "1")
    found = model.explain(make_band(metal, chosen))
    assert found.domain.place == "outside"
    assert "no_anion" in codes(found)
    assert not {"unusual_bottleneck", "concerted"} & set(codes(found))


def test_that_an_unseen_anion_is_outside_and_an_unseen_cation_is_near(model: MigbarFast) -> None:
    found = model.explain(Band(host_with("Sb", edge=6.0), "Li", PATH))
    assert "unseen_anion" in codes(found)
    assert found.domain.place == "outside"
    found = model.explain(Band(host_with("O", "U"), "Li", PATH))
    assert "unseen_element" in codes(found)
    assert "U" in found.domain.text


@pytest.mark.parametrize("name", ["band-forest", "MODEL-3-compact"])
def test_that_every_model_says_the_same_of_what_it_has_never_seen(
    model: MigbarFast, name: str
) -> None:
    shared = {"unseen_ion", "unseen_anion", "unseen_element", "no_anion"}

    def told(by: Predictor, band: Band) -> list[Remark]:
        return [r for r in by.predict([band])[0].remarks if r.code in shared]

    hosts = (host_with("Sb", edge=6.0), host_with("O", "U"), host_with("Al", edge=4.0))
    bands = [Band(host, "Cs", PATH) for host in hosts]
    said = [told(model, band) for band in bands]
    assert {r.code for remarks in said for r in remarks} == shared
    assert [told(load_model(name), band) for band in bands] == said


def test_that_a_path_too_tight_or_too_long_is_named(model: MigbarFast) -> None:
    tight = model.explain(Band(host_with("O", edge=3.0), "K", PATH))
    assert "unusual_bottleneck" in codes(tight)
    assert "1.83 Å too narrow" in tight.domain.text
    host = host_with("O").make_supercell([2, 1, 1], in_place=False)
    far = np.linspace([0.0625, 0.125, 0.125], [0.9375, 0.125, 0.125], 5)
    assert "unusual_length" in codes(model.explain(Band(host, "Li", far)))


def test_that_every_concern_is_a_remark_of_the_prediction(model: MigbarFast) -> None:
    band = Band(host_with("Sb", edge=2.6), "Cs", PATH)
    remarks = model.predict([band])[0].remarks
    concerns = model.explain(band).domain.concerns
    assert [r.text for r in remarks] == [c.text for c in concerns]
    assert {"unseen_ion", "unseen_anion", "outside_domain"} <= {r.code for r in remarks}
