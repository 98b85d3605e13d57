"""Graphs on a device, and batches of them in the order in which the networks read them.

Atoms of a batch are sorted by their number of bonds, edges by their source atom. All atoms with d bonds and all
their edges are then contiguous, and the line graph falls into dense blocks: d edges into an atom meet d edges
out of it. So messages need no scatter: they are spread and summed over rows that lie together, which gives the
same bits each time. A CPU takes block after block, a GPU all at once; how many rows there are is known on the
host, so that it never waits for the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from migbar.graphs import CrystalGraph, PackedGraphs, pack

Block = tuple[int, int]
"""Number of bonds of an atom, and how many atoms in a row have it."""


def walks_blocks(device: torch.device) -> bool:
    """Whether work on a device goes block after block, and not on all edges or pairs at once."""
    return device.type == "cpu"


@dataclass(frozen=True, slots=True)
class Pairs:
    """Where the pairs of edges that meet at an atom lie, for each edge; pairs are sorted by their first edge.

    Attributes
    ----------
    start : Tensor of int64, shape (n_edges,)
        First of the pairs whose first edge this is.
    first : Tensor of int64, shape (n_edges,)
        First edge of the same atom.
    width : Tensor of int32, shape (n_edges,)
        Number of edges of that atom.
    """

    start: Tensor
    first: Tensor
    width: Tensor


class GraphBatch:
    """Graphs of a batch in block order.

    Attributes
    ----------
    numbers : Tensor of int64, shape (n_atoms,)
        Atomic numbers.
    graph : Tensor of int64, shape (n_atoms,)
        Which graph an atom belongs to.
    weights : Tensor, shape (n_atoms,)
        Share of an atom in the pooled vector; they add up to one in each graph.
    degree : Tensor of int64, shape (n_atoms,)
        Number of bonds.
    vectors : Tensor, shape (n_edges, 3)
        Å, from source to target.
    source : Tensor of int64, shape (n_edges,)
    back : Tensor of int64, shape (n_edges,)
        The same bond in the other direction.
    atoms : tuple of int
        Number of atoms of each graph.
    n_pairs : int
        Pairs of edges that meet.
    order : Tensor of int64, shape (n_atoms,)
        Where each atom came from, for `parted`.
    """

    # No dataclass: Lightning would take one apart and round its tensors to the training's precision.
    __slots__ = (
        "_blocks", "_pairs", "atoms", "back", "degree", "graph", "n_pairs", "numbers", "order",
        "source", "start", "vectors", "weights",
    )  # fmt: skip

    def __init__(
        self,
        numbers: Tensor,
        graph: Tensor,
        weights: Tensor,
        degree: Tensor,
        vectors: Tensor,
        back: Tensor,
        atoms: tuple[int, ...],
        n_pairs: int,
    ) -> None:
        """Sort atoms by their number of bonds, edges by their source; what is alike stays in order.

        The edges given are those of the first atom, of the second atom, and so on.
        """
        device, n_edges = numbers.device, len(vectors)
        self.order = torch.argsort(degree, stable=True)
        self.degree = degree.index_select(0, self.order)
        self.source = torch.repeat_interleave(self.degree, output_size=n_edges)
        end = torch.cumsum(self.degree, 0)
        self.start = torch.cat([end.new_zeros(1), end])
        moved = (torch.cumsum(degree, 0) - degree).index_select(0, self.order) - self.start[:-1]
        edges = moved.index_select(0, self.source) + torch.arange(n_edges, device=device)
        self.numbers = numbers.index_select(0, self.order)
        self.graph = graph.index_select(0, self.order)
        self.weights = weights.index_select(0, self.order)
        self.vectors = vectors.index_select(0, edges)
        self.back = _rank(edges).index_select(0, back.index_select(0, edges))
        self.atoms = atoms
        self.n_pairs = n_pairs
        self._blocks: tuple[Block, ...] | None = None
        self._pairs: Pairs | None = None

    @property
    def size(self) -> int:
        """Number of graphs."""
        return len(self.atoms)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, in order; a GPU is waited for."""
        if self._blocks is None:
            counts = torch.bincount(self.degree).tolist()
            self._blocks = tuple((d, n) for d, n in enumerate(counts) if n)
        return self._blocks

    @property
    def pairs(self) -> Pairs:
        """Where the pairs of each edge lie."""
        if self._pairs is None:
            width = self.degree.index_select(0, self.source)
            start = torch.cumsum(width, 0) - width
            first = self.start.index_select(0, self.source)
            self._pairs = Pairs(start, first, width.int())
        return self._pairs

    def joined(self, other: GraphBatch) -> GraphBatch:
        """Return the graphs of both as one batch, those of `other` last."""
        return GraphBatch(
            torch.cat([self.numbers, other.numbers]),
            torch.cat([self.graph, other.graph + self.size]),
            torch.cat([self.weights, other.weights]),
            torch.cat([self.degree, other.degree]),
            torch.cat([self.vectors, other.vectors]),
            torch.cat([self.back, other.back + len(self.back)]),
            self.atoms + other.atoms,
            self.n_pairs + other.n_pairs,
        )

    def parted(self, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Take atom features of a joined batch apart, those of the first `size` graphs first."""
        first = sum(self.atoms[:size])
        as_before = _Reordered.apply(x, _rank(self.order), self.order)
        return as_before[:first], as_before[first:]

    def pool(self, x: Tensor) -> Tensor:
        """Weighted mean of atom features over each graph, shape (size, features)."""
        share = x.new_zeros(self.size, len(x))
        share[self.graph, torch.arange(len(x), device=x.device)] = self.weights.to(x.dtype)
        return share @ x

    def spread(self, x: Tensor) -> Tensor:
        """Give every edge the features of its source atom."""
        return _Spread.apply(x, self)

    def gather(self, edges: Tensor) -> Tensor:
        """Sum the features of the edges that leave each atom."""
        return _Gather.apply(edges, self)

    def turned(self, edges: Tensor) -> Tensor:
        """Give every edge the features of the same bond in the other direction."""
        return _Reordered.apply(edges, self.back, self.back)

    def cosines(self) -> Tensor:
        """Cosine of the angle between each edge into an atom and each out of it, atom by atom."""
        unit = self.vectors / self.vectors.norm(dim=1, keepdim=True)
        if walks_blocks(unit.device):
            parts, at = [], 0
            for d, n in self.blocks:
                rows = unit[at : at + n * d].view(n, d, 3)
                parts.append((rows @ rows.transpose(1, 2)).reshape(-1))
                at += n * d
            return torch.cat(parts).clamp_(-1.0, 1.0)
        pairs = self.pairs
        into = torch.repeat_interleave(pairs.width, output_size=self.n_pairs)
        out = torch.arange(self.n_pairs, device=unit.device)
        out += (pairs.first - pairs.start).index_select(0, into)
        products = unit.index_select(0, into) * unit.index_select(0, out)
        return products.sum(1).clamp_(-1.0, 1.0)


def _sums(edges: Tensor, graph: GraphBatch) -> Tensor:
    """Sum over the edges that leave each atom."""
    if not walks_blocks(edges.device):
        # It adds up in the precision that it is given.
        exact = edges.float() if edges.dtype.itemsize < 4 else edges
        sums = torch.segment_reduce(exact, "sum", offsets=graph.start, axis=0, unsafe=True)
        return sums.to(edges.dtype)
    rows = edges.split([n * d for d, n in graph.blocks])
    return torch.cat(
        [
            part.view(n, d, edges.shape[1]).sum(1)
            for part, (d, n) in zip(rows, graph.blocks, strict=True)
        ]
    )


class _Spread(torch.autograd.Function):
    """Rows of atoms for edges; the gradient is a sum over rows that lie together, not a scatter."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, graph: GraphBatch) -> Tensor:
        ctx.graph = graph
        return x.index_select(0, graph.source)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        return _sums(gradients[0].contiguous(), ctx.graph), None


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, edges: Tensor, graph: GraphBatch) -> Tensor:
        ctx.graph = graph
        return _sums(edges, graph)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        return gradients[0].index_select(0, ctx.graph.source), None


