from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from migbar.barriers import ModelCard
from migbar.errors import ModelError
from migbar.graphs import (
    CrystalGraph,
    GraphSettings,
    band_graph,
    crystal_graph,
    line_graph,
    structure_graph,
)
from migbar.models.networks import angles
from migbar.models.networks.architectures import (
    ARCHITECTURES,
    NetworkSize,
    copy_trunk,
    make_network,
)
from migbar.models.networks.batch import GraphBatch, batch_graphs
from migbar.models.networks.layers import EdgeGatedGraphConv
from migbar.models.networks.predictor import NetworkPredictor, band_graphs
from migbar.models.networks.scaling import PUBLISHED, TargetScaling
from migbar.models.store import load_model, save_model
from tests.core.alignn_reference import GRAPHS
from tests.core.small_bands import (
    SMALL,
    example_bands,
    fixed_network,
    rock_salt,
    shaken,
    vacancy_band,
)


def line_edges(batch: GraphBatch) -> tuple[torch.Tensor, torch.Tensor]:
    """The line graph of a batch as pairs of edges, in the order in which networks hold them."""
    first, second, edge = [], [], 0
    for d, n in batch.blocks:
        for _ in range(n):
            out = torch.arange(edge, edge + d)
            first.append(batch.back[out].repeat_interleave(d))
            second.append(out.repeat(d))
            edge += d
    return torch.cat(first), torch.cat(second)


def plain_convolution(conv, first, second, y, z, last):
    """The gated convolution with one tensor operation after the other."""
    m = conv.src_gate(y)[first] + conv.dst_gate(y)[second] + conv.edge_gate(z)
    gate = torch.sigmoid(m)
    weighted = torch.zeros_like(y).index_add(0, second, gate * conv.dst_update(y)[first])
    h = weighted / (torch.zeros_like(y).index_add(0, second, gate) + 1e-6)
    new = y + torch.nn.functional.silu(conv.bn_nodes(conv.src_update(y) + h))
    return new, z if last else z + torch.nn.functional.silu(conv.bn_edges(m))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("last", [True, False])
def test_that_the_convolution_in_pieces_equals_the_plain_one(monkeypatch, training, last):
    monkeypatch.setattr(angles, "_CPU_PIECE", 300)
    graph = structure_graph(shaken(rock_salt()), GraphSettings(neighbours=3))
    batch = batch_graphs([graph, graph], dtype=torch.float64)
    first, second = line_edges(batch)
    torch.manual_seed(0)
    convs = [EdgeGatedGraphConv(5).double().train(training) for _ in range(2)]
    convs[1].load_state_dict(convs[0].state_dict())
    y = torch.randn(len(batch.vectors), 5, dtype=torch.float64, requires_grad=True)
    z = torch.randn(len(first), 5, dtype=torch.float64, requires_grad=True)
    results = []
    for conv, outputs in (
        (convs[0], convs[0].on_angles(batch, y, z, last)),
        (convs[1], plain_convolution(convs[1], first, second, y, z, last)),
    ):
        loss = sum((torch.sin(out) * out).sum() for out in outputs)
        names = [n for n, _ in conv.named_parameters() if not last or "bn_edges" not in n]
        wanted = [y, z, *(conv.get_parameter(n) for n in names)]
        results.append([*outputs, *torch.autograd.grad(loss, wanted)])
    for mine, plain in zip(*results, strict=True):
        assert torch.allclose(mine, plain, rtol=1e-9, atol=1e-11)
    if not last:
        for mine, plain in zip(convs[0].buffers(), convs[1].buffers(), strict=True):
            assert torch.allclose(mine, plain)


def test_that_the_batch_holds_every_pair_of_edges_with_its_cosine():
    graph = structure_graph(shaken(rock_salt()), GraphSettings(neighbours=4))
    batch = batch_graphs([graph])
    first, second = line_edges(batch)
    vectors = graph.edges()[2]
    keys = [tuple(np.rint(v * 1e3).astype(int)) for v in vectors]
    mine = sorted(
        (*np.rint(batch.vectors[a].numpy() * 1e3), *np.rint(batch.vectors[b].numpy() * 1e3), c)
        for a, b, c in zip(first, second, batch.cosines().tolist(), strict=True)
    )
    theirs = sorted((*keys[a], *keys[b], c) for a, b, c in zip(*line_graph(graph), strict=True))
    assert np.allclose(np.array(mine), np.array(theirs), atol=1e-5)


