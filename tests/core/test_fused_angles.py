"""The kernels for a GPU, run by Triton's interpreter on a CPU beside the way in blocks."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from migbar.graphs import GraphSettings, crystal_graph, pack, structure_graph
from migbar.models.networks import batch as batches
from migbar.models.networks import layers
from migbar.models.networks.angles import GatedAngles, gated_angles
from migbar.models.networks.architectures import ARCHITECTURES
from migbar.models.networks.batch import DeviceGraphs, GraphBatch, batch_graphs
from migbar.models.networks.layers import EdgeGatedGraphConv
from tests.core.small_bands import fixed_network, rock_salt, shaken

CASES = [(5, True, False), (4, False, True)]
"""Features, training, last layer."""


def example_batch() -> GraphBatch:
    """Atoms with two to sixty bonds, the most in a cell of one atom, and an atom without bonds."""
    graphs = [structure_graph(shaken(rock_salt()), GraphSettings(neighbours=1))]
    crowded = crystal_graph(
        [[2, 0, 0], [0, 2.1, 0], [0, 0, 2.2]], [[0, 0, 0]], [9], GraphSettings(neighbours=28)
    )
    graphs.append(crowded)
    batch = batch_graphs(graphs)
    lone = torch.zeros(1, dtype=torch.int64)
    return GraphBatch(
        torch.cat([batch.numbers, lone + 8]), torch.cat([batch.graph, lone]),
        torch.cat([batch.weights, lone.float()]), torch.cat([batch.degree, lone]),
        batch.vectors, batch.back, (batch.atoms[0] + 1, *batch.atoms[1:]), batch.n_pairs,
    )  # fmt: skip


def results(function, batch: GraphBatch, features: int, training: bool, last: bool) -> list:
    """Outputs, running statistics and all gradients of a convolution on random numbers."""
    torch.manual_seed(features)
    conv = EdgeGatedGraphConv(features).train(training)
    y = torch.randn(len(batch.vectors), features, requires_grad=True)
    z = torch.randn(batch.n_pairs, features, requires_grad=True)
    layers.gated_angles = lambda device: function
    outputs = conv.on_angles(batch, y, z, last)
    loss = sum((torch.sin(out) * out).sum() for out in outputs)
    names = [n for n, _ in conv.named_parameters() if not last or "bn_edges" not in n]
    gradients = torch.autograd.grad(loss, [y, z, *(conv.get_parameter(n) for n in names)])
    return [*outputs, *gradients, *(b.float() for b in conv.buffers())]


def compare() -> None:
    from migbar.models.networks.fused import FusedAngles

    batch = example_batch()
    assert {0, 2} < {d for d, _ in batch.blocks}
    assert max(d for d, _ in batch.blocks) > 50
    for features, training, last in CASES:
        wanted, found = (
            results(function, batch, features, training, last)
            for function in (GatedAngles, FusedAngles)
        )
        for a, b in zip(wanted, found, strict=True):
            error = float((a - b).norm() / (1 + a.norm()))
            assert error < 1e-4, (features, training, last, error)
    with torch.autocast("cpu", torch.bfloat16):
        wanted, found = (results(f, batch, 4, True, False) for f in (GatedAngles, FusedAngles))
    for a, b in zip(wanted, found, strict=True):
        assert (a - b).norm() <= 0.02 * (1 + a.norm())


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
def test_that_the_kernels_equal_the_way_in_blocks():
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.core.test_fused_angles"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def all_at_once(monkeypatch) -> None:
    """Take a GPU's way over edges on the CPU."""
    for module in (batches, layers):
        monkeypatch.setattr(module, "walks_blocks", lambda device: False)


@pytest.mark.parametrize("architecture", ["MODEL-1-SUB", "MODEL-2", "MODEL-4", "MPT"])
def test_that_a_network_gives_the_same_with_all_edges_at_once(monkeypatch, architecture):
    graphs = [
        structure_graph(shaken(rock_salt(), k), GraphSettings(neighbours=3 + k)) for k in (0, 1)
    ]
    found = []
    for _ in range(2):
        network = fixed_network(architecture).double().train()
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        out = network(*(batch_graphs(graphs, dtype=torch.float64) for _ in network.inputs))
        found.append(
            [out, *torch.autograd.grad(out.square().sum(), network.parameters(), allow_unused=True)]
        )
        all_at_once(monkeypatch)
    for a, b in zip(*found, strict=True):
        assert (a is None) == (b is None)
        assert a is None or (a - b).norm() <= 1e-8 * (1 + a.norm())


