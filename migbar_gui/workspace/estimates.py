"""What transport can be estimated for: the active path, all hops of the crystal together, and what was simulated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from migbar_gui.workspace import Workspace
from migbar_gui.workspace.document import crystal_key

if TYPE_CHECKING:
    from migbar.dynamics import DynamicsResult
    from migbar.neb import Vibrations
    from migbar.transport import CrystalHops, LoneHop, TransportParameters

USUAL_K = 300.0
"""Temperature in K that an estimate begins with."""


@dataclass(frozen=True, slots=True)
class TransportCase:
    """Hops with the parameters that the crystal suggests for them.

    Attributes
    ----------
    key : str
        ``"path 3"`` by the path's id, a direction of `migbar.transport.DIRECTIONS`, or the folder of a simulation.
    title : str
    hops : LoneHop, CrystalHops or DynamicsResult
    parameters : TransportParameters
    beside : CrystalHops or None
        All hops of the ion that was simulated, to compare with.
    vibrations : Vibrations or None
        Those of the path's relaxed band, which tell the attempt frequency.
    """

    key: str
    title: str
    hops: LoneHop | CrystalHops | DynamicsResult
    parameters: TransportParameters
    beside: CrystalHops | None = None
    vibrations: Vibrations | None = None

    @property
    def simulated(self) -> DynamicsResult | None:
        """What was simulated, where nothing is estimated from barriers."""
        from migbar.dynamics import DynamicsResult

        return self.hops if isinstance(self.hops, DynamicsResult) else None


def transport_cases(workspace: Workspace) -> list[TransportCase]:
    """Return the cases of the open structure: the active path, all hops found, in each direction, and simulations.

    How often a lone path occurs around a site is not known, so it is taken for a chain, g = 1.
    """
    return [*_active_path(workspace), *_all_hops(workspace), *_simulations(workspace)]


def _active_path(workspace: Workspace) -> list[TransportCase]:
    structure = workspace.structure
    path, result = workspace.path(workspace.active), workspace.result(workspace.active)
    if structure is None or path is None or result is None:
        return []
    from migbar.transport import LoneHop, parameters_for

    barrier, ion = workspace.counted_barrier(path.id, result.predicted.barrier), path.hop.ion
    chain = LoneHop(barrier.barrier_ev, barrier.interval_ev, result.predicted.length)
    title = f"Path {ion} {path.label} alone"
    parameters, vibrations = parameters_for(structure, ion), _vibrations(workspace, path.id)
    attempts = None if vibrations is None else vibrations.attempt_frequency
    if attempts is not None:
        parameters = replace(parameters, attempt_frequency=attempts)
    return [TransportCase(f"path {path.id}", title, chain, parameters, vibrations=vibrations)]


def _vibrations(workspace: Workspace, path_id: int) -> Vibrations | None:
    """Return the latest vibrations that tell how often the ion of a path, hopping alone, tries to."""
    alone = (band for band in workspace.relaxed_bands(path_id) if not band.pushed)
    found = (band.vibrations for band in alone)
    return next((v for v in found if v is not None and v.attempt_frequency is not None), None)


def _all_hops(workspace: Workspace) -> list[TransportCase]:
    structure, group = workspace.structure, workspace.state.group
    if structure is None or group is None:
        return []
    from migbar.transport import ALL_DIRECTIONS, DIRECTIONS, CrystalHops, parameters_for

    crystal = group.found.crystal
    parameters = parameters_for(structure, crystal.search.ion)
    return [
        TransportCase(
            direction,
            f"All hops, {direction if direction == ALL_DIRECTIONS else f'along {direction}'}",
            CrystalHops.of(structure, crystal, direction),
            parameters,
        )
        for direction in DIRECTIONS
    ]


def _simulations(workspace: Workspace) -> list[TransportCase]:
    """Return what was simulated of the open structure, the latest first; each keeps its number when others follow."""
    structure = workspace.structure
    if structure is None or not workspace.simulated:
        return []
    key = crystal_key(structure)
    own = [one for one in workspace.simulated if one.key == key]
    cases = [
        TransportCase(
            str(one.folder),
            f"Dynamics{f' {number}' if len(own) > 1 else ''} of {one.result.ion}, {one.result.origin}",
            one.result,
            one.result.parameters(USUAL_K),
            _hops_beside(workspace, one.result),
        )
        for number, one in enumerate(own, start=1)
    ]
    return cases[::-1]


def _hops_beside(workspace: Workspace, result: DynamicsResult) -> CrystalHops | None:
    """Return the hops that were found for the ion that was simulated, where one can be told by the other."""
    structure, group = workspace.structure, workspace.state.group
    if structure is None or group is None or not result.carrier_share:
        return None
    crystal = group.found.crystal
    if crystal.search.ion != result.ion or not crystal.search.hops:
        return None
    from migbar.transport import CrystalHops

    return CrystalHops.of(structure, crystal)
