"""Potentials: CHGNet in batches, what is missing, what other packages add, and the choice of a device."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import EntryPoint
from types import ModuleType

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

from migbar import devices, potentials
from migbar.devices import DeviceError, choose_device
from migbar.potentials import PotentialError, load_potential, potential_choices, require_elements


@pytest.fixture(scope="module")
def chgnet():
    return load_potential("chgnet", "cpu")


def crystals() -> list[Atoms]:
    """Cells so small that atoms see their own images, and one with a far-away atom."""
    salt = bulk("LiF", "rocksalt", a=4.03, cubic=True)
    salt.rattle(0.05, seed=1)
    tiny = bulk("NaCl", "rocksalt", a=5.6)
    tiny.positions[1] += 7 * tiny.cell[0] + 0.1
    lonely = Atoms("LiO", [[0, 0, 0], [0, 0, 7.5]], cell=[15, 15, 15], pbc=True)
    return [salt, tiny, lonely]


def test_that_a_batch_is_what_chgnets_own_calculator_gives(chgnet):
    for atoms, ours in zip(crystals(), chgnet.evaluate(crystals()), strict=True):
        atoms.calc = chgnet.calculator()
        assert ours.energy == pytest.approx(atoms.get_potential_energy(), abs=1e-4)
        assert ours.forces == pytest.approx(atoms.get_forces(), abs=1e-4)


def test_that_nothing_of_its_own_graphs_is_told_on_stderr():
    torch = pytest.importorskip("torch")
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            atoms = crystals()[0]
            atoms.calc = load_potential("chgnet", "cpu").calculator()
            atoms.get_stress()
    finally:
        torch.set_warn_always(always)
    assert not [one for one in told if "Converting a tensor" in str(one.message)]


def test_that_a_divided_batch_gives_the_same(chgnet, monkeypatch):
    from migbar.potentials import chgnet as module

    whole = chgnet.evaluate(crystals())
    monkeypatch.setitem(module.MOST_EDGES, "cpu", 1)
    for one, other in zip(whole, chgnet.evaluate(crystals()), strict=True):
        assert one.energy == pytest.approx(other.energy, abs=1e-4)
        assert one.forces == pytest.approx(other.forces, abs=1e-4)
    assert chgnet.evaluate([]) == []


def test_that_forces_are_the_slope_of_the_energy(chgnet):
    atoms = crystals()[0]
    step = 0.02
    moved = []
    for sign in (1, -1):
        copy = atoms.copy()
        copy.positions[2, 1] += sign * step
        moved.append(copy)
    plus, minus, here = chgnet.evaluate([*moved, atoms])
    slope = (plus.energy - minus.energy) / (2 * step)
    assert here.forces[2, 1] == pytest.approx(-slope, abs=0.01)
    assert here.forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-3)


def test_that_chgnet_says_what_it_is_and_what_it_knows(chgnet, capfd):
    assert (chgnet.provenance.name, chgnet.provenance.version) == ("chgnet", "0.3.0")
    assert len(chgnet.provenance.sha256) == 64
    assert chgnet.supports("Li")
    with pytest.raises(PotentialError, match="chgnet does not know Es, He;"):
        require_elements(chgnet, ["Li", "He", "Es"])
    with pytest.raises(PotentialError, match=r"no CHGNet '9'; choose one of: 0\.3\.0"):
        load_potential("chgnet:9")
    assert capfd.readouterr().out == ""


def test_that_an_unknown_potential_names_the_known_ones():
    with pytest.raises(PotentialError, match="no potential 'magic'; choose one of: chgnet,"):
        load_potential("magic")
    with pytest.raises(PotentialError, match="ASE cannot make a calculator 'magic'"):
        load_potential("ase:magic")


# ------------------------------------------------------------------ SevenNet


def test_that_sevennet_computes_forces_that_are_the_slope_of_its_energy():
    sevennet = load_potential("sevennet:0", "cpu")
    assert sevennet.provenance.name == "sevennet:0"
    assert len(sevennet.provenance.sha256) == 64
    atoms, step = crystals()[0], 0.02
    moved = [atoms.copy(), atoms.copy()]
    moved[0].positions[2, 1] += step
    moved[1].positions[2, 1] -= step
    plus, minus, here = sevennet.evaluate([*moved, atoms])
    slope = (plus.energy - minus.energy) / (2 * step)
    assert here.forces[2, 1] == pytest.approx(-slope, abs=0.01)
    require_elements(sevennet, ["Li", "Pu"])
    with pytest.raises(PotentialError, match="sevennet:0 does not know Am, Ra;"):
        require_elements(sevennet, ["Li", "Ra", "Am"])


def test_that_what_sevennet_lacks_is_told(monkeypatch):
    with pytest.raises(PotentialError, match="no SevenNet '9'; choose one of: l3i5, 0"):
        load_potential("sevennet:9", "cpu")
    monkeypatch.setattr("migbar.potentials.find_spec", lambda name: None)
    monkeypatch.setattr("migbar.potentials.sevennet.find_spec", lambda name: None)
    with pytest.raises(PotentialError, match="package sevenn, which is not installed"):
        load_potential("sevennet", "cpu")
    missing = {choice.name: choice.missing for choice in potential_choices()}
    assert "not installed" in missing["sevennet"]


# ------------------------------------------------------------------ MACE


@pytest.fixture
def no_mace(monkeypatch):
    monkeypatch.setitem(sys.modules, "mace", None)
    monkeypatch.setattr("migbar.potentials.find_spec", lambda name: None)
    monkeypatch.setattr("migbar.potentials.mace.find_spec", lambda name: None)


@pytest.fixture
def stand_in_mace(monkeypatch):
    """A package with MACE's functions that remembers how it was called."""
    calls = []
    package, module = ModuleType("mace"), ModuleType("mace.calculators")

    def mace_mp(**options):
        calls.append(options)
        if options["model"] == "large":
            raise ConnectionError("no route to host")
        return EMT()

    def own_model(model_paths, **options):
        calls.append({"model": model_paths, **options})
        return EMT()

    module.mace_mp, module.MACECalculator = mace_mp, own_model
    monkeypatch.setitem(sys.modules, "mace", package)
    monkeypatch.setitem(sys.modules, "mace.calculators", module)
    monkeypatch.setattr("migbar.potentials.mace.find_spec", lambda name: object())
    monkeypatch.setattr("migbar.potentials.mace.version", lambda name: "0.3")
    return calls


