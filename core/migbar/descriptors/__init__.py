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
from migbar.descriptors.channel import SLICES, Channel, channel_of
from migbar.descriptors.surroundings import SAMPLES, Surroundings, surroundings

_MIDDLE = SAMPLES // 2
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
        **_channel(channel_of(around)),
        **_push(view),
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
        self.to_path = self.off_axis(1.0)

    def off_axis(self, part: float) -> NDArray[np.float64]:
        """Distance in Å of every atom to the given middle part of the path."""
        positions, half = self.around.positions, self.half
        along = np.clip(positions @ half / max(float(half @ half), 1e-12), -part, part)
        return np.linalg.norm(positions - along[:, None] * half, axis=1)

    def to_anions(self) -> NDArray[np.float64]:
        return self.distance[:, self.around.anion]

    def gaps(self) -> NDArray[np.float64]:
        """Distance beyond the sum of the radii to every anion, shape (SAMPLES, anions)."""
        return self.to_anions() - self.radius - self.anion_radii[self.around.anion]


def _ends(values: NDArray[np.float64]) -> float:
    """Mean over the two ends."""
    return float(values[[0, -1]].mean())


def _ends_differ(values: NDArray[np.float64]) -> float:
    return float(abs(values[0] - values[-1]))


def _channel(planes: Channel) -> dict[str, float]:
    """Describe the planes across the path: what the ion meets if it may leave the line."""
    valley = planes.valley
    height = np.exp((valley - valley.max()) / 0.3)
    place = np.abs(np.linspace(-1.0, 1.0, SLICES))
    parts = ("ends", "middle", "rise", "max", "min", "ends_differ")
    return {
        **_profile("valley", valley, "ends", "middle", "rise", "max", "span", "ends_differ"),
        "valley_barrier": float(valley.max()) - _ends(valley),
        "valley_mean_rise": float(valley.mean()) - _ends(valley),
        "valley_off_middle": _mean(place, height),
        **_profile("bend", planes.bend, *parts),
        **_profile("opening", planes.opening, *parts),
        **_profile("valley_valence", planes.valence, *parts),
    }


def _push(view: _View) -> dict[str, float]:
    """Charge next to the ion in the middle, and how other mobile ions push: Σ exp(−d/1.5 Å)."""
    around = view.around
    near = np.exp(-((view.distance[_MIDDLE] / 2.5) ** 2))
    ions = np.exp(-view.distance[:, around.like] / 1.5).sum(axis=1)
    return {
        "cation_charge_near_middle": float(near[view.cation] @ around.charge[view.cation]),
        "anion_charge_near_middle": float(near[around.anion] @ around.charge[around.anion]),
        **_profile("like_push", ions, "middle", "rise"),
    }


