"""Band descriptors: what a path and its crystal look like, in numbers.

All of them are the same for the reversed path, for any order of atoms, origin, orientation and choice of
cell, change smoothly with the positions, and do not depend on the size of the supercell.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from migbar.bands import Band
from migbar.descriptors import chemistry
from migbar.descriptors.surroundings import SAMPLES, Surroundings, surroundings

_END, _QUARTER, _MIDDLE = 0, SAMPLES // 4, SAMPLES // 2
_BOND_SOFTNESS = 0.37  # Å, Brown & Altermatt, Acta Cryst. B41, 244 (1985)


def describe(band: Band) -> dict[str, float]:
    """Describe the straight path between the ends of a band.

    Returns
    -------
    dict
        Descriptor by name; lengths in Å, charges in e, potentials in V, else dimensionless.
    """
    around = surroundings(band)
    view = _View(around)
    return {
        **_ion(around),
        **_composition(around),
        **_path(view),
        **_anion_cage(view),
        **_bond_valence(view),
        **_electrostatics(view),
        **_cations(view),
        **_like_ions(view),
        **_chemistry_nearby(view),
    }


def descriptor_names() -> tuple[str, ...]:
    """Names of the descriptors in the order of the columns of `descriptor_matrix`."""
    from pymatgen.core import Lattice, Structure

    toy = Structure(Lattice.cubic(8.4), ["O", "Ti"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    return tuple(describe(Band(toy, "Li", np.array([[0.2, 0.1, 0.3], [0.4, 0.6, 0.3]]))))


def descriptor_matrix(bands: Iterable[Band]) -> NDArray[np.float64]:
    """Describe many bands, one row each."""
    return np.array([list(describe(band).values()) for band in bands])


class _View:
    """Distances from the points of a path to the atoms around it, by role."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        ion = around.ion
        self.charge = chemistry.ion_charge(ion)
        self.radius = chemistry.cation_radius(ion)
        self.distance = np.linalg.norm(around.points[:, None] - around.positions, axis=2)
        half = around.points[-1]
        self.half = half
        self.length = 2 * float(np.linalg.norm(half))
        self.cation = ~around.anion & ~around.like
        names = around.symbols
        self.anion_radii = np.array(
            [chemistry.anion_radius(n) if n in chemistry.ANION_CHARGE else 1.4 for n in names]
        )[around.element]
        self.cation_radii = np.array([chemistry.cation_radius(n) for n in names])[around.element]
        self.pauling = np.array([chemistry.pauling(n) for n in names])[around.element]
        self.bond_length = np.array([chemistry.bond_valence_length(ion, n) for n in names])[
            around.element
        ]
        along = np.clip(around.positions @ half / max(float(half @ half), 1e-12), -1, 1)
        self.to_path = np.linalg.norm(around.positions - along[:, None] * half, axis=1)

    def to_anions(self) -> NDArray[np.float64]:
        return self.distance[:, self.around.anion]

    def gaps(self) -> NDArray[np.float64]:
        """Distance beyond the sum of the radii to every anion, shape (SAMPLES, anions)."""
        return self.to_anions() - self.radius - self.anion_radii[self.around.anion]


