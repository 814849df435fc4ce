"""How time and memory grow with the number of atoms: fields on grids, codes, `find_atoms` and `superresolve`.

Every figure is that of a process of its own: the CPU seconds of the work, without imports and preparation, and the peak
of the process's memory, with both. The exponent is that of the growth of CPU time from the row before. Structures are
atoms of five elements at the density of proteins with hydrogens, no two closer than 1 Å; with ``--real`` also two of
the folder TG_MOLFIELD_DATA.

    python benchmark_growth.py [--quick] [--job NAME ...] [--atoms N ...] [--limit SECONDS] [--real]

``--quick`` stops at 10,000 atoms. A job that takes longer than ``--limit`` (900 s) is stopped, and larger structures
are left out.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from benchmark_data import data_folder
from scipy.spatial import cKDTree
from torch_geometric.data import Data

from tg_molfield import FieldAutoEncoder, Grid, MolField, find_atoms, read, superresolve

ATOMS = (1_000, 10_000, 100_000)
REAL = {"stmv_rna": "stmv_rna.pdb.gz", "4kya": "4kya_complex.pdb.gz"}
ELEMENTS, SHARES = (1, 6, 7, 8, 16), (0.5, 0.32, 0.08, 0.097, 0.003)
DENSITY, CLOSEST = 0.095, 1.0
DEFINITION = MolField("H C N O S")


def synthetic(count: int, seed: int = 0) -> Data:
    """Atoms at the density of proteins, displaced at random from a cubic lattice by as much as `CLOSEST` lets."""
    rng = np.random.default_rng(seed)
    side = math.ceil(count ** (1 / 3))
    step = (count / DENSITY) ** (1 / 3) / side
    nodes = np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), -1).reshape(-1, 3) * step
    pos = rng.permutation(nodes)[:count] + rng.uniform(-0.5, 0.5, (count, 3)) * (step - CLOSEST)
    return Data(z=torch.from_numpy(rng.choice(ELEMENTS, count, p=SHARES)), pos=torch.from_numpy(pos).float())


def structure(name: str) -> Data:
    if name not in REAL:
        return synthetic(int(name))
    data = read(data_folder("complexes") / REAL[name])[0]
    kept = torch.isin(data.z, torch.tensor(ELEMENTS))
    return Data(z=data.z[kept], pos=data.pos[kept].float())


def field_on_grid(data: Data) -> Callable[[], str]:
    field, grid = DEFINITION(data), Grid.around(data.pos, spacing=0.5)
    return lambda: "×".join(map(str, field.on(grid).grid.shape))


def encode(data: Data) -> Callable[[], str]:
    torch.manual_seed(0)
    model = FieldAutoEncoder(DEFINITION).eval().requires_grad_(False)
    return lambda: f"{model.encode(data.z, data.pos).code.numel()} numbers"


def find(data: Data) -> Callable[[], str]:
    volume = DEFINITION(data).on(Grid.around(data.pos, spacing=0.5))

    def work() -> str:
        found, right = find_atoms(volume), 0
        for z in ELEMENTS:
            mine, theirs = found.pos[found.z == z], data.pos[data.z == z]
            if len(mine) and len(theirs):
                right += int((cKDTree(mine.numpy()).query(theirs.numpy())[0] < 0.02).sum())
        return f"{right} of {data.num_nodes} atoms within 0.02 Å, {found.num_nodes} found"

    return work


def superres(data: Data) -> Callable[[], str]:
    volume = DEFINITION(data).on(Grid.around(data.pos, spacing=1.0))
    return lambda: (
        f"PSNR at the nodes {superresolve(volume, 'gaussians', widths=DEFINITION)[1].psnr_at_nodes.all_nodes:.0f} dB"
    )


JOBS: dict[str, Callable[[Data], Callable[[], str]]] = {
    "field on a grid, 0.5 Å": field_on_grid,
    "encode": encode,
    "find_atoms, 0.5 Å": find,
    "superresolve, 1 Å": superres,
}


def measure(job: str, name: str) -> None:
    """Do one job in this process and print atoms, CPU seconds, peak memory in MiB, and a note."""
    warnings.simplefilter("ignore")
    data = structure(name)
    work = JOBS[job](data)
    start = time.process_time()
    note = work()
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(f"{data.num_nodes} {seconds} {peak} {note}")


def measured(job: str, name: str, limit: float) -> tuple[int, float, float, str] | str:
    """The figures of `measure` from a process of its own, or why there are none."""
    command = [sys.executable, __file__, "--measure", job, name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return f"stopped after {limit:.0f} s"
    if done.returncode:
        return (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][:100]
    atoms, seconds, peak, note = done.stdout.splitlines()[-1].split(" ", 3)
    return int(atoms), float(seconds), float(peak), note


def main() -> None:
    parser = argparse.ArgumentParser(description="How time and memory grow with the number of atoms.")
    parser.add_argument("--quick", action="store_true", help="up to 10,000 atoms")
    parser.add_argument("--job", nargs="*", default=list(JOBS), help=f"the start of some of: {'; '.join(JOBS)}")
    parser.add_argument("--atoms", nargs="*", type=int, default=list(ATOMS))
    parser.add_argument("--limit", type=float, default=900.0, help="seconds that a job may take")
    parser.add_argument("--real", action="store_true", help="the structures of TG_MOLFIELD_DATA as well")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        return measure(*options.measure)
    counts = [count for count in sorted(options.atoms) if not options.quick or count <= 10_000]
    print(
        f"{torch.get_num_threads()} threads\n\njob | atoms | CPU s | ms per atom | exponent | peak memory, MiB | result"
    )
    print("--- | --- | --- | --- | --- | --- | ---")
    for job in (job for job in JOBS if any(job.startswith(start) for start in options.job)):
        last: tuple[int, float] | None = None
        for name in [*map(str, counts), *(REAL if options.real else ())]:
            found = measured(job, name, options.limit)
            if isinstance(found, str):
                print(f"{job} | {name} | | | | | {found}", flush=True)
                if name not in REAL:
                    break
                continue
            atoms, seconds, peak, note = found
            growth = ""
            if last is not None and name not in REAL:
                growth = f"{math.log(seconds / last[1]) / math.log(atoms / last[0]):.2f}"
            label = f"{name}, {atoms:,}" if name in REAL else f"{atoms:,}"
            print(
                f"{job} | {label} | {seconds:.1f} | {1000 * seconds / atoms:.2f} | {growth} | {peak:.0f} | {note}",
                flush=True,
            )
            last = (atoms, seconds)


if __name__ == "__main__":
    main()
