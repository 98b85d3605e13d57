"""Ordered models of crystals with partly occupied sites.

Occupancies are rounded to whole, charge-neutral numbers of atoms in a small cell. pymatgen's
`OrderDisorderedStructureTransformation` then places them by electrostatic energy with its
best-first search. Where that puts two mobile ions side by side, a short simulated annealing on the
same Ewald energies moves them apart.
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Lattice, Structure

from migbar.descriptors.chemistry import cation_charge, central_elements
from migbar.elements import REDUCIBLE, usual_charge
from migbar.errors import OrderingError
from migbar.progress import SILENT, Progress, check_cancelled
from migbar.structures import formula, is_partly_occupied, mobile_ions
from migbar.wording import counted

CLOSEST_IONS = 2.0
"""Two mobile ions are never placed closer than this (Å)."""

# Two atoms of any kind closer than this (Å) are alternatives: at most one of them is there.
_ALTERNATIVES = 1.2
# Largest rounding of a site's occupancy that needs no larger cell.
_FINE_ROUNDING = 0.05
# Charge of a composition over its positive charges that is more than occupancies with few digits make.
_CHARGED = 0.01
# One that is more than that, and tells of wrong or missing occupancies.
_MISTAKEN = 0.05
# Energy (eV) that keeps atoms apart that must not be neighbours.
_APART = 100.0
# One annealing in four leaves two ions of a cubic garnet side by side: up to so many follow, each from the last's end.
_TRIES = 4


@dataclass(frozen=True, slots=True)
class Ordering:
    """An ordered structure and how it came about.

    Attributes
    ----------
    structure : Structure
        The ordered structure.
    note : str
        What was rounded, in which cell: to be shown with every result.
    """

    structure: Structure
    note: str


@dataclass(frozen=True, slots=True)
class _Group:
    """Partly occupied sites that are alike, and how many atoms of each element they get."""

    sites: tuple[int, ...]
    occupancies: dict[str, float]
    counts: dict[str, int]

    @property
    def rounding(self) -> float:
        """Largest change of an occupancy."""
        return max(abs(self.counts[s] / len(self.sites) - x) for s, x in self.occupancies.items())


def order_structure(
    structure: Structure,
    ion: str | None = None,
    max_atoms: int = 200,
    time_limit: float = 60.0,
    progress: Progress = SILENT,
) -> Ordering:
    """Make an ordered model of a structure with partly occupied sites.

    Parameters
    ----------
    structure : Structure
        The crystal, partly occupied or not.
    ion : str, optional
        The mobile ion; by default the likeliest one.
    max_atoms : int
        Largest number of atoms in the ordered cell.
    time_limit : float
        Seconds after which the search is given up.
    progress : Progress
        Is told the seconds that have passed; can cancel.

    Raises
    ------
    OrderingError
        When no neutral, ordered cell was found; says what can be done.
    Cancelled
        When the user cancels.
    """
    if not is_partly_occupied(structure):
        return Ordering(structure, "All sites are fully occupied; nothing was ordered.")
    ions = [ion] if ion else mobile_ions(structure)[:1]
    cell, size, groups = _choose_cell(structure, max_atoms, ions)
    decorated = _decorated(cell, groups)
    job = json.dumps({"structure": decorated.as_dict(), "ions": ions})
    answer = _run(job, time_limit, progress)
    if not answer:
        raise OrderingError(
            f"No ordering of {formula(structure)} keeps its ions {CLOSEST_IONS:g} Å apart. Check "
            "the occupancies, or allow more atoms."
        )
    ordered = Structure.from_dict(json.loads(answer))
    note = _note(structure, cell, size, groups, ordered)
    note += _equal_charges(decorated, groups) + _imbalance(structure)
    return Ordering(ordered, note + _left_empty(cell, ordered, ions))


def _note(
    structure: Structure, cell: Structure, size: str, groups: list[_Group], ordered: Structure
) -> str:
    occupant = {_position(site): site.specie.symbol for site in ordered}
    placed, moved = [], False
    for group in groups:
        found = Counter(occupant.get(_position(cell[i])) for i in group.sites)
        label = cell[group.sites[0]].label
        for symbol, occupancy in group.occupancies.items():
            placed.append(f"{label} {symbol} {occupancy:.3g} → {found[symbol]}/{len(group.sites)}")
            moved |= found[symbol] != group.counts[symbol]
    apart = f", some moved to other sites to keep ions {CLOSEST_IONS:g} Å apart" if moved else ""
    return (
        f"Ordered model of {formula(structure)}: {formula(ordered)}, {len(ordered)} atoms in "
        f"{size}; occupancies {', '.join(placed)}; placed by electrostatic energy{apart}."
    )


def _equal_charges(decorated: Structure, groups: list[_Group]) -> str:
    """Say which elements share sites and have one charge: any way to place them has the same energy."""
    charges = {species.symbol: round(species.oxi_state, 6) for species in decorated.composition}
    shared = [[symbol for symbol, n in group.counts.items() if n] for group in groups]
    alike = {" and ".join(s) for s in shared if len(s) > 1 and len({charges[e] for e in s}) == 1}
    return "".join(
        f" {elements} have the same charge there, so that the energy does not tell which stands where: it is one "
        "way of many."
        for elements in sorted(alike)
    )


def _imbalance(structure: Structure) -> str:
    """Say where the occupancies had to change a lot, as they are not those of a neutral crystal."""
    charges = _usual_charges(structure)
    if None in charges.values():
        return ""
    amounts = structure.composition.get_el_amt_dict()
    parts = [(charges[symbol] or 0) * amount for symbol, amount in amounts.items()]
    if abs(sum(parts)) <= _MISTAKEN * sum(part for part in parts if part > 0):
        return ""
    return (
        f" As read it is not neutral by the usual charges ({sum(parts):+.3g} in a cell), so that the occupancies had "
        "to change: check them."
    )


def _left_empty(cell: Structure, ordered: Structure, ions: list[str]) -> str:
    """Say which places of the ions no hop between sites will lead to."""
    occupied = {_position(site) for site in ordered}
    told = []
    for ion in ions:
        places = [
            _position(site) for site in cell if ion in site.species.chemical_system.split("-")
        ]
        empty = sum(place not in occupied for place in places)
        told += [f"{counted(empty, 'site')} of {ion}"] if empty else []
    if not told:
        return ""
    return (
        f" Left empty: {', '.join(told)}; hops between sites lead to occupied ones alone, insertion into the charged "
        "limit to all voids."
    )


def _position(site: Any) -> tuple[float, ...]:
    return tuple(np.round(site.frac_coords, 6))


# --- whole numbers of atoms ---------------------------------------------------------------------


def _choose_cell(
    structure: Structure, max_atoms: int, ions: list[str]
) -> tuple[Structure, str, list[_Group]]:
    """Return the smallest cell in which the occupancies are nearly whole numbers of atoms.

    One in which an ion is rounded away, however few there are, is taken where there is no other.
    """
    best: tuple[Structure, str, list[_Group]] | None = None
    smallest = np.inf
    for cell, size in _cells(structure, max_atoms):
        groups = _rounded_groups(cell)
        if groups is None:
            continue
        rounding = max(group.rounding for group in groups) + _loses(cell, groups, ions)
        if rounding < smallest - 1e-6:
            best, smallest = (cell, size, groups), rounding
        if smallest <= _FINE_ROUNDING:
            break
    if best is None:
        raise OrderingError(
            f"{formula(structure)} has no charge-neutral cell of up to {max_atoms} atoms near its "
            "occupancies. Check the occupancies, or allow more atoms."
        )
    return best


def _loses(cell: Structure, groups: list[_Group], ions: list[str]) -> bool:
    """Whether all atoms of one of the ions are rounded away."""
    kept = {site.specie.symbol for site in cell if site.is_ordered}
    kept |= {symbol for group in groups for symbol, n in group.counts.items() if n}
    return any(ion in cell.symbol_set and ion not in kept for ion in ions)


def _cells(structure: Structure, max_atoms: int) -> Iterator[tuple[Structure, str]]:
    """Cells of up to `max_atoms` atoms: the one given (else the primitive one) and multiples."""
    base, name = structure, "the cell as read"
    if base.composition.num_atoms > max_atoms + 0.5:
        base, name = structure.get_primitive_structure(), "the primitive cell"
    n_atoms = base.composition.num_atoms
    if n_atoms > max_atoms + 0.5:
        raise OrderingError(
            f"Its smallest cell has {n_atoms:.0f} atoms; at most {max_atoms} are allowed. "
            "Allow more atoms, or order the structure elsewhere."
        )
    yield base, name
    multiples = sorted(product((1, 2, 3), repeat=3), key=lambda m: _longest(base.lattice, m))
    for multiple in sorted(multiples, key=lambda m: int(np.prod(m))):
        times = int(np.prod(multiple))
        if times > 1 and times * n_atoms <= max_atoms:
            yield base * multiple, f"{' × '.join(map(str, multiple))} times {name}"


def _longest(lattice: Lattice, multiple: tuple[int, ...]) -> float:
    return max(length * m for length, m in zip(lattice.abc, multiple, strict=True))


def _usual_charges(structure: Structure) -> dict[str, int | None]:
    """Oxidation state of each element, None for those that take up what is left.

    Elements that hardly vary have their usual one. Where the composition as read is too positive with these, the
    `REDUCIBLE` ones take up the electrons: the ions of LixTiS2 must not be rounded away to keep Ti at +4.
    """
    symbols = [max(site.species, key=site.species.get).symbol for site in structure]
    central = central_elements(structure, symbols)
    charges: dict[str, int | None] = {}
    for symbol in structure.symbol_set:
        inside = cation_charge(symbol) if symbol in central else None
        charges[symbol] = usual_charge(symbol) if inside is None else round(inside)
    if None not in charges.values():
        amounts = structure.composition.get_el_amt_dict()
        parts = [(charges[symbol] or 0) * amount for symbol, amount in amounts.items()]
        if sum(parts) > _CHARGED * sum(part for part in parts if part > 0):
            charges |= {symbol: None for symbol in REDUCIBLE if symbol in charges}
    return charges


def _rounded_groups(cell: Structure) -> list[_Group] | None:
    """Whole numbers of atoms nearest to the occupancies that leave the cell neutral.

    Elements with several oxidation states, where there are any, take up the charge; otherwise the
    numbers must add up to zero charge, and None is returned if they cannot.
    """
    alike: dict[tuple[tuple[str, float], ...], list[int]] = {}
    for i, site in enumerate(cell):
        if not site.is_ordered:
            key = tuple((s.symbol, round(x, 4)) for s, x in sorted(site.species.items()))
            alike.setdefault(key, []).append(i)
    charges = _usual_charges(cell)
    flexible = None in charges.values()
    fixed = [site.specie.symbol for site in cell if site.is_ordered]
    start = 0 if flexible else sum(charges[symbol] or 0 for symbol in fixed)
    # Total charge so far → (deviation, counts of each group): the best way to reach that charge.
    reached: dict[int, tuple[float, tuple[tuple[int, ...], ...]]] = {start: (0.0, ())}
    for key, sites in alike.items():
        extended: dict[int, tuple[float, tuple[tuple[int, ...], ...]]] = {}
        for charge, (deviation, chosen) in reached.items():
            for counts, added in _roundings(key, len(sites)):
                change = sum(n * (charges[s] or 0) for (s, _), n in zip(key, counts, strict=True))
                total = charge + (0 if flexible else change)
                candidate = (deviation + added, (*chosen, counts))
                if total not in extended or candidate < extended[total]:
                    extended[total] = candidate
        reached = extended
    if 0 not in reached:
        return None
    return [
        _Group(tuple(sites), dict(key), dict(zip(dict(key), counts, strict=True)))
        for (key, sites), counts in zip(alike.items(), reached[0][1], strict=True)
    ]


def _roundings(
    key: tuple[tuple[str, float], ...], n_sites: int
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Whole numbers near the occupancies that fit the sites, with their squared deviation."""
    ideal = [x * n_sites for _, x in key]
    full = abs(sum(ideal) - n_sites) < 1e-3 * n_sites
    near = [range(max(0, int(x) - 2), min(n_sites, int(x) + 3) + 1) for x in ideal]
    for counts in product(*near):
        if sum(counts) == n_sites if full else sum(counts) <= n_sites:
            yield counts, sum((n - x) ** 2 for n, x in zip(counts, ideal, strict=True))


