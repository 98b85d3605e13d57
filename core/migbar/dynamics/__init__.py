"""Molecular dynamics with a universal potential: how fast ions really spread, together and at a temperature."""

from migbar.dynamics.analysis import TracerDiffusion, tracer_diffusion
from migbar.dynamics.density import free_energy_landscape
from migbar.dynamics.reading import Simulation, read_dynamics, read_simulation
from migbar.dynamics.result import DynamicsResult, dynamics, dynamics_options
from migbar.dynamics.settings import DynamicsError, DynamicsSettings
from migbar.dynamics.simulation import simulate, simulated_cell
from migbar.dynamics.trajectory import Trajectory, read_trajectory

__all__ = [
    "DynamicsError",
    "DynamicsResult",
    "DynamicsSettings",
    "Simulation",
    "TracerDiffusion",
    "Trajectory",
    "dynamics",
    "dynamics_options",
    "free_energy_landscape",
    "read_dynamics",
    "read_simulation",
    "read_trajectory",
    "simulate",
    "simulated_cell",
    "tracer_diffusion",
]
