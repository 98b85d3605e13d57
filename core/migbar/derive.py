"""New structures from an open one: its charged and discharged limit, and other chemistries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from pymatgen.core import Element, Species, Structure

from migbar.descriptors.chemistry import cation_charge, roles
from migbar.elements import is_element, mobile_charge, usual_charge
from migbar.errors import MigbarError
from migbar.ordering import CLOSEST_IONS
from migbar.structures import formula, require_ordered
from migbar.voids import find_voids

LOWEST_VALENCE = 2.0
"""Transition metals are not reduced below this charge on discharge."""

# Voids whose nearest ions are so nearly as far (Å) are as far.
_AS_FAR = 0.01

_ONE_VALENCE = ("Sc", "Y", "La", "Zr", "Hf", "Zn", "Cd", "Hg", "Ag")


class DeriveError(MigbarError):
    """Raised when a structure cannot be derived as asked."""


@dataclass(frozen=True, slots=True)
class Derived:
    """A structure made from another one.

    Attributes
    ----------
    structure : Structure
    note : str
        What was done: to be shown with every result.
    """

    structure: Structure
    note: str


def charged_limit(structure: Structure, ion: str) -> Derived:
    """Take all ions of an element out; the cell stays as it is.

    Raises
    ------
    DeriveError
        If there is none, or nothing else is left.
    """
    require_ordered(structure)
    if ion not in structure.symbol_set:
        raise DeriveError(f"{formula(structure)} holds no {ion} to take out.")
    if len(structure.symbol_set) == 1:
        raise DeriveError(f"{formula(structure)} is nothing but {ion}.")
    host = structure.copy()
    host.remove_species([ion])
    removed = len(structure) - len(host)
    return Derived(
        host,
        f"Charged limit of {formula(structure)}: {formula(host)}, {removed} {ion} taken out of the "
        "cell as read, which was not rescaled.",
    )


def discharged_limit(structure: Structure, ion: str) -> Derived:
    """Fill the voids of a host with ions until it is discharged; the cell stays as it is.

    Every redox-active transition-metal atom takes up one electron, but is not reduced below
    `LOWEST_VALENCE`; that fixes how many ions are added. The voids are filled from the roomiest
    kind on, no two ions closer than `CLOSEST_IONS`. Where not all voids of a kind are needed, each
    next ion goes where the nearest other one is farthest, and of such places to the one with the most room
    beside all others: equivalent voids differ in nothing else.

    Raises
    ------
    DeriveError
        If no electron can be taken up, or no void has room.
    """
    require_ordered(structure)
    cell, wanted = _cell_and_ions_to_add(structure, ion)
    ions = [site.frac_coords for site in cell if site.specie.symbol == ion]
    present = len(ions)
    for _, group in groupby(find_voids(cell, ion), key=lambda void: void.orbit):
        positions = np.array([void.frac_coords for void in group])
        while len(ions) < present + wanted:
            farthest, distance = _farthest(cell, positions, ions)
            if distance < CLOSEST_IONS:
                break
            ions.append(farthest)
    added = len(ions) - present
    if added == 0:
        raise DeriveError(f"no void of {formula(structure)} has room for another {ion}.")
    filled = cell.copy()
    for position in ions[present:]:
        filled.append(Element(ion), position)
    where = "the cell as read" if len(cell) == len(structure) else "a supercell of the cell as read"
    return Derived(
        filled,
        f"Discharged limit of {formula(structure)}: {formula(filled)}, {added} {ion} put into voids of "
        f"{where}, which was not rescaled.",
    )


def substitute(structure: Structure, exchange: Mapping[str, str]) -> Derived:
    """Exchange elements and rescale the cell by reference lattice scaling.

    Source: pymatgen's ``RLSVolumePredictor`` (Chu et al., Comput. Mater. Sci. 146, 184 (2018),
    doi:10.1016/j.commatsci.2018.01.040): lengths go with the sum over the elements of radius times cube root of
    the number of atoms. Ionic radii are used where oxidation states can be told by bond valences, else atomic
    ones; a new element has its usual oxidation state of the same sign as the element it replaces, or that element's.

    Parameters
    ----------
    structure : Structure
        Ordered.
    exchange : mapping of str to str
        New element for each element that is replaced, for example ``{"Li": "Na", "Fe": "Mn"}``.

    Raises
    ------
    DeriveError
        If an element is not there, is none, or has no radius.
    """
    require_ordered(structure)
    _check_exchange(structure, exchange)
    replaced = structure.copy()
    replaced.replace_species(dict(exchange))
    # Site labels would still name the elements that were there before.
    renamed = Structure(replaced.lattice, replaced.species, replaced.frac_coords)
    ratio, radii = _volume_ratio(structure, exchange)
    renamed.scale_lattice(structure.volume * ratio)
    exchanged = ", ".join(f"{old} by {new}" for old, new in exchange.items())
    return Derived(
        renamed,
        f"{formula(renamed)} from {formula(structure)}: {exchanged} replaced; lengths scaled by "
        f"{ratio ** (1 / 3):.4f} (reference lattice scaling with {radii} radii), not relaxed."
        f"{_imbalance(structure, renamed)}",
    )


# ------------------------------------------------------------------ discharging


def _cell_and_ions_to_add(structure: Structure, ion: str) -> tuple[Structure, int]:
    """Return a cell whose electrons are enough for a whole number of ions, if a small one is, and that number."""
    charge = mobile_charge(ion)
    if charge < 0:
        raise DeriveError(
            f"{ion} is an anion: no electrons come with it into {formula(structure)}."
        )
    metals = [i for i, site in enumerate(structure) if _is_redox_active(site.specie)]
    if not metals:
        raise DeriveError(
            f"{formula(structure)} holds no transition metal that could take up the electrons of {ion}."
        )
    others = np.delete(roles(structure, ion, 0).charge, metals).sum()
    valence = -others / len(metals)
    electrons = len(metals) * min(1.0, valence - LOWEST_VALENCE)
    if electrons < 1e-3:
        raise DeriveError(
            f"the transition metals of {formula(structure)} have the mean charge {valence:+.2f}: "
            f"they take up no further electrons, and the structure no further {ion}."
        )
    ions = electrons / charge
    times = _times(ions)
    repeats = [1, 1, 1]
    repeats[int(np.argmin(structure.lattice.abc))] = times
    return structure * repeats, int(times * ions + 1e-3)


def _times(ions: float) -> int:
    """How often a cell that takes up so many ions is repeated: until they are whole, else at least one."""
    whole = (n for n in range(1, 7) if round(n * ions) and abs(n * ions - round(n * ions)) < 1e-3)
    return next(whole, int(np.ceil(1 / ions - 1e-6)))


def _is_redox_active(element: Element) -> bool:
    return bool(element.is_transition_metal) and element.symbol not in _ONE_VALENCE


def _farthest(
    cell: Structure, positions: NDArray[np.float64], ions: Sequence[NDArray[np.float64]]
) -> tuple[NDArray[np.float64], float]:
    """Return the position that is farthest from the ions, and its distance to the nearest in Å."""
    if not ions:
        return positions[0], np.inf
    distances = cell.lattice.get_all_distances(positions, ions)
    nearest = distances.min(axis=1)
    # Which void comes first depends on how the cell is written down: of those as far the one with most room beside all.
    alike = np.flatnonzero(nearest > nearest.max() - _AS_FAR)
    best = alike[np.exp(-distances[alike]).sum(axis=1).round(6).argmin()]
    return positions[best], float(nearest[best])


# ------------------------------------------------------------------ other chemistries


def _check_exchange(structure: Structure, exchange: Mapping[str, str]) -> None:
    if not exchange:
        raise DeriveError("say which element is to be replaced by which.")
    for old, new in exchange.items():
        if old not in structure.symbol_set:
            raise DeriveError(f"{formula(structure)} holds no {old} to be replaced.")
        if not is_element(new):
            raise DeriveError(f"'{new}' is not a chemical element.")
        if old == new:
            raise DeriveError(f"{old} cannot be replaced by itself.")


def _volume_ratio(structure: Structure, exchange: Mapping[str, str]) -> tuple[float, str]:
    """Volume after over volume before, and the kind of radii that it comes from."""
    from pymatgen.analysis.structure_prediction.volume_predictor import RLSVolumePredictor

    # The ratio does not depend on the size of the cell, but finding oxidation states takes long.
    before = structure.get_primitive_structure()
    for radii, pair in (
        ("ionic", _with_oxidation_states(before, exchange)),
        ("atomic", (before, _replaced(before, exchange))),
    ):
        if pair is None:
            continue
        predictor = RLSVolumePredictor(check_isostructural=False, radii_type=radii, use_bv=False)
        return predictor.predict(pair[1], pair[0]) / pair[0].volume, radii
    raise DeriveError(f"the elements of {formula(structure)} have no radii to scale its cell by.")


def _imbalance(before: Structure, after: Structure) -> str:
    """Say where a neutral structure has become a charged one by the usual charges."""
    charges = [float(roles(structure, "", 0).charge.sum()) for structure in (before, after)]
    if abs(charges[0]) > 0.01 or abs(charges[1]) < 0.01:
        return ""
    units = after.composition.get_reduced_formula_and_factor()[1]
    charge = f"{charges[1] / units:+.3g} for each {formula(after)}"
    return f" By the usual charges it is not neutral any more ({charge}): add or take out ions before you compute it."


def _replaced(structure: Structure, exchange: Mapping[str, str]) -> Structure:
    copy = structure.copy()
    copy.replace_species(dict(exchange))
    return copy


def _with_oxidation_states(
    structure: Structure, exchange: Mapping[str, str]
) -> tuple[Structure, Structure] | None:
    """Return the structure before and after, with oxidation states; None where radii are missing."""
    from pymatgen.analysis.bond_valence import BVAnalyzer

    try:
        before = BVAnalyzer().get_oxi_state_decorated_structure(structure)
    except ValueError:  # what it raises where no combination of oxidation states fits
        return None
    species = {
        s: Species(exchange[s.symbol], _oxidation_state(exchange[s.symbol], s.oxi_state))
        for s in before.composition
        if s.symbol in exchange
    }
    after = before.copy()
    after.replace_species(species)
    if any(s.ionic_radius is None for s in (*before.composition, *after.composition)):
        return None
    return before, after


def _oxidation_state(symbol: str, replaced: float) -> float:
    """Take the usual one if it is of the same sign: the S that replaces the P of a phosphate is no anion."""
    usual = (usual_charge(symbol), cation_charge(symbol))
    return next((state for state in usual if state is not None and state * replaced > 0), replaced)
