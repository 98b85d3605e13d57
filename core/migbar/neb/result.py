"""What comes out of a relaxed band, and what a user should know about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from migbar.barriers import Barrier, Remark
from migbar.files import write_text
from migbar.neb.measured import MeasuredError, measured_error
from migbar.neb.profiles import EnergyProfile, profile_of, write_band, write_profile
from migbar.neb.settings import NebError, NebSettings
from migbar.neb.vibrations import Vibrations, read_vibrations
from migbar.potentials import Provenance

if TYPE_CHECKING:
    from ase import Atoms

MOVED = 1.0
"""An end whose atom moved farther than this (Å) when it was relaxed is in another site."""

SAME = 0.5
"""Relaxed ends in which no atom differs by more than this (Å) are the same state."""

RESULT, BAND, PROFILE, TABLE = "result.json", "band.extxyz", "profile.json", "profile.csv"


@dataclass(frozen=True, slots=True)
class NebResult:
    """A relaxed band.

    Attributes
    ----------
    images : tuple of Atoms
        From the initial to the final state, atoms in the same order, unwrapped, the migrating ion first; each
        carries its energy and forces.
    profile : EnergyProfile
    settings : NebSettings
    potential : Provenance
    converged : bool
        Whether the band, and its ends where they were to be relaxed, met their limits.
    residual : float
        Largest force on an atom of the band, eV/Å: without its part along the path, with the springs'.
    steps : int
        Steps of the band.
    end_steps : int
        Steps of both ends together.
    seconds : float
        Wall time, all sittings together.
    remarks : tuple of Remark
        Codes ``not_converged``, ``stopped``, ``ends_not_converged``, ``end_moved``, ``ends_same``,
        ``image_order``, ``saddle_at_end``, ``intermediate_minimum``, ``ridge``, ``dip``; of calculations
        also ``end_without_outcar``, ``forces_left``, ``host_moves``, ``odd_mover``.
    vibrations : Vibrations, optional
        Where they were asked for (`migbar.neb.vibrations`).
    """

    images: tuple[Atoms, ...]
    profile: EnergyProfile
    settings: NebSettings
    potential: Provenance
    converged: bool
    residual: float
    steps: int
    end_steps: int
    seconds: float
    remarks: tuple[Remark, ...] = ()
    vibrations: Vibrations | None = None

    @property
    def barrier_ev(self) -> float:
        """Highest image above the lower end, eV."""
        return self.profile.barrier_ev

    @property
    def ends_relaxed(self) -> bool:
        """Whether the ends were relaxed."""
        return self.settings.relax_ends

    @property
    def pushed(self) -> tuple[int, ...]:
        """Other ions of the kind that change their place with it (`migbar.neb.pushing`), as indices of atoms."""
        return pushed_atoms(self.images)

    @property
    def measured(self) -> MeasuredError | None:
        """How far barriers of this potential are from known ones; None where that was not measured."""
        return measured_error(self.potential.name, self.ends_relaxed)

    @property
    def trust(self) -> Remark:
        """What is known of the potential's error; to be told with every barrier."""
        if self.potential.calculated:
            return Remark(
                "calculated", f"Calculated with {self.potential}: as good as its settings."
            )
        if self.measured is not None:
            return Remark("measured_error", self.measured.text)
        text = "How far this potential's barriers are from DFT-NEB was not measured."
        return Remark("error_not_measured", text)

    @property
    def calculated(self) -> Barrier:
        """The barrier of a calculation, to count with in the place of a predicted one; it has no interval."""
        barrier, by = self.barrier_ev, self.potential
        told = Remark("calculated", f"Calculated with {by}, not predicted.")
        return Barrier(barrier, (barrier, barrier), by.name, by.version, remarks=(told,))

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the images as JSON data."""
        return {
            "barrier_ev": self.profile.barrier_ev,
            "forward_ev": self.profile.forward_ev,
            "reverse_ev": self.profile.reverse_ev,
            "reaction_energy_ev": self.profile.reaction_energy_ev,
            "converged": self.converged,
            "residual_ev_per_angstrom": self.residual,
            "steps": self.steps,
            "end_steps": self.end_steps,
            "seconds": self.seconds,
            "ends_relaxed": self.ends_relaxed,
            "pushed": list(self.pushed),
            "potential": asdict(self.potential),
            "settings": self.settings.to_dict(),
            "warnings": [asdict(remark) for remark in self.remarks],
            "measured_error": None if self.measured is None else asdict(self.measured),
            "trust": self.trust.text,
            "vibrations": None if self.vibrations is None else self.vibrations.to_dict(),
            "profile": self.profile.to_dict(),
        }


def write_result(result: NebResult, folder: str | Path) -> None:
    """Write ``band.extxyz``, ``profile.json``, ``profile.csv`` and, last, ``result.json`` into a folder.

    Raises
    ------
    OSError
        If one cannot be written; an earlier one of that name then stays.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_band(result.images, folder / BAND)
    write_profile(result.profile, folder / PROFILE)
    write_profile(result.profile, folder / TABLE)
    write_text(folder / RESULT, json.dumps(result.to_dict(), indent=2, ensure_ascii=False))


