"""Our networks and graphs beside ALIGNN's own layers on DGL, live where those are installed.

Where they are not (DGL has no wheels for Python 3.12 and later), stored outputs of ALIGNN stand in for it.
"""

from __future__ import annotations

import bz2
import io
import json
import sys
from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch
from pymatgen.core import Structure

from migbar.cli import main
from migbar.graphs import (
    TIE,
    TOO_CLOSE,
    CrystalGraph,
    GraphSettings,
    band_graph,
    end_graphs,
    line_graph,
    path_sub_graph,
    structure_graph,
)
from migbar.models.networks.architectures import ARCHITECTURES, Network, NetworkSize, make_network
from migbar.models.networks.batch import batch_graphs
from migbar.models.networks.importer import import_checkpoint
from migbar.models.networks.predictor import band_graphs
from migbar.models.networks.reference import BackendError
from migbar.models.store import save_model
from migbar.resources import examples
from migbar.structures import read_structure, write_cif
from tests.core.alignn_reference import GRAPHS, STORED, from_reference, live
from tests.core.small_bands import SMALL, example_bands, fixed_network, layered, shaken
from tests.core.test_networks import predictor

EXAMPLES = [path.name for path in examples()]
SMALL_CELLS = {"LiCoO2.cif": (2, 2, 1), "TiS2.cif": (2, 2, 1)}
"""Examples whose atoms are bonded to their own images, and the supercell where they are not."""


@cache
def example(name: str) -> Structure:
    """An example with the main element on each site: the graph does not ask for more."""
    structure = read_structure(next(path for path in examples() if path.name == name))
    species = [max(site.species, key=site.species.get).symbol for site in structure]
    return Structure(structure.lattice, species, structure.frac_coords)


@cache
def reference_of(name: str, canonize: bool = True):
    """ALIGNN's crystal graph and line graph of an example."""
    return reference_graph_of(example(name), canonize)


def reference_graph_of(structure: Structure, canonize: bool = True):
    from migbar.models.networks.reference import reference_graph

    return reference_graph(structure, canonize)


def numbers(structure: Structure) -> list[int]:
    return [site.specie.Z for site in structure]


# ------------------------------------------------------------------ edges


def keyed(graph: CrystalGraph, structure: Structure) -> Counter[tuple[int, ...]]:
    """How often each directed edge occurs: atoms, and image of the second relative to the first."""
    source, target, vectors = graph.edges()
    apart = structure.frac_coords[target] - structure.frac_coords[source]
    image = structure.lattice.get_fractional_coords(vectors.astype(float)) - apart
    assert np.abs(image - np.rint(image)).max() < 1e-5
    return Counter(map(tuple, np.column_stack([source, target, np.rint(image)]).astype(int)))


def reaches(structure: Structure, k: int) -> np.ndarray:
    """Distance of the k-th neighbour of each atom, by a search of its own."""
    centres, _, _, d = structure.get_neighbor_list(9.0)
    centres, d = centres[d > TOO_CLOSE], d[d > TOO_CLOSE]
    return np.array([np.sort(d[centres == i])[k - 1] for i in range(len(structure))])


def assert_same_edges(mine: CrystalGraph, theirs: CrystalGraph, structure: Structure, k=12) -> int:
    """Both hold the same edges, but for those within 1e-4 Å of the k-th distance; how many those are."""
    ours, reference = keyed(mine, structure), keyed(theirs, structure)
    reach = reaches(structure, k)
    differing = [key for key in ours | reference if ours[key] != reference[key]]
    for i, j, *image in differing:
        d = structure[i].distance(structure[j], jimage=np.array(image))
        assert min(abs(d - reach[i]), abs(d - reach[j])) <= TIE * 1.001, (i, j, image, d)
    return len(differing)


@live
@pytest.mark.parametrize("canonize", [True, False])
@pytest.mark.parametrize("name", EXAMPLES)
def test_that_example_structures_give_the_edges_of_alignn(name, canonize):
    structure = example(name)
    theirs = from_reference(reference_of(name, canonize)[0], numbers(structure))
    mine = structure_graph(structure, GraphSettings(canonize=canonize))
    assert_same_edges(mine, theirs, structure)


