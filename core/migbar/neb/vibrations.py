"""How often an ion tries to hop: the vibrations of the crystal at an end of the band and at the saddle.

In harmonic transition state theory an ion hops ν exp(−E_m / k_B T) times a second. The attempt frequency ν is the
product of all frequencies at the end it hops from, over the product of the real ones at the saddle (Vineyard,
J. Phys. Chem. Solids 3, 121 (1957), doi:10.1016/0022-3697(57)90059-8). They also tell whether the two are a minimum
and a saddle at all: a minimum has no imaginary frequency, a saddle has one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import units
from numpy.typing import NDArray

from migbar.barriers import Remark
from migbar.files import write_text
from migbar.neb.settings import NebError
from migbar.neb.stiffness import Stiffness
from migbar.potentials import Potential
from migbar.progress import SILENT, Progress
from migbar.wording import scientific

if TYPE_CHECKING:
    from ase import Atoms

    from migbar.neb.result import NebResult

WITHIN = 4.0
"""Atoms within this distance of the ion (Å) vibrate, the others are held."""

WEAK = 1.0
"""Frequencies weaker than this (THz) may be imaginary by the unevenness of the forces alone.

By their asymmetry, second derivatives from CHGNet waver by 0.06 eV/Å² in LiCoO2: that is 0.7 THz for its lowest
vibrations, and 1.5 THz for those of lithium alone.
"""

UNCERTAIN = (
    f"What is weaker than {WEAK:g} THz cannot be told from the unevenness of the potential's forces, so the attempt "
    "frequency stays unknown: relax the band to smaller forces, or with another potential."
)

VIBRATIONS = "vibrations.json"

THZ = units.second / (2 * np.pi) / 1e12
"""What makes THz of an angular frequency in ASE's units."""

QUANTUM_EV = units._hplanck / units._e * 1e12
"""Energy in eV of a quantum of 1 THz."""


