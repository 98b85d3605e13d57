"""The reference back end: the same networks on ALIGNN's own layers and DGL graphs.

Needs the extra ``migbar[alignn]`` (DGL from the package index runs on the CPU only, and on Python up to 3.11).
Everything here is built from ALIGNN's public code, so that the networks in this package have something to be
compared with.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MethodType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from migbar.errors import MigbarError
from migbar.graphs import N_POSITIONS
from migbar.models.networks.architectures import (
    ANGLE_BINS,
    EDGE_BINS,
    EDGE_RANGE,
    Network,
)

if TYPE_CHECKING:
    from pymatgen.core import Structure

    from migbar.bands import Band


class BackendError(MigbarError):
    """Raised when ALIGNN or DGL is not installed."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The reference back end needs ALIGNN and DGL ({reason}); install migbar[alignn] on Python 3.11, "
            "or leave out --backend alignn."
        )


@dataclass(frozen=True, slots=True)
class DglBatch:
    """Graphs and line graphs as DGL holds them; what `Network` asks of a batch, on DGL's terms."""

    crystal: Any
    line: Any

    @property
    def size(self) -> int:
        """Number of graphs."""
        return int(self.crystal.batch_size)

    @property
    def atoms(self) -> tuple[int, ...]:
        """Number of atoms of each graph."""
        return tuple(self.crystal.batch_num_nodes().tolist())

    @property
    def graph(self) -> Tensor:
        """Which graph each atom belongs to."""
        return torch.repeat_interleave(torch.arange(self.size), self.crystal.batch_num_nodes())

    def joined(self, other: DglBatch) -> DglBatch:
        """Return the graphs of both as one batch, those of `other` last."""
        import dgl

        crystals, lines = [self.crystal, other.crystal], [self.line, other.line]
        return DglBatch(
            dgl.batch(crystals, ndata=["atom_features"], edata=["r"]),
            dgl.batch(lines, ndata=[], edata=["h"]),
        )

    def parted(self, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Take atom features of a joined batch apart, those of the first `size` graphs first."""
        atoms = int(self.crystal.batch_num_nodes()[:size].sum())
        return x[:atoms], x[atoms:]

    def pool(self, x: Tensor) -> Tensor:
        """Mean of atom features over each graph."""
        from dgl.nn import AvgPooling

        return AvgPooling()(self.crystal, x)


def require_backend() -> None:
    """Raise `BackendError` unless ALIGNN and DGL can be imported."""
    try:
        import_module("dgl")
        import_module("alignn.models.alignn")
    except Exception as error:  # DGL raises many kinds where its libraries do not load
        raise BackendError(str(error)) from None


def reference_network(network: Network) -> Network:
    """Return a copy of a network that runs on ALIGNN's own layers and takes `DglBatch`."""
    require_backend()
    from alignn.models.alignn import ALIGNNConv, EdgeGatedGraphConv, MLPLayer
    from alignn.models.utils import RBFExpansion

    twin = copy.deepcopy(network)
    hidden, embedding = network.size.hidden, network.size.embedding
    twin.atom_embedding = MLPLayer(network.table.shape[1], hidden)
    low, high = EDGE_RANGE
    twin.edge_embedding = nn.Sequential(
        RBFExpansion(vmin=low, vmax=high, bins=EDGE_BINS),
        MLPLayer(EDGE_BINS, embedding),
        MLPLayer(embedding, hidden),
    )
    twin.angle_embedding = nn.Sequential(
        RBFExpansion(vmin=-1, vmax=1.0, bins=ANGLE_BINS),
        MLPLayer(ANGLE_BINS, embedding),
        MLPLayer(embedding, hidden),
    )
    for stack, layer in (("alignn_layers", ALIGNNConv), ("gcn_layers", EdgeGatedGraphConv)):
        for name in (stack, f"{stack}_1"):
            if hasattr(twin, name):
                layers = (layer(hidden, hidden) for _ in getattr(twin, name))
                setattr(twin, name, nn.ModuleList(layers))
    twin.encode = MethodType(_encode, twin)  # type: ignore[method-assign]
    twin.load_state_dict(network.state_dict())
    return twin.train(network.training)


def _encode(
    network: Network,
    graph: DglBatch,
    alignn_layers: nn.ModuleList | None = None,
    gcn_layers: nn.ModuleList | None = None,
) -> Tensor:
    g, lg = graph.crystal, graph.line
    x = network.atom_embedding(g.ndata["atom_features"])
    y = network.edge_embedding(torch.norm(g.edata["r"], dim=1))
    z = network.angle_embedding(lg.edata["h"])
    for layer in network.alignn_layers if alignn_layers is None else alignn_layers:
        x, y, z = layer(g, lg, x, y, z)
    for layer in network.gcn_layers if gcn_layers is None else gcn_layers:
        x, y = layer(g, x, y)
    return x


def jarvis_atoms(structure: Structure) -> Any:
    """Return a structure as ALIGNN takes it."""
    from jarvis.core.atoms import Atoms

    return Atoms(
        lattice_mat=structure.lattice.matrix,
        coords=structure.frac_coords,
        elements=[site.specie.symbol for site in structure],
        cartesian=False,
    )


def reference_graph(structure: Structure, canonize: bool = True) -> tuple[Any, Any]:
    """Build ALIGNN's own crystal graph and line graph (12 neighbours, 8 Å)."""
    from alignn.graphs import Graph

    return Graph.atom_dgl_multigraph(
        jarvis_atoms(structure),
        neighbor_strategy="k-nearest",
        cutoff=8.0,
        max_neighbors=12,
        use_canonize=canonize,
    )[:2]


def reference_sub_graph(band: Band) -> tuple[Any, Any]:
    """Build MODEL-4's sub-graph from ALIGNN's neighbours, as the published code does."""
    import dgl
    from alignn.graphs import (
        build_undirected_edgedata,
        compute_bond_cosines,
        nearest_neighbor_edges,
    )

    five = band.five_position_structure()
    edges, _ = nearest_neighbor_edges(jarvis_atoms(five), cutoff=3.0, max_neighbors=6)
    edges = {k: v for k, v in edges.items() if min(k) < N_POSITIONS}
    kept = sorted({int(i) for pair in edges for i in pair})
    new = {old: i for i, old in enumerate(kept)}
    u, v, r, _ = build_undirected_edgedata(
        jarvis_atoms(five.__class__.from_sites([five[i] for i in kept])),
        {(new[i], new[j]): images for (i, j), images in edges.items()},
    )
    graph = dgl.graph((u, v))
    graph.edata["r"] = r
    graph.ndata["atom_features"] = _features([five[i].specie.Z for i in kept])
    line = graph.line_graph(shared=True)
    line.apply_edges(compute_bond_cosines)
    return graph, line


def batch_reference(graphs: Sequence[tuple[Any, Any]]) -> DglBatch:
    """Make one batch of DGL graphs and their line graphs."""
    import dgl

    return DglBatch(dgl.batch([g for g, _ in graphs]), dgl.batch([lg for _, lg in graphs]))


def _features(numbers: Sequence[int]) -> Tensor:
    from migbar.models.networks.atom_table import atom_table

    return torch.from_numpy(atom_table()[list(numbers)])
