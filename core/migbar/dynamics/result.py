"""Molecular dynamics of a crystal at several temperatures, and what follows for others: a straight Arrhenius line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure

from migbar.barriers import Remark
from migbar.dynamics.analysis import TracerDiffusion, tracer_diffusion
from migbar.dynamics.settings import DynamicsError, DynamicsSettings, FallsApartError
from migbar.dynamics.simulation import simulate, simulated_cell
from migbar.dynamics.trajectory import Trajectory, take_over
from migbar.elements import mobile_charge
from migbar.energies import IN_EV
from migbar.files import replacing
from migbar.progress import SILENT, Part, Progress
from migbar.supercells import Matrix
from migbar.transport import BOLTZMANN_EV, TransportParameters, ion_density
from migbar.wording import counted

if TYPE_CHECKING:
    from migbar.potentials import Potential

NORMAL = 1.645
"""Half an interval of nine in ten, in standard deviations."""

HOST_MOVES = 1.0
"""Where the host's atoms are farther (Å) from where they began, it melts, rotates or falls apart."""

OFF_TEMPERATURE = 0.05
"""A simulation that is on average farther from its temperature is not in equilibrium."""

SHOWN_PS = 0.1
"""From one frame to the next in the file for other programs."""


@dataclass(frozen=True)
class DynamicsResult:
    """What came out of molecular dynamics. As hops for `migbar.transport`, its diffusivity is that of all ions.

    Attributes
    ----------
    ion : str
    n_ions : int
        In the simulated cell.
    n_atoms : int
    carriers : int
        Vacancies that were made; ions put in where `inserted`.
    inserted : bool
        Whether the crystal as given held no such ion.
    ion_density : float
        Of the simulated cell, 1/Å³.
    potential : str
        Name and version; empty where another program simulated.
    at : tuple of TracerDiffusion
        By temperature, the lowest first.
    fell_apart : tuple of float
        Temperatures (K) that were asked for, from the lowest on that the crystal does not hold together at.
    read_from : str
        The files of another program that it was read from.
    """

    ion: str
    n_ions: int
    n_atoms: int
    carriers: int
    inserted: bool
    ion_density: float
    potential: str
    at: tuple[TracerDiffusion, ...]
    fell_apart: tuple[float, ...] = ()
    read_from: str = ""

    @property
    def origin(self) -> str:
        """Where it comes from, in few words."""
        return f"read from {self.read_from}" if self.read_from else self.potential

    @property
    def resolved(self) -> tuple[TracerDiffusion, ...]:
        """Temperatures that have a diffusivity."""
        return tuple(one for one in self.at if one.is_resolved)

    @property
    def carrier_share(self) -> float:
        """How many carriers there are for each ion: what a carrier's diffusivity times it is an ion's.

        One where the ions were put in; none where no vacancy was made, for then it is not known.
        """
        return 1.0 if self.inserted else self.carriers / self.n_ions

    @property
    def is_line(self) -> bool:
        """Whether other temperatures can be told: two have a diffusivity."""
        return len(self.resolved) >= 2

    @property
    def activation_energy_ev(self) -> tuple[float, float, float]:
        """Activation energy in eV, and the ends of its interval; nan where there is no line."""
        if not self.is_line:
            return float("nan"), float("nan"), float("nan")
        (_, energy), covariance = self._line
        half = NORMAL * float(np.sqrt(covariance[1, 1]))
        return float(energy), float(energy) - half, float(energy) + half

    def diffusivities(
        self, kelvin: NDArray[np.float64], attempts: float = 1.0
    ) -> NDArray[np.float64]:
        """Return D in cm²/s with both ends of its interval, shape (3, n_temperatures); see `migbar.transport.Hops`.

        Parameters
        ----------
        kelvin : ndarray, shape (n_temperatures,)
        attempts : float
            Not used: the ions of a simulation know themselves how often to try.

        Raises
        ------
        DynamicsError
            If fewer than two temperatures have a diffusivity.
        """
        if not self.is_line:
            raise DynamicsError(" ".join(remark.text for remark in self.remarks))
        parameters, covariance = self._line
        terms = np.column_stack([np.ones(len(kelvin)), -1 / (BOLTZMANN_EV * kelvin)])
        height = terms @ parameters
        half = NORMAL * np.sqrt(np.einsum("ti,ij,tj->t", terms, covariance, terms))
        return np.exp(np.array([height, height - half, height + half]))

    def parameters(self, kelvin: float) -> TransportParameters:
        """Return what an estimate with `migbar.transport` needs beside this: all ions carry, none is a vacancy's."""
        charge = abs(mobile_charge(self.ion))
        return TransportParameters(kelvin, ion_charge=charge, ion_density=self.ion_density)

    @cached_property
    def _line(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ln D₀ and the activation energy by weighted least squares, with their covariance.

        Where the points lie farther from the line than their error bars allow, these are widened.
        """
        points = self.resolved
        kelvin = np.array([one.kelvin for one in points])
        height = np.log([one.value for one in points])
        error = [(one.interval[1] - one.interval[0]) / (2 * NORMAL * one.value) for one in points]
        weights = 1 / np.square(error)
        terms = np.column_stack([np.ones(len(points)), -1 / (BOLTZMANN_EV * kelvin)])
        covariance = np.linalg.inv(terms.T * weights @ terms)
        parameters = covariance @ (terms.T * weights @ height)
        misfit = float(weights @ (height - terms @ parameters) ** 2)
        if len(points) > 2:
            covariance = covariance * max(1.0, misfit / (len(points) - 2))
        return np.asarray(parameters), np.asarray(covariance, float)

    @property
    def remarks(self) -> list[Remark]:
        """What a user should know about it."""
        found = [
            self._unresolved("few", "too_few_hops", "too few hops were seen for a diffusivity"),
            self._unresolved(
                "uneven",
                "uneven_hops",
                "hops were seen, and yet the error bar of the diffusivity reaches zero",
            ),
            self._no_line(),
            self._falls_apart(),
            self._levels_off(),
            self._host_moves(),
            self._off_temperature(),
        ]
        return [remark for remark in found if remark is not None]

    def _unresolved(self, lack: str, code: str, what: str) -> Remark | None:
        slow = [one for one in self.at if not one.is_resolved and one.lack == lack]
        hops = ", ".join(str(one.hops) for one in slow)
        text = f"At {_kelvins(slow)} {what} ({hops}): simulate for longer, or hotter."
        return Remark(code, text) if slow else None

    def _no_line(self) -> Remark | None:
        text = "An activation energy takes two temperatures with a diffusivity."
        return None if self.is_line else Remark("no_line", text)

    def _falls_apart(self) -> Remark | None:
        if not self.fell_apart:
            return None
        coldest, *hotter = (f"{kelvin:g} K" for kelvin in self.fell_apart)
        skipped = f", and {', '.join(hotter)} was not tried" if hotter else ""
        text = f"At {coldest} the crystal falls apart with this potential{skipped}."
        return Remark("falls_apart", text)

    def _levels_off(self) -> Remark | None:
        to_and_fro = [one for one in self.resolved if one.levels_off]
        if not to_and_fro:
            return None
        longest = max(one.slope_ps[1] for one in to_and_fro)
        text = (
            f"At {_kelvins(to_and_fro)} ions go back and forth more than on: the diffusivity is read from their "
            f"ways in up to {longest:.2g} ps, and over longer times they spread at less than a quarter of it. "
            "Simulate for longer."
        )
        return Remark("levels_off", text)

    def _host_moves(self) -> Remark | None:
        moved = [one for one in self.at if one.host_shift > HOST_MOVES]
        if not moved:
            return None
        farthest = max(one.host_shift for one in moved)
        text = (
            f"At {_kelvins(moved)} the other atoms do not stay where they are (up to {farthest:.1f} Å off): the "
            "crystal melts, its groups turn round, or it falls apart. Do not count on these temperatures."
        )
        return Remark("host_moves", text)

    def _off_temperature(self) -> Remark | None:
        off = [
            one for one in self.at if abs(one.measured_kelvin / one.kelvin - 1) > OFF_TEMPERATURE
        ]
        means = ", ".join(f"{one.measured_kelvin:.0f} K" for one in off)
        text = f"At {_kelvins(off)} the mean temperature was {means}: the simulation is too short to settle."
        return Remark("off_temperature", text) if off else None

    @property
    def story(self) -> str:
        """What was simulated, in a sentence."""
        vacancies = f" and {self.carriers} {'vacancy' if self.carriers == 1 else 'vacancies'}"
        carriers = (
            " put into the empty host" if self.inserted else vacancies if self.carriers else ""
        )
        lengths = ", ".join(f"{one.length_ps:g} ps at {one.kelvin:g} K" for one in self.at)
        how = f"{self.origin}, a cell" if self.read_from else f"with {self.origin} in a fixed cell"
        return (
            f"Molecular dynamics {how} of {counted(self.n_atoms, 'atom')} with "
            f"{self.n_ions} {self.ion}{carriers}: {lengths}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data."""
        names = ("ion", "n_ions", "n_atoms", "carriers", "inserted", "ion_density", "potential")
        return {name: getattr(self, name) for name in names} | {
            "at": [one.to_dict() for one in self.at],
            "fell_apart": list(self.fell_apart),
            "read_from": self.read_from,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DynamicsResult:
        """Read what `to_dict` gives.

        Raises
        ------
        DynamicsError
            If it is something else.
        """
        try:
            return cls(
                str(data["ion"]),
                int(data["n_ions"]),
                int(data["n_atoms"]),
                int(data["carriers"]),
                bool(data["inserted"]),
                float(data["ion_density"]),
                str(data["potential"]),
                tuple(TracerDiffusion.from_dict(one) for one in data["at"]),
                tuple(float(kelvin) for kelvin in data.get("fell_apart", ())),
                str(data.get("read_from", "")),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DynamicsError(f"this is no result of molecular dynamics ({error!r}).") from None


def dynamics(
    structure: Structure,
    ion: str,
    potential: Potential,
    settings: DynamicsSettings,
    supercell: Matrix | None = None,
    folder: Path | None = None,
    progress: Progress = SILENT,
) -> DynamicsResult:
    """Simulate a crystal at several temperatures, the lowest first, up to the one that it falls apart at.

    Parameters
    ----------
    structure : Structure
        Ordered.
    ion : str
        Element whose diffusivity is wanted.
    potential : Potential
    settings : DynamicsSettings
    supercell : ndarray of int, shape (3, 3), optional
    folder : Path, optional
        Gets a trajectory for each temperature, ``800K.npz`` to go on from and ``800K.xyz`` for other programs.
    progress : Progress

    Raises
    ------
    OccupancyError
        If the structure is partly occupied.
    PotentialError
        If the potential does not know an element.
    FallsApartError
        If the crystal does not even hold together at the lowest temperature.
    DynamicsError
        If there is nothing to simulate, or the folder holds another simulation.
    Cancelled
        If the user stops it; what was done is in the folder.
    """
    cell = simulated_cell(structure, ion, settings.carriers, supercell)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    found: list[TracerDiffusion] = []
    hot = tuple(sorted(settings.temperatures_k))
    for number, kelvin in enumerate(hot):
        part = Part(progress, number, len(hot), f"{kelvin:g} K")
        try:
            trajectory = simulate(cell, kelvin, potential, settings, folder, part)
        except FallsApartError:  # what was simulated before, for hours, holds all the same
            if not found:
                raise
            break
        if folder is not None:
            _write_frames(folder / f"{kelvin:g}K.xyz", trajectory)
        found.append(tracer_diffusion(trajectory, ion))
    return DynamicsResult(
        ion,
        sum(site.specie.symbol == ion for site in cell),
        len(cell),
        settings.carriers,
        ion not in structure.symbol_set,
        ion_density(cell, ion),
        str(potential.provenance),
        tuple(found),
        hot[len(found) :],
    )


def dynamics_options(
    structure: Structure, ion: str, settings: DynamicsSettings, supercell: Matrix | None = None
) -> dict[str, Any]:
    """Return the options of a run of the task ``dynamics``, but for the potential.

    Raises
    ------
    OccupancyError, DynamicsError
        As `simulated_cell` does, before hours of work.
    """
    simulated_cell(structure, ion, settings.carriers, supercell)
    return {
        "structure": structure.as_dict(),
        "ion": ion,
        "settings": settings.to_dict(),
        "supercell": None if supercell is None else supercell.tolist(),
    }


def run(folder: Path, options: Mapping[str, Any], progress: Progress) -> dict[str, Any]:
    """Do `dynamics` as a run (see `migbar.runs`).

    Options as of `dynamics_options`, the potential, and ``earlier``, the folder of a run of the same crystal to go on
    from, for longer or at further temperatures.
    """
    from migbar.potentials import load_potential

    device, trust = options.get("device", "auto"), bool(options.get("trust_file"))
    potential = load_potential(options["potential"], device, trust_file=trust)
    supercell = options.get("supercell")
    settings = DynamicsSettings.from_dict(options["settings"])
    if "earlier" in options:
        take_over(Path(options["earlier"]), folder, settings.temperatures_k)
    result = dynamics(
        Structure.from_dict(options["structure"]),
        options["ion"],
        potential,
        settings,
        None if supercell is None else np.array(supercell, int),
        folder,
        progress,
    )
    return result.to_dict() | {"text": outcome(result)}


def outcome(result: DynamicsResult) -> str:
    """Say in a few words what came out."""
    if result.is_line:
        energy, low, high = result.activation_energy_ev
        return f"{IN_EV.number(energy, 2)} ± {IN_EV.energy((high - low) / 2, 2)}"
    return "one diffusivity" if result.resolved else "no diffusivity"


def _kelvins(found: list[TracerDiffusion]) -> str:
    return ", ".join(f"{one.kelvin:g} K" for one in found)


def _write_frames(path: Path, trajectory: Trajectory) -> None:
    from ase.io import write

    every = max(1, round(SHOWN_PS / trajectory.frame_ps))
    with replacing(path) as temporary:
        write(temporary, trajectory.atoms(every), format="extxyz")
