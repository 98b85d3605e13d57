"""MPT and MODEL-1 to MODEL-4.

Source: Devi, Butler and Sai Gautam, "Leveraging transfer learning for accurate estimation of ionic migration
barriers in solids" (2026), Fig. 1a and Table S1, and its published code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from migbar.models.networks.atom_table import FEATURES, atom_table
from migbar.models.networks.batch import GraphBatch
from migbar.models.networks.layers import (
    ALIGNNConv,
    Attention,
    EdgeGatedGraphConv,
    MLPLayer,
    RBFExpansion,
)

EDGE_BINS = 80
EDGE_RANGE = (0.0, 8.0)
ANGLE_BINS = 40
HEAD_FEATURES = 128

PROPERTIES = ("fe", "bg", "gv", "ebg", "ph", "dc", "pz")
"""Bulk properties of the pre-training, one head each."""


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """Widths and depths of a network; the defaults are the paper's (Table S1).

    Attributes
    ----------
    hidden, embedding : int
        Features of atoms, edges and angles; and within their embeddings.
    alignn_layers, gcn_layers : int
        Convolutions on crystal and line graph, and on the crystal graph alone.
    head_layers : int
        Hidden layers of a head.
    """

    hidden: int = 256
    embedding: int = 64
    alignn_layers: int = 4
    gcn_layers: int = 4
    head_layers: int = 2


class Network(nn.Module):
    """An ALIGNN trunk with one head per output: MPT with seven of them, MODEL-3 with one.

    Parameters
    ----------
    size : NetworkSize
    outputs : int
    """

    inputs: tuple[str, ...] = ("band",)
    """What the graphs given to `forward` show: ``band``, ``initial``, ``final`` or ``sub`` (graph)."""

    joint_norms = True
    """Whether two kinds of graphs that go through one trunk are normalised together while training.

    The published code sends one batch after the other. Each is then centred by its own mean while training, but
    both by one running mean afterwards: MODEL-1-SUB, which reads their difference, and MODEL-4, whose sub-graphs
    are unlike whole structures, give something else than they were trained to. A trained network is read alike.
    """

    table: Tensor

    def __init__(self, size: NetworkSize = NetworkSize(), outputs: int = 1) -> None:
        super().__init__()
        self.size = size
        hidden, embedding = size.hidden, size.embedding
        self.atom_embedding = MLPLayer(FEATURES, hidden)
        self.edge_embedding = nn.Sequential(
            RBFExpansion(*EDGE_RANGE, EDGE_BINS),
            MLPLayer(EDGE_BINS, embedding),
            MLPLayer(embedding, hidden),
        )
        self.angle_embedding = nn.Sequential(
            RBFExpansion(-1.0, 1.0, ANGLE_BINS),
            MLPLayer(ANGLE_BINS, embedding),
            MLPLayer(embedding, hidden),
        )
        self.alignn_layers = nn.ModuleList(ALIGNNConv(hidden) for _ in range(size.alignn_layers))
        self.gcn_layers = nn.ModuleList(EdgeGatedGraphConv(hidden) for _ in range(size.gcn_layers))
        self.conv_to_fc = nn.ModuleList(nn.Linear(hidden, HEAD_FEATURES) for _ in range(outputs))
        if size.head_layers > 1:
            self.fc_hp = nn.ModuleList(
                nn.ModuleList(
                    nn.Linear(HEAD_FEATURES, HEAD_FEATURES) for _ in range(size.head_layers - 1)
                )
                for _ in range(outputs)
            )
        self.fc_out = nn.ModuleList(nn.Linear(HEAD_FEATURES, 1) for _ in range(outputs))
        self.register_buffer("table", torch.from_numpy(atom_table()), persistent=False)

    def forward(self, *graphs: GraphBatch) -> Tensor:
        """Return the scaled outputs, shape (size of the batch, outputs)."""
        return self.heads(self.pooled(*graphs))

    def pooled(self, *graphs: GraphBatch) -> Tensor:
        """Return the vector that the heads read, shape (size of the batch, hidden)."""
        (band,) = graphs
        return band.pool(self.encode(band))

    def encode(
        self,
        graph: GraphBatch,
        alignn_layers: nn.ModuleList | None = None,
        gcn_layers: nn.ModuleList | None = None,
    ) -> Tensor:
        """Return the features of all atoms after the convolutions, shape (n_atoms, hidden)."""
        alignn = self.alignn_layers if alignn_layers is None else alignn_layers
        gcn = self.gcn_layers if gcn_layers is None else gcn_layers
        # Atoms of one element start out alike, but batch norm counts every atom.
        x = self.atom_embedding(self.table[graph.numbers])
        y = self.edge_embedding(graph.vectors.norm(dim=1))
        z = self.angle_embedding(graph.cosines())
        for number, layer in enumerate(alignn, start=1):
            x, y, z = layer(graph, x, y, z, number == len(alignn))
        for layer in gcn:
            x, y = layer(graph, x, y)
        return x

    def encode_both(
        self, first: GraphBatch, second: GraphBatch, *layers: nn.ModuleList
    ) -> tuple[Tensor, Tensor]:
        """Return the features of the atoms of two batches (see `encode` and `joint_norms`)."""
        if not (self.training and self.joint_norms):
            return self.encode(first, *layers), self.encode(second, *layers)
        both = first.joined(second)
        return both.parted(self.encode(both, *layers), first.size)

    def heads(self, h: Tensor) -> Tensor:
        """Read every output off a pooled vector."""
        outputs, h = [], functional.silu(h)
        for k, first in enumerate(self.conv_to_fc):
            out = functional.silu(first(h))
            if self.size.head_layers > 1:
                for layer in cast(nn.ModuleList, self.fc_hp[k]):
                    out = functional.silu(layer(out))
            outputs.append(self.fc_out[k](out))
        return torch.cat(outputs, 1)


class Model1(Network):
    """MODEL-1: one trunk on the initial and the final configuration, pooled vectors combined."""

    inputs = ("initial", "final")

    def __init__(self, size: NetworkSize = NetworkSize(), combine: str = "cc") -> None:
        super().__init__(size)
        self.combine = combine
        if combine == "cc":
            self.fc = nn.Linear(2 * size.hidden, size.hidden)

    def pooled(self, *graphs: GraphBatch) -> Tensor:
        first, second = graphs
        initial, final = self.encode_both(first, second)
        initial, final = first.pool(initial), second.pool(final)
        if self.combine == "add":
            return initial + final
        if self.combine == "sub":
            return initial - final
        return self.fc(torch.cat([initial, final], 1))


class Model2(Network):
    """MODEL-2: the initial configuration, and how it differs from the final one after one layer."""

    inputs = ("initial", "final")

    def __init__(self, size: NetworkSize = NetworkSize()) -> None:
        super().__init__(size)
        self.alignn_layers_1 = nn.ModuleList([ALIGNNConv(size.hidden)])
        self.gcn_layers_1 = nn.ModuleList([EdgeGatedGraphConv(size.hidden)])
        self.fc = nn.Linear(2 * size.hidden, size.hidden)

    def pooled(self, *graphs: GraphBatch) -> Tensor:
        initial, final = graphs
        # The order in which the published code walks through them; it counts for running means.
        after, before = self.encode_both(final, initial, self.alignn_layers_1, self.gcn_layers_1)
        whole = initial.pool(self.encode(initial))
        return self.fc(torch.cat([whole, initial.pool(before) - final.pool(after)], 1))


class Model4(Network):
    """MODEL-4: attention pooling of the five-position structure and of the path's sub-graph."""

    inputs = ("band", "sub")

    def __init__(self, size: NetworkSize = NetworkSize()) -> None:
        super().__init__(size)
        self.attention = Attention(size.hidden)
        self.attention1 = Attention(size.hidden)
        self.fc = nn.Linear(2 * size.hidden, size.hidden)

    def pooled(self, *graphs: GraphBatch) -> Tensor:
        band, sub = graphs
        whole, near = self.encode_both(band, sub)
        pooled = [self.attention(band, whole), self.attention1(sub, near)]
        return self.fc(torch.cat(pooled, 1))


ARCHITECTURES = ("MPT", "MODEL-1-ADD", "MODEL-1-SUB", "MODEL-1-CC", "MODEL-2", "MODEL-3", "MODEL-4")
"""SCRATCH-* are the same shapes, and MODEL-1-CC-SINGLE-PATH is MODEL-1-CC on other data."""


def make_network(architecture: str, size: NetworkSize = NetworkSize()) -> Network:
    """Make a network with fresh random weights.

    Parameters
    ----------
    architecture : str
        One of `ARCHITECTURES`.
    size : NetworkSize
    """
    if architecture == "MPT":
        return Network(size, len(PROPERTIES))
    if architecture.startswith("MODEL-1-"):
        return Model1(size, architecture.removeprefix("MODEL-1-").lower())
    kinds = {"MODEL-2": Model2, "MODEL-3": Network, "MODEL-4": Model4}
    return kinds[architecture](size)


def copy_trunk(source: Network, target: Network) -> None:
    """Copy the embeddings and both stacks of layers, as the fine-tuning of the paper does."""
    for name in (
        "atom_embedding",
        "edge_embedding",
        "angle_embedding",
        "alignn_layers",
        "gcn_layers",
    ):
        getattr(target, name).load_state_dict(getattr(source, name).state_dict())
