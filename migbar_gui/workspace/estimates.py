"""What transport can be estimated for: the active path, and ways through the crystal that were found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migbar_gui.workspace import Workspace

if TYPE_CHECKING:
    from migbar.transport import HoppingParameters


@dataclass(frozen=True, slots=True)
class TransportCase:
    """A barrier with the parameters that the crystal suggests for it.

    Attributes
    ----------
    key : str
        ``"path 3"`` by the path's id, or a way through the crystal, ``"2D"``.
    title : str
    barrier_ev : float
    interval_ev : tuple of 2 floats
    parameters : HoppingParameters
    """

    key: str
    title: str
    barrier_ev: float
    interval_ev: tuple[float, float]
    parameters: HoppingParameters


def transport_cases(workspace: Workspace) -> list[TransportCase]:
    """Return the cases of the open structure: the active path first, then 1D, 2D and 3D percolation.

    How often a lone path occurs around a site is not known, so it is taken for a chain, g = 1; a
    percolation barrier takes hop length and g from its bottleneck.
    """
    return [*_active_path(workspace), *_ways_through(workspace)]


def _active_path(workspace: Workspace) -> list[TransportCase]:
    structure = workspace.structure
    path, result = workspace.path(workspace.active), workspace.result(workspace.active)
    if structure is None or path is None or result is None:
        return []
    from migbar.transport import parameters_for

    barrier, ion = result.predicted.barrier, path.hop.ion
    chain = parameters_for(structure, ion, result.predicted.length, hops_per_site=2, dimensions=1)
    title = f"Path {ion} {path.label}"
    return [TransportCase(f"path {path.id}", title, barrier.barrier_ev, barrier.interval_ev, chain)]


def _ways_through(workspace: Workspace) -> list[TransportCase]:
    structure, group = workspace.structure, workspace.state.group
    if structure is None or group is None:
        return []
    from migbar.reports import transport_parameters

    crystal = group.found.crystal
    cases = []
    for name, parameters in transport_parameters(structure, crystal).items():
        way = crystal.percolation[name]
        assert way is not None
        title = f"Percolation in {name}, through {crystal.search.hops[way.bottleneck].label}"
        cases.append(TransportCase(name, title, way.barrier_ev, way.interval_ev, parameters))
    return cases