def _both_ends(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Mean over the two ends, and how much they differ."""
    return {
        f"{name}_ends": float(values[[0, -1]].mean()),
        f"{name}_ends_differ": float(abs(values[0] - values[-1])),
    }


def _profile(name: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Sum up a quantity along the path without regard to direction."""
    ends = values[[0, -1]].mean()
    return {
        **_both_ends(name, values),
        f"{name}_quarter": float(values[[_QUARTER, -1 - _QUARTER]].mean()),
        f"{name}_middle": float(values[_MIDDLE]),
        f"{name}_rise": float(values[_MIDDLE] - ends),
        f"{name}_max": float(values.max()),
        f"{name}_min": float(values.min()),
        f"{name}_span": float(values.max() - values.min()),
    }


def _ion(around: Surroundings) -> dict[str, float]:
    charge, radius = chemistry.ion_charge(around.ion), chemistry.cation_radius(around.ion)
    return {
        "ion_charge": charge,
        "ion_radius": radius,
        "ion_pauling": chemistry.pauling(around.ion),
        "ion_field": charge / radius**2,
    }


def _composition(around: Surroundings) -> dict[str, float]:
    names = list(around.framework)
    number = np.array([around.framework[n][0] for n in names], float)
    charge = np.array([around.framework[n][1] for n in names])
    is_anion = np.array([around.framework[n][2] for n in names])
    anions = max(float(number[is_anion].sum()), 1.0)
    row: dict[str, float] = {
        "ions_per_anion": around.ions / anions,
        "volume_per_anion": around.volume / anions,
        "volume_per_atom": around.volume / number.sum(),
        "cations_per_anion": float(number[~is_anion].sum()) / anions,
    }
    radius = np.array(
        [
            chemistry.anion_radius(n) if a else chemistry.cation_radius(n)
            for n, a in zip(names, is_anion, strict=True)
        ]
    )
    row["packing"] = float(number @ (4 / 3 * np.pi * radius**3)) / around.volume
    pauling = np.array([chemistry.pauling(n) for n in names])
    period = np.array([chemistry.period(n) for n in names], float)
    group = np.array([chemistry.group(n) for n in names], float)
    for role, members in (("anion", is_anion), ("cation", ~is_anion)):
        weights = number * members
        for label, value in (
            ("charge", np.abs(charge)), ("radius", radius), ("pauling", pauling),
            ("period", period), ("group", group),
        ):  # fmt: skip
            row[f"{role}_{label}"] = _mean(value, weights)
            if label in ("charge", "radius", "pauling", "group"):
                row[f"{role}_{label}_spread"] = _spread(value, weights)
    d_block = ~is_anion & (group >= 3) & (group <= 12)
    row["metal_fraction"] = _mean(d_block.astype(float), number * ~is_anion)
    row["metal_charge"] = _mean(charge, number * d_block)
    row["metal_group"] = _mean(group, number * d_block)
    row["metal_electrons"] = row["metal_group"] - row["metal_charge"]
    row["metal_period"] = _mean(period, number * d_block)
    row["polyanion"] = float((number * ~is_anion * (radius < 0.45)).sum()) / anions
    row["fluorine"] = float(number @ np.array([n == "F" for n in names])) / anions
    return row


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Weighted mean; 0 where nothing has a weight (no cation, no metal)."""
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


def _spread(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    mean = _mean(values, weights)
    return float(np.sqrt(max(_mean((values - mean) ** 2, weights), 0.0)))


def _path(view: _View) -> dict[str, float]:
    """Hop length and the channel: how far atoms stand off the straight path."""
    anion, cation = view.around.anion, view.cation
    clear_anion = np.sort(view.to_path[anion] - view.radius - view.anion_radii[anion])
    clear_cation = np.sort(view.to_path[cation])
    row = {"hop_length": view.length}
    for k in range(6):
        row[f"channel_anion_{k + 1}"] = _item(clear_anion, k, 4.0)
    for k in range(3):
        row[f"channel_cation_{k + 1}"] = _item(clear_cation, k, 6.0)
    # Waist only: atoms beside the inner half of the path.
    inner = np.linalg.norm(
        view.around.positions
        - np.clip(
            view.around.positions @ view.half / max(float(view.half @ view.half), 1e-12), -0.5, 0.5
        )[:, None]
        * view.half,
        axis=1,
    )
    waist = np.sort(inner[anion] - view.radius - view.anion_radii[anion])
    for k in range(4):
        row[f"waist_anion_{k + 1}"] = _item(waist, k, 4.0)
    row["waist_cation"] = _item(np.sort(inner[cation]), 0, 6.0)
    return row


def _item(values: NDArray[np.float64], index: int, default: float) -> float:
    """Entry of a sorted list, at most `default`, which also stands for atoms out of sight."""
    return min(float(values[index]), default) if index < len(values) else default


def _anion_cage(view: _View) -> dict[str, float]:
    gaps = np.sort(view.gaps(), axis=1)
    if gaps.shape[1] < 8:
        gaps = np.pad(gaps, ((0, 0), (0, 8)), constant_values=4.0)
    gaps = np.minimum(gaps, 4.0)
    row: dict[str, float] = {}
    for k in range(6):
        row |= _both_ends(f"gap_{k + 1}", gaps[:, k])
        row[f"gap_{k + 1}_quarter"] = float(gaps[[_QUARTER, -1 - _QUARTER], k].mean())
        row[f"gap_{k + 1}_middle"] = float(gaps[_MIDDLE, k])
    row["gap_1_min"] = float(gaps[:, 0].min())
    row["gap_3_min"] = float(gaps[:, :3].mean(axis=1).min())
    row["gap_1_max"] = float(gaps[:, 0].max())
    row["gap_3_rise"] = float(gaps[_MIDDLE, :3].mean() - gaps[[0, -1], :3].mean())
    raw = view.gaps()
    row |= _profile("coordination", (1 / (1 + np.exp((raw - 0.5) / 0.1))).sum(axis=1))
    row |= _profile("coordination_wide", (1 / (1 + np.exp((raw - 1.0) / 0.2))).sum(axis=1))
    row |= _profile("effective_coordination", _effective_coordination(view))
    row |= _profile("repulsion", np.log1p(np.exp(-np.clip(raw, -1.5, None) / 0.3).sum(axis=1)))
    row |= _directions(view)
    return row


def _effective_coordination(view: _View) -> NDArray[np.float64]:
    """Hoppe's effective coordination number, Z. Kristallogr. 150, 23 (1979), from gaps + 2 Å."""
    bond = np.maximum(view.gaps() + 2.0, 0.3)
    if bond.shape[1] == 0:
        return np.zeros(SAMPLES)
    mean = bond.min(axis=1, keepdims=True)
    for _ in range(12):
        weights = np.exp(1 - (bond / mean) ** 6)
        mean = (bond * weights).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    return np.exp(1 - (bond / mean) ** 6).sum(axis=1)


def _directions(view: _View) -> dict[str, float]:
    """How anions stand around the ion with respect to the direction of the hop."""
    anion = view.around.anion
    weights = 1 / (1 + np.exp((view.gaps() - 0.7) / 0.15))
    axis = view.half / max(np.linalg.norm(view.half), 1e-9)
    off, along, dipole = [], [], []
    for sample in (0, _MIDDLE, SAMPLES - 1):
        arrows = view.around.positions[anion] - view.around.points[sample]
        arrows = arrows / np.maximum(np.linalg.norm(arrows, axis=1), 0.3)[:, None]
        total = weights[sample].sum() + 0.05
        inward = -1.0 if sample == SAMPLES - 1 else 1.0
        cosine = inward * (arrows @ axis)
        off.append(float((weights[sample] * cosine**2).sum() / total))
        along.append(float((weights[sample] * np.maximum(cosine, 0) ** 4).sum()))
        dipole.append(
            float(np.linalg.norm((weights[sample][:, None] * arrows).sum(axis=0)) / total)
        )
    return {
        "axial_middle": off[1],
        "axial_ends": (off[0] + off[2]) / 2,
        "ahead_ends": (along[0] + along[2]) / 2,
        "ahead_ends_max": max(along[0], along[2]),
        "lopsided_middle": dipole[1],
        "lopsided_ends": (dipole[0] + dipole[2]) / 2,
    }


def _bond_valence(view: _View) -> dict[str, float]:
    anion = view.around.anion
    excess = view.to_anions() - view.bond_length[anion]
    bonds = np.exp(-np.maximum(excess, -0.75) / _BOND_SOFTNESS)
    total = bonds.sum(axis=1) / view.charge
    row = _profile("valence", np.minimum(total, 6.0))
    row |= _profile("valence_misfit", np.minimum(np.abs(total - 1), 5.0))
    row["valence_mean"] = float(np.minimum(total, 6.0).mean())
    share = (bonds**2).sum(axis=1) / np.maximum(bonds.sum(axis=1), 1e-9) ** 2
    row["bond_share_middle"] = float(share[_MIDDLE])
    row |= _both_ends("bond_share", share)
    return row


def _electrostatics(view: _View) -> dict[str, float]:
    volts = np.clip(view.around.potential - view.around.potential[[0, -1]].mean(), -30, 30)
    energy = view.charge * volts
    return {
        "volts_quarter": float(volts[[_QUARTER, -1 - _QUARTER]].mean()),
        "volts_middle": float(volts[_MIDDLE]),
        "volts_max": float(volts.max()),
        "volts_min": float(volts.min()),
        "volts_ends_differ": float(abs(volts[0] - volts[-1])),
        "coulomb_max": float(energy.max()),
        "coulomb_middle": float(energy[_MIDDLE]),
        "volts_site": float(np.clip(view.around.potential[[0, -1]].mean(), -60, 60)),
    }


def _cations(view: _View) -> dict[str, float]:
    near = np.sort(view.distance[:, view.cation], axis=1)
    near = np.minimum(np.pad(near, ((0, 0), (0, 4)), constant_values=7.0), 7.0)
    row: dict[str, float] = {}
    for k in range(3):
        row |= _both_ends(f"cation_{k + 1}", near[:, k])
        row[f"cation_{k + 1}_middle"] = float(near[_MIDDLE, k])
    row["cation_min"] = float(near[:, 0].min())
    distance = np.maximum(view.distance[:, view.cation], 0.8)
    charge = view.around.charge[view.cation]
    push = (charge * np.exp(-distance / 1.0) / distance).sum(axis=1) * 10
    row |= _profile("cation_push", np.minimum(push, 20.0))
    return row


def _like_ions(view: _View) -> dict[str, float]:
    near = np.sort(view.distance[:, view.around.like], axis=1)
    near = np.minimum(np.pad(near, ((0, 0), (0, 4)), constant_values=6.0), 6.0)
    row: dict[str, float] = {}
    for k in range(2):
        row |= _both_ends(f"like_{k + 1}", near[:, k])
        row[f"like_{k + 1}_middle"] = float(near[_MIDDLE, k])
    row["like_min"] = float(near[:, 0].min())
    crowd = (1 / (1 + np.exp((view.distance[:, view.around.like] - 4.2) / 0.4))).sum(axis=1)
    row |= {"like_crowd_middle": float(crowd[_MIDDLE]), **_both_ends("like_crowd", crowd)}
    return row


def _chemistry_nearby(view: _View) -> dict[str, float]:
    """Distance-weighted means of what surrounds the ion in the middle and at the ends."""
    around, row = view.around, {}
    period = np.array([chemistry.period(n) for n in around.symbols], float)[around.element]
    for place, samples in (("middle", [_MIDDLE]), ("ends", [0, SAMPLES - 1])):
        anions = np.where(around.anion, np.exp(-((view.distance[samples] / 2.5) ** 2)), 0).sum(0)
        cations = np.where(view.cation, np.exp(-((view.distance[samples] / 3.5) ** 2)), 0).sum(0)
        row[f"near_anion_pauling_{place}"] = _mean(view.pauling, anions)
        row[f"near_anion_radius_{place}"] = _mean(view.anion_radii, anions)
        row[f"near_cation_pauling_{place}"] = _mean(view.pauling, cations)
        row[f"near_cation_charge_{place}"] = _mean(around.charge, cations)
        row[f"near_cation_radius_{place}"] = _mean(view.cation_radii, cations)
        row[f"near_cation_period_{place}"] = _mean(period, cations)
    row["anion_binding_middle"], row["anion_binding_ends"] = _anion_binding(view)
    return row


def _anion_binding(view: _View) -> tuple[float, float]:
    """Bond valence that the anions next to the ion get from the framework, per formal charge."""
    around = view.around
    anion = np.flatnonzero(around.anion & (view.to_path < 3.5))
    cation = np.flatnonzero(view.cation & (view.to_path < 7.0))
    if len(anion) == 0 or len(cation) == 0:
        return 0.0, 0.0
    lengths = np.array(
        [[chemistry.bond_valence_length(a, b) for b in around.symbols] for a in around.symbols]
    )[np.ix_(around.element[anion], around.element[cation])]
    distance = np.linalg.norm(around.positions[anion][:, None] - around.positions[cation], axis=2)
    bonds = np.exp(-np.maximum(distance - lengths, -0.75) / _BOND_SOFTNESS)
    supply = bonds.sum(axis=1) / np.abs(around.charge[anion])
    weights = np.exp(-((view.distance[:, anion] / 2.2) ** 2))
    return (
        _mean(supply, weights[_MIDDLE]),
        _mean(supply, weights[[0, -1]].sum(axis=0)),
    )
