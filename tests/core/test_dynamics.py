"""Molecular dynamics: the cell, the thermostat, going on, the line through several temperatures, and the command."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.calculator import Calculator, all_changes
from ase.io import read
from pymatgen.core import Lattice, Structure
from typer.testing import CliRunner

from migbar.cli import app
from migbar.dynamics import (
    DynamicsError,
    DynamicsResult,
    DynamicsSettings,
    TracerDiffusion,
    Trajectory,
    dynamics,
    dynamics_options,
    free_energy_landscape,
    read_trajectory,
    simulate,
    simulated_cell,
)
from migbar.dynamics.result import outcome, run
from migbar.dynamics.simulation import usual_step_fs
from migbar.dynamics.trajectory import read_standing
from migbar.errors import Cancelled, OccupancyError
from migbar.landscape import HIGHEST
from migbar.potentials import CalculatorPotential, PotentialError, Provenance
from migbar.progress import SILENT
from migbar.structures import read_structure
from migbar.transport import TransportParameters, activation_energy, conductivity, diffusivity

EXAMPLES = Path(__file__).resolve().parents[2] / "resources" / "examples"

A = 3.0
"""Lattice constant of the egg box in Å."""

BARRIER = 0.12
"""From one hollow of the egg box to the next in eV."""


class EggBox(Calculator):
    """Oxygen on springs; lithium in the hollows of a box of eggs, each for itself."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms=None, properties=("energy",), system_changes=tuple(all_changes)):
        super().calculate(atoms, properties, system_changes)
        is_li = self.atoms.numbers == 3
        phase = 2 * np.pi * self.atoms.positions / A
        offset = self.atoms.positions - np.round(self.atoms.positions / A) * A
        # Hollows at the middle of each cube, oxygen at its corners.
        hollow = BARRIER / 2 * (1 + np.cos(phase))
        slope = BARRIER * np.pi / A * np.sin(phase)
        energy = np.where(is_li[:, None], hollow, offset**2)
        self.results = {
            "energy": energy.sum(),
            "forces": np.where(is_li[:, None], slope, -2 * offset),
        }


@pytest.fixture(scope="module")
def egg_box() -> CalculatorPotential:
    return CalculatorPotential(Provenance("egg box", "1"), EggBox)


@pytest.fixture(scope="module")
def cubes() -> Structure:
    """One lithium in every cube of oxygen."""
    return Structure(Lattice.cubic(A), ["O", "Li"], [[0, 0, 0], [0.5, 0.5, 0.5]])


SHORT = DynamicsSettings((1000.0,), 2.0, 0.2)


class StopAt:
    """Cancels once so many reports have come."""

    def __init__(self, reports: int) -> None:
        self.left, self.messages = reports, []

    def report(self, done: int, total: int, message: str = "") -> None:
        self.left -= 1
        self.messages.append(message)

    def cancelled(self) -> bool:
        return self.left <= 0


# ------------------------------------------------------------------ what is simulated


def test_that_vacancies_are_far_apart(cubes):
    cell = simulated_cell(cubes, "Li", 2)
    assert cell.composition.as_dict() == {"Li": 25, "O": 27}
    full = simulated_cell(cubes, "Li", 0)
    kept = {tuple(site.frac_coords.round(3)) for site in cell}
    empty = [site for site in full if tuple(site.frac_coords.round(3)) not in kept]
    assert empty[0].distance(empty[1]) == pytest.approx(A * 3**0.5)


def test_that_ions_are_put_into_an_empty_host():
    host = read_structure(EXAMPLES / "TiS2.cif")
    cell = simulated_cell(host, "Li", 3)
    lithium = [site for site in cell if site.specie.symbol == "Li"]
    assert len(lithium) == 3
    assert min(one.distance(two) for one in lithium for two in lithium if one is not two) > 5
    nearest = min(one.distance(site) for one in lithium for site in cell if one is not site)
    assert nearest > 2.2


