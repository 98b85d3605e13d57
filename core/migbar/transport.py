"""From a barrier to diffusivity, conductivity, and the particle size that still keeps up.

Everything here is an estimate: of the ideal hopping of independent ions, from one barrier and from
parameters that are guesses unless somebody measured them. All of them can be changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.elements import mobile_charge
from migbar.errors import MigbarError

BOLTZMANN_EV = 8.617333262e-5
"""Boltzmann constant in eV/K (CODATA 2018)."""

ELEMENTARY_CHARGE = 1.602176634e-19
"""Elementary charge in C (exact)."""

KEEPING_UP = 9.8
"""Diffusion times L²/D that a (dis)charge must last so that a particle of size L keeps up.

Chosen so that 1 µm at C/2 and 300 K with the default parameters gives the published limit of
0.525 eV (Devi, Butler and Sai Gautam 2026, after Rong et al., Chem. Mater. 27, 6016 (2015)); 100 nm
then gives 0.644 eV, published as 0.650 eV.
"""


class TransportError(MigbarError):
    """Raised when a parameter of an estimate makes no sense."""


_SENSIBLE = "must be larger than zero, and no larger than any in nature"


@dataclass(frozen=True, slots=True)
class HoppingParameters:
    """What Eq. (1) and Nernst–Einstein need besides the barrier.

    Attributes
    ----------
    hop_length : float
        a, length of the hop in Å.
    temperature : float
        T in K.
    attempt_frequency : float
        ν in 1/s.
    correlation_factor : float
        f, 1 for independent hops.
    geometric_factor : float
        g, how the hops are connected: z/2d for z hops per site in d dimensions (`geometric_factor`).
    ion_charge : float
        q in elementary charges.
    ion_density : float
        x, mobile ions per Å³ (`ion_density`).
    vacancy_fraction : float
        Chance that the place to hop to is free; 1 for a lone ion or an interstitial.
    """

    hop_length: float = 3.0
    temperature: float = 300.0
    attempt_frequency: float = 1e13
    correlation_factor: float = 1.0
    geometric_factor: float = 1.0
    ion_charge: float = 1.0
    ion_density: float = 0.01
    vacancy_fraction: float = 1.0

    def __post_init__(self) -> None:
        wrong = [
            name.replace("_", " ")
            for name in self.__slots__
            if not _makes_sense(getattr(self, name))
        ]
        if wrong:
            raise TransportError(f"{', '.join(wrong)}: {_SENSIBLE}.")
        if self.vacancy_fraction > 1:
            raise TransportError("the vacancy fraction must be at most 1.")

    @property
    def prefactor_cm2_s(self) -> float:
        """Prefactor f g a² ν, the diffusivity without a barrier, in cm²/s."""
        squared_hop = (self.hop_length * 1e-8) ** 2
        return (
            self.correlation_factor * self.geometric_factor * squared_hop * self.attempt_frequency
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and where it lies if the barrier lies in its interval.

    Attributes
    ----------
    value : float
    interval : tuple of 2 floats
    """

    value: float
    interval: tuple[float, float]


def geometric_factor(hops_per_site: float, dimensions: int) -> float:
    """Return g = z/2d of a lattice with z equal hops per site in d dimensions.

    For z = 2d (a chain, a square lattice, a simple cubic one) it is 1.
    """
    return hops_per_site / (2 * dimensions)


def parameters_for(
    structure: Structure, ion: str, hop_length: float, hops_per_site: float, dimensions: int
) -> HoppingParameters:
    """Return parameters to start from: what the crystal tells, and defaults for all else.

    The density is that of the ion's sites; one ion per cell where the structure holds none. The
    vacancy fraction is 1, which makes the conductivity of a vacancy conductor an upper bound.
    """
    return HoppingParameters(
        hop_length=hop_length,
        geometric_factor=geometric_factor(hops_per_site, dimensions),
        ion_charge=abs(mobile_charge(ion)),
        ion_density=max(ion_density(structure, ion), 1 / structure.volume),
    )


def ion_density(structure: Structure, ion: str) -> float:
    """Sites of an element per Å³."""
    return float(structure.composition[ion] / structure.volume)