@live
@pytest.mark.parametrize("name", list(example_bands()))
def test_that_bands_and_sub_graphs_without_ties_give_exactly_the_edges_of_alignn(name):
    from migbar.models.networks.reference import (
        reference_graph,
        reference_sub_graph,
    )

    band = example_bands()[name]
    five = band.five_position_structure()
    theirs = from_reference(reference_graph(five)[0], numbers(five))
    assert assert_same_edges(band_graph(band, GRAPHS), theirs, five) == 0
    sub, mine = reference_sub_graph(band)[0], path_sub_graph(band)
    rows = [
        sorted(map(tuple, np.column_stack([*edges[:2], np.rint(edges[2] * 1e4)]).tolist()))
        for edges in (mine.edges(), from_reference(sub, mine.numbers).edges())
    ]
    assert np.allclose(*rows, atol=1.5)


@live
def test_that_ties_are_all_that_differs_as_alignn_drops_some_by_rounding():
    structure = example("Li3OCl.cif") * (2, 2, 2)
    theirs = from_reference(reference_graph_of(structure)[0], numbers(structure))
    mine = structure_graph(structure, GRAPHS)
    assert assert_same_edges(mine, theirs, structure) > 0
    ours, reference = keyed(mine, structure), keyed(theirs, structure)
    assert not reference - ours
    # Equivalent atoms have equally many bonds here, whatever the last digits of their coordinates.
    chlorine = [i for i, site in enumerate(structure) if site.specie.symbol == "Cl"]
    degrees = [np.bincount(graph.edges()[0])[chlorine] for graph in (mine, theirs)]
    assert len(set(degrees[0])) == 1 < len(set(degrees[1]))


# ------------------------------------------------------------------ on the reference's own edges


def without_own_images(name: str):
    """An example in a cell so large that no atom is bonded to an image of its own; ALIGNN's graphs of it."""
    if name not in SMALL_CELLS:
        return example(name), reference_of(name)
    structure = example(name) * SMALL_CELLS[name]
    return structure, reference_graph_of(structure)


@live
@pytest.mark.parametrize("name", SMALL_CELLS)
def test_that_only_a_bond_to_an_own_image_meets_itself_here_and_not_in_alignn(name):
    """DGL leaves such a pair out, so that a crystal gives something else in a cell twice as long."""
    from migbar.models.networks.reference import (
        batch_reference,
        reference_network,
    )

    crystal, line = reference_of(name)
    graph = from_reference(crystal, numbers(example(name)))
    source, target, _ = graph.edges()
    first, second, _ = line_graph(graph)
    ours = set(zip(first.tolist(), second.tolist(), strict=True))
    missing = ours - set(zip(*(side.tolist() for side in line.edges()), strict=True))
    assert missing == {(e, e) for e in np.flatnonzero(source == target).tolist()}
    network = fixed_network("MODEL-3")
    twin = reference_network(network)
    structures = (example(name), example(name) * SMALL_CELLS[name])
    with torch.no_grad():
        graphs = [structure_graph(s, GraphSettings(canonize=False)) for s in structures]
        mine = [network(batch_graphs([g])) for g in graphs]
        theirs = [twin(batch_reference([reference_graph_of(s, False)])) for s in structures]
    assert torch.allclose(*mine, rtol=1e-4)
    assert not torch.allclose(*theirs, rtol=1e-4)


@live
@pytest.mark.parametrize("name", EXAMPLES)
def test_that_cosines_on_alignns_edges_are_those_of_alignn(name):
    structure, (crystal, line) = without_own_images(name)
    first, second, cosine = line_graph(from_reference(crystal, numbers(structure)))
    at = {pair: k for k, pair in enumerate(zip(first.tolist(), second.tolist(), strict=True))}
    pairs = list(zip(*(side.tolist() for side in line.edges()), strict=True))
    assert set(pairs) == at.keys()
    order = [at[pair] for pair in pairs]
    # Where a cosine is about 0, its last digits are those of the products of which it is the sum.
    assert np.allclose(cosine[order], line.edata["h"].numpy(), rtol=1e-5, atol=1e-6)


def in_double(pairs):
    """DGL graphs in double precision."""
    for crystal, line in pairs:
        crystal.ndata["atom_features"] = crystal.ndata["atom_features"].double()
        crystal.edata["r"], line.edata["h"] = crystal.edata["r"].double(), line.edata["h"].double()
    return pairs