def test_that_a_supercell_can_be_chosen(cubes):
    assert len(simulated_cell(cubes, "Li", 0, np.diag([2, 2, 1]))) == 8


def test_that_a_cell_is_large_enough_for_a_temperature(cubes):
    with pytest.raises(DynamicsError, match="holds 2 atoms, too few"):
        simulated_cell(cubes, "Li", 0, np.eye(3, dtype=int))


@pytest.mark.parametrize(
    ("carriers", "told"), [(27, "none is left to move"), (99, "Make fewer vacancies")]
)
def test_that_an_ion_is_left_to_move(cubes, carriers, told):
    with pytest.raises(DynamicsError, match=told):
        simulated_cell(cubes, "Li", carriers)


@pytest.mark.parametrize("carriers", [0, 1000])
def test_that_an_empty_host_takes_as_many_ions_as_it_has_voids(carriers):
    with pytest.raises(DynamicsError, match="voids of its roomiest kind; give 1 to"):
        simulated_cell(read_structure(EXAMPLES / "TiS2.cif"), "Li", carriers)


def test_that_a_dense_crystal_takes_no_ion():
    copper = Structure(Lattice.cubic(3.6).get_lll_reduced_lattice(), ["O"], [[0, 0, 0]])
    with pytest.raises(DynamicsError, match="no void with room"):
        simulated_cell(Structure(Lattice.cubic(2.0), copper.species, [[0, 0, 0]]), "Cs", 1)


def test_that_a_partly_occupied_structure_is_ordered_first():
    with pytest.raises(OccupancyError):
        simulated_cell(read_structure(EXAMPLES / "Li7La3Zr2O12.cif"), "Li", 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperatures_k": ()},
        {"temperatures_k": (0.0,)},
        {"temperatures_k": (9000.0,)},
        {"temperatures_k": (800.0, 800.0)},
        {"temperatures_k": (float("nan"),)},
        {"length_ps": 1.0},
        {"length_ps": 1e9},
        {"warm_up_ps": -1.0},
        {"step_fs": 0.0},
        {"step_fs": 50.0},
        {"carriers": -1},
        {"nonsense": 1},
    ],
)
def test_that_settings_make_sense(wrong):
    with pytest.raises(DynamicsError):
        DynamicsSettings.from_dict(wrong)


def test_that_settings_come_back():
    settings = DynamicsSettings((700.0, 900.0), 50.0, 5.0, 1.0, 2, 7)
    assert DynamicsSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_that_hydrogen_takes_shorter_steps(cubes):
    hydride = Structure(Lattice.cubic(4), ["Li", "H"], [[0, 0, 0], [0.5] * 3])
    assert usual_step_fs(cubes, "Li") == 2.0
    assert usual_step_fs(hydride, "Li") == 0.5
    assert usual_step_fs(cubes, "H") == 0.5


# ------------------------------------------------------------------ the simulation


def test_that_the_temperature_is_kept_and_the_crystal_stays_where_it_is(cubes, egg_box):
    cell = simulated_cell(cubes, "Li", 1)
    trajectory = simulate(cell, 800.0, egg_box, DynamicsSettings((800.0,), 6.0, 1.0))
    assert len(trajectory.positions) == 301
    assert trajectory.length_ps == pytest.approx(6.0)
    assert trajectory.temperatures.mean() == pytest.approx(800, rel=0.05)
    # Of 52 atoms at one temperature: √(2 / 3 n) in a canonical ensemble.
    assert trajectory.temperatures.std() / 800 == pytest.approx((2 / 153) ** 0.5, rel=0.4)
    weights = np.array([site.specie.atomic_mass for site in cell], float)
    centre = np.einsum("a,fax->fx", weights, trajectory.positions) / weights.sum()
    assert np.ptp(centre, axis=0).max() < 1e-3


