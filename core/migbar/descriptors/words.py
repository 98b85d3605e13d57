"""Descriptors in words, for people."""

from __future__ import annotations

_SUBJECTS = {
    "ion_": "the ion's charge and size",
    "ions_per_anion": "mobile ions per anion",
    "volume_per_anion": "volume per anion",
    "cations_per_anion": "framework cations per anion",
    "packing": "packing density",
    "anion_charge_near": "anions next to the middle",
    "anion_binding": "how tightly the framework binds its anions",
    "anion_": "kind of anion",
    "fluorine": "kind of anion",
    "cation_charge_near": "cations next to the middle",
    "cation_1": "nearest framework cations",
    "cation_2": "nearest framework cations",
    "cation_push": "nearest framework cations",
    "cation_": "kind of framework cations",
    "metal_": "kind of framework cations",
    "metal_electrons": "d electrons of the framework's metals",
    "metal_field": "d electrons of the framework's metals",
    "metal_distortion": "d electrons of the framework's metals",
    "polyanion": "polyanions",
    "hop_length": "hop length",
    "channel_cation": "nearest framework cations",
    "waist_cation": "nearest framework cations",
    "channel_": "width of the straight channel",
    "waist_": "width of the straight channel",
    "gap_": "room between the ion and its anions",
    "coordination": "coordination by anions",
    "effective_coordination": "coordination by anions",
    "repulsion": "crowding by anions",
    "axial": "directions of the anions",
    "ahead": "directions of the anions",
    "lopsided": "directions of the anions",
    "valley_valence": "bond-valence sum",
    "valence": "bond-valence sum",
    "bond_share": "bond-valence sum",
    "valley": "bond-valence site energy along the channel",
    "bend": "how far the ion has to leave the line",
    "opening": "width of the bottleneck",
    "volts": "electrostatic potential",
    "coulomb": "electrostatic potential",
    "like": "other mobile ions",
    "near_anion": "anions near the path",
    "near_cation": "framework cations near the path",
}


def subject(descriptor: str) -> str:
    """Say in a few words what a descriptor is about."""
    fitting = [prefix for prefix in _SUBJECTS if descriptor.startswith(prefix)]
    if not fitting:
        raise KeyError(f"no words for the descriptor '{descriptor}'")
    return _SUBJECTS[max(fitting, key=len)]