def exact_cosines(pairs):
    """Let DGL's line graphs hold the cosines of double-precision vectors."""
    from alignn.graphs import compute_bond_cosines

    for crystal, line in in_double(pairs):
        line.ndata["r"] = crystal.edata["r"]
        line.apply_edges(compute_bond_cosines)
    return pairs


def assert_same_outputs_and_gradients(network: Network, batches, reference) -> None:
    """Outputs, and gradients of every head's output in every weight, within 1e-5."""
    from migbar.models.networks.reference import reference_network

    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    twin = reference_network(network)
    network.double(), twin.double()
    mine, theirs = network(*batches), twin(*reference)
    assert torch.allclose(mine, theirs, rtol=1e-5, atol=1e-8)
    for head in range(mine.shape[1]):
        sides = []
        for net, out in ((network, mine), (twin, theirs)):
            net.zero_grad()
            out[:, head].square().sum().backward(retain_graph=True)
            sides.append({name: p.grad for name, p in net.named_parameters()})
        largest = max(float(g.norm()) for g in sides[1].values() if g is not None)
        for name, wanted in sides[1].items():
            assert (sides[0][name] is None) == (wanted is None), name
            if wanted is not None:
                error = float((sides[0][name] - wanted).norm())
                assert error <= 1e-5 * float(wanted.norm()) + 1e-9 * largest, (head, name)


@live
@pytest.mark.parametrize("name", EXAMPLES)
def test_that_trunk_and_all_heads_of_mpt_are_those_of_alignn_on_every_example(name):
    from migbar.models.networks.reference import batch_reference

    structure, pair = without_own_images(name)
    pair = tuple(part.clone() for part in pair)
    graph = from_reference(pair[0], numbers(structure))
    batch = batch_graphs([graph], dtype=torch.float64)
    reference = batch_reference(exact_cosines([pair]))
    assert_same_outputs_and_gradients(fixed_network("MPT"), [batch], [reference])


@live
@pytest.mark.parametrize("mode", ["evaluation", "training", "training as published"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_that_every_architecture_is_that_of_alignn(architecture, mode):
    from migbar.models.networks.reference import batch_reference

    network = fixed_network(architecture).train(mode != "evaluation")
    network.joint_norms = mode != "training as published"
    shown = [reference_inputs(band, network.inputs) for band in example_bands().values()]
    z = [
        [g.numbers for g in band_graphs(band, network.inputs, GRAPHS)]
        for band in example_bands().values()
    ]
    batches, reference = [], []
    for k in range(len(network.inputs)):
        pairs = exact_cosines([pair[k] for pair in shown])
        reference.append(batch_reference(pairs))
        ours = [from_reference(g, n[k]) for (g, _), n in zip(pairs, z, strict=True)]
        batches.append(batch_graphs(ours, dtype=torch.float64))
    assert_same_outputs_and_gradients(network, batches, reference)


def reference_inputs(band, inputs):
    from migbar.models.networks.reference import reference_graph, reference_sub_graph

    structures = {
        "band": band.five_position_structure(),
        "initial": band.image(0),
        "final": band.image(len(band.path) - 1),
    }
    return [
        reference_sub_graph(band) if name == "sub" else reference_graph(structures[name])
        for name in inputs
    ]


# ------------------------------------------------------------------ weights


@live
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_that_weights_move_over_in_both_directions(architecture):
    from migbar.models.networks.reference import reference_network

    network = fixed_network(architecture)
    twin = reference_network(network)
    other = make_network(architecture, SMALL)
    other.load_state_dict(twin.state_dict())
    for key, value in network.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)


@live
def test_that_the_trunk_of_alignns_own_network_loads_and_gives_the_same():
    from alignn.models.alignn import ALIGNN, ALIGNNConfig

    torch.manual_seed(0)
    alignn = ALIGNN(ALIGNNConfig(name="alignn", extra_features=0)).eval()
    network = make_network("MODEL-3").eval()
    trunk = {k: v for k, v in alignn.state_dict().items() if not k.startswith(("fc", "readout"))}
    missing, unexpected = network.load_state_dict(trunk, strict=False)
    assert not unexpected
    assert {key.split(".")[0] for key in missing} == {"conv_to_fc", "fc_hp", "fc_out"}
    crystal, line = (part.clone() for part in reference_of("LiFePO4.cif"))
    pooled = []
    alignn.fc.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0]))
    graph = from_reference(crystal, numbers(example("LiFePO4.cif")))
    with torch.no_grad():
        alignn((crystal, line, torch.zeros(3)))
        mine = network.pooled(batch_graphs([graph]))
    assert torch.allclose(mine, pooled[0].reshape(1, -1), rtol=1e-5, atol=1e-6)


