"""Speed of field evaluation, compared with other implementations that are measured alternately in the same run.

With one thread, processor time is measured, which other programs hardly affect. With two threads, wall time is
measured, which is meaningful only if two cores are free.

Run ``python examples/benchmark_fields.py``; ``--quick`` uses fewer repetitions, ``--peers`` also installs libmolgrid
and moleculekit into a temporary environment and measures them. The protein is PDB entry 1IEP from the folder
TG_MOLFIELD_DATA/complexes, or a random ball of atoms of the same density if the file is missing.
"""

import argparse
import contextlib
import ctypes
import gzip
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tg_molfield import Grid
from tg_molfield.fields import get_kernel
from tg_molfield.fields.engine import sum_at_points, sum_on_grid, sums_on_grids

PEERS = {"libmolgrid": "molgrid==0.5.5", "moleculekit": "moleculekit==1.17.19"}
GAUSSIAN = get_kernel("gaussian")
ELEMENTS = "CHNOS"


class Peer:
    """Another package in a separate process."""

    def __init__(self, python: Path, name: str, problem: Path) -> None:
        script = Path(__file__).with_name("benchmark_fields_peers.py")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(
            [python, script, name, problem], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip
        assert self._read() == "ready", f"{name} did not start"

    def _read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def __call__(self, task: str) -> float:
        assert self.process.stdin is not None
        clock = "process_time" if torch.get_num_threads() == 1 else "perf_counter"
        print(clock, task, file=self.process.stdin, flush=True)
        return float(self._read())


@contextlib.contextmanager
def peers(problem: dict[str, np.ndarray], wanted: bool) -> Iterator[dict[str, Peer]]:
    """The running peers, if requested."""
    if not wanted:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "numpy<2", *PEERS.values()], check=True)
        np.savez(Path(folder) / "problem.npz", **problem)
        running = {name: Peer(python, name, Path(folder) / "problem.npz") for name in PEERS}
        yield running
        for peer in running.values():
            peer.process.communicate()


def timed(function: Callable[[], object]) -> Callable[[], float]:
    """A function that returns the seconds a call takes: processor time with one thread, otherwise wall time."""

    def run() -> float:
        clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
        start = clock()
        function()
        return clock() - start

    return run


def alternate(repeats: int, *runs: Callable[[], float], calls: int = 3) -> list[float]:
    """The median seconds of each run, measured alternately with ``calls`` calls each; the first round is a warm-up."""
    rounds = [[statistics.mean(run() for _ in range(calls)) for run in runs] for _ in range(repeats + 1)]
    return [statistics.median(column) for column in zip(*rounds[1:], strict=True)]


def report(name: str, ours: float, other: float, target: str, threads: int = 1) -> None:
    print(f"{name} | {threads} | {1000 * ours:.1f} | {1000 * other:.1f} | {other / ours:.2f} | {target}", flush=True)


