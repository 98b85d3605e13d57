"""ALIGNN's layers, with the parameter names of the reference.

Source: Choudhary and DeCost, npj Comput. Mater. 7, 185 (2021), and the code of ALIGNN.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from migbar.models.networks.angles import NormSilu, gated_angles
from migbar.models.networks.batch import GraphBatch, to_device, walks_blocks

EPSILON = 1e-6


class RBFExpansion(nn.Module):
    """Expands a number in Gaussians at evenly spaced centres; the exponent's factor is 1/spacing."""

    centers: Tensor

    def __init__(self, low: float, high: float, bins: int) -> None:
        super().__init__()
        self.register_buffer("centers", torch.linspace(low, high, bins))
        self.gamma = (bins - 1) / (high - low)

    def forward(self, value: Tensor) -> Tensor:
        return torch.exp(-self.gamma * (value.unsqueeze(1) - self.centers) ** 2)


class MLPLayer(nn.Module):
    """Linear, batch norm, SiLU."""

    def __init__(self, features_in: int, features_out: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.Linear(features_in, features_out), nn.BatchNorm1d(features_out), nn.SiLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        norm = cast(nn.BatchNorm1d, self.layer[1])
        x = self.layer[0](x).to(norm.weight.dtype)
        if not walks_blocks(x.device):
            return functional.silu(norm(x))
        out, mean, variance = NormSilu.apply(
            x, norm.weight, norm.bias, _fixed(norm), norm.eps, torch.is_grad_enabled()
        )
        if norm.training:
            _track(norm, mean, variance, len(x))
        return out


class EdgeGatedGraphConv(nn.Module):
    """Edge-gated graph convolution (arXiv:1711.07553): features of nodes and edges update each other."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.src_gate = nn.Linear(features, features)
        self.dst_gate = nn.Linear(features, features)
        self.edge_gate = nn.Linear(features, features)
        self.bn_edges = nn.BatchNorm1d(features)
        self.src_update = nn.Linear(features, features)
        self.dst_update = nn.Linear(features, features)
        self.bn_nodes = nn.BatchNorm1d(features)

    def forward(self, graph: GraphBatch, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Convolve on the crystal graph; x are features of atoms, y of edges."""
        m = graph.spread(self.src_gate(x))
        m += graph.turned(graph.spread(self.dst_gate(x)))
        m += self.edge_gate(y)
        sigma = torch.sigmoid(m)
        message = graph.turned(sigma * graph.spread(self.dst_update(x)))
        sigma = graph.turned(sigma)
        h = graph.gather(message) / (graph.gather(sigma) + EPSILON)
        return self._updated(x, h), y + functional.silu(self.bn_edges(m))

    def on_angles(
        self, graph: GraphBatch, y: Tensor, z: Tensor, last: bool
    ) -> tuple[Tensor, Tensor]:
        """Convolve on the line graph; y are features of edges, z of pairs of edges.

        After the last such layer nothing reads z any more, so it is left as it was.
        """
        norm = self.bn_edges
        # Mixed precision ends here: sums over pairs and the moments of the norm want single precision.
        exact = norm.weight.dtype
        weighted, gates, new, mean, variance = gated_angles(z.device.type).apply(
            z.to(exact),
            self.edge_gate.weight,
            self.edge_gate.bias,
            graph.turned(self.src_gate(y)).to(exact),
            self.dst_gate(y).to(exact),
            graph.turned(self.dst_update(y)).to(exact),
            norm.weight,
            norm.bias,
            _fixed(norm),
            norm.eps,
            graph,
            last,
            torch.is_grad_enabled(),
        )
        if norm.training and not last:
            _track(norm, mean, variance, len(z))
        return self._updated(y, weighted / (gates + EPSILON)), z if last else new

    def _updated(self, x: Tensor, h: Tensor) -> Tensor:
        return x + functional.silu(self.bn_nodes(self.src_update(x) + h))


def _fixed(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor] | None:
    """Mean and variance that a batch norm uses; None where it uses those of the batch."""
    if norm.training:
        return None
    return norm.get_buffer("running_mean"), norm.get_buffer("running_var")


def _track(norm: nn.BatchNorm1d, mean: Tensor, variance: Tensor, rows: int) -> None:
    """Update running mean and variance as `torch.nn.BatchNorm1d` does."""
    unbiased = variance * (rows / max(rows - 1, 1))
    with torch.no_grad():
        for name, new in (("running_mean", mean), ("running_var", unbiased)):
            norm.get_buffer(name).lerp_(new, norm.momentum or 0.0)
        norm.get_buffer("num_batches_tracked").add_(1)


class ALIGNNConv(nn.Module):
    """A convolution on the crystal graph, then one on its line graph."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.node_update = EdgeGatedGraphConv(features)
        self.edge_update = EdgeGatedGraphConv(features)

    def forward(
        self, graph: GraphBatch, x: Tensor, y: Tensor, z: Tensor, last: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        x, y = self.node_update(graph, x, y)
        y, z = self.edge_update.on_angles(graph, y, z, last)
        return x, y, z


class Attention(nn.Module):
    """Attention pooling of MODEL-4: one vector per graph."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear_q = nn.Linear(features, features)
        self.linear_k = nn.Linear(features, features)
        self.linear_v = nn.Linear(features, features)
        self.norm = nn.LayerNorm(features)
        self.dropout = nn.Dropout(0.2)

    def forward(self, graph: GraphBatch, x: Tensor) -> Tensor:
        q, k, v = (torch.relu(f(x)) for f in (self.linear_q, self.linear_k, self.linear_v))
        # Graphs become equally long; atoms that are not there have no share.
        slot, there = _side_by_side(graph)
        q, k, v = (
            rows.new_zeros(there.numel(), rows.shape[1])
            .index_copy(0, slot, rows)
            .view(*there.shape, -1)
            for rows in (q, k, v)
        )
        scores = torch.tanh(k @ q.transpose(1, 2)).sum(2).masked_fill(~there, -torch.inf)
        weights = self.dropout(torch.softmax(scores, 1))
        return self.norm(graph.pool(x) + (weights.unsqueeze(1) @ v).squeeze(1))


def _side_by_side(graph: GraphBatch) -> tuple[Tensor, Tensor]:
    """Lay the graphs' atoms in a table, a row for each graph: each atom's slot, and which slots are taken."""
    device = graph.graph.device
    counts = to_device(np.array(graph.atoms), device)
    order = torch.argsort(graph.graph, stable=True)
    item = graph.graph.index_select(0, order)
    places = torch.arange(max(graph.atoms), device=device)
    first = torch.cumsum(counts, 0) - counts
    within = torch.arange(len(item), device=device) - first.index_select(0, item)
    slot = torch.empty_like(item).index_copy(0, order, item * len(places) + within)
    return slot, places < counts.unsqueeze(1)
