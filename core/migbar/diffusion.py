"""How fast a carrier spreads over a network of hops: the diffusion tensor, exactly and for any contrast of rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from migbar.networks import Network

Array = NDArray[np.float64]


def diffusion_tensor(network: Network, flows: Array, populations: Array | None = None) -> Array:
    """Return the diffusion tensor of one carrier that hops at random from node to node.

    At long times its mean squared displacement grows by 2 D t. Where the network falls apart this is the mean
    over its pieces.

    Parameters
    ----------
    network : Network
    flows : ndarray, shape (..., n_edges)
        Rate of each hop times the population of the node that it leaves: alike in both directions (detailed balance).
    populations : ndarray, shape (..., n_nodes), optional
        How likely the carrier is at each node, in any unit; all alike, and 1, where not given.

    Returns
    -------
    ndarray, shape (..., 3, 3)
        In squared cell vectors times the unit of the rates; M^T D M turns it into Cartesian axes
        for a cell with the vectors M in rows.

    Notes
    -----
    For every vector e, e^T D e is the smallest Σ w (e·(R + ψ_end − ψ_start))² over the hops of a cell,
    with their flows w and cells R, for any ψ of the nodes, over the sum of the populations (Kipnis and Varadhan,
    Commun. Math. Phys. 104, 1 (1986)). It is found like the resistance of a circuit: nodes are taken out one by
    one, each star of hops becomes a mesh, and hops side by side become one. All that is added up is positive, so
    nothing cancels where rates differ by many orders of magnitude.
    """
    mesh = _Mesh(network.n_nodes, np.asarray(flows, float).shape[:-1])
    for number, edge in enumerate(network.edges):
        shift = np.broadcast_to(np.array(edge.image, float), (*mesh.batch, 1, 3))
        mesh.join(np.array([edge.start]), np.array([edge.end]), flows[..., [number]], shift)
    left = np.ones(network.n_nodes, bool)
    while left.any():
        degree = np.where(left, mesh.joined.sum(axis=1), network.n_nodes + 1)
        node = int(degree.argmin())
        mesh.take_out(node)
        left[node] = False
    if populations is None:
        return np.asarray(mesh.tensor / network.n_nodes)
    return np.asarray(mesh.tensor / populations.sum(axis=-1)[..., None, None])


class _Mesh:
    """What is left of a network: at most one hop between any two nodes.

    Attributes
    ----------
    joined : ndarray of bool, shape (n, n)
    flow : ndarray, shape (..., n, n)
    shift : ndarray, shape (..., n, n, 3)
        Mean number of cells that a hop leads on; antisymmetric.
    tensor : ndarray, shape (..., 3, 3)
        What has been found of the tensor.
    """

    def __init__(self, n: int, batch: tuple[int, ...]) -> None:
        self.batch = batch
        self.joined = np.zeros((n, n), bool)
        self.flow = np.zeros((*batch, n, n))
        self.shift = np.zeros((*batch, n, n, 3))
        self.tensor = np.zeros((*batch, 3, 3))

    def join(
        self, start: NDArray[np.int_], end: NDArray[np.int_], flow: Array, shift: Array
    ) -> None:
        """Add hops, each between another pair of nodes or from one to its own image."""
        loop = start == end
        self._spread(flow[..., loop], shift[..., loop, :])
        start, end, flow, shift = start[~loop], end[~loop], flow[..., ~loop], shift[..., ~loop, :]
        before = self.flow[..., start, end]
        part = _ratio(flow, before + flow)
        gap = shift - self.shift[..., start, end, :]
        self._spread(before * part, gap)
        mean = self.shift[..., start, end, :] + part[..., None] * gap
        for u, v, sign in ((start, end, 1.0), (end, start, -1.0)):
            self.joined[u, v] = True
            self.flow[..., u, v] = before + flow
            self.shift[..., u, v, :] = sign * mean

    def take_out(self, node: int) -> None:
        """Put hops between all pairs of a node's neighbours in place of the node."""
        near = np.flatnonzero(self.joined[node])
        self.joined[node] = self.joined[:, node] = False
        flow, shift = self.flow[..., node, near], self.shift[..., node, near, :]
        part = _ratio(flow, flow.sum(axis=-1, keepdims=True))
        i, j = np.triu_indices(len(near), 1)
        self.join(
            near[i], near[j], flow[..., i] * part[..., j], shift[..., j, :] - shift[..., i, :]
        )

    def _spread(self, flow: Array, shift: Array) -> None:
        self.tensor += np.einsum("...h,...hi,...hj->...ij", flow, shift, shift)


def _ratio(part: Array, whole: Array) -> Array:
    """Divide; nothing of nothing is nothing."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
