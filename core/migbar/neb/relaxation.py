"""Relaxing a band: ends, first guess, nudged elastic band, climbing image; saved on the way.

The method is ASE's: improved tangents (Henkelman and Jónsson, J. Chem. Phys. 113, 9978 (2000),
doi:10.1063/1.1323224) and a climbing image (Henkelman, Uberuaga and Jónsson, J. Chem. Phys. 113, 9901 (2000),
doi:10.1063/1.1329672). Ours is that all images of a step are evaluated together, and that a relaxation that
was killed goes on from where it was saved as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.mep import NEB
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from migbar.bands import Band, interpolate_by_idpp
from migbar.barriers import Remark
from migbar.neb.checkpoints import Arrays, Checkpoint, fingerprint, make_memory
from migbar.neb.result import NebResult, pushed_atoms, result_from
from migbar.neb.saddles import bend_aside, saddle_remarks
from migbar.neb.settings import CLIMB_FROM, NebError, NebSettings
from migbar.potentials import Potential, require_elements
from migbar.potentials.calculator import PotentialCalculator
from migbar.progress import SILENT, Progress

OVERLAP = 0.5
"""Atoms closer than this (Å) overlap."""

SAME_PLACE = 0.1
"""Ends in which no atom moves farther than this (Å) are the same."""

ENDS = ("initial", "final")

STAGES = (*ENDS, "band", "climb")
"""What is relaxed, one after the other."""


@dataclass(frozen=True, slots=True)
class NebStep:
    """Where a relaxation stands after a step.

    Attributes
    ----------
    stage : str
        One of `STAGES`.
    step : int
        Steps of this stage so far.
    max_steps : int
    residual, fmax : float
        Largest force, and the one that is aimed at, eV/Å.
    energies : tuple of float
        In eV: of all images, or of the one end that is relaxed.
    """

    stage: str
    step: int
    max_steps: int
    residual: float
    fmax: float
    energies: tuple[float, ...]


def endpoints(band: Band) -> tuple[Atoms, Atoms]:
    """Return the two ends of a band, atoms in the same order: the ion first, unwrapped, then the host."""
    from pymatgen.io.ase import AseAtomsAdaptor

    initial = AseAtomsAdaptor.get_atoms(band.image(0), msonable=False)
    final = initial.copy()
    initial.positions[0], final.positions[0] = band.cartesian_path[[0, -1]]
    return initial, final


def relax_band(
    initial: Atoms,
    final: Atoms,
    potential: Potential,
    settings: NebSettings | None = None,
    *,
    folder: str | Path | None = None,
    progress: Progress = SILENT,
    on_step: Callable[[NebStep], None] | None = None,
) -> NebResult:
    """Relax the band between two states in a fixed cell.

    Parameters
    ----------
    initial, final : Atoms
        The ends: same cell, atoms in the same order, the migrating ion first, not wrapped between them.
    potential : Potential
    settings : NebSettings, optional
        The preset ``paper`` where not given.
    folder : path, optional
        Where to save the way (``state.npz``) and to go on from; a band that converged there is not relaxed again.
    progress : Progress
        Steps of the present stage. Cancelling ends the relaxation after its present step; the result is what
        there is by then, with the remark ``stopped``.
    on_step : callable, optional
        Is told every step.

    Raises
    ------
    NebError
        If the ends do not make a band, or the folder holds the state of another one.
    PotentialError
        If the potential does not know an element or cannot compute an image.
    OSError
        If the state cannot be saved; what was saved before stays.
    """
    settings = settings or NebSettings()
    _check_ends(initial, final)
    require_elements(potential, list(initial.symbols))
    first_guess([initial, final], settings)  # images that overlap are told before ends are relaxed
    checkpoint = None
    if folder is not None:
        mark = fingerprint(initial, final, settings, potential.provenance)
        checkpoint = Checkpoint(Path(folder), mark)
    relaxation = _Relaxation(initial, final, potential, settings, checkpoint, progress, on_step)
    return relaxation.run()


class _Relaxation:
    """One relaxation under way."""

    def __init__(
        self,
        initial: Atoms,
        final: Atoms,
        potential: Potential,
        settings: NebSettings,
        checkpoint: Checkpoint | None,
        progress: Progress,
        on_step: Callable[[NebStep], None] | None,
    ) -> None:
        self.settings = settings
        self.potential = potential
        self.checkpoint = checkpoint
        self.progress = progress
        self.on_step = on_step or (lambda step: None)
        self.given = (initial.positions.copy(), final.positions.copy())
        self.images = [_plain(initial), _plain(final)]
        self.steps = dict.fromkeys(STAGES, 0)
        self.reached = dict.fromkeys(STAGES, False)
        self.residual = float("nan")
        self.stopped = False
        self.spent = 0.0
        self.begun = time.monotonic()

    def run(self) -> NebResult:
        saved = self.checkpoint.load() if self.checkpoint else None
        stages = self._stages()
        if saved is not None:
            self.images = [self._at(positions) for positions in saved.positions]
            self.steps |= saved.steps
            self.reached |= saved.reached
            self.spent = saved.seconds
            stages = self._left(stages, saved.stage)
        memory = saved.memory if saved is not None and saved.stage == stages[0] else None
        for stage in stages:
            if stage in ("band", "climb") and len(self.images) == 2:
                self.images = first_guess(self.images, self.settings)
            if not self.stopped:
                self._relax(stage, memory)
                memory = None
        if len(self.images) == 2:  # stopped while an end was relaxed
            self.images = first_guess(self.images, self.settings)
        result = self._result()
        if result.converged:
            self._save(stages[-1], {}, at_once=True)  # it needs no memory to stay where it is
        return result

    def _left(self, stages: list[str], saved: str) -> list[str]:
        """Return the stages from the saved one on, or from an end that is allowed more steps than it had before."""
        at, most = stages.index(saved), self.settings.ends_max_steps
        ends = [
            s for s in stages[:at] if s in ENDS and not self.reached[s] and self.steps[s] < most
        ]
        if not ends:
            return stages[at:]
        self.images = [self.images[0], self.images[-1]]  # the band between other ends begins anew
        self.steps |= {"band": 0, "climb": 0}
        self.reached |= {"band": False, "climb": False}
        return stages[stages.index(ends[0]) :]

    def _stages(self) -> list[str]:
        ends = ENDS if self.settings.relax_ends else ()
        return [*ends, "band", *(["climb"] if self.settings.climb else [])]

    def _relax(self, stage: str, memory: dict[str, Any] | None) -> None:
        target, fmax, most = self._target(stage)
        remembering = make_memory(self._optimizer(stage), target, memory)
        left = max(0, most - self.steps[stage])
        for number, converged in enumerate(remembering.optimizer.irun(fmax=fmax, steps=left)):
            if number:
                self.steps[stage] += 1
                remembering.learn()
            self.reached[stage] = bool(converged)
            self._tell(stage, target, fmax, most)
            self._save(stage, remembering.state())
            if self.progress.cancelled():
                self.stopped = True
                break
        self._save(stage, remembering.state(), at_once=True)

    def _target(self, stage: str) -> tuple[Any, float, int]:
        settings = self.settings
        if stage in ENDS:
            end = self.images[0 if stage == "initial" else -1]
            end.calc = PotentialCalculator(self.potential)
            return end, settings.ends_fmax, settings.ends_max_steps
        climbs = stage == "climb"
        band = _BatchedNeb(self.images, self.potential, settings.spring, climbs)
        before = settings.climb and not climbs
        fmax = max(settings.fmax, CLIMB_FROM) if before else settings.fmax
        return band, fmax, settings.max_steps

    def _optimizer(self, stage: str) -> str:
        return self.settings.optimizer if stage in ("band", "climb") else "BFGS"

    def _tell(self, stage: str, target: Any, fmax: float, most: int) -> None:
        energies: tuple[float, ...]
        if isinstance(target, _BatchedNeb):
            energies = tuple(float(e) for e in target.energies)
            self.residual = target.residual_force
            residual = self.residual
        else:
            energies = (float(target.get_potential_energy()),)
            residual = _largest(target.get_forces())
        step = NebStep(stage, self.steps[stage], most, residual, fmax, energies)
        self.on_step(step)
        # How many steps it takes is not known; `most` is where it gives up.
        self.progress.report(step.step, 0, f"{stage}, step {step.step}: {residual:.3f} eV/Å")

    def _save(self, stage: str, memory: Arrays, at_once: bool = False) -> None:
        if self.checkpoint is None:
            return
        self.checkpoint.save(
            stage,
            [image.positions for image in self.images],
            self.steps,
            self.reached,
            self._seconds(),
            memory,
            at_once,
        )

    def _seconds(self) -> float:
        return self.spent + time.monotonic() - self.begun

    def _result(self) -> NebResult:
        settings = self.settings
        _evaluate(self.images, self.potential)
        last = "climb" if settings.climb else "band"
        ends = not settings.relax_ends or (self.reached["initial"] and self.reached["final"])
        remarks = []
        if self.stopped:
            remarks.append(
                Remark("stopped", "The relaxation was stopped; this is how far it came.")
            )
        elif not self.reached[last]:
            text = f"The band is not converged: {self.residual:.3f} eV/Å after {settings.max_steps} steps."
            remarks.append(Remark("not_converged", text))
        if not ends and not self.stopped:
            text = f"An end is not relaxed to {settings.ends_fmax:g} eV/Å."
            remarks.append(Remark("ends_not_converged", text))
        # Where others hop along, the ion alone tells nothing of the saddle.
        if self.reached[last] and not self.stopped and not pushed_atoms(self.images):
            remarks += saddle_remarks(self.images, self.potential)
        if np.isnan(self.residual):
            band = _BatchedNeb(self.images, self.potential, settings.spring, settings.climb)
            band.get_forces()
            self.residual = band.residual_force
        numbers = {
            "settings": settings,
            "potential": self.potential.provenance,
            "converged": self.reached[last] and ends and not self.stopped,
            "residual": self.residual,
            "steps": self.steps["band"] + self.steps["climb"],
            "end_steps": self.steps["initial"] + self.steps["final"],
            "seconds": self._seconds(),
        }
        return result_from(self.images, self.given, remarks, numbers)

    def _at(self, positions: NDArray[np.float64]) -> Atoms:
        image = self.images[0].copy()
        image.positions = positions
        return image


class _BatchedNeb(NEB):
    """ASE's NEB with all images of a step evaluated together."""

    def __init__(
        self, images: Sequence[Atoms], potential: Potential, spring: float, climb: bool
    ) -> None:
        super().__init__(list(images), k=spring, climb=climb, method="improvedtangent")
        self._potential = potential
        self.residual_force = float("nan")

    def get_forces(self) -> NDArray[np.float64]:
        _evaluate(self.images, self._potential)
        forces: NDArray[np.float64] = super().get_forces()
        self.residual_force = _largest(forces)
        return forces


