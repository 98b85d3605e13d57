"""Checks that every path goes through, wherever it was read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.datasets import BandRecord
from migbar.datasets.problems import Candidate, Level, Mend, Problem, Source
from migbar.energies import IN_EV
from migbar.structures.checking import close_pairs
from migbar.supercells import shortest_translation
from migbar.wording import counted

ABSURD_EV = 10.0
"""No published barrier of an ion in a crystal is as high."""

SHORTEST_HOP, LONGEST_HOP = 0.8, 12.0
"""Hops outside this range (Å) are none."""

CLASH = 0.5
"""An end closer to an atom than this (Å) is taken."""

SAME_BARRIER_EV = 0.02

_NEIGHBOURS, _FAR = 6, 8.0
_SAME_PLACE = 0.02

KnownPath = Callable[[Band], "tuple[str, float] | None"]
"""Says which path of the bundled training data a band is, and its barrier in eV; None where it is none."""


class Checker:
    """Looks at paths one after the other, remembering just enough to know a path seen before.

    Parameters
    ----------
    known : callable, optional
        Recognises paths of the bundled training data.
    """

    def __init__(self, known: KnownPath | None = None) -> None:
        self._known = known
        self._names: set[str] = set()
        self._seen: dict[tuple[str, str], list[_Print]] = {}

    def check(self, candidate: Candidate) -> Candidate:
        """Return the candidate with everything that is wrong with it, mended where that is safe."""
        if candidate.record is None:
            return candidate
        candidate = self._named(candidate)
        record = candidate.record
        assert record is not None
        problems: list[Problem] = []
        if all(p.code != "bad_barrier" for p in candidate.problems):
            problems += barrier_problems(record.target_ev, candidate.source, record.sys_name)
        problems += band_problems(record.band, candidate.source, record.sys_name)
        # A path that is not used is no reason to leave out another one.
        if candidate.accepted() and all(p.level is not Level.ERROR for p in problems):
            problems += self._doubles(record, candidate.source)
            problems += self._known_path(record, candidate.source)
        return replace(candidate, problems=(*candidate.problems, *problems))

    def _named(self, candidate: Candidate) -> Candidate:
        record = candidate.record
        assert record is not None
        name = record.sys_name
        if name not in self._names:
            self._names.add(name)
            return candidate
        number = 2
        while f"{name}-{number}" in self._names:
            number += 1
        new = f"{name}-{number}"
        self._names.add(new)
        text = f"The name '{name}' occurs before; it would become '{new}'."
        problem = Problem("same_name", text, candidate.source, name, Level.ERROR, Mend.RENAME)
        renamed = BandRecord(new, record.band, record.target_ev, record.family)
        return replace(candidate, name=new, record=renamed, problems=(*candidate.problems, problem))

    def _doubles(self, record: BandRecord, source: Source) -> Iterator[Problem]:
        mark = _Print.of(record, source)
        seen = self._seen.setdefault(record.group, [])
        first = bisect_left(seen, mark.length - _SAME_PLACE, key=lambda p: p.length)
        last = bisect_right(seen, mark.length + _SAME_PLACE, key=lambda p: p.length)
        twin = next((p for p in seen[first:last] if p.same_place(mark)), None)
        if twin is None:
            insort(seen, mark, key=lambda p: p.length)
            return
        where = f"'{twin.name}' ({twin.source})"
        if twin.same_barrier(mark):
            text = f"The same path with the same barrier is there before: {where}."
            yield Problem("duplicate", text, source, record.sys_name, Level.WARNING, Mend.LEAVE_OUT)
        else:
            text = (
                f"The same path is there before with another barrier: {where} says {_ev(twin.barrier)}, "
                f"this one {_ev(mark.barrier)}. Keep the one that you trust."
            )
            yield Problem("contradiction", text, source, record.sys_name, Level.WARNING)

    def _known_path(self, record: BandRecord, source: Source) -> Iterator[Problem]:
        found = None if self._known is None else self._known(record.band)
        if found is not None:
            name, barrier = found
            text = (
                f"This path is in the training data of the bundled models ('{name}', {barrier:.2f} eV): they "
                "know its barrier, so that it cannot judge what comes from them. It is trained on only."
            )
            yield Problem("known_path", text, source, record.sys_name, Level.WARNING)


def _ev(barrier: float | None) -> str:
    return "nothing" if barrier is None else f"{barrier:.3f} eV"


def barrier_problems(barrier: float | None, source: Source, name: str) -> Iterator[Problem]:
    """Find what is wrong with a barrier (eV)."""
    if barrier is None:
        yield Problem(
            "no_barrier", "There is no barrier; add it, or leave the path out.", source, name
        )
    elif not np.isfinite(barrier):
        yield Problem("bad_barrier", "The barrier is not a finite number.", source, name)
    elif barrier < 0:
        text = (
            f"The barrier is negative ({IN_EV.short(barrier)} eV). It is the highest image minus the lower end, "
            "which is never below zero; check the order of the energies."
        )
        yield Problem("negative_barrier", text, source, name)
    elif barrier == 0:
        text = (
            "The barrier is 0, and is taught as such. A NEB says so where no image is above the ends; leave the "
            "path out where 0 stands for a barrier that is not known."
        )
        yield Problem("zero_barrier", text, source, name, Level.WARNING)
    elif barrier > ABSURD_EV:
        text = (
            f"The barrier of {barrier:g} eV is absurd. If it is in meV or kJ/mol, write that behind the column's "
            "name, as in barrier (kJ/mol); it may also be a total energy."
        )
        yield Problem("absurd_barrier", text, source, name)


def band_problems(band: Band, source: Source, name: str) -> Iterator[Problem]:
    """Find what is wrong with the geometry of a band."""
    if not SHORTEST_HOP <= band.length <= LONGEST_HOP:
        text = (
            f"The hop is {band.length:.2f} Å long; one between neighbouring sites has {SHORTEST_HOP:g} to "
            f"{LONGEST_HOP:g} Å. Check the ends and their periodic images."
        )
        yield Problem("odd_length", text, source, name)
        return
    step = band.path[-1] - band.path[0]
    if np.abs(step - np.round(step)).max() < 1e-3:
        text = (
            "The hop goes from an atom to its own periodic image; the cell is too small. Repeat it along the "
            "hop before the ends are relaxed."
        )
        yield Problem("own_image", text, source, name)
        return
    shortest = shortest_translation(band.host.lattice.matrix)
    if shortest < 5.0:
        text = (
            f"The cell is only {shortest:.1f} Å across, so that the ion feels its own images; barriers "
            "from cells of 8 Å or more are what the models know."
        )
        yield Problem("small_cell", text, source, name, Level.WARNING)
    ends = band.host.lattice.get_all_distances(band.path[[0, -1]], band.host.frac_coords)
    closest = float(ends.min())
    if closest < CLASH:
        text = (
            f"At one end the ion is {closest:.2f} Å from another atom; the site is taken. Check which "
            "atoms are removed."
        )
        yield Problem("taken_site", text, source, name)
    overlaps = close_pairs(band.host.lattice.matrix, band.host.frac_coords % 1.0)
    if overlaps:
        i, j, distance = min(overlaps, key=lambda pair: pair[2])
        one, other = (band.host[k].specie.symbol for k in (i, j))
        text = (
            f"{counted(len(overlaps), 'pair')} of the host's atoms overlap, the nearest "
            f"{one} and {other} at {distance:.2f} Å. Is a part of the crystal there twice?"
        )
        yield Problem("overlap", text, source, name, Level.WARNING)


@dataclass(frozen=True, slots=True)
class _Print:
    """What tells a path from another one of the same framework and ion, in any cell and direction."""

    name: str
    source: Source
    barrier: float | None
    length: float
    near: NDArray[np.float64] = field(compare=False)

    @classmethod
    def of(cls, record: BandRecord, source: Source) -> _Print:
        band = record.band.straight()
        distances = band.host.lattice.get_all_distances(band.path, band.host.frac_coords)
        symbols = np.array([site.specie.symbol for site in band.host])
        # Element by element: a charged crystal is not the discharged one, nor one with its metals exchanged.
        elements = sorted({*symbols.tolist(), band.ion})
        near = np.hstack([_nearest(distances[:, symbols == symbol]) for symbol in elements])
        return cls(record.sys_name, source, record.target_ev, band.length, near)

    def same_place(self, other: _Print) -> bool:
        ways = (other.near, other.near[::-1])
        return any(bool(np.abs(self.near - way).max() < 2 * _SAME_PLACE) for way in ways)

    def same_barrier(self, other: _Print) -> bool:
        if self.barrier is None or other.barrier is None:
            return self.barrier is other.barrier
        return abs(self.barrier - other.barrier) < SAME_BARRIER_EV


def _nearest(distances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the smallest distances of each row, those beyond `_FAR` (Å) and missing ones as that."""
    found = np.full((len(distances), _NEIGHBOURS), _FAR)
    kept = np.sort(distances, axis=1)[:, :_NEIGHBOURS]
    found[:, : kept.shape[1]] = np.minimum(kept, _FAR)
    return found