def test_that_an_atom_without_bonds_is_carried_along():
    graph = crystal_graph(np.eye(3) * 4, [[0, 0, 0], [0.5, 0.5, 0.5]], [3, 9])
    lone = CrystalGraph(
        np.append(graph.numbers, 8).astype(np.int16),
        graph.bonds,
        graph.vectors,
        np.append(graph.weights, 0).astype(np.float32),
    )
    network = fixed_network("MODEL-3")
    with torch.no_grad():
        assert torch.allclose(network(batch_graphs([graph])), network(batch_graphs([lone])))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_that_a_band_is_judged_alike_alone_and_in_a_batch(architecture):
    network = fixed_network(architecture)
    shown = [band_graphs(band, network.inputs, GRAPHS) for band in example_bands().values()]
    with torch.no_grad():
        together = network(*(batch_graphs(c) for c in zip(*shown, strict=True)))
        alone = torch.cat([network(*(batch_graphs([g]) for g in graphs)) for graphs in shown])
    assert torch.allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("architecture", ["MODEL-1-SUB", "MODEL-4"])
def test_that_a_trained_network_reads_two_kinds_of_graphs_as_it_did_in_training(architecture):
    bands = list(example_bands().values())
    off = []
    for joint in (True, False):
        network = fixed_network(architecture).train()
        network.joint_norms = joint
        for module in network.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
            if isinstance(module, torch.nn.BatchNorm1d):
                module.momentum = 0.5
        shown = [band_graphs(band, network.inputs, GRAPHS) for band in bands]
        batches = [batch_graphs(column) for column in zip(*shown, strict=True)]
        with torch.no_grad():
            for _ in range(20):  # until the running statistics stand still
                in_training = network(*batches)
            off.append(float((network.eval()(*batches) - in_training).abs().max()))
    assert off[0] < 1e-2
    assert off[1] > 20 * off[0]


def test_that_joined_batches_are_the_batch_of_all_graphs():
    graphs = [band_graph(band, GRAPHS) for band in example_bands().values()]
    first, second = (batch_graphs([g]) for g in graphs)
    joined, whole = first.joined(second), batch_graphs(graphs)
    assert joined.blocks == whole.blocks
    assert joined.size == 2
    network = fixed_network("MODEL-3")
    with torch.no_grad():
        x = network.encode(joined)
        assert torch.allclose(joined.pool(x), whole.pool(network.encode(whole)), atol=1e-5)
        for part, alone in zip(joined.parted(x, 1), (first, second), strict=True):
            assert torch.allclose(part, network.encode(alone), atol=1e-4)


def test_that_the_order_of_atoms_does_not_matter():
    structure = shaken(rock_salt())
    network = fixed_network("MODEL-3")
    turned = structure.copy()
    turned.sort(key=lambda site: site.frac_coords[1])
    with torch.no_grad():
        a, b = (network(batch_graphs([structure_graph(s)])) for s in (structure, turned))
    assert torch.allclose(a, b, rtol=1e-4)


def test_that_a_reversed_path_has_the_same_barrier_where_the_model_has_no_direction():
    band = example_bands()["layered"]
    for architecture in ("MODEL-1-ADD", "MODEL-3", "MODEL-4"):
        model = predictor(architecture)
        there, back = model.predict([band, band.reversed()])
        assert there.barrier_ev == pytest.approx(back.barrier_ev, abs=1e-4)


def test_that_model_1_gives_one_barrier_where_all_ion_sites_are_alike():
    # One ion in an empty host whose sites are all equivalent: both ends of every path look the same to
    # MODEL-1, so do near and far hops. The networks are random, so their barriers are close anyway.
    host = rock_salt() * (2, 2, 2)
    bands = [single_ion_band(host, k) for k in (1, 13, 20)]
    assert len({round(band.length, 3) for band in bands}) == 3
    for architecture in ("MODEL-1-ADD", "MODEL-1-SUB", "MODEL-1-CC"):
        barriers = [b.barrier_ev for b in predictor(architecture).predict(bands)]
        assert np.ptp(barriers) < 1e-5
    for architecture in ("MODEL-3", "MODEL-4"):
        barriers = sorted(b.barrier_ev for b in predictor(architecture).predict(bands))
        assert np.diff(barriers).min() > 1e-4


