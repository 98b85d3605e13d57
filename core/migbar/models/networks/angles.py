"""The gated convolution on the line graph, in pieces that stay in a processor's cache.

Nine tenths of a network's work happens here: for every pair of edges that meet at an atom a matrix product and
a dozen elementwise steps. Written with one tensor operation after the other each step would walk through main
memory; here a piece of a block goes through all of them at once, forwards and backwards. A GPU has `fused` for it.
"""

from __future__ import annotations

import functools
import importlib.util
import logging
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from migbar.models.networks.batch import Block, GraphBatch

_CPU_PIECE = 1 << 18
"""Numbers in a piece on a CPU: 1 MB in single precision, about half of a core's cache."""

_GPU_PIECE = 1 << 28
"""On a GPU without Triton: 1 GB, few and large pieces."""


@functools.cache
def gated_angles(device_type: str) -> type[torch.autograd.Function]:
    """Return the convolution for a kind of device."""
    if device_type != "cuda":
        return GatedAngles
    compilers = [os.environ.get("CC", ""), "gcc", "clang"]
    if importlib.util.find_spec("triton") and any(shutil.which(name) for name in compilers):
        from migbar.models.networks.fused import FusedAngles

        return FusedAngles
    logging.getLogger(__name__).warning(
        "Triton or the C compiler that it needs is missing: networks run on the GPU block by block, "
        "several times slower."
    )
    return GatedAngles


@dataclass(frozen=True, slots=True)
class Piece:
    """Some atoms of a block: their edges, and the pairs of edges that meet at them."""

    edges: slice
    pairs: slice
    n: int
    d: int

    def by_first(self, edges: Tensor) -> Tensor:
        """Shape edge features so that they go with the edge into the atom."""
        return edges[self.edges].view(self.n, self.d, 1, -1)

    def by_second(self, edges: Tensor) -> Tensor:
        """Shape edge features so that they go with the edge out of the atom."""
        return edges[self.edges].view(self.n, 1, self.d, -1)