def diffusivity(barrier_ev: float, parameters: HoppingParameters) -> float:
    """D = f g a² ν exp(−E_m/k_B T) in cm²/s.

    Source: Eq. (1) of Devi, Butler and Sai Gautam, npj Comput. Mater. (2026).
    """
    return parameters.prefactor_cm2_s * exp(-barrier_ev / _thermal_energy(parameters.temperature))


def conductivity(barrier_ev: float, parameters: HoppingParameters) -> float:
    """σ = q² x c D/k_B T in S/cm, with c the vacancy fraction (Nernst–Einstein)."""
    charge = parameters.ion_charge * ELEMENTARY_CHARGE
    carriers = parameters.ion_density * 1e24 * parameters.vacancy_fraction
    thermal_joule = _thermal_energy(parameters.temperature) * ELEMENTARY_CHARGE
    return charge**2 * carriers * diffusivity(barrier_ev, parameters) / thermal_joule


def particle_size(barrier_ev: float, parameters: HoppingParameters, c_rate: float = 0.5) -> float:
    """Size in µm of the largest particle that keeps up with a C-rate: L = √(D t / `KEEPING_UP`)."""
    return sqrt(diffusivity(barrier_ev, parameters) * _duration(c_rate) / KEEPING_UP) * 1e4


def highest_barrier(
    particle_size_um: float, parameters: HoppingParameters, c_rate: float = 0.5
) -> float:
    """Highest barrier in eV at which a particle keeps up with a C-rate (0 where none does)."""
    if not _makes_sense(particle_size_um):
        raise TransportError(f"the particle size: {_SENSIBLE}.")
    needed = KEEPING_UP * (particle_size_um * 1e-4) ** 2 / _duration(c_rate)
    barrier = _thermal_energy(parameters.temperature) * log(parameters.prefactor_cm2_s / needed)
    return max(barrier, 0.0)


def diffusivity_estimate(
    barrier_ev: float, interval_ev: tuple[float, float], parameters: HoppingParameters
) -> Estimate:
    """D in cm²/s with the interval that follows from the barrier's; all else is taken as exact."""
    low, high = interval_ev
    return Estimate(
        diffusivity(barrier_ev, parameters),
        (diffusivity(high, parameters), diffusivity(low, parameters)),
    )


def conductivity_estimate(
    barrier_ev: float, interval_ev: tuple[float, float], parameters: HoppingParameters
) -> Estimate:
    """σ in S/cm with the interval that follows from the barrier's; all else is taken as exact."""
    low, high = interval_ev
    return Estimate(
        conductivity(barrier_ev, parameters),
        (conductivity(high, parameters), conductivity(low, parameters)),
    )


def arrhenius(
    barrier_ev: float,
    parameters: HoppingParameters,
    temperatures: Sequence[float] | NDArray[np.float64],
) -> NDArray[np.float64]:
    """D in cm²/s at several temperatures (K), for a plot of log D over 1000/T."""
    kelvin = np.asarray(temperatures, float)
    if not (kelvin > 0).all():
        raise TransportError("temperatures must be larger than zero.")
    return parameters.prefactor_cm2_s * np.exp(-barrier_ev / (BOLTZMANN_EV * kelvin))


def explain(parameters: HoppingParameters) -> str:
    """Say in one sentence what an estimate was made from."""
    p = parameters
    return (
        "An estimate for independent hops, D = f g a² ν exp(−Eₘ/kT) and σ = q² x c D/kT, with "
        f"f = {p.correlation_factor:g}, g = {p.geometric_factor:g}, a = {p.hop_length:.2f} Å, "
        f"ν = {p.attempt_frequency:.3g} 1/s, T = {p.temperature:g} K, q = {p.ion_charge:g} e, "
        f"x = {p.ion_density:.4g} ions/Å³, c = {p.vacancy_fraction:g} (the fraction of vacancies where "
        "ions hop into them; σ is proportional to it, and D is that of one vacancy: a tracer's is c D); the intervals "
        "carry over that of the barrier alone."
    )


def _thermal_energy(temperature: float) -> float:
    return BOLTZMANN_EV * temperature


def _makes_sense(value: float) -> bool:
    return 1e-30 < value < 1e30  # beyond, products of parameters leave the range of floats


def _duration(c_rate: float) -> float:
    """Seconds that a full charge takes."""
    if not _makes_sense(c_rate):
        raise TransportError(f"the C-rate: {_SENSIBLE}.")
    return 3600.0 / c_rate
