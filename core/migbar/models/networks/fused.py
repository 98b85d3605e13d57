# mypy: disallow-untyped-defs=False
"""The gated convolution on the line graph for a GPU: matrix products by cuBLAS, the rest in five Triton kernels.

With a handful of structures a pass over the features of all pairs takes a GPU a few microseconds, less than it takes
to launch it. So the number of launches counts: here it does not depend on how many numbers of bonds there are,
and every elementwise step and every sum over the edges of an atom goes along with a pass that has to be made
anyway. Sums run over rows that lie together, without atomics: the same bits each time.

Triton comes with PyTorch's CUDA builds for Linux. Its interpreter runs these kernels on a CPU, for tests.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from migbar.models.networks.batch import GraphBatch

_ROWS = 8
"""Pairs that a program holds at a time, with all their features."""

_CHUNK = 64
"""Pairs that a program sums over where the sum goes over all of them."""


@triton.jit
def _gate(
    m, source, target, values, weighted, gates, start, first, width,
    F: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Complete m, and sum σ(m)·values and σ(m) over the edges into an atom; one program per edge out of it."""
    edge = tl.program_id(0).to(tl.int64)
    n = tl.load(width + edge)
    begin = tl.load(first + edge)
    pair = tl.load(start + begin) + edge - begin
    f = tl.arange(0, BLOCK)[None, :]
    t = tl.load(target + edge * F + f, mask=f < F, other=0.0)
    sum_weighted = tl.zeros((BLOCK,), tl.float32)
    sum_gates = tl.zeros((BLOCK,), tl.float32)
    i = 0
    while i < n:
        k = i + tl.arange(0, ROWS)[:, None]
        mask = (k < n) & (f < F)
        rows = (pair + k.to(tl.int64) * n) * F + f
        into = (begin + k) * F + f
        x = tl.load(m + rows, mask=mask, other=0.0)
        x += tl.load(source + into, mask=mask, other=0.0) + t
        tl.store(m + rows, x, mask=mask)
        gate = tl.where(mask, tl.sigmoid(x), 0.0)
        sum_gates += tl.sum(gate, 0)
        sum_weighted += tl.sum(gate * tl.load(values + into, mask=mask, other=0.0), 0)
        i += ROWS
    out = edge * F + tl.arange(0, BLOCK)
    tl.store(weighted + out, sum_weighted, mask=tl.arange(0, BLOCK) < F)
    tl.store(gates + out, sum_gates, mask=tl.arange(0, BLOCK) < F)