def first_guess(ends: Sequence[Atoms], settings: NebSettings) -> list[Atoms]:
    """Return the ends with images between them: linear, by IDPP, or on an arc beside the line.

    Raises
    ------
    NebError
        If atoms of an image overlap.
    """
    initial, final = ends
    images = [initial, *(initial.copy() for _ in range(settings.n_images)), final]
    images = [_plain(image) for image in images]
    if settings.start == "idpp":
        interpolate_by_idpp(images)
    else:
        NEB(images, method="improvedtangent").interpolate()
    if settings.start == "aside":
        bend_aside(images)
    images = [_plain(image) for image in images]
    overlapping = [i for i, image in enumerate(images) if _overlaps(image)]
    if overlapping:
        hint = " Let it start from IDPP." if settings.start == "linear" else ""
        numbers = ", ".join(map(str, overlapping))
        raise NebError(
            f"Atoms lie on top of one another in image {numbers} of the first guess.{hint}"
        )
    return images


def _check_ends(initial: Atoms, final: Atoms) -> None:
    problems = []
    if len(initial) != len(final) or (initial.numbers != final.numbers).any():
        raise NebError("The two ends do not hold the same atoms in the same order.")
    if len(initial) < 2:
        problems.append("there is no host around the ion")
    if not np.allclose(initial.cell.array, final.cell.array, atol=1e-6):
        problems.append("their cells differ")
    if not (np.isfinite(initial.positions).all() and np.isfinite(final.positions).all()):
        raise NebError("The ends hold coordinates that are no numbers.")
    moves = np.linalg.norm(final.positions - initial.positions, axis=1)
    if moves.max() < SAME_PLACE:
        problems.append("they are the same: no atom moves")
    problems += [
        f"atoms lie on top of one another in the {name} one"
        for name, end in (("initial", initial), ("final", final))
        if _overlaps(end)
    ]
    if problems:
        raise NebError("The two ends make no band: " + "; ".join(problems) + ".")


def _overlaps(atoms: Atoms) -> bool:
    return len(neighbor_list("i", atoms, OVERLAP)) > 0


def _plain(atoms: Atoms) -> Atoms:
    """Return the atoms alone, without calculator, constraints and labels."""
    return Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)


def _evaluate(images: Sequence[Atoms], potential: Potential) -> None:
    """Give every image that has moved its energy and forces, all in one batch."""
    moved = [image for image in images if image.calc is None or _is_stale(image)]
    for image, one in zip(moved, potential.evaluate(moved) if moved else [], strict=True):
        _require_finite(one.energy, one.forces)
        image.calc = SinglePointCalculator(image, energy=one.energy, forces=one.forces)


def _is_stale(image: Atoms) -> bool:
    return not isinstance(image.calc, SinglePointCalculator) or bool(image.calc.check_state(image))


def _require_finite(energy: float, forces: NDArray[np.float64]) -> None:
    if not (np.isfinite(energy) and np.isfinite(forces).all()):
        raise NebError("The relaxation ran away: the potential gives no number for an image.")


def _largest(forces: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.reshape(forces, (-1, 3)), axis=1).max())
