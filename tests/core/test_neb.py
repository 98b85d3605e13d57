"""Relaxed bands: known saddles, what is said of odd ones, cancel, resume, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.optimize import BFGS

from migbar.neb import (
    NebSettings,
    relax_band,
)
from migbar.potentials import load_potential


@pytest.fixture
def emt():
    return load_potential("ase:emt")


@pytest.fixture
def vacancy_hop():
    """A copper atom's hop into a vacancy: 31 atoms, the one that moves first."""
    crystal = bulk("Cu", cubic=True) * (2, 2, 2)
    distances = crystal.get_distances(0, range(32), mic=True)
    target = int(np.flatnonzero(np.isclose(distances, distances[distances > 0.1].min()))[0])
    start = crystal.positions[0].copy()
    vector = crystal.get_distance(0, target, mic=True, vector=True)
    del crystal[target]
    final = crystal.copy()
    final.positions[0] = start + vector
    return crystal, final


def symmetric_saddle(initial: Atoms, final: Atoms) -> tuple[float, float]:
    """Energies of the relaxed initial state and of the saddle, which symmetry puts in the middle of the hop."""
    energies = []
    for atoms in (initial.copy(), initial.copy()):
        if energies:
            atoms.positions[0] = (initial.positions[0] + final.positions[0]) / 2
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.005)
        energies.append(atoms.get_potential_energy())
    return energies[0], energies[1]


@pytest.mark.parametrize(
    "settings",
    [
        NebSettings(),
        NebSettings(climb=True, optimizer="FIRE", fmax=0.03),
        NebSettings(n_images=4, climb=True, start="idpp"),
    ],
    ids=["paper", "climbing with FIRE", "climbing between images"],
)
def test_that_the_saddle_is_the_one_that_symmetry_demands(emt, vacancy_hop, settings):
    result = relax_band(*vacancy_hop, emt, settings)
    ground, saddle = symmetric_saddle(*vacancy_hop)
    assert result.converged
    assert result.residual <= settings.fmax
    assert result.barrier_ev == pytest.approx(saddle - ground, abs=0.005)
    assert result.profile.forward_ev == pytest.approx(result.profile.reverse_ev, abs=0.002)
    assert result.remarks == ()
