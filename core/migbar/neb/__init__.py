"""Nudged elastic band with a universal potential: the relaxed path of an ion and its energy profile."""

from migbar.neb.barrier import relaxed_barrier, usable_barrier
from migbar.neb.pushing import pushed_ion, pushing_endpoints
from migbar.neb.relaxation import NebStep, endpoints, relax_band
from migbar.neb.result import NebResult, read_result, write_result
from migbar.neb.settings import DEFAULT_PRESET, PRESETS, NebError, NebSettings, settings_from
from migbar.neb.vibrations import Vibrations, vibrations_of, write_vibrations

__all__ = [
    "DEFAULT_PRESET",
    "PRESETS",
    "NebError",
    "NebResult",
    "NebSettings",
    "NebStep",
    "Vibrations",
    "endpoints",
    "pushed_ion",
    "pushing_endpoints",
    "read_result",
    "relax_band",
    "relaxed_barrier",
    "settings_from",
    "usable_barrier",
    "vibrations_of",
    "write_result",
    "write_vibrations",
]
