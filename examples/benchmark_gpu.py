"""The speed of field evaluation on one CUDA device, compared with the PyTorch engine, libmolgrid and filling memory.

    python examples/benchmark_gpu.py [--check] [--protein 1iep_protein.pdb.gz] [--only WORDS]

Times are medians in milliseconds from device events. "graph" is the same call captured in a CUDA graph, without the
time to launch kernels from Python. "TB/s" counts the bytes of the result, and "% fill" compares that rate with filling
memory. "TFLOP/s" counts the operations of pairs of an atom and a point that are in reach, see
`benchmark_gpu_operations`. Both are of the captured call. libmolgrid, where it is installed (``pip install molgrid
'numpy<2'``), writes the values of one molecule after the other into an existing buffer, and gives the gradients of
positions alone. ``--check`` compares every result with sums in double precision. It fails if values are off by more
than 2e-6 of the largest, or gradients by more than 1e-5.
"""

from __future__ import annotations

import argparse
import gzip
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import peer_grids
import torch
import torch.nn.functional as F
from benchmark_gpu_operations import operations, pairs_at_points, pairs_on_grids
from torch import Tensor

from tg_molfield import Grid
from tg_molfield.fields import get_kernel
from tg_molfield.fields.engine import sum_at_points, sums_on_each_grid, sums_on_grids
from tg_molfield.fields.engine.reference import grids as torch_grids
from tg_molfield.fields.engine.reference import points as torch_points
from tg_molfield.fields.engine.triton.reach import value_reach

GAUSSIAN = get_kernel("gaussian")
SPACING = 0.5
SAMPLES, SAMPLED_CENTERS = 1500, 6


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Args:
        name: what is computed.
        run: computes it with the engine that the package chooses.
        with_torch: computes it with the PyTorch engine.
        errors: the errors of a result of ``run`` relative to the largest exact values.
        written: the bytes of the result.
        operations: of the values; None where gradients are calculated, too.
        with_libmolgrid: computes it with libmolgrid, where it can.
    """

    name: str
    run: Callable[[], Sequence[Tensor]]
    with_torch: Callable[[], Sequence[Tensor]]
    errors: Callable[[Sequence[Tensor]], list[float]]
    written: int
    operations: float | None = None
    with_libmolgrid: Callable[[], Sequence[Tensor]] | None = None


def timed(run: Callable[[], object], repeats: int = 30, seconds: float = 1.0) -> float:
    """The median time of a call in ms."""
    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < 3 or (len(times) < repeats and time.perf_counter() - begin < seconds):
        start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        start.record()
        run()
        stop.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(stop))
    return statistics.median(times)


def memory_rates() -> tuple[float, float]:
    """The rates of filling and of copying memory in TB/s, the latter in bytes read and written."""
    buffer = torch.empty(2**28, device="cuda")
    other = torch.empty_like(buffer)
    fill, copy = timed(lambda: buffer.fill_(1.0)), timed(lambda: other.copy_(buffer))
    return buffer.nbytes / fill / 1e9, 2 * buffer.nbytes / copy / 1e9


def captured(run: Callable[[], object]) -> Callable[[], None]:
    """The call as a CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            run()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        run()
    return graph.replay


def zeros(n: int) -> Tensor:
    return torch.zeros(n, dtype=torch.long, device="cuda")


