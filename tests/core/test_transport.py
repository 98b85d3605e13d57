"""Diffusivity, conductivity and particle sizes: units, limits, and published thresholds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migbar.barriers import THRESHOLD_MEANS
from migbar.networks import Edge, Network
from migbar.structures import read_structure
from migbar.transport import (
    CrystalHops,
    LoneHop,
    TransportError,
    TransportParameters,
    activation_energy,
    arrhenius,
    conductivity,
    diffusivity,
    explain,
    highest_barrier,
    ion_density,
    parameters_for,
    particle_size,
)

DEFAULT = TransportParameters()
barriers = st.floats(0.0, 3.0)


def hop(barrier: float, **given: float) -> LoneHop:
    return LoneHop(barrier, (barrier, barrier), **given)


def test_that_without_a_barrier_the_ion_hops_at_its_attempt_frequency():
    # (3e-8 cm)² × 1e13 1/s
    assert diffusivity(hop(0.0), DEFAULT).value == pytest.approx(9e-3)


def test_that_60_mev_are_about_a_decade_at_room_temperature():
    fast, slow = (diffusivity(hop(e), DEFAULT).value for e in (0.30, 0.36))
    assert fast / slow == pytest.approx(10, rel=0.03)


def test_that_every_factor_of_eq_1_counts():
    changed = TransportParameters(attempt_frequency=2e13, correlation_factor=0.5)
    other = hop(0.4, hop_length=6.0, geometric_factor=3.0)
    expected = 4 * 2 * 0.5 * 3 * diffusivity(hop(0.4), DEFAULT).value
    assert diffusivity(other, changed).value == pytest.approx(expected)


def test_that_nernst_einstein_is_right_in_si_units():
    # σ = q² n D / k_B T with n = 1e28 m⁻³ and D = 1e-12 m²/s at 300 K.
    parameters = replace(DEFAULT, ion_density=0.01, ion_charge=2.0, vacancy_fraction=0.1)
    d_m2_s = diffusivity(hop(0.5), parameters).value * 1e-4
    expected = (2 * 1.602176634e-19) ** 2 * 1e28 * 0.1 * d_m2_s / (1.380649e-23 * 300)
    assert conductivity(hop(0.5), parameters).value == pytest.approx(expected / 100, rel=1e-6)


@pytest.mark.parametrize(("size", "published"), [(1.0, 0.525), (0.1, 0.650)])
def test_that_particle_limits_at_c_over_2_are_the_published_ones(size, published):
    for barrier in (0.0, 0.4):
        found = highest_barrier(size, hop(barrier), DEFAULT)
        assert found == pytest.approx(published, abs=0.01)


@given(st.floats(0.01, 100.0), st.floats(0.05, 20.0))
def test_that_size_and_barrier_limits_are_inverse(size, c_rate):
    barrier = highest_barrier(size, hop(0.3), DEFAULT, c_rate)
    if barrier > 0:
        assert particle_size(hop(barrier), DEFAULT, c_rate).value == pytest.approx(size, rel=1e-6)


def test_that_no_barrier_is_low_enough_for_a_metre():
    assert highest_barrier(1e6, hop(0.3), DEFAULT) == 0.0


@given(barriers, st.floats(0.0, 0.5), st.floats(0.0, 0.5))
def test_that_an_interval_holds_its_value_and_turns_around(barrier, below, above):
    hops = LoneHop(barrier, (barrier - below, barrier + above))
    for told in (diffusivity, conductivity, particle_size):
        estimate = told(hops, DEFAULT)
        assert estimate.interval[0] <= estimate.value <= estimate.interval[1]


def test_that_an_arrhenius_line_has_the_barrier_as_its_slope():
    kelvin = np.array([250.0, 300.0, 400.0, 600.0])
    line = arrhenius(hop(0.37), DEFAULT, kelvin)[0]
    slope = np.polyfit(1 / kelvin, np.log(line), 1)[0]
    assert -slope * 8.617333262e-5 == pytest.approx(0.37)
    assert line[1] == pytest.approx(diffusivity(hop(0.37), DEFAULT).value)
    assert activation_energy(hop(0.37), 300.0) == pytest.approx(0.37)


def test_that_the_ion_density_counts_sites_per_volume(rock_salt):
    assert ion_density(rock_salt, "Li") == pytest.approx(4 / 4.03**3)


def test_that_a_crystal_tells_what_it_can(rock_salt, empty_layered):
    parameters = parameters_for(rock_salt, "Li")
    assert parameters.ion_charge == 1.0
    assert parameters.ion_density == pytest.approx(4 / 4.03**3)


def test_that_the_density_of_an_ion_is_that_of_all_its_sites(examples_dir):
    olivine = read_structure(examples_dir / "LiFePO4.cif")  # four in a primitive cell
    assert parameters_for(olivine, "Li").ion_density == pytest.approx(4 / olivine.volume)


@pytest.mark.parametrize("repeats", [1, (2, 1, 3)])
def test_that_an_empty_host_has_one_ion_per_primitive_cell_whatever_the_cell(
    empty_layered, repeats
):
    lone = parameters_for(empty_layered * repeats, "Mg")
    assert lone.ion_charge == 2.0
    assert lone.ion_density == pytest.approx(1 / empty_layered.volume)


@pytest.mark.parametrize(("ion", "charge"), [("F", 1), ("O", 2), ("Cu", 1), ("Ag", 1), ("Al", 3)])
def test_that_every_ion_carries_its_own_charge(rock_salt, ion, charge):
    assert parameters_for(rock_salt, ion).ion_charge == charge


@pytest.mark.parametrize(
    "wrong",
    [{"temperature": 0.0}, {"hop_length": -1.0}, {"attempt_frequency": float("nan")}, {"vacancy_fraction": 1.5}],
)  # fmt: skip
def test_that_parameters_without_sense_are_refused(wrong):
    with pytest.raises(TransportError, match=next(iter(wrong)).replace("_", " ")):
        hop(0.3, **wrong) if "hop_length" in wrong else TransportParameters(**wrong)


def test_that_rates_and_sizes_without_sense_are_refused():
    with pytest.raises(TransportError, match="C-rate"):
        particle_size(hop(0.5), DEFAULT, 0.0)
    with pytest.raises(TransportError, match="particle size"):
        highest_barrier(0.0, hop(0.5), DEFAULT)
    with pytest.raises(TransportError, match="temperatures"):
        arrhenius(hop(0.5), DEFAULT, [0.0])


def test_that_an_estimate_says_what_it_was_made_from():
    text = explain(hop(0.4), DEFAULT)
    for word in (
        "estimate",
        "f = 1",
        "g = 1",
        "a = 3.00 Å",
        "ν = 1.00 × 10¹³ 1/s",
        "T = 300 K",
        "c = 1",
    ):
        assert word in text


@pytest.mark.parametrize(
    ("energies", "told"),
    [((0.1, 0.3), "differ in energy by up to 0.200 eV"), ((0.0, 0.0), "count as equally favour")],
)
def test_that_an_estimate_says_how_far_places_differ(energies, told):
    chain = Network(2, (Edge(0, 1, (0, 0, 0), 0), Edge(1, 0, (1, 0, 0), 0)))
    cell = ((3.0, 0.0, 0.0), (0.0, 3.0, 0.0), (0.0, 0.0, 3.0))
    assert told in explain(CrystalHops(chain, cell, ((0.3,),) * 3, energies), DEFAULT)


def test_that_the_threshold_means_what_is_said_of_it():
    assert "0.65 eV: an electrode particle of about 100 nm" in THRESHOLD_MEANS
    assert highest_barrier(0.1, hop(0.4), DEFAULT) == pytest.approx(0.65, abs=0.01)
    assert highest_barrier(1.0, hop(0.4), DEFAULT) == pytest.approx(0.525, abs=0.001)
    assert conductivity(hop(0.4), DEFAULT).value == pytest.approx(1e-4, rel=0.1)