def _profile(name: str, values: NDArray[np.float64], *parts: str) -> dict[str, float]:
    """Sum up a quantity along the path without regard to direction."""
    found = {
        "ends": _ends(values),
        "ends_differ": _ends_differ(values),
        "middle": float(values[len(values) // 2]),
        "rise": float(values[len(values) // 2]) - _ends(values),
        "max": float(values.max()),
        "min": float(values.min()),
        "span": float(values.max() - values.min()),
        "mean": float(values.mean()),
    }
    return {f"{name}_{part}": found[part] for part in parts}


def _mean(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Weighted mean; 0 where nothing has a weight (no cation, no metal)."""
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else 0.0


def _sorted(distances: NDArray[np.float64], n: int, most: float) -> NDArray[np.float64]:
    """Return the `n` smallest of each row, at most `most`, which also stands for atoms out of sight."""
    padded = np.pad(distances, ((0, 0), (0, n)), constant_values=most)
    return np.minimum(np.sort(padded, axis=1)[:, :n], most)


def _ion(around: Surroundings) -> dict[str, float]:
    charge, radius = chemistry.ion_charge(around.ion), chemistry.cation_radius(around.ion)
    return {
        "ion_charge": charge,
        "ion_radius": radius,
        "ion_pauling": chemistry.pauling(around.ion),
        "ion_field": charge / radius**2,
    }


def _composition(around: Surroundings) -> dict[str, float]:
    """Composition and density of the framework, and how many ions it holds when full."""
    names = list(around.framework)
    number = np.array([around.framework[n][0] for n in names], float)
    charge = np.array([around.framework[n][1] for n in names])
    is_anion = np.array([around.framework[n][2] for n in names], bool)
    radius = np.array(
        [
            chemistry.anion_radius(n) if a else chemistry.cation_radius(n)
            for n, a in zip(names, is_anion, strict=True)
        ]
    )
    pauling = np.array([chemistry.pauling(n) for n in names])
    period = np.array([chemistry.period(n) for n in names], float)
    group = np.array([chemistry.group(n) for n in names], float)
    anions, cations = number * is_anion, number * ~is_anion
    metals = cations * (group >= 3) * (group <= 12)
    electrons = group - charge
    per_anion = 1 / max(float(anions.sum()), 1.0)
    return {
        "ions_per_anion": around.ions * per_anion,
        "volume_per_anion": around.volume * per_anion,
        "cations_per_anion": float(cations.sum()) * per_anion,
        "packing": float(number @ (4 / 3 * np.pi * radius**3)) / around.volume,
        "anion_charge": _mean(-charge, anions),
        "anion_radius": _mean(radius, anions),
        "anion_pauling": _mean(pauling, anions),
        "cation_charge": _mean(charge, cations),
        "cation_pauling": _mean(pauling, cations),
        "cation_radius": _mean(radius, cations),
        "cation_group": _mean(group, cations),
        "metal_fraction": _mean((metals > 0).astype(float), cations),
        "metal_charge": _mean(charge, metals),
        "metal_electrons": _mean(electrons, metals),
        "metal_period": _mean(period, metals),
        "metal_field": _mean(chemistry.crystal_field(electrons), metals),
        "metal_distortion": _mean(chemistry.jahn_teller(electrons), metals),
        "polyanion": float((cations * (radius < 0.45)).sum()) * per_anion,
        "fluorine": float(number @ np.array([n == "F" for n in names])) * per_anion,
    }


def _path(view: _View) -> dict[str, float]:
    """Hop length and the channel: how far atoms stand off the straight path, or its inner half."""
    anion, cation = view.around.anion, view.cation
    radii = view.radius + view.anion_radii[anion]
    inner = view.off_axis(0.5)
    channel = _sorted((view.to_path[anion] - radii)[None], 3, 4.0)[0]
    waist = _sorted((inner[anion] - radii)[None], 3, 4.0)[0]
    return {
        "hop_length": view.length,
        **{f"channel_anion_{k + 1}": float(channel[k]) for k in range(3)},
        "channel_cation": float(_sorted(view.to_path[cation][None], 1, 6.0)[0, 0]),
        **{f"waist_anion_{k + 1}": float(waist[k]) for k in range(3)},
        "waist_cation": float(_sorted(inner[cation][None], 1, 6.0)[0, 0]),
    }


def _anion_cage(view: _View) -> dict[str, float]:
    """How tightly anions sit around the ion."""
    gaps = view.gaps()
    first, three = (_sorted(gaps, n, 4.0).mean(axis=1) for n in (1, 3))
    coordination = (1 / (1 + np.exp((gaps - 1.0) / 0.2))).sum(axis=1)
    repulsion = np.log1p(np.exp(-np.clip(gaps, -1.5, None) / 0.3).sum(axis=1))
    return {
        **_profile("gap_1", first, "ends", "middle", "min"),
        **_profile("gap_3", three, "ends", "middle", "min", "rise"),
        **_profile(
            "coordination", coordination,
            "ends", "middle", "rise", "max", "min", "span", "ends_differ",
        ),
        **_profile(
            "effective_coordination", _effective_coordination(gaps), "ends", "middle", "span", "max"
        ),
        **_profile("repulsion", repulsion, "ends", "middle", "rise", "max", "span"),
        **_directions(view),
    }  # fmt: skip


def _effective_coordination(gaps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hoppe's effective coordination number, Z. Kristallogr. 150, 23 (1979), from gaps + 2 Å."""
    bond = np.maximum(gaps + 2.0, 0.3)
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
    axis = view.half / max(float(np.linalg.norm(view.half)), 1e-9)
    axial, ahead, lopsided = [], [], []
    for sample, forward in ((0, 1.0), (_MIDDLE, 1.0), (-1, -1.0)):
        arrows = view.around.positions[anion] - view.around.points[sample]
        arrows = arrows / np.maximum(np.linalg.norm(arrows, axis=1), 0.3)[:, None]
        weight = weights[sample]
        total = weight.sum() + 0.05  # no jump where the last anion leaves
        cosine = forward * (arrows @ axis)
        axial.append(float(weight @ cosine**2 / total))
        ahead.append(float(weight @ np.maximum(cosine, 0) ** 4))
        lopsided.append(float(np.linalg.norm(weight @ arrows) / total))
    return {
        "axial_middle": axial[1],
        "axial_ends": (axial[0] + axial[2]) / 2,
        "ahead_ends": (ahead[0] + ahead[2]) / 2,
        "ahead_ends_max": max(ahead[0], ahead[2]),
        "lopsided_middle": lopsided[1],
        "lopsided_ends": (lopsided[0] + lopsided[2]) / 2,
    }


def _bond_valence(view: _View) -> dict[str, float]:
    """Bond-valence sum of the ion over its charge, its misfit, and how unevenly bonds share it."""
    excess = view.to_anions() - view.bond_length[view.around.anion]
    bonds = np.exp(-np.maximum(excess, -0.75) / _BOND_SOFTNESS)
    total = bonds.sum(axis=1) / view.charge
    share = (bonds**2).sum(axis=1) / np.maximum(bonds.sum(axis=1), 1e-9) ** 2
    return {
        **_profile(
            "valence", np.minimum(total, 6.0),
            "ends", "middle", "rise", "max", "min", "span", "mean", "ends_differ",
        ),
        **_profile("valence_misfit", np.minimum(np.abs(total - 1), 5.0), "ends", "middle", "max"),
        **_profile("bond_share", share, "ends", "middle"),
    }  # fmt: skip


def _electrostatics(view: _View) -> dict[str, float]:
    potential = view.around.potential
    volts = np.clip(potential - _ends(potential), -30, 30)
    return {
        **_profile("volts", volts, "middle", "max", "min", "ends_differ"),
        "volts_site": float(np.clip(_ends(potential), -60, 60)),
        "coulomb_max": view.charge * float(volts.max()),
    }


def _cations(view: _View) -> dict[str, float]:
    """How near framework cations are, and how hard they push: Σ 10 q exp(−d/Å) Å/d."""
    near = _sorted(view.distance[:, view.cation], 2, 7.0)
    distance = np.maximum(view.distance[:, view.cation], 0.8)
    push = 10 * (np.exp(-distance) / distance) @ view.around.charge[view.cation]
    return {
        **_profile("cation_1", near[:, 0], "ends", "middle", "min"),
        **_profile("cation_2", near[:, 1], "middle"),
        **_profile("cation_push", np.minimum(push, 20.0), "ends", "middle", "rise", "max"),
    }


def _like_ions(view: _View) -> dict[str, float]:
    distance = view.distance[:, view.around.like]
    crowd = (1 / (1 + np.exp((distance - 4.2) / 0.4))).sum(axis=1)
    return {
        **_profile("like", _sorted(distance, 1, 6.0)[:, 0], "ends", "middle", "min"),
        **_profile("like_crowd", crowd, "ends", "middle"),
    }


def _chemistry_nearby(view: _View) -> dict[str, float]:
    """Distance-weighted means of what surrounds the ion in the middle and at the ends."""
    around = view.around
    period = np.array([chemistry.period(n) for n in around.symbols], float)[around.element]
    row: dict[str, float] = {}
    for place, samples in (("middle", [_MIDDLE]), ("ends", [0, -1])):
        distance = view.distance[samples]
        anions = np.where(around.anion, np.exp(-((distance / 2.5) ** 2)), 0).sum(axis=0)
        cations = np.where(view.cation, np.exp(-((distance / 3.5) ** 2)), 0).sum(axis=0)
        row |= {
            f"near_anion_pauling_{place}": _mean(view.pauling, anions),
            f"near_anion_radius_{place}": _mean(view.anion_radii, anions),
            f"near_cation_pauling_{place}": _mean(view.pauling, cations),
            f"near_cation_charge_{place}": _mean(around.charge, cations),
            f"near_cation_radius_{place}": _mean(view.cation_radii, cations),
            f"near_cation_period_{place}": _mean(period, cations),
        }
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