def bundled_paths() -> KnownPath:
    """Recognise the training paths of the bundled models.

    What is returned remembers its answers, so that the same data are read again much faster.

    Raises
    ------
    ModelError
        If the default predictor cannot be loaded.
    """
    from migbar.descriptors import descriptor_matrix
    from migbar.models.blend import MigbarFast
    from migbar.models.nearness import SAME_PATH
    from migbar.models.store import load_model

    model = load_model("migbar-fast")
    assert isinstance(model, MigbarFast)
    process, paths = model.blend.process, model.known
    answers: dict[bytes, tuple[str, float] | None] = {}

    def look_up(band: Band) -> tuple[str, float] | None:
        distance = process.distances(descriptor_matrix([band]))[0]
        nearest = int(distance.argmin())
        if distance[nearest] >= SAME_PATH:
            return None
        return paths[nearest].sys_name, paths[nearest].barrier_ev

    def known(band: Band) -> tuple[str, float] | None:
        key = _digest(band)
        if key not in answers:
            answers[key] = look_up(band)
        return answers[key]

    return known


def _digest(band: Band) -> bytes:
    host = band.host
    elements = [*(site.specie.symbol for site in host), band.ion]
    numbers = np.concatenate(
        [a.ravel() for a in (host.lattice.matrix, host.frac_coords, band.path)]
    )
    return blake2b(" ".join(elements).encode() + numbers.tobytes(), digest_size=16).digest()