def single_ion_band(structure, neighbour):
    """The only ion of a host hops from its first site to the n-th nearest one."""
    band = vacancy_band(structure, neighbour=neighbour)
    host = band.host.copy()
    host.remove_species(["Li"])
    return replace(band, host=host)


def predictor(architecture: str, **graphs) -> NetworkPredictor:
    network = fixed_network(architecture)
    with torch.no_grad():
        network.fc_out[0].weight.mul_(0.05)
    card = ModelCard(
        f"small-{architecture}",
        "1",
        "A small network for tests.",
        training={
            "recipe": "network",
            "architecture": architecture,
            "size": {
                "hidden": SMALL.hidden,
                "embedding": SMALL.embedding,
                "alignn_layers": SMALL.alignn_layers,
                "gcn_layers": SMALL.gcn_layers,
                "head_layers": SMALL.head_layers,
            },
            "graphs": graphs,
            "scaling": {"mean": 1.0, "std": 1.0, "z_min": -1.0, "z_max": 9.0, "power": 1.0},
            "margin_ev": 0.5,
        },
    )
    return NetworkPredictor(card, network)


@pytest.mark.parametrize("architecture", ARCHITECTURES[1:])
def test_that_a_stored_network_predicts_the_same(architecture, tmp_path):
    model = predictor(architecture)
    bands = list(example_bands().values())
    save_model(model, tmp_path / "model")
    again = load_model(str(tmp_path / "model"))
    before, after = model.predict(bands), again.predict(bands)
    assert [b.barrier_ev for b in before] == [b.barrier_ev for b in after]
    assert all(b.interval_ev[0] <= b.barrier_ev <= b.interval_ev[1] for b in before)
    assert "uncalibrated_interval" in {r.code for r in before[0].remarks}


def test_that_half_precision_storage_halves_the_file(tmp_path):
    model = predictor("MODEL-3")
    full = save_model(model, tmp_path / "full")
    half_card = replace(model.card, training={**model.card.training, "half_precision": True})
    half = save_model(NetworkPredictor(half_card, model.network), tmp_path / "half")
    sizes = [(f / "weights.safetensors").stat().st_size for f in (full, half)]
    assert sizes[1] < 0.7 * sizes[0]
    band = example_bands()["layered"]
    a, b = (load_model(str(f)).predict([band])[0].barrier_ev for f in (full, half))
    assert a == pytest.approx(b, abs=0.02)


def test_that_the_trunk_of_mpt_moves_into_every_model():
    mpt = fixed_network("MPT")
    for architecture in ARCHITECTURES[1:]:
        network = make_network(architecture, SMALL)
        copy_trunk(mpt, network)
        state = network.state_dict()
        for key, value in mpt.state_dict().items():
            if key.split(".")[0] in ("atom_embedding", "alignn_layers", "gcn_layers"):
                assert torch.equal(state[key], value)


def test_that_targets_are_scaled_as_published_and_back():
    assert PUBLISHED.scale([0.0035, 8.77]) == pytest.approx([-1.0, 1.0])
    for scaling in (PUBLISHED, TargetScaling.of([0.1, 0.5, 2.0], power=0.5)):
        assert scaling.unscale(scaling.scale([0.1, 0.7, 2.0])) == pytest.approx([0.1, 0.7, 2.0])


def test_that_published_names_are_those_of_the_full_size_network():
    keys = make_network("MODEL-4", NetworkSize()).state_dict()
    for key, shape in {
        "atom_embedding.layer.0.weight": (256, 92),
        "edge_embedding.0.centers": (80,),
        "edge_embedding.1.layer.0.weight": (64, 80),
        "angle_embedding.2.layer.1.running_var": (256,),
        "alignn_layers.0.node_update.src_gate.weight": (256, 256),
        "alignn_layers.3.edge_update.bn_edges.running_mean": (256,),
        "gcn_layers.3.dst_update.bias": (256,),
        "conv_to_fc.0.weight": (128, 256),
        "fc_hp.0.0.weight": (128, 128),
        "fc_out.0.bias": (1,),
        "attention.linear_q.weight": (256, 256),
        "attention1.norm.weight": (256,),
        "fc.weight": (256, 512),
    }.items():
        assert tuple(keys[key].shape) == shape
    assert "table" not in keys


def test_that_a_model_of_other_graphs_is_refused_by_the_alignn_back_end():
    with pytest.raises(ModelError, match="graphs that ALIGNN does not build"):
        predictor("MODEL-3", neighbours=8, surroundings=4.5).on_backend("alignn")