def pieces(blocks: tuple[Block, ...], features: int, device: torch.device) -> Iterator[Piece]:
    """Cut the blocks so that a piece's features fit in the cache."""
    most = _CPU_PIECE if device.type == "cpu" else _GPU_PIECE
    edge = pair = 0
    for d, atoms in blocks:
        if d == 0:
            continue
        step = max(1, most // (d * d * features))
        for first in range(0, atoms, step):
            n = min(step, atoms - first)
            yield Piece(slice(edge, edge + n * d), slice(pair, pair + n * d * d), n, d)
            edge += n * d
            pair += n * d * d


@dataclass(slots=True)
class Moments:
    """Mean and variance of rows that come in pieces (Chan's update), in double precision."""

    count: int
    mean: Tensor
    squares: Tensor

    @classmethod
    def none(cls, like: Tensor) -> Moments:
        """Begin without any rows."""
        nothing = torch.zeros(like.shape[1], dtype=torch.float64, device=like.device)
        return cls(0, nothing, nothing.clone())

    def add(self, rows: Tensor) -> None:
        """Take more rows into account."""
        n = len(rows)
        mean = rows.mean(0)
        squares = (rows - mean).square_().sum(0).double()
        delta = mean.double() - self.mean
        total = self.count + n
        self.mean += delta * (n / total)
        self.squares += squares + delta.square() * (self.count * n / total)
        self.count = total

    def mean_and_variance(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return both for all rows so far."""
        return self.mean.to(dtype), (self.squares / max(self.count, 1)).to(dtype)


class GatedAngles(torch.autograd.Function):
    """Gates of the pairs of edges, the sums they weigh, and the pairs' new features.

    With σ = sigmoid(m) and m = W z + b + source + target, gives Σσ·values and Σσ over the edges into an atom for
    each edge out of it, and z + SiLU(BN(m)) unless this is the last layer.
    """

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        weight: Tensor,
        bias: Tensor,
        source: Tensor,
        target: Tensor,
        values: Tensor,
        gamma: Tensor,
        beta: Tensor,
        norm: tuple[Tensor, Tensor] | None,
        eps: float,
        graph: GraphBatch,
        last: bool,
        gradients: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        features = z.shape[1]
        cut = list(pieces(graph.blocks, features, z.device))
        keep = gradients or (norm is None and not last)
        m = torch.empty_like(z) if keep else None
        # Without gradients nobody looks back: the new features take the place of the old ones.
        new = z.new_empty(0) if last else torch.empty_like(z) if keep else z
        if new is z:
            ctx.mark_dirty(z)
        most = max((p.n * p.d * p.d for p in cut), default=0)
        room, spare = (z.new_empty(most, features) for _ in range(2))
        weighted, gates = torch.empty_like(target), torch.empty_like(target)
        moments = Moments.none(z)
        if norm is not None:
            scale, shift = _affine(*norm, gamma, beta, eps)
        source = source + bias
        for p in cut:
            n_pairs = p.n * p.d * p.d
            rows = room[:n_pairs] if m is None else m[p.pairs]
            block = rows.view(p.n, p.d, p.d, features)
            torch.add(p.by_first(source), p.by_second(target), out=block)
            rows.addmm_(z[p.pairs], weight.T)
            if not last:
                if norm is None:
                    moments.add(rows)
                else:
                    _silu_residual(rows, scale, shift, z[p.pairs], new[p.pairs], spare[:n_pairs])
            gate = torch.sigmoid(rows, out=room[:n_pairs]).view(p.n, p.d, p.d, features)
            gates[p.edges] = gate.sum(1).view(-1, features)
            gate *= p.by_first(values)
            weighted[p.edges] = gate.sum(1).view(-1, features)
        mean, variance = norm or moments.mean_and_variance(z.dtype)
        if norm is None and not last and m is not None:
            scale, shift = _affine(mean, variance, gamma, beta, eps)
            for p in cut:
                rows = spare[: p.n * p.d * p.d]
                _silu_residual(m[p.pairs], scale, shift, z[p.pairs], new[p.pairs], rows)
        ctx.save_for_backward(z, weight, values, gamma, beta, mean, torch.rsqrt(variance + eps), m)
        ctx.cut, ctx.last, ctx.batch_norm = cut, last, norm is None
        ctx.mark_non_differentiable(mean, variance)
        return weighted, gates, new, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        g_weighted, g_gates, g_new = (g.contiguous() for g in gradients[:3])
        z, weight, values, gamma, beta, mean, inverse, m = ctx.saved_tensors
        features = z.shape[1]
        g_z = torch.empty_like(z)
        g_source, g_target = torch.empty_like(values), torch.empty_like(values)
        g_values = torch.empty_like(values)
        g_weight = torch.zeros_like(weight)
        g_gamma, g_beta = torch.zeros_like(gamma), torch.zeros_like(beta)
        scale, shift = gamma * inverse, beta - mean * gamma * inverse
        if not ctx.last:
            for p in ctx.cut:
                g_u = _silu_gradient(g_new[p.pairs], m[p.pairs], scale, shift)
                g_beta += g_u.sum(0)
                g_gamma += g_u.mul_(m[p.pairs]).sum(0)
            g_gamma = (g_gamma - mean * g_beta) * inverse
        slope, constant = _centring(mean, inverse, scale, g_gamma, g_beta, len(z))
        for p in ctx.cut:
            rows = m[p.pairs]
            gate = torch.sigmoid(rows).view(p.n, p.d, p.d, features)
            g_sum = p.by_second(g_weighted)
            g_gate = torch.addcmul(p.by_second(g_gates), g_sum, p.by_first(values))
            g_m = torch.ops.aten.sigmoid_backward(g_gate, gate).view(-1, features)
            g_values[p.edges] = gate.mul_(g_sum).sum(2).view(-1, features)
            if not ctx.last:
                g_u = _silu_gradient(g_new[p.pairs], rows, scale, shift)
                g_m.addcmul_(g_u, scale)
                if ctx.batch_norm:
                    g_m += torch.addcmul(constant, rows, slope)
            block = g_m.view(p.n, p.d, p.d, features)
            g_source[p.edges] = block.sum(2).view(-1, features)
            g_target[p.edges] = block.sum(1).view(-1, features)
            g_weight.addmm_(g_m.T, z[p.pairs])
            if ctx.last:
                torch.mm(g_m, weight, out=g_z[p.pairs])
            else:
                torch.addmm(g_new[p.pairs], g_m, weight, out=g_z[p.pairs])
        g_bias = g_source.sum(0)
        if ctx.last:
            return g_z, g_weight, g_bias, g_source, g_target, g_values, *[None] * 7
        return g_z, g_weight, g_bias, g_source, g_target, g_values, g_gamma, g_beta, *[None] * 5


class NormSilu(torch.autograd.Function):
    """SiLU of a batch norm on a CPU; `norm` holds mean and variance, or is None where the batch's own count."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        norm: tuple[Tensor, Tensor] | None,
        eps: float,
        gradients: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        ctx.batch_norm = norm is None
        cut = x.split(_rows_in_piece(x))
        if norm is None:
            moments = Moments.none(x)
            for rows in cut:
                moments.add(rows)
            norm = moments.mean_and_variance(x.dtype)
        mean, variance = norm
        scale, shift = _affine(mean, variance, gamma, beta, eps)
        # Without gradients nobody looks back, and fresh memory is dear.
        out = torch.empty_like(x) if gradients else x
        if not gradients:
            ctx.mark_dirty(x)
        for rows, new in zip(cut, out.split(_rows_in_piece(x)), strict=True):
            torch.addcmul(shift, rows, scale, out=new)
            torch.nn.functional.silu(new, inplace=True)
        ctx.save_for_backward(x, gamma, beta, mean, torch.rsqrt(variance + eps))
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        x, gamma, beta, mean, inverse = ctx.saved_tensors
        size = _rows_in_piece(x)
        cut = list(zip(x.split(size), gradients[0].split(size), strict=True))
        scale, shift = gamma * inverse, beta - mean * gamma * inverse
        g_x = torch.empty_like(x)
        g_gamma, g_beta = torch.zeros_like(gamma), torch.zeros_like(beta)
        for rows, g in cut:
            g_u = _silu_gradient(g, rows, scale, shift)
            g_beta += g_u.sum(0)
            g_gamma += g_u.mul_(rows).sum(0)
        g_gamma = (g_gamma - mean * g_beta) * inverse
        slope, constant = _centring(mean, inverse, scale, g_gamma, g_beta, len(x))
        for (rows, g), new in zip(cut, g_x.split(size), strict=True):
            torch.mul(_silu_gradient(g, rows, scale, shift), scale, out=new)
            if ctx.batch_norm:
                new += torch.addcmul(constant, rows, slope)
        return g_x, g_gamma, g_beta, None, None, None


def _rows_in_piece(x: Tensor) -> int:
    return max(1, _CPU_PIECE // x.shape[1])


def _centring(
    mean: Tensor,
    inverse: Tensor,
    scale: Tensor,
    g_gamma: Tensor,
    g_beta: Tensor,
    count: int,
) -> tuple[Tensor, Tensor]:
    """Return slope and constant: rows owe slope · row + constant to the batch's mean and variance."""
    slope = -scale * inverse * g_gamma / count
    return slope, -scale * g_beta / count - mean * slope


def _affine(
    mean: Tensor, variance: Tensor, gamma: Tensor, beta: Tensor, eps: float
) -> tuple[Tensor, Tensor]:
    """Batch norm as a factor and a constant."""
    scale = gamma * torch.rsqrt(variance + eps)
    return scale, beta - mean * scale


def _silu_residual(
    rows: Tensor, scale: Tensor, shift: Tensor, z: Tensor, out: Tensor, spare: Tensor
) -> None:
    u = torch.addcmul(shift, rows, scale, out=spare)
    torch.add(z, torch.nn.functional.silu(u, inplace=True), out=out)


def _silu_gradient(gradient: Tensor, rows: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    u = torch.addcmul(shift, rows, scale)
    return torch.ops.aten.silu_backward(gradient, u)
