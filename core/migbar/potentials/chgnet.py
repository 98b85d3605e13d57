"""CHGNet, evaluated for all images of a band in one batch.

Source of the network: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3, in the
package ``chgnet``. What is ours: graphs made without Python loops, one reverse pass for the forces of all images,
and no second derivatives, stresses or magnetic moments, which a relaxation in a fixed cell does not ask for.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from migbar.potentials import Evaluation, PotentialError, Provenance

if TYPE_CHECKING:
    import torch
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator
    from chgnet.graph.crystalgraph import CrystalGraph

VARIANTS = ("0.3.0", "r2scan", "0.2.0")

HEAVIEST = 94
"""Highest atomic number that CHGNet has an embedding for."""

NOBLE_GASES = frozenset(("He", "Ne", "Ar", "Kr", "Xe"))
"""Hardly or not at all in its training data."""

MOST_EDGES = {"cpu": 10_000, "cuda": 100_000}
"""A batch is divided beyond this many directed edges: each takes about 70 kB, its angles included, and on a
processor larger batches are slower than their images one by one, because they no longer fit its caches."""


class ChgnetPotential:
    """CHGNet as a `migbar.potentials.Potential`.

    Parameters
    ----------
    variant : str
        One of `VARIANTS`; the first where empty.
    device : str
        As PyTorch names it.
    """

    def __init__(self, variant: str = "", device: str = "cpu") -> None:
        variant = variant or VARIANTS[0]
        if variant not in VARIANTS:
            raise PotentialError(
                f"there is no CHGNet '{variant}'; choose one of: {', '.join(VARIANTS)}."
            )
        from chgnet.model.model import CHGNet

        # PyTorch's word on how CHGNet joins its graphs; nobody who relaxes a crystal can do anything about it.
        warnings.filterwarnings("ignore", "Converting a tensor", module="chgnet")
        with _quiet():
            self._network = CHGNet.load(model_name=variant, use_device=device, verbose=False)
        self._network.eval()
        for parameter in self._network.parameters():
            parameter.requires_grad_(False)
        self._variant = variant
        self._device = device

    @cached_property
    def provenance(self) -> Provenance:
        import chgnet

        folder = Path(chgnet.__file__).parent / "pretrained" / self._variant
        weights = next(folder.glob("*.pth.tar"))
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        name = "chgnet" if self._variant == VARIANTS[0] else f"chgnet:{self._variant}"
        return Provenance(name, self._variant, digest, self._device)

    def supports(self, element: str) -> bool:
        from ase.data import atomic_numbers

        return 0 < atomic_numbers.get(element, 0) <= HEAVIEST and element not in NOBLE_GASES

    def evaluate(self, images: Sequence[Atoms]) -> list[Evaluation]:
        graphs = [self._graph(image) for image in images]
        most = MOST_EDGES[self._device.partition(":")[0]]
        return [
            evaluation for batch in _batches(graphs, most) for evaluation in self._evaluate(batch)
        ]

    def calculator(self) -> BaseCalculator:
        from chgnet.model.dynamics import CHGNetCalculator

        with _quiet():
            return CHGNetCalculator(
                self._network, use_device=self._device, on_isolated_atoms="ignore"
            )

    def _graph(self, atoms: Atoms) -> CrystalGraph:
        from chgnet.graph.crystalgraph import CrystalGraph

        converter = self._network.graph_converter
        neighbours = Neighbours(atoms, converter.atom_graph_cutoff)
        directed, undirected = neighbours.undirected()
        fields: dict[str, Any] = {
            "atomic_number": _integers(atoms.numbers),
            "atom_frac_coord": _reals(atoms.get_scaled_positions(wrap=False)).requires_grad_(),
            "lattice": _reals(atoms.cell.array),
            "atom_graph": _integers(neighbours.pairs),
            "neighbor_image": _reals(neighbours.translations),
            "directed2undirected": _integers(directed),
            "undirected2directed": _integers(undirected),
            "bond_graph": _integers(neighbours.angles(converter.bond_graph_cutoff, directed)),
        }
        return CrystalGraph(
            atom_graph_cutoff=converter.atom_graph_cutoff,
            bond_graph_cutoff=converter.bond_graph_cutoff,
            **{name: tensor.to(self._device) for name, tensor in fields.items()},
        )

    def _evaluate(self, graphs: Sequence[CrystalGraph]) -> Iterator[Evaluation]:
        import torch

        output = self._network(graphs, task="e")
        energies = output["e"]
        if self._network.is_intensive:
            energies = energies * output["atoms_per_graph"]
        places = [graph.atom_frac_coord for graph in graphs]
        slopes = torch.autograd.grad(energies.sum(), places)
        values = energies.detach().cpu().numpy().astype(float)
        for energy, slope, graph in zip(values, slopes, graphs, strict=True):
            # x = f L, so that dE/df = dE/dx Lᵀ.
            lattice = graph.lattice.cpu().numpy().astype(float)
            forces = -slope.cpu().numpy().astype(float) @ np.linalg.inv(lattice.T)
            yield Evaluation(float(energy), forces)


class Neighbours:
    """Directed edges between atoms closer than a cut-off, periodic images included.

    Attributes
    ----------
    pairs : ndarray of int, shape (n, 2)
        Centre and neighbour.
    translations : ndarray of int, shape (n, 3)
        Cell of the neighbour.
    distances : ndarray, shape (n,)
        In Å.
    """

    def __init__(self, atoms: Atoms, cutoff: float) -> None:
        from pymatgen.optimization.neighbors import find_points_in_spheres

        points = np.ascontiguousarray(atoms.positions, dtype=float)
        centre, neighbour, translation, distance = find_points_in_spheres(
            points, points, r=float(cutoff), pbc=np.ones(3, dtype=np.int64),
            lattice=np.ascontiguousarray(atoms.cell.array, dtype=float), tol=1e-8,
        )  # fmt: skip
        same = (centre == neighbour) & (distance <= 1e-8)
        self.pairs = np.column_stack([centre, neighbour])[~same]
        self.translations = translation[~same].astype(int)
        self.distances = distance[~same]
        self._n_atoms = len(atoms)

    def undirected(self) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
        """Return the undirected edge of every directed one, and one directed edge of every undirected one."""
        reach = int(np.abs(self.translations).max(initial=0))
        width = 2 * reach + 1

        def key(pairs: NDArray[np.int_], cells: NDArray[np.int_]) -> NDArray[np.int_]:
            number = pairs[:, 0] * self._n_atoms + pairs[:, 1]
            for axis in range(3):
                number = number * width + cells[:, axis] + reach
            return np.asarray(number)

        there = key(self.pairs, self.translations)
        back = key(self.pairs[:, ::-1], -self.translations)
        _, first, edge = np.unique(np.minimum(there, back), return_index=True, return_inverse=True)
        return edge, first

    def angles(self, cutoff: float, edge: NDArray[np.int_]) -> NDArray[np.int_]:
        """Return ordered pairs of short edges that share their centre.

        Columns: centre, undirected and directed index of the first edge, the same of the second.
        """
        short = np.flatnonzero(self.distances < cutoff)
        short = short[np.argsort(self.pairs[short, 0], kind="stable")]
        degree = np.bincount(self.pairs[short, 0], minlength=self._n_atoms)
        begin = np.cumsum(degree) - degree
        partners = degree[self.pairs[short, 0]]
        first = np.repeat(short, partners)
        offset = np.arange(len(first)) - np.repeat(np.cumsum(partners) - partners, partners)
        second = short[begin[self.pairs[first, 0]] + offset]
        apart = first != second
        first, second = first[apart], second[apart]
        return np.column_stack([self.pairs[first, 0], edge[first], first, edge[second], second])


def _batches(graphs: Sequence[CrystalGraph], most: int) -> Iterator[list[CrystalGraph]]:
    batch: list[CrystalGraph] = []
    edges = 0
    for graph in graphs:
        if batch and edges + len(graph.atom_graph) > most:
            yield batch
            batch, edges = [], 0
        batch.append(graph)
        edges += len(graph.atom_graph)
    if batch:
        yield batch


def _integers(values: NDArray[Any]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.int32))


def _reals(values: NDArray[Any]) -> torch.Tensor:
    import torch

    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what CHGNet prints when it is made away from stdout, where results go."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