def read_result(folder: str | Path) -> NebResult:
    """Read what `write_result` wrote, and the vibrations where there are some.

    Raises
    ------
    NebError
        If a file is missing or damaged.
    """
    from ase.io import read

    folder = Path(folder)
    if not folder.is_dir():
        raise NebError(f"There is no folder {folder}, and so no finished relaxed band.")
    if not (folder / RESULT).exists():
        raise NebError(
            f"{folder} holds no finished relaxed band: there is no {RESULT} in it; migbar neb writes one."
        )
    try:
        data = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        images = tuple(read(folder / BAND, index=":", format="extxyz"))
        result = NebResult(
            images=images,
            profile=EnergyProfile.from_dict(data["profile"]),
            settings=NebSettings(**data["settings"]),
            potential=Provenance(**data["potential"]),
            converged=bool(data["converged"]),
            residual=float(data["residual_ev_per_angstrom"]),
            steps=int(data["steps"]),
            end_steps=int(data["end_steps"]),
            seconds=float(data["seconds"]),
            remarks=tuple(Remark(**remark) for remark in data["warnings"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise NebError(f"{folder} holds no readable relaxed band ({error}).") from None
    return replace(result, vibrations=read_vibrations(folder, result))


def pushed_atoms(images: Sequence[Atoms]) -> tuple[int, ...]:
    """Return the atoms of the ion's kind that change their places between the ends of a band, beside the ion."""
    first, last = images[0], images[-1]
    moves = np.linalg.norm(_without_drift(last.positions - first.positions), axis=1)
    like = first.numbers == first.numbers[0]
    return tuple(int(i) for i in np.flatnonzero(like & (moves > MOVED)) if i)


def describe(
    images: Sequence[Atoms], profile: EnergyProfile, given: Sequence[NDArray[np.float64]]
) -> list[Remark]:
    """Say what is odd about a band.

    Parameters
    ----------
    images : sequence of Atoms
    profile : EnergyProfile
    given : two ndarrays, shape (n_atoms, 3)
        Positions of the ends before they were relaxed, Å.
    """
    remarks = []
    for name, before, after in zip(
        ("initial", "final"), given, (images[0], images[-1]), strict=True
    ):
        remarks += _moved(name, after, before)
    apart = np.linalg.norm(_without_drift(images[-1].positions - images[0].positions), axis=1)
    if apart.max() < SAME:
        text = f"Both ends relaxed into the same state (no atom differs by more than {apart.max():.2f} Å)."
        remarks.append(Remark("ends_same", text))
    steps = np.diff([image.positions for image in images], axis=0).reshape(len(images) - 1, -1)
    back = [i + 1 for i in range(len(steps) - 1) if steps[i] @ steps[i + 1] < 0]
    if back:
        text = f"The band folds back at image {', '.join(map(str, back))}: its images are out of order."
        remarks.append(Remark("image_order", text))
    if profile.saddle in (0, len(images) - 1):
        which = "initial" if profile.saddle == 0 else "final"
        text = f"The highest image is the {which} end: there is no saddle between the ends."
        remarks.append(Remark("saddle_at_end", text))
    inner = profile.energies[1:-1]
    if len(inner) and inner.min() < min(profile.energies[0], profile.energies[-1]) - 0.01:
        text = "An image lies below both ends: the path has a further stable site; split it there."
        remarks.append(Remark("intermediate_minimum", text))
    return remarks


def _moved(name: str, after: Atoms, before: NDArray[np.float64]) -> list[Remark]:
    moves = np.linalg.norm(_without_drift(after.positions - before), axis=1)
    farthest = int(moves.argmax())
    if moves[farthest] <= MOVED:
        return []
    what = "the migrating ion" if farthest == 0 else f"{after.symbols[farthest]} (atom {farthest})"
    text = f"When the {name} end was relaxed, {what} moved by {moves[farthest]:.2f} Å into another site."
    return [Remark("end_moved", text)]


def _without_drift(moves: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(moves - moves.mean(axis=0))


def result_from(
    images: Sequence[Atoms],
    given: Sequence[NDArray[np.float64]],
    remarks: Sequence[Remark],
    numbers: Mapping[str, Any],
) -> NebResult:
    """Make the result of images that carry energies and forces; `numbers` are its other attributes."""
    profile = profile_of(images)
    found = describe(images, profile, given)
    return NebResult(tuple(images), profile, remarks=(*remarks, *found), **numbers)