def test_that_a_missing_mace_is_told(no_mace):
    with pytest.raises(PotentialError, match="mace-torch, which is not installed"):
        load_potential("mace:medium", "cpu")
    missing = {choice.name: choice.missing for choice in potential_choices()}
    assert missing["chgnet"] == ""
    assert "not installed" in missing["mace:large"]


def test_that_a_mace_file_is_loaded_only_if_it_is_trusted(stand_in_mace, tmp_path):
    file = tmp_path / "mine.model"
    with pytest.raises(PotentialError, match="no MACE model file"):
        load_potential(f"mace:{file}", "cpu")
    file.write_bytes(b"weights")
    with pytest.raises(PotentialError, match="runs the program inside"):
        load_potential(f"mace:{file}", "cpu")
    assert stand_in_mace == []
    loaded = load_potential(f"mace:{file}", "cpu", trust_file=True)
    assert loaded.provenance.name == "mace:mine.model"
    assert len(loaded.provenance.sha256) == 64


def test_that_mace_computes_in_double_precision(stand_in_mace):
    loaded = load_potential("mace:medium", "cpu")
    assert stand_in_mace[0] == {"model": "medium", "device": "cpu", "default_dtype": "float64"}
    assert loaded.supports("Li")
    assert not loaded.supports("Po")
    copper = bulk("Cu", cubic=True)
    assert loaded.evaluate([copper, copper])[1].forces == pytest.approx(np.zeros((4, 3)), abs=1e-9)


def test_that_weights_that_cannot_be_fetched_are_told(stand_in_mace):
    with pytest.raises(PotentialError, match=r"no route to host\. Without a network, give a model"):
        load_potential("mace:large", "cpu")


# ------------------------------------------------------------------ other packages, devices


def make_copper(variant, device):
    """What another package's entry point may be."""
    if variant == "broken":
        raise ValueError("no such variant")
    return EMT()


def test_that_other_packages_add_potentials(monkeypatch):
    entry = EntryPoint("copper", f"{__name__}:make_copper", potentials.ENTRY_POINTS)
    monkeypatch.setattr(potentials, "entry_points", lambda group: [entry])
    loaded = load_potential("copper:fine", "cpu")
    assert loaded.provenance.name == "copper:fine"
    assert np.isfinite(loaded.evaluate([bulk("Cu")])[0].energy)
    assert "copper" in {choice.name for choice in potential_choices()}
    with pytest.raises(PotentialError, match="'copper:broken' cannot be loaded: no such variant"):
        load_potential("copper:broken", "cpu")


def test_that_a_device_that_is_not_there_is_refused(monkeypatch):
    import torch

    monkeypatch.delenv(devices.VARIABLE, raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == "cpu"
    with pytest.raises(DeviceError, match="no CUDA card"):
        choose_device("cuda")
    with pytest.raises(DeviceError, match="'tpu' is not a device"):
        choose_device("tpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device() == "cuda"
    with pytest.raises(DeviceError, match="no cuda:1; this machine has 1"):
        choose_device("cuda:1")
    monkeypatch.setenv(devices.VARIABLE, "cpu")
    assert choose_device() == "cpu"