def exact(centers: Tensor, weights: Tensor, widths: Tensor, pos: Tensor) -> Tensor:
    """The values [Q, C] in double precision."""
    centers, weights, inverse = centers.double(), weights.double(), 1 / widths.double()
    parts = []
    for some in pos.double().split(max(1, 2**26 // max(1, len(centers)))):
        squares = torch.stack([(some[:, None, k] - centers[None, :, k]).square() for k in range(3)]).sum(0)
        parts.append(torch.exp(-0.5 * squares * inverse.square()) @ weights)
    return torch.cat(parts)


def worst(values: Tensor, reference: Tensor) -> float:
    return float((values.double() - reference).abs().max() / reference.abs().max())


def grid_errors(parts: Sequence[Tensor], grids: Sequence[Grid], batch: Tensor, values: Sequence[Tensor]) -> list[float]:
    """The error at some nodes of the first and the last grid."""
    errors = []
    for index in {0, len(grids) - 1}:
        grid, mine = grids[index], batch == index
        generator = torch.Generator().manual_seed(index)
        flat = torch.randint(grid.num_nodes, (SAMPLES,), generator=generator)
        _, ny, nz = grid.shape
        place = torch.stack([flat // (ny * nz), flat // nz % ny, flat % nz], 1).double()
        nodes = (grid.origin_tensor() + place @ grid.axes_tensor()).cuda()
        expected = exact(*(x[mine] for x in parts), nodes)
        near = exact(*(x[mine] for x in parts), parts[0][mine][:SAMPLES])
        found = values[index].flatten(1)[:, flat.cuda()].T
        errors.append(float((found.double() - expected).abs().max() / near.abs().max()))
    return [max(errors)]


def center_errors(parts: Sequence[Tensor], nodes: Tensor, grad: Tensor, found: Sequence[Tensor]) -> list[float]:
    """The errors of the gradients of some centres; ``grad`` is that of the values at ``nodes`` [Q, C]."""
    some = torch.linspace(0, len(parts[0]) - 1, SAMPLED_CENTERS).long().cuda()
    exact_parts = []
    for i in some.tolist():
        center, weight, width = (x[i : i + 1].detach().double().requires_grad_() for x in parts)
        total = torch.zeros((), dtype=torch.float64, device="cuda")
        for where, slope in zip(nodes.split(2**19), grad.double().split(2**19), strict=True):
            squares = (where.double() - center).square().sum(1)
            total = total + ((slope @ weight[0]) * torch.exp(-0.5 * squares / width.square())).sum()
        exact_parts.append(torch.autograd.grad(total, (center, weight, width)))
    return [worst(x[some], torch.cat(y)) for x, y in zip(found, zip(*exact_parts, strict=True), strict=True)]


def grid_case(name: str, parts: Sequence[Tensor], grids: Sequence[Grid], batch: Tensor, backward: bool = False) -> Case:
    """Values on grids of one shape, with ``backward`` the gradients of centres, weights and widths too."""
    channels = parts[1].shape[1]
    out = torch.empty(len(grids), channels, *grids[0].shape, device="cuda")
    comparable = (
        peer_grids.is_installed() and bool(((parts[1] != 0).sum(1) == 1).all()) and len(set(grids[0].shape)) == 1
    )
    if not backward:
        pairs = pairs_on_grids(parts[0], parts[2], batch, grids, value_reach(GAUSSIAN))
        return Case(
            name, lambda: sums_on_grids(*parts, GAUSSIAN, batch, grids, out),
            lambda: torch_grids.sums_on_grids(*parts, GAUSSIAN, batch, grids, out),
            lambda values: grid_errors(parts, grids, batch, values), out.numel() * 4, operations(pairs, parts[1]),
            peer_grids.libmolgrid(parts, batch, grids) if comparable else None,
        )  # fmt: skip
    leaves = [x.clone().requires_grad_() for x in parts]
    grad = torch.randn(out.shape, device="cuda", generator=torch.Generator("cuda").manual_seed(0))

    def run(function: Callable[..., Tensor]) -> Sequence[Tensor]:
        return torch.autograd.grad(function(*leaves, GAUSSIAN, batch, grids), leaves, grad)

    nodes = grids[0].points(torch.float64)
    return Case(
        name, lambda: run(sums_on_grids), lambda: run(torch_grids.sums_on_grids),
        lambda found: center_errors(parts, nodes.cuda(), grad[0].flatten(1).T, found), out.numel() * 4, None,
        peer_grids.libmolgrid(parts, batch, grids, grad) if comparable else None,
    )  # fmt: skip


def point_case(
    name: str, parts: Sequence[Tensor], center_batch: Tensor, pos: Tensor, batch: Tensor, num_graphs: int,
    backward: bool = False,
) -> Case:  # fmt: skip
    """Values at points, with ``backward`` the gradients of centres, weights, widths and points too."""
    channels = parts[1].shape[1]
    leaves = [x.clone().requires_grad_(backward) for x in (*parts, pos)]
    grad = torch.randn(len(pos), channels, device="cuda", generator=torch.Generator("cuda").manual_seed(0))

    def run(function: Callable[..., Tensor]) -> Sequence[Tensor]:
        values = function(*leaves[:3], GAUSSIAN, center_batch, leaves[3], batch, num_graphs)
        return torch.autograd.grad(values, leaves, grad) if backward else [values]

    def errors(found: Sequence[Tensor]) -> list[float]:
        graph = num_graphs - 1
        mine, own = center_batch == graph, batch == graph
        mine_parts = [x[mine] for x in parts]
        if backward:
            last = [x[mine] for x in found[:3]]
            return center_errors(mine_parts, pos[own], grad[own], last)
        return [worst(found[0][own][:SAMPLES], exact(*mine_parts, pos[own][:SAMPLES]))]

    pairs = pairs_at_points(parts[0], parts[2], center_batch, pos, batch, value_reach(GAUSSIAN))
    return Case(
        name, lambda: run(sum_at_points), lambda: run(torch_points.sum_at_points), errors, grad.numel() * 4,
        None if backward else operations(pairs, parts[1]),
    )  # fmt: skip


def protein(path: Path | None) -> tuple[Tensor, Tensor, Tensor]:
    """The atoms of a PDB file with elements as channels, or as many random ones."""
    if path is None:
        return ball(4412, 5)
    with gzip.open(path, "rt") as lines:
        atoms = [line for line in lines if line.startswith(("ATOM", "HETATM"))]
    centers = torch.tensor([[float(line[i : i + 8]) for i in (30, 38, 46)] for line in atoms])
    elements = [line[76:78].strip() for line in atoms]
    weights = torch.tensor([[float(element == kind) for kind in "CHNOS"] for element in elements])
    return centers.cuda(), weights.cuda(), torch.ones(len(centers), device="cuda")


def ball(n: int, channels: int) -> tuple[Tensor, Tensor, Tensor]:
    """Atoms as dense as in a protein, one-hot in their channels."""
    generator = torch.Generator().manual_seed(n)
    radius = (n / 0.1 * 3 / (4 * math.pi)) ** (1 / 3)
    centers = F.normalize(torch.randn(n, 3, generator=generator), dim=1)
    centers = centers * radius * torch.rand(n, 1, generator=generator) ** (1 / 3)
    kinds = F.one_hot(torch.randint(channels, (n,), generator=generator), channels).float()
    return centers.cuda(), kinds.cuda(), torch.ones(n, device="cuda")


def molecules(sizes: Tensor, extent: Sequence[float], channels: int) -> tuple[list[Tensor], Tensor]:
    """Random molecules of ``sizes`` atoms: their parts and batch vector."""
    generator = torch.Generator().manual_seed(7)
    n = int(sizes.sum())
    centers = (torch.rand(n, 3, generator=generator) - 0.5) * torch.tensor(extent)
    kinds = F.one_hot(torch.randint(channels, (n,), generator=generator), channels).float()
    batch = torch.repeat_interleave(sizes)
    return [centers.cuda(), kinds.cuda(), torch.full((n,), 0.85, device="cuda")], batch.cuda()


def cube(centers: Tensor, n: int) -> Grid:
    middle = (centers.amin(0) + centers.amax(0)).cpu() / 2
    return Grid.cube(middle, (n - 1) * SPACING, n)


def cases(path: Path | None) -> list[Callable[[], Case]]:
    """The rows of the table, each built only when it is measured."""

    def protein_case(name: str, channels: int | None = None, backward: bool = False) -> Case:
        centers, weights, widths = protein(path)
        if channels:
            weights = torch.rand(len(centers), channels, device="cuda")
        return grid_case(name, (centers, weights, widths), [cube(centers, 128)], zeros(len(centers)), backward)

    def large_case(n: int, side: int, channels: int) -> Case:
        parts = ball(n, channels)
        return grid_case(f"{n:,} atoms, {side}³ × {channels}", parts, [cube(parts[0], side)], zeros(n))

    def small_molecules() -> tuple[list[Tensor], Tensor]:
        return molecules(12 + torch.arange(32) % 17, (8.0, 6.0, 4.0), 8)

    def small_grids() -> Case:
        parts, batch = small_molecules()
        grids = [Grid.cube((0.01 * i, 0.0, 0.0), 31 * SPACING, 32) for i in range(32)]
        return grid_case("32 molecules, 32³ × 8", parts, grids, batch)

    def small_points(backward: bool) -> Case:
        parts, batch = small_molecules()
        owner = torch.arange(32, device="cuda").repeat_interleave(512)
        pos = torch.randn(len(owner), 3, device="cuda", generator=torch.Generator("cuda").manual_seed(1)) * 2.5
        name = "32 × 512 points, " + ("forward + backward" if backward else "forward")
        return point_case(name, parts, batch, pos, owner, 32, backward)

    def many_points(n: int) -> Case:
        generator = torch.Generator("cuda").manual_seed(1)
        side = (n / 0.1) ** (1 / 3)
        centers = torch.rand(n, 3, device="cuda", generator=generator) * side
        pos = torch.rand(200_000, 3, device="cuda", generator=generator) * side
        weights = torch.rand(n, 5, device="cuda", generator=generator)
        parts = (centers, weights, torch.ones(n, device="cuda"))
        return point_case(f"{n:,} atoms × 200,000 points", parts, zeros(n), pos, zeros(len(pos)), 1)

    def ligands() -> Case:
        parts, batch = molecules(35 + torch.arange(256) % 21, (13.0, 9.0, 7.0), 9)
        grids = [Grid.around(parts[0][batch == i], spacing=SPACING) for i in range(256)]
        pairs = pairs_on_grids(parts[0], parts[2], batch, grids, value_reach(GAUSSIAN))
        return Case(
            "256 ligands, a grid each, 9 channels", lambda: sums_on_each_grid(*parts, GAUSSIAN, batch, grids),
            lambda: torch_grids.sums_on_each_grid(*parts, GAUSSIAN, batch, grids),
            lambda values: grid_errors(parts, grids, batch, values), 36 * sum(grid.num_nodes for grid in grids),
            operations(pairs, parts[1]),
        )  # fmt: skip

    return [
        lambda: protein_case("protein, 128³ × 5, forward"),
        lambda: protein_case("protein, 128³ × 5, forward + backward", backward=True),
        lambda: protein_case("protein, 128³ × 20 dense channels", channels=20),
        lambda: large_case(100_000, 256, 1),
        lambda: large_case(100_000, 512, 8),
        small_grids,
        lambda: small_points(False),
        lambda: small_points(True),
        lambda: many_points(4_000),
        lambda: many_points(100_000),
        ligands,
    ]


def row(case: Case, fill: float, errors: Sequence[float]) -> str:
    """The line of a case in the table; ``fill`` is the rate of filling memory in TB/s."""
    call, graph = timed(case.run), timed(captured(case.run))
    with_torch = timed(case.with_torch, repeats=5, seconds=2.0)
    peer = timed(case.with_libmolgrid) if case.with_libmolgrid else None
    rate = case.written / graph / 1e9
    return " ".join(
        (
            f"{case.name:40} {call:8.3f} {graph:8.3f} {with_torch:8.2f} {with_torch / call:6.0f}",
            f"{'':15}" if peer is None else f"{peer:8.3f} {peer / call:6.1f}",
            f"{rate:5.2f} {100 * rate / fill:6.0f}",
            f"{'':7}" if case.operations is None else f"{case.operations / graph / 1e9:7.1f}",
            f" {' '.join(f'{error:.1e}' for error in errors)}",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Field evaluation on one CUDA device.")
    parser.add_argument("--check", action="store_true", help="compare every result with double precision")
    parser.add_argument("--protein", type=Path, help="PDB file, gzipped; a random protein if not given")
    parser.add_argument("--only", default="", help="rows whose name contains these words")
    options = parser.parse_args()
    fill, copy = memory_rates()
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}: fill {fill:.2f} TB/s, copy {copy:.2f} TB/s")
    print(
        f"{'work':40} {'call':>8} {'graph':>8} {'torch':>8} {'ratio':>6} {'molgrid':>8} {'ratio':>6} {'TB/s':>5} "
        f"{'% fill':>6} {'TFLOP/s':>7}  error"
    )
    failed = False
    for make in cases(options.protein):
        case = make()
        if options.only not in case.name:
            continue
        errors = case.errors(case.run()) if options.check else []
        failed |= any(not error < (2e-6 if len(errors) == 1 else 1e-5) for error in errors)
        print(row(case, fill, errors), flush=True)
        del case
        torch.cuda.empty_cache()
    if failed:
        raise SystemExit("some errors exceed the bounds")


if __name__ == "__main__":
    main()
