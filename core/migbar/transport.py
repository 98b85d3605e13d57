"""From hops to diffusivity, conductivity, and the particle size that still keeps up.

Everything here is an estimate: of the ideal hopping of independent ions, from predicted barriers and from
parameters that are guesses unless somebody measured them. All of them can be changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pymatgen.core import Structure

from migbar.diffusion import diffusion_tensor
from migbar.elements import mobile_charge
from migbar.errors import MigbarError
from migbar.networks import AXES, Network, saddles
from migbar.structures import symmetry
from migbar.wording import scientific

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult
    from migbar.paths import CrystalPaths

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

ALL_DIRECTIONS = "mean of all directions"
"""What a powder has: a third of the trace of the tensor."""

DIRECTIONS = (ALL_DIRECTIONS, *AXES)
"""Directions that the hops of a crystal are looked at in."""

ROUNDING = 1e-12
"""What is left of a sum when all but this fraction cancels is made up by rounding."""

RIGHT_ANGLE = 1e-4
"""Vectors whose cosine is no larger are at right angles: cells in files have few digits."""


class TransportError(MigbarError):
    """Raised when a parameter of an estimate makes no sense."""


_SENSIBLE = "must be larger than zero, and no larger than any in nature"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and where it lies if the barriers lie in their intervals.

    Attributes
    ----------
    value : float
    interval : tuple of 2 floats
    """

    value: float
    interval: tuple[float, float]

    def times(self, factor: float) -> Estimate:
        """Return the estimate of a multiple."""
        low, high = self.interval
        return Estimate(factor * self.value, (factor * low, factor * high))


# ------------------------------------------------------------------ what hops


class Hops(Protocol):
    """What makes an ion diffuse."""

    def diffusivities(
        self, kelvin: NDArray[np.float64], attempts: float = 1.0
    ) -> NDArray[np.float64]:
        """Return D, and the lower and the upper end of its interval, shape (3, n_temperatures).

        Parameters
        ----------
        kelvin : ndarray, shape (n_temperatures,)
        attempts : float
            How often the ion tries (`TransportParameters.attempts`); D is in its unit times Å².
        """
        ...


@dataclass(frozen=True, slots=True)
class LoneHop:
    """One hop that alone makes the ion diffuse: Eq. (1).

    Attributes
    ----------
    barrier_ev : float
    interval_ev : tuple of 2 floats
    hop_length : float
        a in Å.
    geometric_factor : float
        g, how the hops are connected: z/2d for z equal hops per site in d dimensions; 1 for a chain, a square lattice
        and a simple cubic one.
    """

    barrier_ev: float
    interval_ev: tuple[float, float]
    hop_length: float = 3.0
    geometric_factor: float = 1.0

    def __post_init__(self) -> None:
        _require_sense(hop_length=self.hop_length, geometric_factor=self.geometric_factor)

    def diffusivities(
        self, kelvin: NDArray[np.float64], attempts: float = 1.0
    ) -> NDArray[np.float64]:
        """Return g a² exp(−E_m/k_B T) times the attempts, see `Hops`."""
        low, high = self.interval_ev
        barriers = np.array([self.barrier_ev, high, low])
        chances = np.exp(-barriers[:, None] / (BOLTZMANN_EV * kelvin))
        return np.asarray(attempts * self.geometric_factor * self.hop_length**2 * chances)


