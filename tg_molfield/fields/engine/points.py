"""Sums of radial kernels at scattered points, for one graph or a batch of them."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.fields.kernels import Kernel

_PAIRS_AT_ONCE = 2**22


def sum_at_points(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
) -> Tensor:
    """Σ_i weights_i φ(|x − c_i|/σ_i) over the centres of each point's own graph.

    Args:
        centers: [N, 3].
        weights: [N, C].
        widths: σ [N], or [N, C] where each channel has its own.
        kernel: φ.
        center_batch: graph of each centre [N], sorted.
        pos: points [Q, 3].
        batch: graph of each point [Q], sorted.
        num_graphs: B.

    Returns:
        The values [Q, C].
    """
    return _accumulate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, _values)


def gradient_at_points(
    centers: Tensor,
    weights: Tensor,
    widths: Tensor,
    kernel: Kernel,
    center_batch: Tensor,
    pos: Tensor,
    batch: Tensor,
    num_graphs: int,
) -> Tensor:
    """The derivative [Q, C, 3] of `sum_at_points` by the points; the arguments are the same."""
    return _accumulate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, _gradients)


def _accumulate(centers, weights, widths, kernel, center_batch, pos, batch, num_graphs, block):  # type: ignore[no-untyped-def]
    tail = (weights.shape[1],) if block is _values else (weights.shape[1], 3)
    if num_graphs == 0 or not len(pos):
        return pos.new_zeros(len(pos), *tail)
    center_counts = torch.bincount(center_batch, minlength=num_graphs)
    query_counts = torch.bincount(batch, minlength=num_graphs)
    longest, most = int(center_counts.max()), int(query_counts.max())
    if num_graphs > 1 and num_graphs * longest * most <= _PAIRS_AT_ONCE:
        c, w, s = (pad(x, center_batch, center_counts) for x in (centers, weights, widths))
        s = torch.where(mask(center_counts, longest).reshape(s.shape[:2] + (1,) * (s.ndim - 2)), s, torch.ones_like(s))
        values = block(c, w, s, kernel, pad(pos, batch, query_counts))
        return values[mask(query_counts, most)]
    parts = []
    center_splits, query_splits = center_counts.tolist(), query_counts.tolist()
    for c, w, s, queries in zip(
        centers.split(center_splits),
        weights.split(center_splits),
        widths.split(center_splits),
        pos.split(query_splits),
        strict=True,
    ):
        rows = max(1, _PAIRS_AT_ONCE // max(1, len(c)))
        parts += [block(c[None], w[None], s[None], kernel, chunk[None])[0] for chunk in queries.split(rows)]
    return torch.cat(parts)


def mask(counts: Tensor, longest: int) -> Tensor:
    """Which places of a padded [B, longest] array are filled."""
    return torch.arange(longest, device=counts.device) < counts[:, None]


def pad(rows: Tensor, batch: Tensor, counts: Tensor) -> Tensor:
    """The rows [N, ...] of every graph as [B, longest, ...], filled up with zeros."""
    starts = counts.cumsum(0) - counts
    place = torch.arange(len(rows), device=rows.device) - starts[batch]
    padded = rows.new_zeros(len(counts), int(counts.max()), *rows.shape[1:])
    return padded.index_put((batch, place), rows)


def _values(centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, pos: Tensor) -> Tensor:
    distances = (pos[:, :, None] - centers[:, None]).square().sum(-1)
    if widths.ndim == 2:
        return kernel.value(distances / widths.square()[:, None]) @ weights
    columns = [
        kernel.value(distances / widths[..., c].square()[:, None]) @ weights[..., c, None]
        for c in range(weights.shape[-1])
    ]
    return torch.cat(columns, -1) if columns else pos.new_zeros(*pos.shape[:2], 0)


def _gradients(centers: Tensor, weights: Tensor, widths: Tensor, kernel: Kernel, pos: Tensor) -> Tensor:
    offsets = pos[:, :, None] - centers[:, None]
    distances = offsets.square().sum(-1)
    columns = []
    for c in range(weights.shape[-1]):
        width = (widths if widths.ndim == 2 else widths[..., c]).square()[:, None]
        slope = kernel.derivative(distances / width) * (2 * weights[..., c][:, None] / width)
        columns.append((slope[..., None] * offsets).sum(2))
    return torch.stack(columns, 2) if columns else pos.new_zeros(*pos.shape[:2], 0, 3)
