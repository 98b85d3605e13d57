"""Graphs on a device, and batches of them in the order in which the networks read them.

Atoms of a batch are sorted by their number of bonds, edges by their source atom. All atoms with d bonds and all
their edges are then contiguous, and the line graph falls into dense blocks: d edges into an atom meet d edges
out of it. So messages need no gather or scatter over the line graph: they are broadcast and summed within
blocks, which is fast on every device and gives the same bits each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from migbar.graphs import CrystalGraph, PackedGraphs, pack

Block = tuple[int, int]
"""Number of bonds of an atom, and how many atoms in a row have it."""


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
    vectors : Tensor, shape (n_edges, 3)
        Å, from source to target.
    back : Tensor of int64, shape (n_edges,)
        The same bond in the other direction.
    blocks : tuple of Block
    size : int
        Number of graphs.
    """

    # No dataclass: Lightning would take one apart and round its tensors to the training's precision.
    __slots__ = ("back", "blocks", "graph", "numbers", "size", "vectors", "weights")

    def __init__(
        self,
        numbers: Tensor,
        graph: Tensor,
        weights: Tensor,
        vectors: Tensor,
        back: Tensor,
        blocks: tuple[Block, ...],
        size: int,
    ) -> None:
        self.numbers = numbers
        self.graph = graph
        self.weights = weights
        self.vectors = vectors
        self.back = back
        self.blocks = blocks
        self.size = size

    def joined(self, other: GraphBatch) -> GraphBatch:
        """Return the graphs of both as one batch, those of `other` last."""
        n_atoms, n_edges = len(self.numbers), len(self.back)
        degree, source = (
            torch.cat([first, second + shift])
            for first, second, shift in zip(
                self._degrees_and_sources(), other._degrees_and_sources(), (0, n_atoms), strict=True
            )
        )
        return _in_blocks(
            torch.cat([self.numbers, other.numbers]),
            torch.cat([self.graph, other.graph + self.size]),
            torch.cat([self.weights, other.weights]),
            torch.cat([self.vectors, other.vectors]),
            torch.cat([self.back, other.back + n_edges]),
            source,
            degree,
            self.size + other.size,
        )

    def parted(self, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Take atom features of a joined batch apart, those of the first `size` graphs first."""
        return x[self.graph < size], x[self.graph >= size]

    def _degrees_and_sources(self) -> tuple[Tensor, Tensor]:
        device = self.numbers.device
        degree = torch.cat([torch.full((n,), d, device=device) for d, n in self.blocks])
        return degree, torch.repeat_interleave(torch.arange(len(degree), device=device), degree)

    def pool(self, x: Tensor) -> Tensor:
        """Weighted mean of atom features over each graph, shape (size, features)."""
        share = x.new_zeros(self.size, len(x))
        share[self.graph, torch.arange(len(x), device=x.device)] = self.weights.to(x.dtype)
        return share @ x

    def spread(self, x: Tensor) -> Tensor:
        """Give every edge the features of its source atom."""
        rows = x.split([n for _, n in self.blocks])
        wide = [
            part.unsqueeze(1).expand(n, d, x.shape[1]).reshape(n * d, x.shape[1])
            for part, (d, n) in zip(rows, self.blocks, strict=True)
        ]
        return torch.cat(wide)

    def gather(self, edges: Tensor) -> Tensor:
        """Sum the features of the edges that leave each atom."""
        rows = edges.split([n * d for d, n in self.blocks])
        sums = [
            part.view(n, d, edges.shape[1]).sum(1)
            for part, (d, n) in zip(rows, self.blocks, strict=True)
        ]
        return torch.cat(sums)

    def turned(self, edges: Tensor) -> Tensor:
        """Give every edge the features of the same bond in the other direction."""
        return _Turned.apply(edges, self.back)

    def cosines(self) -> Tensor:
        """Cosine of the angle between each edge into an atom and each out of it, block by block."""
        unit = self.vectors / self.vectors.norm(dim=1, keepdim=True)
        parts, at = [], 0
        for d, n in self.blocks:
            rows = unit[at : at + n * d].view(n, d, 3)
            parts.append((rows @ rows.transpose(1, 2)).reshape(-1))
            at += n * d
        return torch.cat(parts).clamp(-1.0, 1.0)


class _Turned(torch.autograd.Function):
    """Turning twice is turning not at all, so the gradient is turned too: no scatter, no rounding."""

    @staticmethod
    def forward(ctx: Any, edges: Tensor, back: Tensor) -> Tensor:
        ctx.save_for_backward(back)
        return edges.index_select(0, back)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (back,) = ctx.saved_tensors
        return gradients[0].index_select(0, back), None


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
        def tensor(array: np.ndarray, kind: torch.dtype) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(array)).to(device, kind)

        self.numbers = tensor(packed.numbers, torch.int16)
        self.weights = tensor(packed.weights, dtype)
        self.bonds = tensor(packed.bonds, torch.int32)
        self.vectors = tensor(packed.vectors, dtype)
        self.atom_start = tensor(packed.atom_start, torch.int64)
        self.bond_start = tensor(packed.bond_start, torch.int64)

    def __len__(self) -> int:
        return len(self.atom_start) - 1

    def batch(self, indices: Tensor | Sequence[int]) -> GraphBatch:
        """Return some of the graphs as one batch, in the order given."""
        index = torch.as_tensor(indices, dtype=torch.int64, device=self.numbers.device)
        atoms, graph, first_atom = _ranges(self.atom_start, index)
        bonds, bond_graph, _ = _ranges(self.bond_start, index)
        pairs = self.bonds[bonds].long() + first_atom[bond_graph].unsqueeze(1)
        vectors = self.vectors[bonds]
        source = pairs.reshape(-1)
        both = torch.stack([vectors, -vectors], 1).reshape(-1, 3)
        weights = self.weights[atoms]
        total = weights.new_zeros(len(index)).index_add_(0, graph, weights)
        return _in_blocks(
            self.numbers[atoms].long(),
            graph,
            weights / total[graph],
            both,
            torch.arange(len(source), device=source.device) ^ 1,
            source,
            torch.bincount(source, minlength=len(atoms)),
            len(index),
        )


def _in_blocks(
    numbers: Tensor,
    graph: Tensor,
    weights: Tensor,
    vectors: Tensor,
    back: Tensor,
    source: Tensor,
    degree: Tensor,
    size: int,
) -> GraphBatch:
    """Sort atoms by their number of bonds, edges by their source; what is alike stays in order."""
    order = torch.argsort(degree, stable=True)
    edge_order = torch.argsort(_rank(order)[source], stable=True)
    return GraphBatch(
        numbers=numbers[order],
        graph=graph[order],
        weights=weights[order],
        vectors=vectors[edge_order],
        back=_rank(edge_order)[back[edge_order]],
        blocks=tuple((d, n) for d, n in enumerate(torch.bincount(degree).tolist()) if n),
        size=size,
    )


def _rank(order: Tensor) -> Tensor:
    """Return where each item of an order went."""
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    return rank


def batch_graphs(
    graphs: Sequence[CrystalGraph],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> GraphBatch:
    """Make one batch of graphs."""
    return DeviceGraphs(pack(graphs), device, dtype).batch(range(len(graphs)))


def _ranges(start: Tensor, index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the rows of the items `index`, the place of each row's item, and each item's new start."""
    count = start[index + 1] - start[index]
    item = torch.repeat_interleave(torch.arange(len(index), device=index.device), count)
    new_start = torch.cumsum(count, 0) - count
    rows = torch.arange(len(item), device=index.device) - new_start[item] + start[index][item]
    return rows, item, new_start