class _Reordered(torch.autograd.Function):
    """Rows in another order; the gradient goes back the other way: no scatter, no rounding."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, index: Tensor, inverse: Tensor) -> Tensor:
        ctx.save_for_backward(inverse)
        return x.index_select(0, index)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (inverse,) = ctx.saved_tensors
        return gradients[0].index_select(0, inverse), None, None


class DeviceGraphs:
    """Packed graphs on a device, from which batches are taken.

    Parameters
    ----------
    packed : PackedGraphs
    device : torch.device or str
    dtype : torch.dtype
    """

    def __init__(
        self,
        packed: PackedGraphs,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        def tensor(array: NDArray[Any], kind: torch.dtype) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, kind)

        n_atoms, n_bonds = np.diff(packed.atom_start), np.diff(packed.bond_start)
        bonds = packed.bonds + np.repeat(packed.atom_start[:-1], n_bonds)[:, None]
        source = tensor(bonds, torch.int64).reshape(-1)
        vectors = tensor(packed.vectors, dtype)
        order = torch.argsort(source, stable=True)
        self.numbers = tensor(packed.numbers, torch.int64)
        self.weights = tensor(packed.weights / _totals(packed.weights, n_atoms), dtype)
        self.degree = torch.bincount(source, minlength=len(packed.numbers))
        self.vectors = torch.stack([vectors, -vectors], 1).reshape(-1, 3)[order]
        self.back = _rank(order)[order ^ 1]
        self.atom_start = tensor(packed.atom_start, torch.int64)
        self.edge_start = tensor(2 * packed.bond_start, torch.int64)
        # What the host has to know of a batch: atoms, edges and pairs.
        squares = np.cumsum([0, *(self.degree.cpu().numpy() ** 2)])
        self._counts = np.stack([n_atoms, 2 * n_bonds, np.diff(squares[packed.atom_start])])

    def __len__(self) -> int:
        return len(self.atom_start) - 1

    def batch(self, indices: Sequence[int] | NDArray[np.int64]) -> GraphBatch:
        """Return some of the graphs as one batch, in the order given."""
        wanted = np.asarray(indices, np.int64)
        index = to_device(wanted, self.numbers.device)
        counts = self._counts[:, wanted]
        n_atoms, n_edges, n_pairs = (int(n) for n in counts.sum(1))
        atoms, graph, _ = _ranges(self.atom_start, index, n_atoms)
        edges, edge_graph, moved = _ranges(self.edge_start, index, n_edges)
        return GraphBatch(
            self.numbers.index_select(0, atoms),
            graph,
            self.weights.index_select(0, atoms),
            self.degree.index_select(0, atoms),
            self.vectors.index_select(0, edges),
            self.back.index_select(0, edges) - moved.index_select(0, edge_graph),
            tuple(counts[0].tolist()),
            n_pairs,
        )


def to_device(array: NDArray[Any], device: torch.device) -> Tensor:
    """Send a small array to a device without waiting for it."""
    tensor = torch.from_numpy(array)
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


def batch_graphs(graphs: Sequence[CrystalGraph], dtype: torch.dtype = torch.float32) -> GraphBatch:
    """Make one batch of graphs on a CPU."""
    return DeviceGraphs(pack(graphs), dtype=dtype).batch(range(len(graphs)))


def _totals(values: NDArray[np.float32], counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Sum values over the items of a run, and give the sum to each of them."""
    item = np.repeat(np.arange(len(counts)), counts)
    return np.bincount(item, values, len(counts)).astype(np.float32)[item]


def _rank(order: Tensor) -> Tensor:
    """Return where each item of an order went."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return rank


def _ranges(start: Tensor, index: Tensor, total: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of the items `index`, the place of each row's item, and how far its rows moved."""
    first = start.index_select(0, index)
    count = start.index_select(0, index + 1) - first
    item = torch.repeat_interleave(count, output_size=total)
    moved = first - (torch.cumsum(count, 0) - count)
    return moved.index_select(0, item) + torch.arange(total, device=start.device), item, moved