class Launches(TorchDispatchMode):
    """Counts operations."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_that_a_gpu_gets_no_more_to_do_where_atoms_have_many_numbers_of_bonds(monkeypatch):
    all_at_once(monkeypatch)
    counts, blocks = [], []
    for neighbours in ([3], [2, 3, 5, 8]):
        graphs = [
            structure_graph(shaken(rock_salt(), k), GraphSettings(neighbours=k)) for k in neighbours
        ]
        conv = EdgeGatedGraphConv(4)
        with Launches() as launches:
            batch = batch_graphs(graphs)
            batch.cosines()
            x, y = conv(batch, torch.ones(len(batch.numbers), 4), torch.ones(len(batch.back), 4))
            (x.sum() + y.sum()).backward()
        counts.append(launches.count)
        blocks.append(len(batch.blocks))
    assert blocks[1] > blocks[0]
    assert counts[0] == counts[1]


class SameShapes(torch.autograd.Function):
    """Stands for the kernels: tensors of the right shapes, with anything in them."""

    @staticmethod
    def forward(
        ctx, z, weight, bias, source, target, values, gamma, beta, norm, eps, graph, last, _
    ):
        ctx.save_for_backward(z, weight, bias, source, target, values, gamma, beta)
        ctx.last = last
        assert len(graph.pairs.start) == len(target)
        mean, variance = torch.zeros_like(gamma), torch.zeros_like(gamma)
        ctx.mark_non_differentiable(mean, variance)
        new = z.new_empty(0) if last else torch.empty_like(z)
        return torch.empty_like(target), torch.empty_like(target), new, mean, variance

    @staticmethod
    def backward(ctx, *gradients):
        found = [torch.empty_like(tensor) for tensor in ctx.saved_tensors]
        return (*found[:6], *[None] * 7) if ctx.last else (*found, *[None] * 5)


class OneDevice(TorchDispatchMode):
    """Refuses to mix devices."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = [a for a in tree_leaves((args, kwargs)) if isinstance(a, torch.Tensor) and a.ndim]
        copied = func._schema.name in ("aten::_to_copy", "aten::copy_")
        assert copied or len({tensor.device for tensor in given}) < 2, func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_that_a_step_on_a_device_waits_for_nothing_and_stays_there(monkeypatch, architecture):
    # A device without values: to ask for one is an error there.
    monkeypatch.setattr(layers, "gated_angles", lambda device: SameShapes)
    network = fixed_network(architecture).to("meta").train()
    crystals = [structure_graph(rock_salt(), GraphSettings(neighbours=k)) for k in (3, 4, 5)]
    graphs = DeviceGraphs(pack(crystals))
    for name, value in vars(graphs).items():
        setattr(graphs, name, value.to("meta") if isinstance(value, torch.Tensor) else value)
    with OneDevice():
        out = network(*(graphs.batch([0, 2]) for _ in network.inputs))
        out.sum().backward()
    assert out.shape[0] == 2


def test_that_a_gpu_without_a_compiler_is_told_of_the_slower_way(monkeypatch, caplog):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert gated_angles.__wrapped__("cuda") is GatedAngles
    assert "C compiler" in caplog.text
    assert gated_angles.__wrapped__("cpu") is GatedAngles


def test_that_pairs_lie_where_the_kernels_look_for_them():
    batch = example_batch()
    seen, edge = [], 0
    for d, n in batch.blocks:
        for atom in range(edge, edge + n * d, max(d, 1)):
            seen += [(i, j) for i in range(atom, atom + d) for j in range(atom, atom + d)]
        edge += n * d
    pairs = SimpleNamespace(
        **{k: getattr(batch.pairs, k).tolist() for k in ("start", "first", "width")}
    )
    for i in range(edge):
        for k in range(pairs.width[i]):
            assert seen[pairs.start[i] + k] == (i, pairs.first[i] + k)


if __name__ == "__main__":
    compare()