def _decorated(cell: Structure, groups: list[_Group]) -> Structure:
    """Return the cell with whole-number occupancies and oxidation states.

    Elements with several oxidation states get the mean one that makes the cell neutral.
    """
    usual = _usual_charges(cell)
    whole = cell.copy()
    for group in groups:
        for i in group.sites:
            share = {s: n / len(group.sites) for s, n in group.counts.items() if n}
            whole.replace(i, share or cell[i].species, label=cell[i].label)
    whole.remove_sites(
        [i for group in groups if not any(group.counts.values()) for i in group.sites]
    )
    amounts = whole.composition.get_el_amt_dict()
    charges = {s: float(usual[s] or 0) for s in amounts}
    flexible = [s for s in amounts if usual[s] is None]
    if flexible:
        rest = -sum(charges[s] * n for s, n in amounts.items())
        charges |= dict.fromkeys(flexible, rest / sum(amounts[s] for s in flexible))
    whole.add_oxidation_state_by_element(charges)
    return whole


# --- placing the atoms --------------------------------------------------------------------------


def _run(job: str, time_limit: float, progress: Progress) -> str:
    """Run `_place` in its own process, which can be stopped at any time."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_place_and_send, args=(job, sender), daemon=True)
    start = time.monotonic()
    worker.start()
    sender.close()
    try:
        while not receiver.poll(0.1):
            check_cancelled(progress)
            elapsed = time.monotonic() - start
            progress.report(int(elapsed), int(time_limit), "Ordering the partly occupied sites")
            if elapsed > time_limit:
                raise OrderingError(
                    f"No ordering was found within {time_limit:.0f} s. Allow more time, or fewer "
                    "atoms."
                )
        return receiver.recv_bytes().decode()
    except EOFError as error:
        raise OrderingError(
            "The search for an ordering broke off; try a smaller cell. (It works in a second process: a script "
            "of your own has to start it below 'if __name__ == \"__main__\":', or that process starts it, too.)"
        ) from error
    finally:
        worker.terminate()
        worker.join()
        receiver.close()


def _place_and_send(job: str, sender: Connection) -> None:
    sender.send_bytes(_place(job).encode())
    sender.close()


def _place(job: str) -> str:
    """Order the structure of a job; returns it as JSON, or nothing if atoms stay too close."""
    task = json.loads(job)
    disordered = Structure.from_dict(task["structure"])
    occupants = _best_first(disordered)
    conflicts = _conflicts(disordered, task["ions"])
    # Sites with the same occupancies keep their number of atoms, if that can be.
    by_occupancy = _swappable(disordered, lambda site: site.species_string)
    by_elements = _swappable(disordered, lambda site: site.species.chemical_system)
    tries = [(by_occupancy, 0), *((by_elements, seed) for seed in range(_TRIES))]
    for groups, seed in tries:
        if _n_conflicts(occupants, conflicts):
            occupants = _annealed(disordered, occupants, conflicts, groups, seed)
    if _n_conflicts(occupants, conflicts):
        return ""
    kept = [i for i, species in enumerate(occupants) if species is not None]
    ordered = Structure(
        disordered.lattice,
        [occupants[i] for i in kept],
        disordered.frac_coords[kept],
        labels=[disordered[i].label for i in kept],
    )
    ordered.remove_oxidation_states()
    return json.dumps(ordered.as_dict())


def _best_first(disordered: Structure) -> list[Any]:
    """Occupant of each site (None for a vacancy) by pymatgen's best-first search."""
    if disordered.is_ordered:
        return [site.specie for site in disordered]
    from pymatgen.transformations.standard_transformations import (
        OrderDisorderedStructureTransformation,
    )

    transformation = OrderDisorderedStructureTransformation(
        algo=OrderDisorderedStructureTransformation.ALGO_BEST_FIRST
    )
    ordered = transformation.apply_transformation(disordered)
    placed = {_position(site): site.specie for site in ordered}
    return [placed.get(_position(site)) for site in disordered]


