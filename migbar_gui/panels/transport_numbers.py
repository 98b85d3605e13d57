"""The numbers of the dock Transport: how they are made in another thread, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from migbar.progress import Progress, check_cancelled
from migbar.wording import counted, scientific
from migbar_gui.looks import energies
from migbar_gui.panels.plots import Lines
from migbar_gui.workspace.estimates import TransportCase

if TYPE_CHECKING:
    from migbar.dynamics import TracerDiffusion
    from migbar.transport import Estimate

SPAN_K = (250.0, 700.0)
"""Temperatures of the Arrhenius plot, and more where it was simulated hotter."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is shown: D, σ, particle size (µm), slope and limit (eV), the lines of the plot, and if there is a way.

    And log₁₀ D by all hops at the temperatures of the lines, where it is compared with what was simulated.
    """

    diffusivity: Estimate
    conductivity: Estimate
    size: Estimate
    slope_ev: float
    limit_ev: float
    lines: Lines
    is_way: bool
    by_hops: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the numbers depend on: the case as it was edited, charges in an hour, size of the particle (µm)."""

    case: TransportCase
    rate: float
    size_um: float


HOT_K = 1e6
"""No way is too slow to be told from none at this temperature."""

LEAST_D = 1e-300
"""No diffusivity is drawn lower: none has no logarithm."""


def estimated(inputs: Inputs, progress: Progress) -> Numbers:
    """Make the numbers; cancelled by what is typed next."""
    from migbar import transport

    hops, parameters = inputs.case.hops, inputs.case.parameters
    lines, by_hops = [], []
    simulated, beside = inputs.case.simulated, inputs.case.beside
    hottest = 0.0 if simulated is None else 1.15 * simulated.at[-1].kelvin
    span = np.linspace(SPAN_K[0], max(SPAN_K[1], hottest), 24)
    for kelvin in span:
        check_cancelled(progress)
        lines.append(transport.arrhenius(hops, parameters, [kelvin])[:, 0])
        if simulated is not None and beside is not None:
            by_carrier = transport.arrhenius(beside, transport.TransportParameters(), [kelvin])
            by_hops.append(simulated.carrier_share * by_carrier[0, 0])
    return Numbers(
        transport.diffusivity(hops, parameters),
        transport.conductivity(hops, parameters),
        transport.particle_size(hops, parameters, inputs.rate),
        transport.activation_energy(hops, parameters.temperature),
        transport.highest_barrier(inputs.size_um, hops, parameters, inputs.rate),
        (1000 / span, *np.log10(np.maximum(np.array(lines).T, LEAST_D))),
        bool(hops.diffusivities(np.array([HOT_K]))[0, 0] > 0),
        np.log10(np.maximum(by_hops, LEAST_D)) if by_hops else None,
    )


def about(case: TransportCase, numbers: Numbers) -> str:
    """Say in a line what the numbers rest on."""
    from migbar.transport import LoneHop

    if isinstance(case.hops, LoneHop):
        low, high = case.hops.interval_ev
        interval = f"interval {energies.interval(low, high)} {energies.unit()}"
        told = [
            f"Barrier {energies.energy(case.hops.barrier_ev)}",
            "calculated" if low == high else interval,
        ]
        known, attempts = case.vibrations, case.parameters.attempt_frequency
        if known is not None and known.attempt_frequency == attempts:
            told.append(f"ν from vibrations ({known.potential})")
        return ", ".join(told)
    if case.simulated is not None:
        energy, low, high = case.simulated.activation_energy_ev
        interval = energies.interval(low, high)
        return f"Activation energy {energies.energy(energy)}, interval {interval} {energies.unit()}"
    if not numbers.is_way:
        return "The hops found lead nowhere in this direction"
    temperature = case.parameters.temperature
    if not numbers.diffusivity.value:
        return f"Too slow for a number at {temperature:g} K"
    return f"Activation energy {energies.energy(numbers.slope_ev)} at {temperature:g} K"


def point_text(point: TracerDiffusion) -> str:
    """Write the diffusivity (cm²/s) at a temperature, with a link to where the ions were."""
    hops = counted(point.hops, "hop")
    error = (point.interval[1] - point.value) / point.value if point.is_resolved else 0.0
    value = f"{scientific(point.value)} ± {100 * error:.0f} %, {hops}"
    told = value if point.is_resolved else f"{hops}, too {point.lack}"
    return f'{point.kelvin:g} K: {told}, <a href="{point.kelvin!r}">places</a>'


def haven_text(points: Iterable[TracerDiffusion]) -> str:
    """Write the Haven ratios that are known; empty where none is."""
    from migbar.dynamics.analysis import ratio_text

    known = [(one.kelvin, one.haven_ratio) for one in points if one.haven_ratio]
    told = "; ".join(f"{kelvin:g} K: {ratio_text(ratio)}" for kelvin, ratio in known)
    return f"Haven ratio, {told}" if told else ""