@triton.jit(do_not_specialize=["n"])
def _residual(
    z, m, new, mean, variance, gamma, beta, eps, n,
    F: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Write the new features, z + SiLU(BN(m))."""
    k = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)[:, None]
    f = tl.arange(0, BLOCK)[None, :]
    inverse = tl.rsqrt(tl.load(variance + f, mask=f < F, other=0.0) + eps)
    scale = tl.load(gamma + f, mask=f < F, other=0.0) * inverse
    centre = tl.load(mean + f, mask=f < F, other=0.0)
    shift = tl.load(beta + f, mask=f < F, other=0.0)
    mask = (k < n) & (f < F)
    u = (tl.load(m + k * F + f, mask=mask, other=0.0) - centre) * scale + shift
    x = tl.load(z + k * F + f, mask=mask, other=0.0)
    tl.store(new + k * F + f, x + u * tl.sigmoid(u), mask=mask)


@triton.jit(do_not_specialize=["n", "chunks"])
def _norm_sums(
    g_new, m, sums, mean, variance, gamma, beta, eps, n, chunks,
    F: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr, CHUNK: tl.constexpr,
):  # fmt: skip
    """Parts of the gradients by the norm's gamma and beta; one program per chunk of pairs."""
    chunk = tl.program_id(0).to(tl.int64)
    f = tl.arange(0, BLOCK)[None, :]
    inverse = tl.rsqrt(tl.load(variance + f, mask=f < F, other=0.0) + eps)
    centre = tl.load(mean + f, mask=f < F, other=0.0)
    scale = tl.load(gamma + f, mask=f < F, other=0.0)
    shift = tl.load(beta + f, mask=f < F, other=0.0)
    g_gamma = tl.zeros((BLOCK,), tl.float32)
    g_beta = tl.zeros((BLOCK,), tl.float32)
    for i in range(0, CHUNK, ROWS):
        k = chunk * CHUNK + i + tl.arange(0, ROWS)[:, None]
        mask = (k < n) & (f < F)
        x = (tl.load(m + k * F + f, mask=mask, other=0.0) - centre) * inverse
        u = x * scale + shift
        s = tl.sigmoid(u)
        g = tl.load(g_new + k * F + f, mask=mask, other=0.0) * s * (1.0 + u * (1.0 - s))
        g_gamma += tl.sum(g * x, 0)
        g_beta += tl.sum(g, 0)
    out = chunk * F + tl.arange(0, BLOCK)
    tl.store(sums + out, g_gamma, mask=tl.arange(0, BLOCK) < F)
    tl.store(sums + chunks * F + out, g_beta, mask=tl.arange(0, BLOCK) < F)


@triton.jit
def _gate_gradient(
    m, g_new, values, g_weighted, g_gates, g_m, g_values, g_source, sums,
    mean, variance, gamma, beta, eps, n_pairs, start, first, width,
    F: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
    LAST: tl.constexpr, BATCH_NORM: tl.constexpr,
):  # fmt: skip
    """Gradients by m and by the features of the edges into an atom; one program per such edge."""
    edge = tl.program_id(0).to(tl.int64)
    n = tl.load(width + edge)
    begin = tl.load(first + edge)
    pair = tl.load(start + edge)
    f = tl.arange(0, BLOCK)[None, :]
    value = tl.load(values + edge * F + f, mask=f < F, other=0.0)
    if not LAST:
        inverse = tl.rsqrt(tl.load(variance + f, mask=f < F, other=0.0) + eps)
        centre = tl.load(mean + f, mask=f < F, other=0.0)
        scale = tl.load(gamma + f, mask=f < F, other=0.0)
        shift = tl.load(beta + f, mask=f < F, other=0.0)
        if BATCH_NORM:
            slope = tl.load(sums + f, mask=f < F, other=0.0) / n_pairs
            constant = tl.load(sums + F + f, mask=f < F, other=0.0) / n_pairs
    sum_values = tl.zeros((BLOCK,), tl.float32)
    sum_source = tl.zeros((BLOCK,), tl.float32)
    i = 0
    while i < n:
        k = i + tl.arange(0, ROWS)[:, None]
        mask = (k < n) & (f < F)
        rows = (pair + k) * F + f
        out = (begin + k) * F + f
        x = tl.load(m + rows, mask=mask, other=0.0)
        gate = tl.sigmoid(x)
        g_sum = tl.load(g_weighted + out, mask=mask, other=0.0)
        g = tl.load(g_gates + out, mask=mask, other=0.0) + g_sum * value
        g = g * gate * (1.0 - gate)
        if not LAST:
            x = (x - centre) * inverse
            u = x * scale + shift
            s = tl.sigmoid(u)
            g_u = tl.load(g_new + rows, mask=mask, other=0.0) * s * (1.0 + u * (1.0 - s))
            if BATCH_NORM:
                g_u -= constant + x * slope
            g += g_u * scale * inverse
        g = tl.where(mask, g, 0.0)
        tl.store(g_m + rows, g, mask=mask)
        sum_values += tl.sum(gate * g_sum, 0)
        sum_source += tl.sum(g, 0)
        i += ROWS
    at = edge * F + tl.arange(0, BLOCK)
    tl.store(g_values + at, sum_values, mask=tl.arange(0, BLOCK) < F)
    tl.store(g_source + at, sum_source, mask=tl.arange(0, BLOCK) < F)


@triton.jit
def _sum_over_first(
    pairs, sums, start, first, width,
    F: tl.constexpr, BLOCK: tl.constexpr, ROWS: tl.constexpr,
):  # fmt: skip
    """Sum over the edges into an atom; one program per edge out of it."""
    edge = tl.program_id(0).to(tl.int64)
    n = tl.load(width + edge)
    begin = tl.load(first + edge)
    pair = tl.load(start + begin) + edge - begin
    f = tl.arange(0, BLOCK)[None, :]
    total = tl.zeros((BLOCK,), tl.float32)
    i = 0
    while i < n:
        k = i + tl.arange(0, ROWS)[:, None]
        rows = (pair + k.to(tl.int64) * n) * F + f
        total += tl.sum(tl.load(pairs + rows, mask=(k < n) & (f < F), other=0.0), 0)
        i += ROWS
    out = edge * F + tl.arange(0, BLOCK)
    tl.store(sums + out, total, mask=tl.arange(0, BLOCK) < F)


class FusedAngles(torch.autograd.Function):
    """What `migbar.models.networks.angles.GatedAngles` does, in single precision."""

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
        source, target, values = (
            (source + bias).contiguous(),
            target.contiguous(),
            values.contiguous(),
        )
        n_pairs, features = z.shape
        # Into a tensor of its own, or mixed precision would round it.
        m = torch.mm(z, weight.T, out=torch.empty_like(z))
        weighted, gates = torch.empty_like(target), torch.empty_like(target)
        shape = _shape(features)
        _gate[(len(target),)](m, source, target, values, weighted, gates, *_rows_of(graph), **shape)
        if norm is not None:
            mean, variance = norm
        elif last:
            mean, variance = m.new_zeros(features), m.new_ones(features)
        else:
            variance, mean = torch.var_mean(m, 0, correction=0)
        new = z.new_empty(0)
        if not last:
            new = torch.empty_like(z)
            _residual[(triton.cdiv(n_pairs, _ROWS),)](
                z, m, new, mean, variance, gamma, beta, eps, n_pairs, **shape
            )
        if gradients:
            ctx.save_for_backward(z, weight, values, gamma, beta, mean, variance, m)
        ctx.graph, ctx.eps, ctx.last, ctx.batch_norm = graph, eps, last, norm is None
        ctx.mark_non_differentiable(mean, variance)
        return weighted, gates, new, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        g_weighted, g_gates, g_new = (g.contiguous() for g in gradients[:3])
        z, weight, values, gamma, beta, mean, variance, m = ctx.saved_tensors
        n_pairs, features = z.shape
        shape = _shape(features)
        sums = m.new_empty(0)
        if not ctx.last:
            chunks = triton.cdiv(n_pairs, _CHUNK)
            parts = m.new_empty(2, chunks, features)
            _norm_sums[(chunks,)](
                g_new, m, parts, mean, variance, gamma, beta, ctx.eps, n_pairs, chunks, **shape, CHUNK=_CHUNK
            )  # fmt: skip
            sums = parts.sum(1)
        g_m = torch.empty_like(m)
        g_values, g_source, g_target = (torch.empty_like(values) for _ in range(3))
        rows = _rows_of(ctx.graph)
        edges = (len(values),)
        _gate_gradient[edges](
            m, g_new, values, g_weighted, g_gates, g_m, g_values, g_source, sums,
            mean, variance, gamma, beta, ctx.eps, float(n_pairs), *rows, **shape,
            LAST=ctx.last, BATCH_NORM=ctx.batch_norm,
        )  # fmt: skip
        _sum_over_first[edges](g_m, g_target, *rows, **shape)
        g_weight, g_bias = g_m.T @ z, g_source.sum(0)
        if ctx.last:
            return g_m @ weight, g_weight, g_bias, g_source, g_target, g_values, *[None] * 7
        g_z = torch.addmm(g_new, g_m, weight)
        return g_z, g_weight, g_bias, g_source, g_target, g_values, *sums, *[None] * 5


def _rows_of(graph: GraphBatch) -> tuple[Tensor, Tensor, Tensor]:
    return graph.pairs.start, graph.pairs.first, graph.pairs.width


def _shape(features: int) -> dict[str, int]:
    return {"F": features, "BLOCK": triton.next_power_of_2(features), "ROWS": _ROWS}
