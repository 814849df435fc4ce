"""Kernels for sums on grids: a program writes a block of nodes, or gathers the gradient of one centre."""

import triton
import triton.language as tl

from tg_molfield.fields.engine.triton.cells import cell_gap, cell_place, column_run
from tg_molfield.fields.engine.triton.radial import radial_slope, radial_value


@triton.jit
def _grid_of_block(blocks, block, STEPS: tl.constexpr):
    """The last grid whose first block is at most ``block``, by bisection with ``STEPS`` steps."""
    grid = 0
    for step in tl.static_range(STEPS):
        later = grid + (1 << (STEPS - 1 - step))
        grid = tl.where(tl.load(blocks + later) <= block, later, grid)
    return grid


@triton.jit
def _axis(axes, k):
    """The step along axis k of a grid, in double precision."""
    return tl.load(axes + 3 + 3 * k), tl.load(axes + 4 + 3 * k), tl.load(axes + 5 + 3 * k)


@triton.jit
def grid_sums(
    frames, shapes, blocks, centers, widths, weights, starts, low, high, widest, values,
    n, reach, CHANNELS: tl.constexpr, PHI: tl.constexpr, AXES: tl.constexpr, STEPS: tl.constexpr,
    CENTER_STEP: tl.constexpr, WIDTH_STEP: tl.constexpr, BX: tl.constexpr, BY: tl.constexpr, BZ: tl.constexpr,
    PADDED: tl.constexpr,
):  # fmt: skip
    """The values of one block of nodes; centres are sorted by cell, every graph has a grid.

    AXES is 2 if all axes are along x, y and z, 1 if they are orthogonal, else 0.
    """
    block = tl.program_id(0)
    g = _grid_of_block(blocks, block, STEPS)
    nx = tl.load(shapes + 4 * g).to(tl.int32)
    ny = tl.load(shapes + 4 * g + 1).to(tl.int32)
    nz = tl.load(shapes + 4 * g + 2).to(tl.int32)
    before = tl.load(shapes + 4 * g + 3)
    local = block - tl.load(blocks + g)
    high_blocks = tl.cdiv(ny, BY)
    deep_blocks = tl.cdiv(nz, BZ)
    bi = local // (high_blocks * deep_blocks) * BX
    bj = local // deep_blocks % high_blocks * BY
    bk = local % deep_blocks * BZ

    axes = frames + 15 * g
    ax, ay, az = _axis(axes, 0)
    bx, by, bz = _axis(axes, 1)
    cx, cy, cz = _axis(axes, 2)
    ox = tl.load(axes) + bi * ax + bj * bx + bk * cx
    oy = tl.load(axes + 1) + bi * ay + bj * by + bk * cy
    oz = tl.load(axes + 2) + bi * az + bj * bz + bk * cz
    ax, ay, az = ax.to(tl.float32), ay.to(tl.float32), az.to(tl.float32)
    bx, by, bz = bx.to(tl.float32), by.to(tl.float32), bz.to(tl.float32)
    cx, cy, cz = cx.to(tl.float32), cy.to(tl.float32), cz.to(tl.float32)
    ha = tl.sqrt(ax * ax + ay * ay + az * az)
    hb = tl.sqrt(bx * bx + by * by + bz * bz)
    hc = tl.sqrt(cx * cx + cy * cy + cz * cz)
    ua, va, wa = ax / ha, ay / ha, az / ha
    ub, vb, wb = bx / hb, by / hb, bz / hb
    uc, vc, wc = cx / hc, cy / hc, cz / hc
    half = 0.5 * ((BX - 1) * ha + (BY - 1) * hb + (BZ - 1) * hc)
    fx, fy, fz = ox.to(tl.float32), oy.to(tl.float32), oz.to(tl.float32)
    rx = (ox - fx.to(tl.float64)).to(tl.float32)
    ry = (oy - fy.to(tl.float64)).to(tl.float32)
    rz = (oz - fz.to(tl.float64)).to(tl.float32)

    margin = reach * tl.load(widest)
    x0 = fx + _least(ax * (BX - 1), bx * (BY - 1), cx * (BZ - 1))
    y0 = fy + _least(ay * (BX - 1), by * (BY - 1), cy * (BZ - 1))
    z0 = fz + _least(az * (BX - 1), bz * (BY - 1), cz * (BZ - 1))
    x1 = fx - _least(-ax * (BX - 1), -bx * (BY - 1), -cx * (BZ - 1))
    y1 = fy - _least(-ay * (BX - 1), -by * (BY - 1), -cy * (BZ - 1))
    z1 = fz - _least(-az * (BX - 1), -bz * (BY - 1), -cz * (BZ - 1))
    xl, yl, zl = tl.load(low), tl.load(low + 1), tl.load(low + 2)
    xh, yh, zh = tl.load(high), tl.load(high + 1), tl.load(high + 2)
    i0, i1 = cell_place(x0 - margin, xl, xh, n, 0), cell_place(x1 + margin, xl, xh, n, n - 1)
    j0, j1 = cell_place(y0 - margin, yl, yh, n, 0), cell_place(y1 + margin, yl, yh, n, n - 1)

    row = tl.arange(0, BX * BY)
    i, j, k = row // BY, row % BY, tl.arange(0, BZ)
    channel = tl.program_id(1) * PADDED + tl.arange(0, PADDED)
    named = channel < CHANNELS
    total = tl.zeros((PADDED, BX * BY, BZ), tl.float32)
    farthest = reach * reach
    for ci in range(i0, i1 + 1):
        gap_x = cell_gap(ci, xl, xh, n, x0, x1)
        for cj in range(j0, j1 + 1):
            rest = margin * margin - gap_x - cell_gap(cj, yl, yh, n, y0, y1)
            if not (rest < 0):
                depth = tl.sqrt(rest)
                k0 = cell_place(z0 - depth, zl, zh, n, 0)
                k1 = cell_place(z1 + depth, zl, zh, n, n - 1)
                start, stop = column_run(starts, g, ci, cj, k0, k1, n)
                for a in tl.range(start, stop, loop_unroll_factor=4):
                    px = tl.load(centers + a * CENTER_STEP) - fx - rx
                    py = tl.load(centers + a * CENTER_STEP + 1) - fy - ry
                    pz = tl.load(centers + a * CENTER_STEP + 2) - fz - rz
                    width = tl.load(widths + a * WIDTH_STEP)
                    if AXES == 0:
                        qx = px - 0.5 * ((BX - 1) * ax + (BY - 1) * bx + (BZ - 1) * cx)
                        qy = py - 0.5 * ((BX - 1) * ay + (BY - 1) * by + (BZ - 1) * cy)
                        qz = pz - 0.5 * ((BX - 1) * az + (BY - 1) * bz + (BZ - 1) * cz)
                        gap = tl.maximum(tl.sqrt(qx * qx + qy * qy + qz * qz) - half, 0.0)
                        gap = gap * gap
                    else:
                        if AXES == 1:
                            pa = px * ua + py * va + pz * wa
                            pb = px * ub + py * vb + pz * wb
                            pc = px * uc + py * vc + pz * wc
                        else:
                            pa, pb, pc = px, py, pz
                        ga = tl.maximum(tl.maximum(-pa, pa - (BX - 1) * ha), 0.0)
                        gb = tl.maximum(tl.maximum(-pb, pb - (BY - 1) * hb), 0.0)
                        gc = tl.maximum(tl.maximum(-pc, pc - (BZ - 1) * hc), 0.0)
                        gap = ga * ga + gb * gb + gc * gc
                    if not (gap > farthest * width * width):
                        inverse = 1 / width
                        if AXES == 0:
                            dx = (i * ax + j * bx - px)[:, None] + (k * cx)[None, :]
                            dy = (i * ay + j * by - py)[:, None] + (k * cy)[None, :]
                            dz = (i * az + j * bz - pz)[:, None] + (k * cz)[None, :]
                            s = (dx * dx + dy * dy + dz * dz) * (inverse * inverse)
                        else:
                            da = (i * ha - pa) * inverse
                            db = (j * hb - pb) * inverse
                            dc = (k * hc - pc) * inverse
                            s = (da * da + db * db)[:, None] + (dc * dc)[None, :]
                        weight = tl.load(weights + a * CHANNELS + channel, mask=named, other=0.0)
                        total += weight[:, None, None] * radial_value(s, PHI)[None, :, :]
    node = ((bi + i) * ny + bj + j)[:, None] * nz + (bk + k)[None, :]
    inside = ((bi + i < nx) & (bj + j < ny))[:, None] & (bk + k < nz)[None, :]
    nodes = nx.to(tl.int64) * ny * nz
    target = before * CHANNELS + channel[:, None, None].to(tl.int64) * nodes + node[None, :, :]
    tl.store(values + target, total, mask=named[:, None, None] & inside[None, :, :])