def test_that_a_stopped_simulation_goes_on_as_if_nothing_had_happened(cubes, egg_box, tmp_path):
    cell = simulated_cell(cubes, "Li", 1)
    whole = simulate(cell, 1000.0, egg_box, SHORT)
    for reports in (37, 100, 101, 444):  # while it warms up, on the border, on a frame and between
        with pytest.raises(Cancelled):
            simulate(cell, 1000.0, egg_box, SHORT, tmp_path, StopAt(reports))
    parts = simulate(cell, 1000.0, egg_box, SHORT, tmp_path)
    assert np.array_equal(parts.positions, whole.positions)
    assert np.array_equal(parts.temperatures, whole.temperatures)
    kept = read_trajectory(tmp_path / "1000K.npz")
    assert np.array_equal(kept.positions, whole.positions)
    assert kept.kelvin == 1000


@pytest.mark.parametrize("steps", [50, 105, 444])
def test_that_a_key_that_ends_it_loses_nothing(cubes, egg_box, tmp_path, steps):
    """Ctrl-C comes in the middle of a step."""
    done = 0

    class Interrupted(EggBox):
        def calculate(self, *given, **named):
            nonlocal done
            super().calculate(*given, **named)
            done += 1
            if done == steps:
                raise KeyboardInterrupt

    cell = simulated_cell(cubes, "Li", 1)
    ended = CalculatorPotential(egg_box.provenance, Interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(cell, 1000.0, ended, SHORT, tmp_path)
    assert read_standing(tmp_path / "1000K.npz")[1].steps == steps - 2  # the first is at rest
    parts = simulate(cell, 1000.0, egg_box, SHORT, tmp_path)
    assert np.array_equal(parts.positions, simulate(cell, 1000.0, egg_box, SHORT).positions)


def test_that_a_simulation_can_be_made_longer(cubes, egg_box, tmp_path):
    cell = simulated_cell(cubes, "Li", 1)
    simulate(cell, 1000.0, egg_box, SHORT, tmp_path)
    longer = simulate(cell, 1000.0, egg_box, replace(SHORT, length_ps=2.4), tmp_path)
    assert np.array_equal(
        longer.positions, simulate(cell, 1000.0, egg_box, replace(SHORT, length_ps=2.4)).positions
    )


def test_that_another_seed_is_another_simulation(cubes, egg_box, tmp_path):
    cell = simulated_cell(cubes, "Li", 1)
    simulate(cell, 1000.0, egg_box, SHORT, tmp_path)
    with pytest.raises(DynamicsError, match="choose another folder"):
        simulate(cell, 1000.0, egg_box, replace(SHORT, seed=1), tmp_path)


def test_that_a_damaged_file_is_told(cubes, egg_box, tmp_path):
    (tmp_path / "1000K.npz").write_bytes(b"PK\x03\x04 not at all")
    with pytest.raises(DynamicsError, match="is damaged"):
        simulate(cubes, 1000.0, egg_box, SHORT, tmp_path)
    with pytest.raises(DynamicsError, match="is not there"):
        read_trajectory(tmp_path / "700K.npz")


def test_that_a_crystal_that_falls_apart_is_told(cubes):
    class Explosive(EggBox):
        def calculate(self, *given, **named):
            super().calculate(*given, **named)
            self.results["forces"] = -40 * self.results["forces"]

    explosive = CalculatorPotential(Provenance("explosive", "1"), Explosive)
    with pytest.raises(DynamicsError, match="falls apart at 1000 K"):
        simulate(simulated_cell(cubes, "Li", 0), 1000.0, explosive, SHORT)


def test_that_no_number_is_told(cubes):
    class Blank(EggBox):
        def calculate(self, *given, **named):
            super().calculate(*given, **named)
            self.results["energy"] = float("nan")

    with pytest.raises(PotentialError, match="gives no number"):
        simulate(cubes, 1000.0, CalculatorPotential(Provenance("blank", "1"), Blank), SHORT)


def test_that_no_number_later_means_that_the_crystal_falls_apart(cubes):
    class Narrow(EggBox):
        """Knows no number for oxygen that is far from its place."""

        def calculate(self, *given, **named):
            super().calculate(*given, **named)
            offset = self.atoms.positions - np.round(self.atoms.positions / A) * A
            if abs(offset[self.atoms.numbers == 8]).max() > 0.5:
                self.results["energy"] = float("nan")

    narrow = CalculatorPotential(Provenance("narrow", "1"), Narrow)
    settings = DynamicsSettings((100.0, 3000.0), 2.0, 0.2, carriers=0)
    found = dynamics(cubes, "Li", narrow, settings, np.diag([2, 2, 2]))
    assert [one.kelvin for one in found.at] == [100]
    assert found.fell_apart == (3000,)


# ------------------------------------------------------------------ several temperatures


def point(kelvin: float, value: float, error: float, hops: int = 500, **other) -> TracerDiffusion:
    ends = (value * (1 - error), value * (1 + error))
    given = {"measured_kelvin": kelvin, "length_ps": 20.0, "host_shift": 0.2} | other
    return TracerDiffusion(
        kelvin, value=value, interval=ends, hops=hops, lags_ps=(1.0,),
        squared_displacements=(2.0,), **given,
    )  # fmt: skip


def arrhenius(kelvin: float, energy: float = 0.25, d0: float = 1e-3) -> float:
    return d0 * np.exp(-energy / (8.617333262e-5 * kelvin))


def result(*at: TracerDiffusion) -> DynamicsResult:
    return DynamicsResult("Li", 26, 53, 1, False, 0.02, "egg box 1", at)


def test_that_the_line_leads_to_other_temperatures():
    found = result(*(point(k, arrhenius(k), 0.2) for k in (700.0, 900.0, 1100.0)))
    energy, low, high = found.activation_energy_ev
    assert energy == pytest.approx(0.25, abs=1e-6)
    assert low < 0.25 < high
    assert high - low == pytest.approx(2 * (0.25 - low))
    parameters = found.parameters(300.0)
    at_300 = diffusivity(found, parameters)
    assert at_300.value == pytest.approx(arrhenius(300))
    assert at_300.interval[0] < at_300.value < at_300.interval[1]
    # Farther from what was simulated it is less certain.
    hot = diffusivity(found, replace(parameters, temperature=900.0))
    assert np.divide(*hot.interval[::-1]) < np.divide(*at_300.interval[::-1])
    assert activation_energy(found, 300) == pytest.approx(0.25, abs=1e-4)


def test_that_the_line_is_as_certain_as_its_points():
    errors, kelvin = np.array([0.2, 0.1]), np.array([700.0, 900.0])
    found = result(*(point(k, arrhenius(k), e) for k, e in zip(kelvin, errors, strict=True)))
    value, low, high = found.diffusivities(kelvin)
    assert np.log(high / value) == pytest.approx(errors)
    assert np.log(value / low) == pytest.approx(errors)
    energy, least, most = found.activation_energy_ev
    half = np.hypot(*errors) / np.ptp(1 / (8.617333262e-5 * kelvin))
    assert (energy - least, most - energy) == pytest.approx((half, half))


@pytest.mark.parametrize(
    ("bent", "scaled"), [((1.0, 1.6, 0.9, 1.1), True), ((1.0,) * 4, "unscaled")]
)
def test_that_a_line_is_less_certain_where_its_points_are_off_it_and_never_more(bent, scaled):
    kelvin, errors = np.array([600.0, 800.0, 1000.0, 1200.0]), np.array([0.05, 0.02, 0.04, 0.03])
    values = arrhenius(kelvin) * bent
    found = result(*map(point, kelvin, values, errors))
    inverse, sigma = -1 / (8.617333262e-5 * kelvin), errors / 1.645
    (energy, _), covariance = np.polyfit(inverse, np.log(values), 1, w=1 / sigma, cov=scaled)
    half = 1.645 * np.sqrt(covariance[0, 0])
    assert found.activation_energy_ev == pytest.approx((energy, energy - half, energy + half))


def test_that_a_simulation_needs_no_attempts():
    found = result(*(point(k, arrhenius(k), 0.2) for k in (700.0, 900.0)))
    usual, other = TransportParameters(), TransportParameters(attempt_frequency=1e12)
    assert diffusivity(found, usual) == diffusivity(found, other)


def test_that_the_conductivity_is_nernst_and_einsteins():
    found = result(*(point(k, arrhenius(k), 0.2) for k in (700.0, 900.0)))
    charge, boltzmann = 1.602176634e-19, 1.380649e-23
    expected = charge**2 * 0.02e24 * arrhenius(300) / (boltzmann * 300)
    assert conductivity(found, found.parameters(300.0)).value == pytest.approx(expected)


def test_that_every_ion_carries_its_own_charge():
    found = result(*(point(k, arrhenius(k), 0.2) for k in (700.0, 900.0)))
    charges = [replace(found, ion=ion).parameters(300.0).ion_charge for ion in ("Mg", "F")]
    assert charges == [2, 1]


@pytest.mark.parametrize(("host", "share"), [(False, 2 / 25), (True, 1.0)])
def test_that_carriers_are_vacancies_or_the_ions_that_were_put_in(
    cubes, egg_box, monkeypatch, host, share
):
    monkeypatch.setattr("migbar.dynamics.result.simulate", lambda *_: None)
    monkeypatch.setattr(
        "migbar.dynamics.result.tracer_diffusion", lambda *_: point(1000.0, 1e-5, 0.1)
    )
    structure = read_structure(EXAMPLES / "TiS2.cif") if host else cubes
    found = dynamics(structure, "Li", egg_box, replace(SHORT, carriers=2))
    assert found.n_ions == (2 if host else 25)
    assert found.carrier_share == pytest.approx(share)
    assert ("put into the empty host" in found.story) is host


def test_that_points_off_the_line_make_it_less_certain():
    straight = [point(k, arrhenius(k), 0.05) for k in (700.0, 900.0, 1100.0)]
    bent = [straight[0], point(900.0, 2 * arrhenius(900), 0.05), straight[2]]
    widths = [np.diff(result(*one).activation_energy_ev[1:])[0] for one in (straight, bent)]
    assert widths[1] > 5 * widths[0]


def test_that_one_temperature_makes_no_line():
    found = result(point(700.0, 1e-9, 0.2, hops=3), point(900.0, arrhenius(900), 0.2))
    assert not found.is_line
    assert np.isnan(found.activation_energy_ev).all()
    assert [remark.code for remark in found.remarks] == ["too_few_hops", "no_line"]
    assert "At 700 K too few hops were seen for a diffusivity (3)" in found.remarks[0].text
    with pytest.raises(DynamicsError, match=r"too few hops were seen.*takes two temperatures"):
        found.diffusivities(np.array([300.0]))


def test_that_many_hops_are_not_called_few():
    """Where all ions move as one, many hops are one ion's."""
    uneven = point(700.0, 1e-6, 1.2, hops=257)
    assert str(uneven) == "257 hops, too uneven for a diffusivity"
    remark = result(uneven, point(900.0, arrhenius(900), 0.2)).remarks[0]
    assert remark.code == "uneven_hops"
    assert (
        "At 700 K hops were seen, and yet the error bar of the diffusivity reaches zero (257)"
        in remark.text
    )


def test_that_doubts_are_told():
    found = result(
        point(700.0, arrhenius(700), 0.1, host_shift=2.5),
        point(900.0, arrhenius(900), 0.1, measured_kelvin=700.0),
    )
    host, temperature = found.remarks
    assert (host.code, temperature.code) == ("host_moves", "off_temperature")
    assert "2.5 Å" in host.text
    assert "700 K" in host.text
    assert "At 900 K the mean temperature was 700 K" in temperature.text


def test_that_a_result_comes_back():
    cold = point(700.0, arrhenius(700), 0.1, haven_ratio=(0.5, 0.31, 0.84))
    found = result(cold, point(900.0, 1e-9, 2.0, hops=1))
    told = found.to_dict()
    assert DynamicsResult.from_dict(json.loads(json.dumps(told))) == found
    assert cold.haven_text == "Haven ratio 0.5 (0.31 to 0.84)"
    del told["at"][0]["haven_ratio"]  # as written before it was told
    assert DynamicsResult.from_dict(told).at[0] == replace(cold, haven_ratio=None)
    told["at"][0]["haven_ratio"] = [1.0]
    for wrong in (
        told,
        {},
        {"at": 3},
        found.to_dict() | {"at": [{}]},
        found.to_dict() | {"n_ions": "x"},
    ):
        with pytest.raises(DynamicsError):
            DynamicsResult.from_dict(wrong)


def test_that_a_run_simulates_and_goes_on(cubes, egg_box, tmp_path, monkeypatch):
    monkeypatch.setattr("migbar.potentials.load_potential", lambda *_, **__: egg_box)
    settings = DynamicsSettings((1500.0, 1000.0), 3.0, 0.2, carriers=0)
    options = dynamics_options(cubes, "Li", settings) | {"potential": "egg box"}
    options = json.loads(json.dumps(options))
    told = StopAt(1700)  # within the second temperature
    with pytest.raises(Cancelled):
        run(tmp_path, options, told)
    assert any(message.startswith("1500 K, ") for message in told.messages)
    data = run(tmp_path, options, SILENT)
    found = DynamicsResult.from_dict(data)
    assert [one.kelvin for one in found.at] == [1000, 1500]
    assert data["text"].endswith(" eV")
    assert found == dynamics(cubes, "Li", egg_box, settings)
    assert found.n_ions == 27
    frames = read(tmp_path / "1500K.xyz", index=":")
    assert len(frames) == 31
    assert len(frames[0]) == 54
    # Ions that do not meet hop over 0.12 eV, or a little less: by 3/2 kT less where all swings count.
    assert 0.02 < found.activation_energy_ev[0] < 0.25


def test_that_a_run_goes_on_from_an_earlier_one(cubes, egg_box, tmp_path, monkeypatch):
    monkeypatch.setattr("migbar.potentials.load_potential", lambda *_, **__: egg_box)
    short = DynamicsSettings((1000.0,), 2.0, 0.2)
    longer = DynamicsSettings((1000.0, 1500.0), 2.4, 0.2)
    small = np.diag([2, 2, 2])
    before, after = tmp_path / "before", tmp_path / "after"
    after.mkdir()
    options = dynamics_options(cubes, "Li", short, small) | {"potential": "egg box"}
    run(before, options, SILENT)
    kept = (before / "1000K.npz").read_bytes()
    options |= {"settings": longer.to_dict(), "earlier": str(before)}
    told = StopAt(10**6)
    found = run(after, options, told)
    assert next(m for m in told.messages if m.startswith("1000 K, ")).startswith("1000 K, 2.20 ps")
    assert (before / "1000K.npz").read_bytes() == kept
    anew = dynamics(cubes, "Li", egg_box, longer, small)
    assert DynamicsResult.from_dict(found) == anew
    # What was copied is gone on with, also where the earlier folder is no more.
    shutil.rmtree(before)
    assert DynamicsResult.from_dict(run(after, options, SILENT)) == anew
    with pytest.raises(DynamicsError, match="holds no simulation to go on from"):
        run(before, options, SILENT)


def test_that_what_holds_is_kept_where_the_crystal_falls_apart_when_hotter(cubes, tmp_path):
    class Weak(EggBox):
        """Holds atoms no more that are far from their places."""

        def calculate(self, *given, **named):
            super().calculate(*given, **named)
            offset = self.atoms.positions - np.round(self.atoms.positions / A) * A
            if abs(offset[self.atoms.numbers == 8]).max() > 1.0:
                self.results["forces"] = -40 * self.results["forces"]

    weak = CalculatorPotential(Provenance("weak", "1"), Weak)
    settings = DynamicsSettings((300.0, 4000.0, 4500.0), 2.0, 0.2, carriers=0)
    found = dynamics(cubes, "Li", weak, settings, np.diag([2, 2, 2]), tmp_path)
    assert [one.kelvin for one in found.at] == [300]
    assert found.fell_apart == (4000, 4500)
    assert DynamicsResult.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    told = {remark.code: remark.text for remark in found.remarks}["falls_apart"]
    assert told == (
        "At 4000 K the crystal falls apart with this potential, and 4500 K was not tried."
    )


def test_that_what_cannot_be_simulated_is_told_before_it_begins(cubes):
    with pytest.raises(DynamicsError, match="none is left"):
        dynamics_options(cubes, "Li", DynamicsSettings(carriers=27))


# ------------------------------------------------------------------ on the command line


@pytest.fixture(scope="module")
def copper(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("copper") / "Cu.cif"
    Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [[0, 0, 0]]).to(str(file))
    return file


def test_the_command(copper, tmp_path):
    words = ["dynamics", copper, "--ion", "Cu", "--potential", "ase:emt", "-T", 400, "--length", 2]
    words += ["--warm-up", 0.1, "--step", 5, "--supercell", "2,2,2", "--out", tmp_path / "out"]
    shown = CliRunner().invoke(app, [str(word) for word in words])
    assert shown.exit_code == 0, shown.output
    assert "fixed cell of 31 atoms with 31 Cu and 1 vacancy: 2 ps at 400 K" in shown.output
    assert re.search("400 K   [0-9]+ hops?, too few for a diffusivity, mean", shown.output)
    assert "note: At 400 K too few hops" in shown.output
    assert (tmp_path / "out" / "400K.xyz").exists()
    again = CliRunner().invoke(app, [*map(str, words), "--json"])
    told = json.loads(again.stdout)
    assert told["n_ions"] == 31
    assert told["activation_energy_ev"] is None
    assert told["conductivity"] is None
    assert [one["is_resolved"] for one in told["at"]] == [False]
    assert [w["code"] for w in told["warnings"]] == ["too_few_hops", "no_line"]
    other = CliRunner().invoke(app, [*map(str, words), "--seed", "1"])
    assert other.exit_code != 0
    assert "choose another folder" in str(other.exception)


# ------------------------------------------------------------------ where the ions were


def test_that_the_free_energy_is_low_where_the_ions_are(cubes, egg_box):
    cell = simulated_cell(cubes, "Li", 1)
    trajectory = simulate(cell, 1200.0, egg_box, DynamicsSettings((1200.0,), 4.0, 0.2))
    landscape = free_energy_landscape(trajectory, cubes, "Li")
    assert landscape.energies.shape == (12, 12, 12)
    assert landscape.kelvin == 1200
    hollow, window, corner = (landscape.energies[n] for n in ((6, 6, 6), (6, 6, 0), (0, 0, 0)))
    assert hollow < 0.05
    # An independent axis costs the barrier, as far as the smearing lets it be seen.
    assert window == pytest.approx(BARRIER, abs=0.05)
    assert window < corner
    with pytest.raises(DynamicsError, match="holds no Na"):
        free_energy_landscape(trajectory, cubes, "Na")


def test_that_where_no_ion_was_is_the_highest():
    positions = np.full((20, 1, 3), 2.0, np.float32)
    still = Trajectory(500.0, np.array([3]), 8 * np.eye(3), 0.02, positions, np.full(20, 500.0))
    box = Structure(Lattice.cubic(8), ["Li"], [[0.25] * 3])
    energies = free_energy_landscape(still, box, "Li").energies
    assert np.unravel_index(energies.argmin(), energies.shape) == (8, 8, 8)
    assert energies[24, 24, 24] == HIGHEST
    assert energies.min() == 0


@pytest.mark.parametrize("by", [(0.0, 0.0, 0.0), (0.4, 0.0, -0.3), (2.5, 1.5, 1.2)])
@pytest.mark.parametrize("is_turned", [False, True])
def test_that_the_map_lies_on_the_sites_wherever_the_simulated_cell_begins(by, is_turned):
    """As another program has it: with another origin, drifted in its warm-up, or turned."""
    lattice = Lattice.monoclinic(5, 6, 7, 105)
    places = [[0.1, 0.2, 0.3], [0.3, 0.7, 0.6], [0.7, 0.1, 0.8], [0.8, 0.6, 0.2]]
    crystal = Structure(lattice, ["Li", "P", "S", "S"], places)
    cell = crystal.make_supercell([2, 1, 1], in_place=False)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] if is_turned else np.eye(3)
    positions = np.repeat(((cell.cart_coords + by) @ turn)[None], 20, axis=0).astype(np.float32)
    matrix, numbers = cell.lattice.matrix @ turn, np.array(cell.atomic_numbers)
    still = Trajectory(500.0, numbers, matrix, 0.02, positions, np.full(20, 500.0))
    energies = free_energy_landscape(still, crystal, "Li").energies
    lowest = np.array(np.unravel_index(energies.argmin(), energies.shape)) / energies.shape
    assert lattice.get_all_distances(lowest, places[0])[0, 0] < 0.3


