"""Kernels for sums at scattered points: a program takes a tile of points or centres and walks over nearby cells."""

import triton
import triton.language as tl

from tg_molfield.fields.engine.triton.cells import cell_gap, cell_place, column_run
from tg_molfield.fields.engine.triton.radial import radial_slope, radial_value


@triton.jit
def _extent(x, mine):
    """The least and the greatest of the coordinates [T] selected by ``mine``; NaN if one of them is."""
    least = tl.min(tl.where(mine, x, float("inf")), 0)
    most = tl.max(tl.where(mine, x, float("-inf")), 0)
    broken = tl.max(tl.where(mine & (x != x), 1, 0), 0) > 0
    return tl.where(broken, float("nan"), least), tl.where(broken, float("nan"), most)


@triton.jit
def _tile(pos, order, batch, rows, num_graphs, T: tl.constexpr, SORTED: tl.constexpr):
    """The rows of this program with their positions and graphs, and the range of these graphs."""
    place = tl.program_id(0) * T + tl.arange(0, T)
    inside = place < rows
    row = place.to(tl.int64)
    if SORTED:
        row = tl.load(order + place, mask=inside, other=0)
    x = tl.load(pos + row * 3, mask=inside, other=0.0)
    y = tl.load(pos + row * 3 + 1, mask=inside, other=0.0)
    z = tl.load(pos + row * 3 + 2, mask=inside, other=0.0)
    graph = tl.load(batch + row, mask=inside, other=0).to(tl.int32)
    graph = tl.minimum(tl.maximum(graph, 0), num_graphs - 1)
    first = tl.min(tl.where(inside, graph, num_graphs - 1), 0)
    last = tl.max(tl.where(inside, graph, 0), 0)
    return row, inside, x, y, z, graph, first, last