@dataclass(frozen=True, slots=True)
class Vibrations:
    """Vibrations at the end that the barrier counts from, and at the highest image.

    Attributes
    ----------
    end : str
        ``initial`` or ``final``: the lower one.
    at_end, at_saddle : tuple of float
        Frequencies in THz, ascending; imaginary ones are negative.
    n_atoms : int
        How many atoms vibrate; the others are held.
    potential : str
        Name and version.
    mark : str
        Tells the band that they belong to.

    Raises
    ------
    NebError
        If they make no sense.
    """

    end: str
    at_end: tuple[float, ...]
    at_saddle: tuple[float, ...]
    n_atoms: int
    potential: str
    mark: str

    def __post_init__(self) -> None:
        n = len(self.at_end)
        if self.end not in ("initial", "final"):
            raise NebError(f"these are no vibrations: a band has no end '{self.end}'.")
        if n != len(self.at_saddle) or n not in (3 * self.n_atoms, 3 * self.n_atoms - 3) or not n:
            raise NebError(
                f"these are no vibrations: {n} frequencies at the end and {len(self.at_saddle)} at the saddle do not "
                f"fit to {self.n_atoms} atoms."
            )
        if not np.isfinite([*self.at_end, *self.at_saddle]).all():
            raise NebError("these are no vibrations: a frequency is no number.")

    @property
    def attempt_frequency(self) -> float | None:
        """Attempt frequency in 1/s; None where the end is no minimum, or the highest image no saddle."""
        if self.remarks:
            return None
        real = [nu for nu in self.at_saddle if nu > 0]
        return float(1e12 * np.exp(np.log(self.at_end).sum() - np.log(real).sum()))

    @property
    def zero_point_ev(self) -> float | None:
        """What the zero-point vibrations add to the barrier, eV; None where there is no attempt frequency."""
        if self.remarks:
            return None
        real = [nu for nu in self.at_saddle if nu > 0]
        return float(QUANTUM_EV / 2 * (np.sum(real) - np.sum(self.at_end)))

    @property
    def text(self) -> str:
        """What came out, in a few words."""
        attempts = self.attempt_frequency
        return "none" if attempts is None else f"{scientific(attempts)} 1/s"

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Why there is no attempt frequency: codes ``no_minimum``, ``no_saddle``, ``higher_saddle``."""
        remarks = []
        falling = _imaginary(self.at_end)
        if falling:
            be = "is" if len(falling) == 1 else "are"
            imaginary = f"{_count(falling)} of its frequencies {be} imaginary"
            text = (
                f"The {self.end} end may be no minimum: {imaginary}. {UNCERTAIN}"
                if falling[0] > -WEAK
                else f"The {self.end} end is no minimum: {imaginary}. A lower place lies beside it."
            )
            remarks.append(Remark("no_minimum", text))
        falling = _imaginary(self.at_saddle)
        if not falling:
            text = "The highest image is no saddle: none of its frequencies is imaginary. Take more images."
            remarks.append(Remark("no_saddle", text))
        if len(falling) > 1:
            imaginary = f"{_count(falling)} of its frequencies are imaginary, and a saddle has one"
            text = (
                f"The highest image may be no saddle: {imaginary}. {UNCERTAIN}"
                if falling[1] > -WEAK
                else f"The highest image is no saddle: {imaginary}. A lower way leads past it: for the ion, where the "
                "band starts aside (on the command line: --start aside), or as the atoms around it give way."
            )
            remarks.append(Remark("higher_saddle", text))
        return tuple(remarks)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON data; `from_dict` reads it."""
        return asdict(self) | {
            "attempt_frequency_per_s": self.attempt_frequency,
            "zero_point_ev": self.zero_point_ev,
            "warnings": [asdict(remark) for remark in self.remarks],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Vibrations:
        """Read what `to_dict` gives.

        Raises
        ------
        NebError
            If it is something else.
        """
        try:
            return cls(
                str(data["end"]),
                tuple(float(x) for x in data["at_end"]),
                tuple(float(x) for x in data["at_saddle"]),
                int(data["n_atoms"]),
                str(data["potential"]),
                str(data["mark"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise NebError(f"these are no vibrations ({error!r}).") from None


def vibrations_of(
    result: NebResult,
    potential: Potential,
    *,
    within: float = WITHIN,
    folder: str | Path | None = None,
    progress: Progress = SILENT,
) -> Vibrations:
    """Find the vibrations at the lower end of a relaxed band and at its saddle, from forces on moved atoms.

    Parameters
    ----------
    result : NebResult
        Converged, its ends relaxed and its highest image climbed to the saddle.
    potential : Potential
        The one that it was relaxed with.
    within : float
        Atoms within this distance of the ion (Å) vibrate, in either state; infinite for all.
    folder : path, optional
        Where to save the forces (``vibrations.npz``) and to go on from.
    progress : Progress

    Raises
    ------
    NebError
        If the band is not at a saddle, was relaxed with another potential, or what the folder holds is damaged.
    PotentialError
        If the potential gives no number for a moved atom.
    Cancelled
        If the user stops it; what was computed is in the folder.
    """
    require_saddle(result)
    ours, theirs = potential.provenance, result.potential
    if (ours.name, ours.sha256) != (theirs.name, theirs.sha256):
        if ours.name == theirs.name:
            raise NebError(f"The band was relaxed with {theirs}, whose weights are others now.")
        raise NebError(f"The band was relaxed with {theirs}, and {ours} is another potential.")
    end = 0 if result.profile.reaction_energy_ev >= 0 else -1
    images = [result.images[end], result.images[result.profile.saddle]]
    atoms = _near(images, within)
    stiffness = Stiffness(images, atoms, potential, Path(folder) if folder else None)
    masses, whole = images[0].get_masses()[atoms], len(atoms) == len(images[0])
    at_end, at_saddle = (
        _frequencies(matrix, masses, whole) for matrix in stiffness.compute(progress)
    )
    return Vibrations(
        "final" if end else "initial",
        at_end,
        at_saddle,
        len(atoms),
        str(potential.provenance),
        mark_of(result),
    )


def write_vibrations(vibrations: Vibrations, folder: str | Path) -> None:
    """Write ``vibrations.json`` beside the band that `migbar.neb.write_result` wrote.

    Raises
    ------
    OSError
        If it cannot be written; an earlier one then stays.
    """
    text = json.dumps(vibrations.to_dict(), indent=2, ensure_ascii=False)
    write_text(Path(folder) / VIBRATIONS, text)


def read_vibrations(folder: str | Path, result: NebResult) -> Vibrations | None:
    """Read the vibrations of a band, None where there are none or they are those of another band.

    Raises
    ------
    NebError
        If the file is damaged.
    """
    path = Path(folder) / VIBRATIONS
    if not path.exists():
        return None
    try:
        found = Vibrations.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, NebError) as error:
        raise NebError(f"{path} is damaged ({error}); remove it.") from None
    return found if found.mark == mark_of(result) else None


def mark_of(result: NebResult) -> str:
    """Return what tells a band from others: its energies to the last bit, and by which weights."""
    about = [result.profile.to_dict(), result.potential.name, result.potential.sha256]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def require_saddle(result: NebResult) -> None:
    """Refuse a band whose vibrations tell nothing.

    Raises
    ------
    NebError
        If it is not converged, its ends were not relaxed, its highest image did not climb, or another program's.
    """
    problems = saddle_problems(result)
    if problems:
        raise NebError("This band has no attempt frequency: " + "; ".join(problems) + ".")


def saddle_problems(result: NebResult) -> list[str]:
    """Say why the vibrations of a band would tell nothing; empty where they would."""
    problems = []
    if result.potential.calculated:
        problems.append(f"it needs forces on moved atoms, to be calculated with {result.potential}")
    if not result.converged:
        problems.append("it is not converged")
    if not result.settings.climb:
        problems.append(
            "its highest image did not climb to the saddle (the preset quality lets it)"
        )
    if not result.settings.relax_ends:
        problems.append("its ends were not relaxed")
    if result.profile.saddle in (0, len(result.images) - 1):
        problems.append("its highest image is an end")
    return problems


def _near(images: Sequence[Atoms], within: float) -> NDArray[np.intp]:
    """Return the ion and the atoms that are near it in one of the images."""
    if not within >= 0:
        raise NebError(
            f"Atoms within {within:g} Å cannot vibrate: a distance of 0 or more is needed."
        )
    everything = range(len(images[0]))
    near = [image.get_distances(0, everything, mic=True) <= within for image in images]
    return np.flatnonzero(np.any(near, axis=0))


def _frequencies(
    stiffness: NDArray[np.float64], masses: NDArray[np.float64], whole: bool
) -> tuple[float, ...]:
    """Return frequencies in THz, ascending, imaginary ones negative; `whole` crystals have three fewer: they float."""
    weights = np.sqrt(np.repeat(masses, 3))
    dynamical = stiffness / np.outer(weights, weights)
    floating = np.zeros((len(weights), 0))
    if whole:
        floating = np.kron(np.sqrt(masses / masses.sum())[:, None], np.eye(3))
        kept = np.eye(len(weights)) - floating @ floating.T
        dynamical = kept @ dynamical @ kept
    squares = np.linalg.eigvalsh(dynamical)
    squares = np.delete(squares, np.abs(squares).argsort()[: floating.shape[1]])
    return tuple((np.sign(squares) * np.sqrt(np.abs(squares)) * THZ).tolist())


def _imaginary(frequencies: Sequence[float]) -> list[float]:
    return [nu for nu in frequencies if nu <= 0]


def _count(frequencies: Sequence[float]) -> str:
    """Say how many of them there are, and of which size."""
    each = ", ".join(f"{-nu:.1f}i" for nu in frequencies[:3])
    more = ", …" if len(frequencies) > 3 else ""
    return f"{len(frequencies)} ({each}{more} THz)"