def protein() -> tuple[Tensor, Tensor]:
    """Positions [N, 3] and kinds [N] of the protein's atoms."""
    folder = Path(os.environ.get("TG_MOLFIELD_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = folder / "complexes" / "1iep_protein.pdb.gz"
    if not path.exists():
        return ball(4412, 0)
    with gzip.open(path, "rt") as lines:
        atoms = [line for line in lines if line.startswith(("ATOM", "HETATM"))]
    centers = torch.tensor([[float(line[i : i + 8]) for i in (30, 38, 46)] for line in atoms])
    return centers, torch.tensor([ELEMENTS.index(line[76:78].strip()) for line in atoms])


def ball(n: int, seed: int) -> tuple[Tensor, Tensor]:
    """A ball of atoms at the density of a protein, 0.1 per Å³."""
    rng = torch.Generator().manual_seed(seed)
    directions = torch.nn.functional.normalize(torch.randn(n, 3, generator=rng), dim=1)
    radius = (n / 0.1 * 3 / (4 * math.pi)) ** (1 / 3)
    distance = radius * torch.rand(n, 1, generator=rng) ** (1 / 3)
    return directions * distance, torch.randint(5, (n,), generator=rng)


def zeros(n: int) -> Tensor:
    return torch.zeros(n, dtype=torch.long)


def one_hot(kinds: Tensor, channels: int) -> Tensor:
    return torch.nn.functional.one_hot(kinds, channels).float()


def beyond_result(function: Callable[[], object]) -> float:
    """The increase of resident memory in MB while the function runs; its result must be allocated before."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    function()
    return resident("VmHWM") - before


def resident(key: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(key))


def cell_list(centers: Tensor, weights: Tensor, pos: Tensor, cut: float) -> Callable[[], np.ndarray] | None:
    """Compiled loops over the atoms in the 27 cells around each point; None if numba is not installed."""
    try:
        import numba
    except ImportError:
        return None

    @numba.njit(fastmath=True)
    def loops(c, w, x, cut, low, shape, start, out):  # type: ignore[no-untyped-def]
        for q in range(len(x)):
            i, j, k = int((x[q, 0] - low[0]) / cut), int((x[q, 1] - low[1]) / cut), int((x[q, 2] - low[2]) / cut)
            for a in range(max(i - 1, 0), min(i + 2, shape[0])):
                for b in range(max(j - 1, 0), min(j + 2, shape[1])):
                    row = (a * shape[1] + b) * shape[2]
                    for p in range(start[row + max(k - 1, 0)], start[row + min(k + 2, shape[2])]):
                        d = (x[q, 0] - c[p, 0]) ** 2 + (x[q, 1] - c[p, 1]) ** 2 + (x[q, 2] - c[p, 2]) ** 2
                        if d < cut * cut:
                            value = np.exp(np.float32(-0.5) * d)
                            for channel in range(w.shape[1]):
                                out[q, channel] += value * w[p, channel]

    c, w, x = (tensor.numpy() for tensor in (centers, weights, pos))

    def run() -> np.ndarray:
        low, size = np.minimum(c.min(0), x.min(0)), np.float32(cut)
        place = ((c - low) / size).astype(np.int64)
        shape = np.maximum(place.max(0), ((x.max(0) - low) / size).astype(np.int64)) + 1
        key = (place[:, 0] * shape[1] + place[:, 1]) * shape[2] + place[:, 2]
        order = np.argsort(key, kind="stable")
        start = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=shape.prod()))])
        out = np.zeros((len(x), w.shape[1]), np.float32)
        loops(c[order], w[order], x, size, low, shape, start, out)
        return out

    return run


def on_a_large_grid(others: dict[str, Peer], problem: dict[str, np.ndarray], repeats: int) -> None:
    centers, kinds = torch.from_numpy(problem["centers"]), torch.from_numpy(problem["kinds"])
    weights, widths = one_hot(kinds, 5), torch.ones(len(centers))
    grid, out = Grid.cube(problem["middle"], 63.5, 128), torch.empty(5, 128, 128, 128)
    slopes = torch.from_numpy(problem["slopes"])
    pos = grid.points()

    def forward() -> Tensor:
        return sum_on_grid(centers, weights, widths, GAUSSIAN, grid, out)

    def both() -> None:
        inputs = (centers.clone().requires_grad_(), weights.clone().requires_grad_())
        torch.autograd.grad(sum_on_grid(*inputs, widths, GAUSSIAN, grid), inputs, slopes)

    def naive_part() -> float:
        part = pos[:: len(pos) // 1000][:1000]
        run = timed(lambda: torch.exp(-0.5 * (part[:, None] - centers).square().sum(-1)) @ weights)
        return run() * len(pos) / len(part)

    ours, other = alternate(repeats, timed(forward), naive_part)
    report("protein forward : torch broadcast, by a part", ours, other, "1000")
    if "libmolgrid" in others:
        for threads, target in ((1, "8"), (2, "10")):
            torch.set_num_threads(threads)
            ours, other = alternate(repeats, timed(forward), lambda: others["libmolgrid"]("forward"))
            report("protein forward : libmolgrid", ours, other, target, threads)
        torch.set_num_threads(1)
        ours, other = alternate(repeats, timed(both), lambda: others["libmolgrid"]("both"))
        report("protein forward + backward : libmolgrid", ours, other, "5")
    if "moleculekit" in others:
        ours, other = alternate(1, timed(forward), lambda: others["moleculekit"]("forward"), calls=1)
        report("protein forward : moleculekit", ours, other, "150")
    rng = torch.Generator().manual_seed(0)
    dense, many = torch.randn(len(centers), 20, generator=rng), torch.empty(20, 128, 128, 128)
    ours, other = alternate(
        repeats,
        timed(lambda: sum_on_grid(centers, dense[:, :1], widths, GAUSSIAN, grid, many[:1])),
        timed(lambda: sum_on_grid(centers, dense, widths, GAUSSIAN, grid, many)),
    )
    report("1 dense channel : 20 of them (at most)", ours, other, "6")
    print(f"memory beyond the result, 5 channels: {beyond_result(forward):.0f} MB (target 64)")
    exact = torch.from_numpy(problem["values"])
    error = (forward().flatten(1).T[problem["nodes"]] - exact).abs().amax(0) / exact.amax(0)
    print(f"relative error of the channels: {error.max():.1e} (target 2e-6)")
    big, kind = ball(100_000, 1)
    huge, values = Grid.cube((0, 0, 0), 127.5, 256), torch.empty(1, 256, 256, 256)
    total = (kind >= 0).float()[:, None]

    def large() -> Tensor:
        return sum_on_grid(big, total, torch.ones(len(big)), GAUSSIAN, huge, values)

    single = one_hot(zeros(len(centers)), 1)
    ours, other = alternate(
        repeats, timed(lambda: sum_on_grid(centers, single, widths, GAUSSIAN, grid, many[:1])), timed(large), calls=1
    )
    report(f"{len(centers)} atoms 128³ : 100,000 atoms 256³ (atoms 22.7, nodes 8)", ours, other, "23")
    print(f"memory beyond the result, 100,000 atoms: {beyond_result(large):.0f} MB (target 64)")


def on_small_grids(others: dict[str, Peer], problem: dict[str, np.ndarray], repeats: int) -> None:
    pos, batch, middles = (torch.from_numpy(problem[key]) for key in ("pos", "batch", "middles"))
    weights, widths = one_hot(torch.from_numpy(problem["types"]), 8), torch.full((len(pos),), 0.85)
    grids = [Grid.cube(middle, 15.5, 32) for middle in middles]
    out = torch.empty(32, 8, 32, 32, 32)
    if "libmolgrid" in others:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            ours, other = alternate(
                3 * repeats,
                timed(lambda: sums_on_grids(pos, weights, widths, GAUSSIAN, batch, grids, out)),
                lambda: others["libmolgrid"]("many"),
            )
            report("32 molecules × 32³ × 8 : libmolgrid in a loop", ours, other, "2", threads)
        torch.set_num_threads(1)


def at_points(problem: dict[str, np.ndarray], repeats: int) -> None:
    pos, batch = torch.from_numpy(problem["pos"]), torch.from_numpy(problem["batch"])
    weights, widths = one_hot(torch.from_numpy(problem["types"]), 8)[:, :5], torch.full((len(pos),), 0.85)
    sizes = torch.bincount(batch)
    owners = torch.repeat_interleave(torch.full((32,), 512))
    points = torch.cat([part[torch.randint(len(part), (512,))] for part in pos.split(sizes.tolist())])
    points = points + torch.randn(len(points), 3)
    slopes = torch.randn(len(points), 5)
    inputs = [x.requires_grad_() for x in (pos, weights, points)]
    kept = torch.arange(int(sizes.max())) < sizes[:, None]

    def ours() -> None:
        values = sum_at_points(pos, weights, widths, GAUSSIAN, batch, points, owners, 32)
        torch.autograd.grad(values, inputs, slopes)

    def broadcast() -> None:
        c = torch.zeros(*kept.shape, 3).masked_scatter(kept[..., None], pos)
        w = torch.zeros(*kept.shape, 5).masked_scatter(kept[..., None], weights)
        squares = (points.view(32, 512, 1, 3) - c[:, None]).square().sum(-1)
        torch.autograd.grad((torch.exp(-0.5 / 0.85**2 * squares) @ w).flatten(0, 1), inputs, slopes)

    report(
        "32 × 512 points forward + backward : padded broadcast",
        *alternate(repeats, timed(ours), timed(broadcast), calls=20),
        "3",
    )
    for n, target in ((4_000, "at least 0.4"), (100_000, "")):
        side = (n / 0.1) ** (1 / 3)
        centers, x, w = torch.rand(n, 3) * side, torch.rand(200_000, 3) * side, torch.rand(n, 5)
        compiled, none = cell_list(centers, w, x, 5.0), zeros(200_000)
        if compiled is None:
            print(f"{n} atoms × 200,000 points : numba is not installed")
            continue
        mine = lambda: sum_at_points(centers, w, torch.ones(n), GAUSSIAN, none[:n], x, none, 1)  # noqa: B023, E731
        report(
            f"{n} atoms × 200,000 points : numba cell list", *alternate(repeats, timed(mine), timed(compiled)), target
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use fewer repetitions")
    parser.add_argument("--peers", action="store_true", help="also install and measure other packages")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    repeats = 3 if arguments.quick else 7
    centers, kinds = protein()
    sizes = torch.randint(12, 29, (32,))
    batch = torch.repeat_interleave(sizes)
    pos = torch.cat([ball(int(n), i)[0] * 1.2 for i, n in enumerate(sizes)])
    grid = Grid.cube((centers.amin(0) + centers.amax(0)) / 2, 63.5, 128)
    nodes = torch.randperm(grid.num_nodes)[:2000]
    squares = torch.cdist(grid.points(torch.float64)[nodes], centers.double()).square()
    problem = {
        "nodes": nodes.numpy(), "values": (torch.exp(-0.5 * squares) @ one_hot(kinds, 5).double()).numpy(),
        "centers": centers.numpy(), "kinds": kinds.numpy(),
        "middle": ((centers.amin(0) + centers.amax(0)) / 2).numpy(),
        "slopes": torch.randn(5, 128, 128, 128).numpy(),
        "pos": pos.numpy(), "batch": batch.numpy(), "types": torch.randint(5, (len(pos),)).numpy(),
        "middles": torch.stack([part.mean(0) for part in pos.split(sizes.tolist())]).numpy(),
    }  # fmt: skip
    with peers(problem, arguments.peers) as others:
        print("work : compared with | threads | ours, ms | other, ms | other/ours | target")
        on_a_large_grid(others, problem, repeats)
        on_small_grids(others, problem, repeats)
    at_points(problem, repeats)


if __name__ == "__main__":
    main()
