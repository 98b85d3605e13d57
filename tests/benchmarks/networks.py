"""Graphs, forward pass and training step beside ALIGNN on DGL; run by hand on Python 3.11 with migbar[alignn]:

``OMP_NUM_THREADS=1 python -m tests.benchmarks.networks``

Times are processor time, the best of several runs in turns, on the same structures with the same number of threads.
Goals: graph with line graph five times, forward pass and training step twice as fast as the reference; the linear
layers alone, at the speed of a product of their shape, say what is within reach.
"""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from pymatgen.core import Lattice, Structure

from migbar.bands import Band, linear_path
from migbar.graphs import CrystalGraph, line_graph, structure_graph
from migbar.models.networks.architectures import NetworkSize, make_network
from migbar.models.networks.batch import batch_graphs
from tests.core.alignn_reference import from_reference

ROUNDS = 5


def layered_band(cells: tuple[int, int, int]) -> Band:
    """A hop in a shaken LiCoO2 cell."""
    structure = Structure.from_spacegroup(
        "R-3m", Lattice.hexagonal(2.816, 14.05), ["Li", "Co", "O"],
        [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2395]],
    ) * cells  # fmt: skip
    structure.perturb(0.04, seed=1)
    lithium = [i for i, site in enumerate(structure) if site.specie.symbol == "Li"]
    start = structure[lithium[0]].frac_coords
    far = structure.lattice.get_all_distances([start], structure.frac_coords[lithium])[0]
    other = lithium[int(np.argsort(far)[1])]
    _, image = structure.lattice.get_distance_and_image(start, structure[other].frac_coords)
    host = structure.copy()
    host.remove_sites([lithium[0], other])
    return Band(host, "Li", linear_path(start, structure[other].frac_coords + image))


def seconds(*works: Callable[[], object]) -> list[float]:
    """Processor time of the best of several runs of each, in turns so that a busy machine is fair to all."""
    times: list[list[float]] = [[] for _ in works]
    for _ in range(1 + ROUNDS):
        for work, own in zip(works, times, strict=True):
            started = time.process_time()
            work()
            own.append(time.process_time() - started)
    return [min(own) for own in times]


def compare(five: Structure) -> None:
    """Print both sides for one structure."""
    from migbar.models.networks.reference import (
        batch_reference,
        reference_graph,
        reference_network,
    )

    def ours() -> CrystalGraph:
        graph = structure_graph(five)
        line_graph(graph)
        return graph

    mine, theirs = seconds(ours, lambda: reference_graph(five))
    print(f"{len(five)} atoms: crystal and line graph {mine:.4f} s, reference {theirs:.4f} s: "
          f"{theirs / mine:.1f} times")  # fmt: skip
    pair = reference_graph(five)
    graph = from_reference(pair[0], [site.specie.Z for site in five])
    batch, dgl_batch = batch_graphs([graph]), batch_reference([pair])
    torch.manual_seed(0)
    network = make_network("MODEL-3", NetworkSize()).eval()
    twin = reference_network(network)
    flops = _linear_flops(batch)
    rows, square = torch.randn(1024, 256), torch.randn(256, 256)
    product = torch.empty_like(rows)
    for name, work in (("forward pass", _forward), ("training step", _step)):
        mine, theirs, products = seconds(
            work(network, batch),
            work(twin, dgl_batch),
            lambda: [torch.addmm(product, rows, square, out=product) for _ in range(100)],
        )
        speed = 100 * 2 * rows.numel() * 256 / products
        limit = (1 if name == "forward pass" else 3) * flops / speed
        print(f"  {name} {mine:.3f} s, reference {theirs:.3f} s: {theirs / mine:.2f} times; "
              f"{limit / mine:.0%} of the limit set by the linear layers ({limit:.3f} s, "
              f"{theirs / limit:.2f} times)")  # fmt: skip


def _forward(network: torch.nn.Module, batch: object) -> Callable[[], object]:
    def work() -> object:
        network.eval()
        with torch.no_grad():
            return network(batch)

    return work


def _step(network: torch.nn.Module, batch: object) -> Callable[[], object]:
    def work() -> None:
        network.train()
        network.zero_grad()
        network(batch).sum().backward()

    return work


def _linear_flops(batch: object) -> float:
    """Multiplications and additions of the full-size network's linear layers on pairs and edges."""
    pairs = sum(d * d * n for d, n in batch.blocks)  # type: ignore[attr-defined]
    edges = len(batch.vectors)  # type: ignore[attr-defined]
    square = 2 * 256 * 256
    embedding = 2 * (40 * 64 + 64 * 256)
    return 4 * pairs * square + pairs * embedding + edges * square * (4 * 4 + 4 + 4)


def growth() -> None:
    """Print our own times up to a thousand atoms, and the memory of the largest prediction."""
    network = make_network("MODEL-3", NetworkSize())
    for cells in ((3, 3, 1), (4, 4, 1), (5, 5, 1), (6, 7, 2)):
        five = layered_band(cells).five_position_structure()
        graph = structure_graph(five)
        (build,) = seconds(lambda five=five: line_graph(structure_graph(five)))
        batch = batch_graphs([graph])
        (forward,) = seconds(_forward(network, batch))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"{len(five)} atoms: graph {build:.4f} s, forward {forward:.2f} s, "
              f"peak memory so far {memory:.2f} GB")  # fmt: skip


def main() -> None:
    """Print everything."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    growth()
    compare(layered_band((3, 3, 1)).five_position_structure())


if __name__ == "__main__":
    main()
