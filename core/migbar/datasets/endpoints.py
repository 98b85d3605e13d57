"""From two end structures to the band between them: which atom moves, and what else is different."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Structure
from pymatgen.util.coord import pbc_shortest_vectors

from migbar.bands import Band, linear_path
from migbar.datasets.problems import Level, Mend, Problem, Source
from migbar.elements import MOBILE_IONS

MOVES = 1.0
"""An atom that is farther than this (Å) from where it was has moved to another site."""

RELAXES = 0.5
"""An atom of the host that moves farther than this (Å) has done more than give way."""

SAME_CELL = 0.1
"""Lattice vectors that differ by less (Å) are the same."""

Found = tuple[Band | None, tuple[Problem, ...]]


def band_between(
    first: Structure,
    last: Structure,
    source: Source,
    name: str = "",
    ion: str = "",
    between: Sequence[Structure] = (),
) -> Found:
    """Make the straight band between two ends.

    The host is half-way between the two ends, so that the band is the same in both directions. A shift of the whole
    crystal between them is left out.

    Parameters
    ----------
    first, last : Structure
        Ordered; with the same atoms.
    source, name
        Of the path, for the problems.
    ion : str
        Element that has to be the one that moves; any where empty.
    between : sequence of Structure
        Images between the ends, where there are any: they tell which atoms move together, and which way round
        the cell.

    Returns
    -------
    band : Band or None
        None where it is not clear what moves.
    problems : tuple of Problem
    """
    symbols = np.array([site.specie.symbol for site in first])
    unlike = _unlike(first, last)
    if unlike is not None:
        return None, (Problem(*unlike, source, name),)
    steps, mended = _followed([first, *between, last]) if between else None, None
    if steps is None:
        order, mended = _order(first, last, symbols)
        steps = _steps(first, last, order)
    far = np.linalg.norm(steps, axis=1)
    movers = np.flatnonzero(far > MOVES)
    if len(movers) != 1:
        return None, (Problem(*_not_one_mover(symbols, far), source, name),)
    mover = int(movers[0])
    steps = _without_drift(steps, mover)
    far = np.linalg.norm(steps, axis=1)
    problems = []
    if mended:
        problems.append(Problem("wrong_order", mended, source, name, Level.ERROR, Mend.REORDER))
    problems += _mover_problems(str(symbols[mover]), mover, ion, source, name)
    problems += _host_problems(symbols, far, mover, source, name)
    frac = np.asarray(first.lattice.get_fractional_coords(steps))
    middle = first.frac_coords + frac / 2
    kept = [i for i in range(len(first)) if i != mover]
    host = Structure(first.lattice, [symbols[i] for i in kept], middle[kept])
    start = first.frac_coords[mover]
    return Band(host, str(symbols[mover]), linear_path(start, start + frac[mover])), tuple(problems)


def _unlike(first: Structure, last: Structure) -> tuple[str, str] | None:
    """Say why two ends are not those of a band, as code and text."""
    counts = [Counter(site.specie.symbol for site in end) for end in (first, last)]
    if counts[0] != counts[1]:
        return (
            "different_atoms",
            f"The ends hold different atoms: {first.formula} and {last.formula} ({_differences(*counts)}).",
        )
    if len(first) == 1:
        return (
            "no_host",
            "There is nothing but the ion that moves: the crystal around it is missing.",
        )
    apart = np.abs(first.lattice.matrix - last.lattice.matrix).max()
    if apart > SAME_CELL:
        return (
            "different_cells",
            f"The cells of the two ends differ by up to {apart:.2f} Å; a NEB has one fixed cell. Take both ends "
            "from the same calculation.",
        )
    return None


def _not_one_mover(symbols: NDArray[np.str_], far: NDArray[np.float64]) -> tuple[str, str]:
    """Say, as code and text, that none or several of the atoms move by these distances (Å)."""
    movers = np.flatnonzero(far > MOVES)
    if len(movers) == 0:
        return (
            "no_mover",
            f"No atom moves from one site to another: the largest displacement is {far.max():.2f} Å "
            f"({symbols[far.argmax()]}). Are both ends the same file?",
        )
    told = ", ".join(f"{symbols[i]} (atom {i + 1}) by {far[i]:.1f} Å" for i in movers[:4])
    return (
        "several_movers",
        f"{len(movers)} atoms move: {told}. The models know hops of one ion alone.",
    )


def _host_problems(
    symbols: NDArray[np.str_], far: NDArray[np.float64], mover: int, source: Source, name: str
) -> list[Problem]:
    """Tell the farthest step of another atom than the mover, where it does more than give way."""
    others = np.where(np.arange(len(far)) == mover, 0.0, far)
    which = int(others.argmax())
    if others[which] <= RELAXES:
        return []
    text = (
        f"The ends differ in more than the moving ion: {symbols[which]} (atom {which + 1}) moves by "
        f"{others[which]:.2f} Å. The host is taken half-way between the two."
    )
    return [Problem("host_moves", text, source, name, Level.WARNING)]


def _differences(one: Counter[str], other: Counter[str]) -> str:
    change = {s: other[s] - one[s] for s in one | other if other[s] != one[s]}
    return ", ".join(f"{n:+d} {s}" for s, n in sorted(change.items()))


def _steps(first: Structure, last: Structure, order: NDArray[np.int64]) -> NDArray[np.float64]:
    """Shortest vectors (Å) from every atom to the one that it becomes."""
    change = last.frac_coords[order] - first.frac_coords
    change -= np.round(change)
    # Of a reduced cell, however skewed the cell as read is, one vector either way suffices.
    reduced = first.lattice.get_lll_reduced_lattice()
    change = change @ first.lattice.matrix @ reduced.inv_matrix
    change -= np.round(change)
    corners = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)])
    cartesian = (change[:, None] + corners) @ reduced.matrix
    nearest = np.linalg.norm(cartesian, axis=2).argmin(axis=1)
    return np.asarray(cartesian[np.arange(len(change)), nearest])


def _without_drift(steps: NDArray[np.float64], mover: int) -> NDArray[np.float64]:
    """Return the ways of all atoms in a crystal whose host stays where it is on average."""
    host = np.delete(steps, mover, axis=0)
    return steps - host.mean(axis=0) if len(host) else steps


def _followed(images: Sequence[Structure]) -> NDArray[np.float64] | None:
    """Ways (Å) of all atoms from image to image in the order of the files; None where this does not hang together.

    It does where all images hold the same atoms, and no more than one jumps to another site in one step.
    """
    symbols = [[site.specie.symbol for site in image] for image in images]
    if any(other != symbols[0] for other in symbols):
        return None
    same = np.arange(len(images[0]))
    steps = np.array([_steps(one, other, same) for one, other in pairwise(images)])
    jumps = (np.linalg.norm(steps, axis=2) > MOVES).sum(axis=1)
    return None if jumps.max() > 1 else np.asarray(steps.sum(axis=0))


def _order(
    first: Structure, last: Structure, symbols: NDArray[np.str_]
) -> tuple[NDArray[np.int64], str | None]:
    """Which atom of the final end each atom of the initial one becomes, and what is wrong with the order of the file.

    That order stays unless it makes elements change or several atoms move and another one does not.
    """
    same = np.arange(len(first))
    others = np.array([site.specie.symbol for site in last])
    in_order = bool((symbols == others).all())
    if in_order:
        moved = int((np.linalg.norm(_steps(first, last, same), axis=1) > MOVES).sum())
        if moved <= 1:
            return same, None
    else:
        moved = int((symbols != others).sum())
    matched = _matched(first, last, symbols, others)
    left = int((np.linalg.norm(_steps(first, last, matched), axis=1) > MOVES).sum())
    if in_order and left >= moved:
        return same, None
    what = f"{moved} atoms seem to move" if in_order else f"{moved} places hold another element"
    return matched, (
        f"The atoms of the two ends stand in different orders ({what}); matched by their places only one moves."
    )


def _matched(
    first: Structure, last: Structure, symbols: NDArray[np.str_], others: NDArray[np.str_]
) -> NDArray[np.int64]:
    """Match atoms of the same element so that as few as possible move far.

    The cost grows with the root of the distance: one long step is then cheaper than two short ones in a row.
    """
    from scipy.optimize import linear_sum_assignment

    order = np.empty(len(first), np.int64)
    for symbol in set(symbols.tolist()):
        here, there = np.flatnonzero(symbols == symbol), np.flatnonzero(others == symbol)
        _, squares = pbc_shortest_vectors(
            first.lattice, first.frac_coords[here], last.frac_coords[there], return_d2=True
        )
        rows, columns = linear_sum_assignment(np.maximum(squares, 0.0) ** 0.25)
        order[here[rows]] = there[columns]
    return order


def _mover_problems(symbol: str, index: int, ion: str, source: Source, name: str) -> list[Problem]:
    if ion and symbol != ion:
        text = f"{symbol} (atom {index + 1}) moves, and not {ion}."
        return [Problem("other_mover", text, source, name)]
    if not ion and symbol not in (*MOBILE_IONS, "Ag", "Cu", "H"):
        text = f"{symbol} (atom {index + 1}) moves, which is no usual mobile ion; is that meant?"
        return [Problem("odd_mover", text, source, name, Level.WARNING)]
    return []