@triton.jit
def _least(a, b, c):
    """The least value of a sum of some of three numbers."""
    return tl.minimum(a, 0.0) + tl.minimum(b, 0.0) + tl.minimum(c, 0.0)


@triton.jit
def _nodes_in_reach(place, radius, count):
    """The first node along one axis within ``radius`` of ``place``, both in steps, and the number of such nodes."""
    first = tl.minimum(tl.maximum(tl.ceil(place - radius), 0.0), count.to(tl.float64))
    last = tl.minimum(tl.maximum(tl.floor(place + radius), -1.0), count.to(tl.float64) - 1)
    return first.to(tl.int32), tl.maximum(last - first + 1, 0.0).to(tl.int32)


@triton.jit(do_not_specialize=["num_graphs"])
def grid_gradients(
    frames, inverses, shapes, centers, batch, widths, weights, grad, by_center, by_width, by_weight,
    num_graphs, reach, CHANNELS: tl.constexpr, PHI: tl.constexpr, BY_WEIGHT: tl.constexpr, ORTHOGONAL: tl.constexpr,
    J: tl.constexpr, K: tl.constexpr, PADDED: tl.constexpr,
):  # fmt: skip
    """The gradients of one centre, its width and its weights, from the gradient with respect to the values."""
    a = tl.program_id(0)
    g = tl.load(batch + a).to(tl.int32)
    g = tl.minimum(tl.maximum(g, 0), num_graphs - 1)
    nx = tl.load(shapes + 4 * g).to(tl.int32)
    ny = tl.load(shapes + 4 * g + 1).to(tl.int32)
    nz = tl.load(shapes + 4 * g + 2).to(tl.int32)
    before = tl.load(shapes + 4 * g + 3)
    nodes = nx.to(tl.int64) * ny * nz
    axes = frames + 15 * g
    ax, ay, az = _axis(axes, 0)
    bx, by, bz = _axis(axes, 1)
    cx, cy, cz = _axis(axes, 2)
    px = tl.load(centers + a * 3).to(tl.float64) - tl.load(axes)
    py = tl.load(centers + a * 3 + 1).to(tl.float64) - tl.load(axes + 1)
    pz = tl.load(centers + a * 3 + 2).to(tl.float64) - tl.load(axes + 2)
    width = tl.load(widths + a)
    radius = (reach * width).to(tl.float64)
    inverse = inverses + 9 * g
    u = px * tl.load(inverse) + py * tl.load(inverse + 3) + pz * tl.load(inverse + 6)
    v = px * tl.load(inverse + 1) + py * tl.load(inverse + 4) + pz * tl.load(inverse + 7)
    w = px * tl.load(inverse + 2) + py * tl.load(inverse + 5) + pz * tl.load(inverse + 8)
    i0, ni = _nodes_in_reach(u, radius * tl.load(axes + 12), nx)
    j0, nj = _nodes_in_reach(v, radius * tl.load(axes + 13), ny)
    k0, nk = _nodes_in_reach(w, radius * tl.load(axes + 14), nz)
    rx = (i0 * ax + j0 * bx + k0 * cx - px).to(tl.float32)
    ry = (i0 * ay + j0 * by + k0 * cy - py).to(tl.float32)
    rz = (i0 * az + j0 * bz + k0 * cz - pz).to(tl.float32)
    ax, ay, az = ax.to(tl.float32), ay.to(tl.float32), az.to(tl.float32)
    bx, by, bz = bx.to(tl.float32), by.to(tl.float32), bz.to(tl.float32)
    cx, cy, cz = cx.to(tl.float32), cy.to(tl.float32), cz.to(tl.float32)

    square = 1 / (width * width)
    farthest = reach * reach
    channel = tl.arange(0, PADDED)
    named = channel < CHANNELS
    weight = tl.load(weights + a * CHANNELS + channel, mask=named, other=0.0)
    sums = tl.zeros((PADDED, J, K), tl.float32)
    by_x = tl.zeros((J, K), tl.float32)
    by_y = tl.zeros((J, K), tl.float32)
    by_z = tl.zeros((J, K), tl.float32)
    by_scale = tl.zeros((J, K), tl.float32)
    grad += before * CHANNELS
    for i in range(ni):
        first, count = 0, nj
        if ORTHOGONAL:
            gap = (i0 + i - u) / tl.load(axes + 12)
            around = tl.sqrt(tl.maximum(radius * radius - gap * gap, 0.0)) * tl.load(axes + 13)
            first, count = _nodes_in_reach(v, around, ny)
            first -= j0
        for begin in range(first, first + count, J):
            j = begin + tl.arange(0, J)
            for start in range(0, nk, K):
                k = start + tl.arange(0, K)
                dx = (rx + i * ax + j * bx)[:, None] + (k * cx)[None, :]
                dy = (ry + i * ay + j * by)[:, None] + (k * cy)[None, :]
                dz = (rz + i * az + j * bz)[:, None] + (k * cz)[None, :]
                squares = dx * dx + dy * dy + dz * dz
                s = squares * square
                inside = (j < first + count)[:, None] & (k < nk)[None, :] & ~(s > farthest)
                node = (((i0 + i) * ny + j0 + j) * nz)[:, None] + (k0 + k)[None, :]
                if BY_WEIGHT:
                    given = tl.load(
                        grad + channel[:, None, None].to(tl.int64) * nodes + node[None, :, :],
                        mask=inside[None, :, :] & named[:, None, None], other=0.0,
                    )  # fmt: skip
                    sums += given * tl.where(inside, radial_value(s, PHI), 0.0)[None, :, :]
                    part = tl.sum(weight[:, None, None] * given, 0)
                else:
                    part = tl.zeros((J, K), tl.float32)
                    for c in range(CHANNELS):
                        factor = tl.load(weights + a * CHANNELS + c)
                        if factor != 0:
                            part += factor * tl.load(grad + c * nodes + node, mask=inside, other=0.0)
                part = tl.where(inside, part * radial_slope(s, PHI), 0.0)
                by_x += part * dx
                by_y += part * dy
                by_z += part * dz
                by_scale += part * squares
    twice = 2 * square
    tl.store(by_center + a * 3, -twice * tl.sum(by_x))
    tl.store(by_center + a * 3 + 1, -twice * tl.sum(by_y))
    tl.store(by_center + a * 3 + 2, -twice * tl.sum(by_z))
    tl.store(by_width + a, -twice / width * tl.sum(by_scale))
    if BY_WEIGHT:
        tl.store(by_weight + a * CHANNELS + channel, tl.sum(tl.sum(sums, 2), 1), mask=named)