def _conflicts(structure: Structure, ions: list[str]) -> NDArray[np.bool_]:
    """Pairs of sites that must not both be occupied, shape (n, n)."""
    distances = structure.distance_matrix
    hosts_ion = np.array([any(s.symbol in ions for s in site.species) for site in structure])
    partly = np.array([not site.is_ordered for site in structure])
    close = distances < np.where(np.outer(hosts_ion, hosts_ion), CLOSEST_IONS, _ALTERNATIVES)
    close &= partly[:, None] | partly[None, :]
    np.fill_diagonal(close, False)
    return close


def _n_conflicts(occupants: list[Any], conflicts: NDArray[np.bool_]) -> int:
    occupied = np.array([species is not None for species in occupants])
    return int(conflicts[np.ix_(occupied, occupied)].sum()) // 2


def _annealed(
    disordered: Structure,
    start: list[Any],
    conflicts: NDArray[np.bool_],
    groups: list[NDArray[np.int_]],
    seed: int,
    n_steps: int = 100_000,
) -> list[Any]:
    """Swap occupants within groups of sites, at a falling temperature, until no two conflict.

    The energy is the Ewald sum plus a penalty for each conflict; the same start and seed give the same end.
    """
    from pymatgen.core.ewald import EwaldSummation

    occupants = list(start)
    pairwise = _symmetric(EwaldSummation(_unit_charges(disordered)).total_energy_matrix)
    penalty = _APART * conflicts
    charge = np.array([s.oxi_state if s is not None else 0.0 for s in occupants])
    filled = np.array([s is not None for s in occupants], dtype=float)
    field, crowding = pairwise @ charge, penalty @ filled
    random = np.random.default_rng(seed)
    temperatures = np.geomspace(3.0, 0.03, n_steps)
    for temperature in temperatures:
        group = groups[random.integers(len(groups))]
        i, j = group[random.integers(len(group), size=2)]
        if occupants[i] == occupants[j]:
            continue
        dq, dn = charge[j] - charge[i], filled[j] - filled[i]
        rise = 2 * dq * (field[i] - field[j])
        rise += dq**2 * (pairwise[i, i] + pairwise[j, j] - 2 * pairwise[i, j])
        rise += dn * (crowding[i] - crowding[j]) - dn**2 * penalty[i, j]
        if rise > 0 and random.random() > np.exp(-rise / temperature):
            continue
        for values in (charge, filled):
            values[[i, j]] = values[[j, i]]
        occupants[i], occupants[j] = occupants[j], occupants[i]
        field += dq * (pairwise[i] - pairwise[j])
        crowding += dn * (penalty[i] - penalty[j])
    return occupants


def _unit_charges(structure: Structure) -> Structure:
    """Return the same sites with a charge of +1 each, whose Ewald matrix serves all occupants."""
    return Structure(structure.lattice, ["Li+"] * len(structure), structure.frac_coords)


def _symmetric(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return (matrix + matrix.T) / 2


def _swappable(disordered: Structure, alike: Callable[[Any], str]) -> list[NDArray[np.int_]]:
    """Group the partly occupied sites that `alike` gives the same name."""
    groups: dict[str, list[int]] = {}
    for i, site in enumerate(disordered):
        if not site.is_ordered:
            groups.setdefault(alike(site), []).append(i)
    return [np.array(group) for group in groups.values()]
