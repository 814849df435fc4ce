"""Speed and memory of data sets on the disk: 100,000 molecules of QM9, built and read back into batches of fields.

Each step runs in a process of its own, whose peak memory is that of the step. The reader makes 512 query points of each
molecule and the values of the field there, for whole batches, in two worker processes with one thread each.

Run ``python examples/benchmark_datasets.py``; it takes the arrays of QM9 from the folder TG_MOLFIELD_DATA/qm9.
``--molecules`` changes the number, ``--workers`` that of the processes.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from benchmark_data import data_folder
from torch.utils.data import DataLoader, RandomSampler
from torch_geometric.data import Batch, Data

from tg_molfield import MolFieldTransform
from tg_molfield.datasets import MoleculeFields, QM9Fields

POINTS, BATCH = 512, 128


class First:
    """Keeps the first molecules of QM9."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, data: Data) -> bool:
        self.left -= 1
        return self.left >= 0


class Fields:
    """Joins molecules and adds points and values to the batch."""

    def __init__(self) -> None:
        self.transform = MolFieldTransform(num_queries=POINTS)

    def __call__(self, molecules: list[Data]) -> Batch:
        torch.set_num_threads(1)
        return self.transform(Batch.from_data_list(molecules))


def megabytes(who: int = resource.RUSAGE_SELF) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def build(root: Path, number: int) -> None:
    start = time.perf_counter()
    before = megabytes()
    dataset = QM9Fields(root, data_folder("qm9"), pre_filter=First(number), progress=False)
    seconds = time.perf_counter() - start
    size = (root / "processed" / "molecules.db").stat().st_size
    print(
        f"built {len(dataset)} molecules in {seconds:.1f} s ({len(dataset) / seconds:.0f} a second), peak memory "
        f"{megabytes():.0f} MB ({before:.0f} MB before), {size / 2**20:.0f} MB on the disk"
    )


def access(root: Path, part: float) -> None:
    dataset = MoleculeFields(root)
    dataset = dataset[: int(part * len(dataset))]
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0)).tolist()
    _ = dataset[0]
    before, start = megabytes(), time.perf_counter()
    for index in order:
        _ = dataset[index]
    seconds = time.perf_counter() - start
    print(
        f"read {len(dataset)} molecules in random order: {1e6 * seconds / len(dataset):.0f} µs each, memory grew by "
        f"{megabytes() - before:.0f} MB"
    )


def train(root: Path, workers: int) -> None:
    dataset = MoleculeFields(root)
    sampler = RandomSampler(range(len(dataset)), generator=torch.Generator().manual_seed(0))
    loader = DataLoader(dataset, BATCH, sampler=sampler, num_workers=workers, collate_fn=Fields())
    batches = iter(loader)
    _ = next(batches)
    start, molecules = time.perf_counter(), 0
    for batch in batches:
        molecules += batch.num_graphs
        assert len(batch.field) == POINTS * batch.num_graphs
    seconds = time.perf_counter() - start
    print(
        f"{molecules} molecules to batches of {BATCH} with {POINTS} points each, {workers} workers: "
        f"{molecules / seconds:.0f} a second, peak memory of a worker {megabytes(resource.RUSAGE_CHILDREN):.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--molecules", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        name, root = options.step[0], Path(options.step[1])
        steps = {
            "build": lambda: build(root, options.molecules),
            "tenth": lambda: access(root, 0.1),
            "whole": lambda: access(root, 1.0),
            "train": lambda: train(root, options.workers),
        }
        steps[name]()
        return
    with tempfile.TemporaryDirectory() as folder:
        for step in ("build", "tenth", "whole", "train"):
            command = [sys.executable, __file__, "--molecules", str(options.molecules), "--step", step, folder]
            subprocess.run([*command, "--workers", str(options.workers)], check=True, env={**os.environ})


if __name__ == "__main__":
    main()