@live
def test_that_a_checkpoint_of_the_reference_is_imported_and_predicts_the_same(tmp_path):
    from migbar.models.networks.reference import reference_network

    torch.manual_seed(0)
    twin = reference_network(make_network("MODEL-3", NetworkSize()).eval())
    stream = io.BytesIO()
    torch.save({"model": twin.state_dict(), "optimizer": {}, "trainer": {"epoch": 3}}, stream)
    path = tmp_path / "best_model.pt.bz2"
    path.write_bytes(bz2.compress(stream.getvalue(), 1))
    model = import_checkpoint(path, "MODEL-3")
    band = example_bands()["layered"]
    ours, theirs = (m.predict([band])[0].barrier_ev for m in (model, model.on_backend("alignn")))
    assert ours == pytest.approx(theirs, rel=1e-5)


@live
def test_that_the_alignn_back_end_gives_the_same_barrier():
    band = example_bands()["rock salt"]
    for architecture in ("MODEL-1-CC", "MODEL-2", "MODEL-3", "MODEL-4"):
        model = predictor(architecture)
        twin = model.on_backend("alignn")
        ours, theirs = (m.predict([band])[0].barrier_ev for m in (model, twin))
        assert ours == pytest.approx(theirs, abs=1e-4)


@pytest.fixture
def predict(tmp_path, capsys):
    """Runs ``migbar predict`` on a crystal without ties, with a small network."""
    save_model(predictor("MODEL-3"), tmp_path / "small")
    file = str(tmp_path / "shaken.cif")
    write_cif(shaken(layered() * (2, 2, 1)), file)

    def _predict(*options: str) -> tuple[str, str]:
        hop = ["predict", file, "--from", "0", "--to", "1", "--json"]
        with pytest.raises(SystemExit):
            main([*hop, "--model", str(tmp_path / "small"), *options])
        return capsys.readouterr()

    return _predict


@live
def test_that_the_command_predicts_on_the_alignn_back_end(predict):
    (ours, _), (theirs, error) = predict(), predict("--backend", "alignn")
    assert json.loads(ours)["barrier_ev"] == pytest.approx(
        json.loads(theirs)["barrier_ev"], abs=1e-4
    ), error


def test_that_a_back_end_that_cannot_be_used_says_why(predict, monkeypatch):
    assert "no back end 'dgl'; choose torch or alignn" in predict("--backend", "dgl")[1]
    forest = predict("--backend", "alignn", "--model", "band-forest")[1]
    assert "band-forest is no graph network" in forest
    monkeypatch.setitem(sys.modules, "dgl", None)
    assert "install migbar[alignn]" in predict("--backend", "alignn")[1]
    with pytest.raises(BackendError, match=r"migbar\[alignn\]"):
        predictor("MODEL-3").on_backend("alignn")


# ------------------------------------------------------------------ without ALIGNN


def test_that_stored_outputs_of_alignn_are_met():
    """For environments without DGL; ``python -m tests.core.make_alignn_reference`` writes the file."""
    with np.load(STORED, allow_pickle=False) as stored:
        for name, band in example_bands().items():
            initial, final = end_graphs(band, GRAPHS)
            for graph, structure, show in (
                (band_graph(band, GRAPHS), band.five_position_structure(), "band"),
                (initial, band.image(0), "initial"),
                (final, band.image(len(band.path) - 1), "final"),
            ):
                assert assert_same_edges(graph, graph_of(stored, f"{name}/{show}"), structure) == 0
            for architecture in ARCHITECTURES:
                network = fixed_network(architecture)
                shown = [graph_of(stored, f"{name}/{i}") for i in network.inputs]
                with torch.no_grad():
                    out = network(*(batch_graphs([g]) for g in shown))
                wanted = stored[f"{name}/{architecture}"]
                assert np.allclose(out.numpy(), wanted, rtol=1e-5, atol=1e-5)


def graph_of(stored, key: str) -> CrystalGraph:
    numbers = stored[f"{key}/numbers"]
    return CrystalGraph(
        numbers,
        stored[f"{key}/bonds"].astype(np.int32),
        stored[f"{key}/vectors"],
        np.ones(len(numbers), np.float32),
    )