def test_that_a_crystal_the_other_way_round_has_no_map():
    """A layered one, whose cell is its own mirror image, and itself is not."""
    lattice = Lattice.hexagonal(2.84, 14.1)
    crystal = Structure.from_spacegroup(
        "R-3m", lattice, ["Li", "Co", "O"], [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.26]]
    )
    mirrored = crystal.cart_coords * (1, 1, -1)
    positions = np.repeat(mirrored[None], 20, axis=0).astype(np.float32)
    numbers = np.array(crystal.atomic_numbers)
    still = Trajectory(500.0, numbers, lattice.matrix, 0.02, positions, np.full(20, 500.0))
    with pytest.raises(DynamicsError, match="do not stand at sites"):
        free_energy_landscape(still, crystal, "Li")


@pytest.mark.parametrize("lattice", [Lattice.hexagonal(6, 6), Lattice.rhombohedral(7, 34)])
def test_that_the_map_is_alike_in_all_directions_whatever_the_cell(lattice):
    """A still ion has a round place: kT r² / 2 w², also where the axes are not at right angles."""
    positions = np.zeros((20, 1, 3), np.float32)
    still = Trajectory(500.0, np.array([3]), lattice.matrix, 0.02, positions, np.full(20, 500.0))
    energies = free_energy_landscape(still, Structure(lattice, ["Li"], [[0] * 3]), "Li").energies
    cells = np.array(list(np.ndindex(energies.shape)))
    apart = lattice.get_all_distances([0, 0, 0], cells / energies.shape)[0]
    near = apart < 1.0
    expected = 8.617333262e-5 * 500 * apart**2 / (2 * 0.3**2)
    assert energies.ravel()[near] == pytest.approx(expected[near], abs=1e-6)
    assert (energies.ravel()[apart > 1.3] == HIGHEST).all()


def test_that_no_energy_is_written_with_a_sign_of_its_own(monkeypatch):
    at = tuple(
        TracerDiffusion(kelvin, kelvin, 20.0, 1e-5, (8e-6, 1.2e-5), 300, 0.2, (1.0,), (2.0,))
        for kelvin in (700.0, 900.0, 1100.0)
    )
    result = DynamicsResult("Li", 31, 223, 1, False, 0.0138, "chgnet 0.3.0", at)
    monkeypatch.setattr(DynamicsResult, "activation_energy_ev", (-0.001, -0.08, 0.08))
    assert outcome(result) == "0.00 ± 0.08 eV"