@triton.jit(do_not_specialize=["points", "num_graphs"])
def point_sums(
    pos, order, batch, centers, widths, weights, starts, low, high, widest, values,
    points, num_graphs, n, reach, CHANNELS: tl.constexpr, PHI: tl.constexpr, GRADIENT: tl.constexpr,
    SORTED: tl.constexpr, T: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """The values [Q, C] at points, or with GRADIENT their derivatives [Q, C, 3]; centres are sorted by cell."""
    row, inside, x, y, z, graph, first, last = _tile(pos, order, batch, points, num_graphs, T, SORTED)
    channel = tl.arange(0, PADDED)
    named = channel < CHANNELS
    margin = reach * tl.load(widest)
    total = tl.zeros((T, PADDED), tl.float32)
    along_y = tl.zeros((T, PADDED), tl.float32)
    along_z = tl.zeros((T, PADDED), tl.float32)
    xl, yl, zl = tl.load(low), tl.load(low + 1), tl.load(low + 2)
    xh, yh, zh = tl.load(high), tl.load(high + 1), tl.load(high + 2)
    for g in range(first, last + 1):
        mine = inside & (graph == g)
        x0, x1 = _extent(x, mine)
        y0, y1 = _extent(y, mine)
        z0, z1 = _extent(z, mine)
        i0, i1 = cell_place(x0 - margin, xl, xh, n, 0), cell_place(x1 + margin, xl, xh, n, n - 1)
        j0, j1 = cell_place(y0 - margin, yl, yh, n, 0), cell_place(y1 + margin, yl, yh, n, n - 1)
        for i in range(i0, i1 + 1):
            gap_x = cell_gap(i, xl, xh, n, x0, x1)
            for j in range(j0, j1 + 1):
                rest = margin * margin - gap_x - cell_gap(j, yl, yh, n, y0, y1)
                if not (rest < 0):
                    depth = tl.sqrt(rest)
                    k0 = cell_place(z0 - depth, zl, zh, n, 0)
                    k1 = cell_place(z1 + depth, zl, zh, n, n - 1)
                    start, stop = column_run(starts, g, i, j, k0, k1, n)
                    for a in range(start, stop, K):
                        source = a + tl.arange(0, K)
                        filled = source < stop
                        dx = x[:, None] - tl.load(centers + source * 3, mask=filled, other=0.0)[None, :]
                        dy = y[:, None] - tl.load(centers + source * 3 + 1, mask=filled, other=0.0)[None, :]
                        dz = z[:, None] - tl.load(centers + source * 3 + 2, mask=filled, other=0.0)[None, :]
                        inverse = 1 / tl.load(widths + source, mask=filled, other=1.0)
                        square = (inverse * inverse)[None, :]
                        s = (dx * dx + dy * dy + dz * dz) * square
                        pair = mine[:, None] & filled[None, :]
                        weight = tl.load(
                            weights + source[:, None] * CHANNELS + channel[None, :],
                            mask=filled[:, None] & named[None, :], other=0.0,
                        )  # fmt: skip
                        if GRADIENT:
                            slope = tl.where(pair, 2 * radial_slope(s, PHI) * square, 0.0)
                            total += tl.dot(slope * dx, weight, input_precision="tf32x3")
                            along_y += tl.dot(slope * dy, weight, input_precision="tf32x3")
                            along_z += tl.dot(slope * dz, weight, input_precision="tf32x3")
                        else:
                            value = tl.where(pair, radial_value(s, PHI), 0.0)
                            total += tl.dot(value, weight, input_precision="tf32x3")
    target = row[:, None] * CHANNELS + channel[None, :]
    mask = inside[:, None] & named[None, :]
    if GRADIENT:
        tl.store(values + target * 3, total, mask=mask)
        tl.store(values + target * 3 + 1, along_y, mask=mask)
        tl.store(values + target * 3 + 2, along_z, mask=mask)
    else:
        tl.store(values + target, total, mask=mask)


@triton.jit(do_not_specialize=["points", "num_graphs"])
def point_gradients(
    pos, order, batch, centers, widths, weights, starts, low, high, widest, grad, by_pos,
    points, num_graphs, n, reach, CHANNELS: tl.constexpr, PHI: tl.constexpr,
    SORTED: tl.constexpr, T: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """The gradient [Q, 3] with respect to the points, from the gradient [Q, C] with respect to the values."""
    row, inside, x, y, z, graph, first, last = _tile(pos, order, batch, points, num_graphs, T, SORTED)
    channel = tl.arange(0, PADDED)
    named = channel < CHANNELS
    margin = reach * tl.load(widest)
    given = tl.load(grad + row[:, None] * CHANNELS + channel[None, :], mask=inside[:, None] & named[None, :], other=0.0)
    by_x = tl.zeros((T,), tl.float32)
    by_y = tl.zeros((T,), tl.float32)
    by_z = tl.zeros((T,), tl.float32)
    xl, yl, zl = tl.load(low), tl.load(low + 1), tl.load(low + 2)
    xh, yh, zh = tl.load(high), tl.load(high + 1), tl.load(high + 2)
    for g in range(first, last + 1):
        mine = inside & (graph == g)
        x0, x1 = _extent(x, mine)
        y0, y1 = _extent(y, mine)
        z0, z1 = _extent(z, mine)
        i0, i1 = cell_place(x0 - margin, xl, xh, n, 0), cell_place(x1 + margin, xl, xh, n, n - 1)
        j0, j1 = cell_place(y0 - margin, yl, yh, n, 0), cell_place(y1 + margin, yl, yh, n, n - 1)
        for i in range(i0, i1 + 1):
            gap_x = cell_gap(i, xl, xh, n, x0, x1)
            for j in range(j0, j1 + 1):
                rest = margin * margin - gap_x - cell_gap(j, yl, yh, n, y0, y1)
                if not (rest < 0):
                    depth = tl.sqrt(rest)
                    k0 = cell_place(z0 - depth, zl, zh, n, 0)
                    k1 = cell_place(z1 + depth, zl, zh, n, n - 1)
                    start, stop = column_run(starts, g, i, j, k0, k1, n)
                    for a in range(start, stop, K):
                        source = a + tl.arange(0, K)
                        filled = source < stop
                        dx = x[:, None] - tl.load(centers + source * 3, mask=filled, other=0.0)[None, :]
                        dy = y[:, None] - tl.load(centers + source * 3 + 1, mask=filled, other=0.0)[None, :]
                        dz = z[:, None] - tl.load(centers + source * 3 + 2, mask=filled, other=0.0)[None, :]
                        inverse = 1 / tl.load(widths + source, mask=filled, other=1.0)
                        square = (inverse * inverse)[None, :]
                        s = (dx * dx + dy * dy + dz * dz) * square
                        weight = tl.load(
                            weights + source[None, :] * CHANNELS + channel[:, None],
                            mask=filled[None, :] & named[:, None], other=0.0,
                        )  # fmt: skip
                        part = tl.dot(given, weight, input_precision="tf32x3") * 2 * radial_slope(s, PHI) * square
                        part = tl.where(mine[:, None] & filled[None, :], part, 0.0)
                        by_x += tl.sum(part * dx, 1)
                        by_y += tl.sum(part * dy, 1)
                        by_z += tl.sum(part * dz, 1)
    tl.store(by_pos + row * 3, by_x, mask=inside)
    tl.store(by_pos + row * 3 + 1, by_y, mask=inside)
    tl.store(by_pos + row * 3 + 2, by_z, mask=inside)


@triton.jit(do_not_specialize=["rows", "num_graphs"])
def center_gradients(
    centers, order, batch, widths, weights, pos, point_order, starts, low, high, grad, by_center, by_width, by_weight,
    rows, num_graphs, n, reach, CHANNELS: tl.constexpr, PHI: tl.constexpr, SORTED: tl.constexpr,
    POINTS_SORTED: tl.constexpr, T: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """The gradients of centres [N, 3], widths [N] and weights [N, C] for sums at points, which are sorted by cell."""
    row, inside, x, y, z, graph, first, last = _tile(centers, order, batch, rows, num_graphs, K, SORTED)
    channel = tl.arange(0, PADDED)
    named = channel < CHANNELS
    width = tl.load(widths + row, mask=inside, other=1.0)
    square = (1 / (width * width))[:, None]
    weight = tl.load(
        weights + row[:, None] * CHANNELS + channel[None, :], mask=inside[:, None] & named[None, :], other=0.0
    )
    total = tl.zeros((K, PADDED), tl.float32)
    by_x = tl.zeros((K,), tl.float32)
    by_y = tl.zeros((K,), tl.float32)
    by_z = tl.zeros((K,), tl.float32)
    by_scale = tl.zeros((K,), tl.float32)
    margin = reach * tl.max(width, 0)
    xl, yl, zl = tl.load(low), tl.load(low + 1), tl.load(low + 2)
    xh, yh, zh = tl.load(high), tl.load(high + 1), tl.load(high + 2)
    for g in range(first, last + 1):
        mine = inside & (graph == g)
        x0, x1 = _extent(x, mine)
        y0, y1 = _extent(y, mine)
        z0, z1 = _extent(z, mine)
        i0, i1 = cell_place(x0 - margin, xl, xh, n, 0), cell_place(x1 + margin, xl, xh, n, n - 1)
        j0, j1 = cell_place(y0 - margin, yl, yh, n, 0), cell_place(y1 + margin, yl, yh, n, n - 1)
        for i in range(i0, i1 + 1):
            gap_x = cell_gap(i, xl, xh, n, x0, x1)
            for j in range(j0, j1 + 1):
                rest = margin * margin - gap_x - cell_gap(j, yl, yh, n, y0, y1)
                if not (rest < 0):
                    depth = tl.sqrt(rest)
                    k0 = cell_place(z0 - depth, zl, zh, n, 0)
                    k1 = cell_place(z1 + depth, zl, zh, n, n - 1)
                    start, stop = column_run(starts, g, i, j, k0, k1, n)
                    for q in range(start, stop, T):
                        place = q + tl.arange(0, T)
                        filled = place < stop
                        point = place.to(tl.int64)
                        if POINTS_SORTED:
                            point = tl.load(point_order + place, mask=filled, other=0)
                        dx = x[:, None] - tl.load(pos + point * 3, mask=filled, other=0.0)[None, :]
                        dy = y[:, None] - tl.load(pos + point * 3 + 1, mask=filled, other=0.0)[None, :]
                        dz = z[:, None] - tl.load(pos + point * 3 + 2, mask=filled, other=0.0)[None, :]
                        squares = dx * dx + dy * dy + dz * dz
                        s = squares * square
                        pair = mine[:, None] & filled[None, :]
                        given = tl.load(
                            grad + point[:, None] * CHANNELS + channel[None, :],
                            mask=filled[:, None] & named[None, :], other=0.0,
                        )  # fmt: skip
                        value = tl.where(pair, radial_value(s, PHI), 0.0)
                        total += tl.dot(value, given, input_precision="tf32x3")
                        part = tl.dot(weight, tl.trans(given), input_precision="tf32x3") * radial_slope(s, PHI)
                        part = tl.where(pair, part, 0.0)
                        by_x += tl.sum(part * dx, 1)
                        by_y += tl.sum(part * dy, 1)
                        by_z += tl.sum(part * dz, 1)
                        by_scale += tl.sum(part * squares, 1)
    twice = 2 / (width * width)
    tl.store(by_center + row * 3, by_x * twice, mask=inside)
    tl.store(by_center + row * 3 + 1, by_y * twice, mask=inside)
    tl.store(by_center + row * 3 + 2, by_z * twice, mask=inside)
    tl.store(by_width + row, -by_scale * twice / width, mask=inside)
    target = row[:, None] * CHANNELS + channel[None, :]
    tl.store(by_weight + target, total, mask=inside[:, None] & named[None, :])