@dataclass(frozen=True, slots=True)
class CrystalHops:
    """All hops of a crystal together, looked at in one direction.

    Attributes
    ----------
    network : Network
    cell : tuple of 3 tuples of 3 floats
        Cell vectors in Å.
    barriers_ev : tuple of 3 tuples of float
        Of each distinct hop: barrier, upper and lower end of its interval.
    place_energies_ev : tuple of float
        Of each node.
    direction : str
        One of `DIRECTIONS`.
    """

    network: Network
    cell: tuple[tuple[float, float, float], ...]
    barriers_ev: tuple[tuple[float, ...], ...]
    place_energies_ev: tuple[float, ...]
    direction: str = ALL_DIRECTIONS

    @classmethod
    def of(
        cls, structure: Structure, crystal: CrystalPaths, direction: str = ALL_DIRECTIONS
    ) -> CrystalHops:
        """Return the hops that were found in a structure."""
        barriers = [path.barrier for path in crystal.paths]
        low, high = zip(*(b.interval_ev for b in barriers), strict=True) if barriers else ((), ())
        middle = tuple(b.barrier_ev for b in barriers)
        cell = tuple(tuple(row) for row in structure.lattice.matrix.tolist())
        places = crystal.place_energies or (0.0,) * len(crystal.search.nodes)
        return cls(crystal.search.network, cell, (middle, high, low), places, direction)

    def tensor(self, kelvin: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the diffusion tensor over the attempt frequency in Å², shape (3, n_temperatures, 3, 3).

        Along x, y and z of the cell vectors, see `migbar.diffusion.diffusion_tensor`.
        """
        cell = np.array(self.cell)
        return np.asarray(cell.T @ self._in_cells(kelvin) @ cell)

    def diffusivities(
        self, kelvin: NDArray[np.float64], attempts: float = 1.0
    ) -> NDArray[np.float64]:
        """Return the tensor's value in the direction times the attempts, 0 where there is no way; see `Hops`."""
        return attempts * self._in_direction(kelvin)

    def _in_direction(self, kelvin: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.direction == ALL_DIRECTIONS:
            return np.asarray(np.trace(self.tensor(kelvin), axis1=-2, axis2=-1) / 3)
        # In cells, where rounding does not mix what is slow by many orders of magnitude with what is fast.
        cell = np.array(self.cell)
        axis = np.array(AXES[self.direction]) @ cell
        steps = cell @ axis / np.linalg.norm(axis)
        steps[np.abs(steps) < RIGHT_ANGLE * np.linalg.norm(cell, axis=1)] = 0.0
        tensor = self._in_cells(kelvin)
        along, parts = steps @ tensor @ steps, np.abs(steps) @ np.abs(tensor) @ np.abs(steps)
        return np.where(along > ROUNDING * parts, along, 0.0)

    def _in_cells(self, kelvin: NDArray[np.float64]) -> NDArray[np.float64]:
        thermal = BOLTZMANN_EV * np.asarray(kelvin, float)[:, None]
        tops = [saddles(self.network, row, self.place_energies_ev) for row in self.barriers_ev]
        heights = np.array(tops)[:, None]
        lowest = heights.min(initial=np.inf, axis=-1, keepdims=True)
        # The lowest saddle is put in last, so that no flow is too small for a float.
        flows = np.exp((lowest - heights) / thermal)
        bottom = min(self.place_energies_ev)
        populations = np.exp((bottom - np.array(self.place_energies_ev)) / thermal)
        tensor = diffusion_tensor(self.network, flows, populations)
        return np.asarray(tensor * np.exp((bottom - lowest) / thermal)[..., None])


# ------------------------------------------------------------------ estimates


@dataclass(frozen=True, slots=True)
class TransportParameters:
    """What an estimate needs besides the hops.

    Attributes
    ----------
    temperature : float
        T in K.
    attempt_frequency : float
        ν in 1/s.
    correlation_factor : float
        f, 1 for independent hops.
    ion_charge : float
        q in elementary charges.
    ion_density : float
        x, mobile ions per Å³ (`ion_density`).
    vacancy_fraction : float
        Chance that the place to hop to is free; 1 for a lone ion or an interstitial.

    Raises
    ------
    TransportError
        If one of them is not above zero, or the fraction above 1.
    """

    temperature: float = 300.0
    attempt_frequency: float = 1e13
    correlation_factor: float = 1.0
    ion_charge: float = 1.0
    ion_density: float = 0.01
    vacancy_fraction: float = 1.0

    def __post_init__(self) -> None:
        _require_sense(**{name: getattr(self, name) for name in self.__slots__})
        if self.vacancy_fraction > 1:
            raise TransportError("the vacancy fraction must be at most 1.")

    @property
    def attempts(self) -> float:
        """Correlated attempts f ν in cm²/(Å² s)."""
        return self.correlation_factor * self.attempt_frequency * 1e-16


def by_direction(
    structure: Structure, crystal: CrystalPaths, parameters: TransportParameters
) -> dict[str, CrystalHops]:
    """Return the hops for each direction that the ion gets through in; axes of like diffusivity are one, ``a, b``.

    Parameters
    ----------
    structure : Structure
        The one that the paths were found in.
    crystal : CrystalPaths
    parameters : TransportParameters
        Its temperature decides what is alike.
    """
    alike: dict[tuple[bool, str], list[CrystalHops]] = {}
    for direction in DIRECTIONS:
        hops = CrystalHops.of(structure, crystal, direction)
        value = diffusivity(hops, parameters).value
        if value > 0:
            key = direction == ALL_DIRECTIONS, f"{value:.5e}"
            alike.setdefault(key, []).append(hops)
    return {", ".join(h.direction for h in group): group[0] for group in alike.values()}


def parameters_for(structure: Structure, ion: str) -> TransportParameters:
    """Return parameters to start from: what the crystal tells, and defaults for all else.

    The density is that of the ion's sites; one ion per primitive cell where the structure holds none. The
    vacancy fraction is 1, which makes the conductivity of a vacancy conductor an upper bound.
    """
    density = ion_density(structure, ion) or symmetry(structure).primitive_cells / structure.volume
    return TransportParameters(ion_charge=abs(mobile_charge(ion)), ion_density=density)


def ion_density(structure: Structure, ion: str) -> float:
    """Sites of an element per Å³."""
    return float(structure.composition[ion] / structure.volume)


def diffusivity(hops: Hops, parameters: TransportParameters) -> Estimate:
    """D in cm²/s; of hops with barriers all but these is taken as exact.

    For a lone hop this is D = f g a² ν exp(−E_m/k_B T), Eq. (1) of Devi, Butler and Sai Gautam, npj Comput. Mater.
    (2026).
    """
    value, low, high = arrhenius(hops, parameters, [parameters.temperature])[:, 0].tolist()
    return Estimate(value, (low, high))


def conductivity(hops: Hops, parameters: TransportParameters) -> Estimate:
    """σ = q² x c D/k_B T in S/cm, with c the vacancy fraction (Nernst–Einstein)."""
    charge = parameters.ion_charge * ELEMENTARY_CHARGE
    carriers = parameters.ion_density * 1e24 * parameters.vacancy_fraction
    thermal_joule = BOLTZMANN_EV * parameters.temperature * ELEMENTARY_CHARGE
    return diffusivity(hops, parameters).times(charge**2 * carriers / thermal_joule)


def particle_size(hops: Hops, parameters: TransportParameters, c_rate: float = 0.5) -> Estimate:
    """Size in µm of the largest particle that keeps up with a C-rate (1/h): L = √(D t / `KEEPING_UP`).

    Raises
    ------
    TransportError
        If the C-rate makes no sense.
    """
    d = diffusivity(hops, parameters)
    size, low, high = (
        sqrt(x * _duration(c_rate) / KEEPING_UP) * 1e4 for x in (d.value, *d.interval)
    )
    return Estimate(size, (low, high))


def highest_barrier(
    particle_size_um: float, hops: Hops, parameters: TransportParameters, c_rate: float = 0.5
) -> float:
    """Highest activation energy in eV at which a particle keeps up with a C-rate (0 where none does).

    That of hops whose barriers are all lower or higher by the same amount than those given.

    Raises
    ------
    TransportError
        If the particle's size or the C-rate makes no sense.
    """
    if not _makes_sense(particle_size_um):
        raise TransportError(f"the particle size: {_SENSIBLE}.")
    needed = KEEPING_UP * (particle_size_um * 1e-4) ** 2 / _duration(c_rate)
    reached = diffusivity(hops, parameters).value
    if reached == 0:
        return 0.0
    spare = BOLTZMANN_EV * parameters.temperature * log(reached / needed)
    return max(activation_energy(hops, parameters.temperature) + spare, 0.0)


def activation_energy(hops: Hops, temperature: float) -> float:
    """Slope −d ln D / d(1/k_B T) in eV: the barrier of a lone hop; nan where there is no way."""
    inverse = np.array([0.99, 1.01]) / (BOLTZMANN_EV * temperature)
    steps = hops.diffusivities(1 / (BOLTZMANN_EV * inverse))[0]
    return float(np.diff(-np.log(steps))[0] / np.diff(inverse)[0]) if steps.all() else float("nan")


def arrhenius(
    hops: Hops, parameters: TransportParameters, temperatures: ArrayLike
) -> NDArray[np.float64]:
    """D in cm²/s at several temperatures (K), for a plot of log D over 1000/T.

    Returns
    -------
    ndarray, shape (3, n_temperatures)
        Of the barriers, and both ends of the interval: the lower, the upper.

    Raises
    ------
    TransportError
        If a temperature is not above zero.
    """
    kelvin = np.asarray(temperatures, float)
    if not (kelvin > 0).all():
        raise TransportError("temperatures must be larger than zero.")
    return hops.diffusivities(kelvin, parameters.attempts)


def explain(hops: LoneHop | CrystalHops | DynamicsResult, parameters: TransportParameters) -> str:
    """Say what an estimate was made from."""
    if not isinstance(hops, LoneHop | CrystalHops):
        return _of_a_simulation(hops, parameters)
    p = parameters
    common = (
        f"f = {p.correlation_factor:g}, ν = {scientific(p.attempt_frequency, 2)} 1/s, T = {p.temperature:g} K, "
        f"q = {p.ion_charge:g} e, x = {p.ion_density:.4g} ions/Å³, c = {p.vacancy_fraction:g} (the fraction of "
        "vacancies where ions hop into them; σ is proportional to it, and D is that of one vacancy: a tracer's is "
        "c D); the intervals carry over those of the barriers alone."
    )
    if isinstance(hops, LoneHop):
        return (
            "An estimate for independent hops of this one kind, D = f g a² ν exp(−Eₘ/kT) and σ = q² x c D/kT, with "
            f"g = {hops.geometric_factor:g}, a = {hops.hop_length:.2f} Å, {common}"
        )
    return (
        "An estimate for one carrier that hops at random over all paths found, each at the rate ν exp(−Eₘ/kT), uphill "
        f"at less, solved exactly; {_places(hops)}. D is f times what its mean squared "
        f"displacement along the direction grows by, over 2t; σ = q² x c D/kT, with {common}"
    )


def _of_a_simulation(result: DynamicsResult, parameters: TransportParameters) -> str:
    wrong = (
        "what its forces get wrong is not in them."
        if result.read_from
        else "what the potential gets wrong is not in them: universal potentials tend to be soft, and ions too fast."
    )
    return (
        f"{result.story}. The line is the straight one of Arrhenius, which need not hold at temperatures far from "
        "those simulated. D is that of all these ions, moving as they do; σ = q² x D/kT with "
        f"q = {parameters.ion_charge:g} e, x = {parameters.ion_density:.4g} ions/Å³, as if each ion went its own way: "
        "divided by the Haven ratio it counts what they do together. Intervals are those of chance: "
        f"{wrong}"
    )


def _places(hops: CrystalHops) -> str:
    spread = max(hops.place_energies_ev) - min(hops.place_energies_ev)
    return (
        f"places differ in energy by up to {spread:.3f} eV"
        if spread
        else "all places count as equally favourable"
    )


def _require_sense(**values: float) -> None:
    wrong = [name.replace("_", " ") for name, value in values.items() if not _makes_sense(value)]
    if wrong:
        raise TransportError(f"{', '.join(wrong)}: {_SENSIBLE}.")


def _makes_sense(value: float) -> bool:
    return 1e-30 < value < 1e30  # beyond, products of parameters leave the range of floats


def _duration(c_rate: float) -> float:
    """Seconds that a full charge takes."""
    if not _makes_sense(c_rate):
        raise TransportError(f"the C-rate: {_SENSIBLE}.")
    return 3600.0 / c_rate
