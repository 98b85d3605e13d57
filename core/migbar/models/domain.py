"""Whether a path is of the kind that a model knows, with reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migbar.bands import Band
from migbar.descriptors.chemistry import ANION_CHARGE
from migbar.elements import is_anion
from migbar.models.explanation import Concern, DomainVerdict, Place

ION_RICH = 0.55
"""Mobile ions per anion from which on they are taken to move in concert (Li3PS4 0.75, LLZO 0.58)."""

_PLACES: tuple[Place, ...] = ("in", "near", "outside")


@dataclass(frozen=True, slots=True)
class Ranges:
    """What the training paths span.

    Attributes
    ----------
    ions, elements : frozenset of str
        Ions that move, and elements that occur in hosts.
    usual, reach : float
        Distance to the most similar path of another framework: 90th and 97.5th percentile over the training
        paths.
    spans : mapping
        Least and largest usual value by descriptor.
    """

    ions: frozenset[str]
    elements: frozenset[str]
    usual: float
    reach: float
    spans: Mapping[str, tuple[float, float]]


def judge(
    band: Band, descriptors: Mapping[str, float], distance: float, known: Ranges
) -> DomainVerdict:
    """Judge a path.

    Parameters
    ----------
    band : Band
    descriptors : mapping
        Of the band.
    distance : float
        To the most similar known path.
    known : Ranges
    """
    concerns = (*_composition(band, known), *_distance(distance, known))
    if descriptors["anion_charge"] > 0:  # else nothing is there to be narrow or to be counted by
        concerns += (*_bottleneck(descriptors, known), *_concert(descriptors))
    place: Place = max((c.place for c in concerns), key=_PLACES.index, default="in")
    lead = {
        "in": "Inside the model's domain: paths much like this one are among those it learnt from.",
        "near": "At the edge of the model's domain.",
        "outside": "Outside the model's domain; take the number as a rough guess.",
    }[place]
    return DomainVerdict(place, lead, concerns)


def _composition(band: Band, known: Ranges) -> Sequence[Concern]:
    found = []
    if band.ion not in known.ions:
        text = (
            f"The model has never seen {band.ion} move (it knows {', '.join(sorted(known.ions))}): the number is a "
            "rough guess, and its interval too narrow."
        )
        if is_anion(band.ion):
            text += f" It takes what moves for a cation, which {band.ion} is not."
        found.append(Concern("unseen_ion", "outside", text))
    elements = {band.ion, *band.host.symbol_set}
    if not elements & ANION_CHARGE.keys():
        text = "The crystal has no anion: the model knows ions in compounds, not atoms in metals."
        found.append(Concern("no_anion", "outside", text))
    unseen = sorted(set(band.host.symbol_set) - {band.ion} - known.elements)
    anions = [symbol for symbol in unseen if symbol in ANION_CHARGE]
    cations = [symbol for symbol in unseen if symbol not in ANION_CHARGE]
    if anions:
        text = (
            f"No training path runs past {', '.join(anions)}: how it binds {band.ion} is a guess."
        )
        found.append(Concern("unseen_anion", "outside", text))
    if cations:
        text = f"No training path has a host with {', '.join(cations)}."
        found.append(Concern("unseen_element", "near", text))
    return found


def _distance(distance: float, known: Ranges) -> Sequence[Concern]:
    if distance <= known.usual:
        return []
    outside = distance > known.reach
    return [
        Concern(
            "outside_domain" if outside else "edge_of_domain",
            "outside" if outside else "near",
            "Even the most similar known path is unlike this one (distance "
            f"{distance:.2f}; usual up to {known.usual:.2f}).",
        )
    ]


def _bottleneck(descriptors: Mapping[str, float], known: Ranges) -> Sequence[Concern]:
    found = []
    low, high = known.spans["opening_min"]
    opening = descriptors["opening_min"]
    if not low <= opening <= high:
        text = (
            f"The bottleneck is {_room(opening)} by ionic radii; on known paths it is {_room(low)} "
            f"to {_room(high)}."
        )
        found.append(Concern("unusual_bottleneck", "near", text))
    low, high = known.spans["hop_length"]
    length = descriptors["hop_length"]
    if not low <= length <= high:
        text = f"The hop is {length:.1f} Å long; known ones are {low:.1f} to {high:.1f} Å."
        found.append(Concern("unusual_length", "near", text))
    return found


def _room(opening: float) -> str:
    return f"{abs(opening):.2f} Å too {'narrow' if opening < 0 else 'wide'}"


def _concert(descriptors: Mapping[str, float]) -> Sequence[Concern]:
    rich = descriptors["ions_per_anion"] >= ION_RICH and descriptors["ion_charge"] == 1.0
    if not rich:
        return []
    return [
        Concern(
            "concerted",
            "near",
            f"With {descriptors['ions_per_anion']:.2f} mobile ions per anion the ions may move in "
            "concert, which costs less than the single hop that is predicted here.",
        )
    ]
