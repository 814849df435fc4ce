"""Fidelity of the codes of a `FieldAutoEncoder` on molecules outside its training set.

    python examples/benchmark_autoencoder.py
    python examples/benchmark_autoencoder.py --train          # a fresh training run first
    python examples/benchmark_autoencoder.py --every 10       # a tenth of each set
    python examples/benchmark_autoencoder.py --only gdb1k     # sets whose name contains this
    python examples/benchmark_autoencoder.py --only none      # the times alone

Molecules are in random orientations. The target is the field of arXiv 2502.10848 (β = 0.75; 8 elements, other, all
atoms) on the cube of that paper. Errors are relative to the peak of the target's channel, as in `psnr`, and the PSNR
of a molecule is limited to 150 dB. Refined codes are optimised against the target (`encode(..., refine=50)`). A
molecule is found if `find_atoms` gives the right number of atoms of each element that has a channel, with an RMSD of
at most 0.1 Å. The zero field is shown for comparison. Data: the folder ``smallmol`` in TG_MOLFIELD_DATA.
"""

import time
import warnings
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import pretrain_autoencoder
import torch
import typer
from benchmark_data import data_folder, freesolv_folds
from benchmark_find_atoms import deviation
from pretrain_autoencoder import FIELD
from torch_geometric.data import Batch, Data

from tg_molfield import Field, FieldAutoEncoder, Grid, find_atoms, psnr, read
from tg_molfield.chem.rotations import random_rotations

MAX_PSNR = 150.0
MAX_RMSD = 0.1
REFINE = 50
BATCH = 50
SIZES = (1, 10, 20, 30, 40, 50, 60, 80, 200)
NAMED = (1, 6, 7, 8, 9, 15, 16, 17)
HEADER = "dB: all nodes / occupied     |    n | zero field     | plain code     | refine=50      | found  | refined"


class Evaluation(NamedTuple):
    """One molecule: PSNR over all and over occupied nodes of each field, and the RMSDs in Å of the atoms found."""

    atoms: int
    zero: tuple[float, float]
    plain: tuple[float, float]
    refined: tuple[float, float]
    plain_rmsd: float
    refined_rmsd: float


def rotated(molecules: Sequence[Data], seed: int = 0) -> list[Data]:
    """Each molecule about its centroid in a random orientation."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        turns = random_rotations(len(molecules))
    return [
        Data(z=data.z, pos=((data.pos.double() - data.pos.double().mean(0)) @ turn).float())
        for data, turn in zip(molecules, turns, strict=True)
    ]


def ratio(field: Field, target: Field, grid: Grid) -> tuple[float, float]:
    return tuple(min(value, MAX_PSNR) for value in psnr(field, target, grid))


def rmsd(field: Field, data: Data) -> float:
    """The RMSD of the atoms with an element channel; infinite if their elements are not those of the molecule."""
    named = torch.isin(data.z, torch.tensor(NAMED))
    return deviation(find_atoms(field, mol_field=FIELD, errors="ignore"), Data(z=data.z[named], pos=data.pos[named]))


def evaluate(model: FieldAutoEncoder, molecules: Sequence[Data], nodes: int, atoms: bool = True) -> list[Evaluation]:
    evaluations = []
    for begin in range(0, len(molecules), BATCH):
        part = rotated(molecules[begin : begin + BATCH], begin)
        batch = Batch.from_data_list(part)
        target = FIELD(batch)
        with torch.no_grad():
            plain = model.encode(batch)
            refined = model.encode(batch, refine=REFINE, target=target)
            fields = [model.decoder.field(latent).unbatch() for latent in (plain, refined)]
        changed = (plain.code != refined.code).any(1)
        if refined.search_seed is not None:
            changed |= refined.search_seed != 0
        for i, (data, true) in enumerate(zip(part, target.unbatch(), strict=True)):
            one, two = fields[0][i], fields[1][i]
            grid = FIELD.grid(data, nodes)
            first = ratio(one, true, grid), rmsd(one, data) if atoms else float("nan")
            second = first
            if bool(changed[i]):
                second = ratio(two, true, grid), rmsd(two, data) if atoms else float("nan")
            evaluations.append(
                Evaluation(data.num_nodes, ratio(0.0 * true, true, grid), first[0], second[0], first[1], second[1])
            )
    return evaluations


def row(label: str, evaluations: Sequence[Evaluation]) -> str:
    def both(kind: str) -> str:
        ratios = [getattr(one, kind) for one in evaluations]
        return f"{mean(r[0] for r in ratios):6.1f} / {mean(r[1] for r in ratios):5.1f}"

    def found(kind: str) -> str:
        values = [getattr(one, kind) for one in evaluations]
        if values[0] != values[0]:
            return "      "
        return f"{100 * mean(float(value <= MAX_RMSD) for value in values):5.1f}%"

    columns = [both("zero"), both("plain"), both("refined"), found("plain_rmsd"), found("refined_rmsd")]
    return f"{label:28s} | {len(evaluations):4d} | " + " | ".join(columns)


def by_size(label: str, evaluations: Sequence[Evaluation]) -> list[str]:
    rows = [row(label, evaluations)]
    for least, most in pairwise(SIZES):
        some = [one for one in evaluations if least <= one.atoms < most]
        if some and len(some) < len(evaluations):
            rows.append(row(f"  {min(o.atoms for o in some)} to {max(o.atoms for o in some)} atoms", some))
    return rows


@torch.no_grad()
def spread(model: FieldAutoEncoder, molecules: Sequence[Data], times: int = 8) -> tuple[float, float]:
    """The largest and the median over molecules of the greatest ‖code − first code‖ / ‖first code‖ in float32."""
    first: torch.Tensor | None = None
    worst = torch.zeros(len(molecules))
    for seed in range(times):
        generator = torch.Generator().manual_seed(seed)
        shuffled = []
        for data in rotated(molecules, seed):
            order = torch.randperm(data.num_nodes, generator=generator)
            shuffled.append(Data(z=data.z[order], pos=data.pos[order]))
        batch = Batch.from_data_list(shuffled)
        code = model.encode(batch).code
        first = code if first is None else first
        worst = torch.maximum(worst, (code - first).norm(dim=1) / first.norm(dim=1))
    return float(worst.max()), float(worst.median())


def seconds(call: Callable[[], object], times: int = 5) -> float:
    """The least wall time of ``times`` calls after a first one."""
    call()
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best


@torch.no_grad()
def throughput(model: FieldAutoEncoder, molecules: Sequence[Data]) -> float:
    """Molecules per second, encoded and decoded at 512 points each, all in one batch."""
    batch = Batch.from_data_list(rotated(molecules))
    owner = torch.arange(len(molecules)).repeat_interleave(512)
    points = batch.pos[batch.ptr[:-1]][owner] + torch.randn(len(owner), 3, generator=torch.Generator().manual_seed(0))
    return len(molecules) / seconds(lambda: model(batch.z, batch.pos, points, batch.batch, owner), 2)


@torch.no_grad()
def evaluation_time(model: FieldAutoEncoder, data: Data) -> float:
    """Milliseconds for the field of one molecule at 64³ nodes."""
    field, grid = model.field(data), FIELD.grid(data, 64)
    return 1000 * seconds(lambda: field.on(grid))


def main(
    weights: Annotated[str, typer.Option(help="a name or a file for from_pretrained")] = "organic-small",
    train: Annotated[bool, typer.Option(help="train a new model first")] = False,
    every: Annotated[int, typer.Option(help="use every n-th molecule of a set")] = 1,
    only: Annotated[str, typer.Option(help="the sets whose name contains this, none to time the model alone")] = "",
) -> None:
    warnings.simplefilter("ignore")
    folder = data_folder()
    if train:
        with TemporaryDirectory() as temporary:
            path = Path(temporary) / "model.safetensors"
            start = time.perf_counter()
            pretrain_autoencoder.main(path)
            print(f"trained in {(time.perf_counter() - start) / 60:.0f} min")
            model = FieldAutoEncoder.load(path)
    else:
        model = FieldAutoEncoder.from_pretrained(weights)
    torch.set_num_threads(1)
    fold = freesolv_folds(folder)
    freesolv = read(folder / "freesolv.sdf.gz")
    held_out = [data for data in freesolv if fold[data.name] == 0]
    print(HEADER)
    if only in "FreeSolv, all, 16³":
        print(row("FreeSolv, all, 16³", evaluate(model, freesolv[::every], 16, atoms=False)), flush=True)
    sets = (
        ("FreeSolv, fold 0, 32³", held_out),
        ("gdb1k, 32³", read(folder / "gdb1k_300.sdf.gz")),
        ("pdb_ligands, 32³", read(folder / "pdb_ligands_300.sdf.gz")),
    )
    chosen = [(label, molecules[::every]) for label, molecules in sets if only in label]
    for label, molecules in chosen:
        for line in by_size(label, evaluate(model, molecules, 32)):
            print(line, flush=True)
    for label, molecules in chosen:
        largest, median = spread(model, molecules)
        print(f"spread of the code over orientations and orders, {label}: largest {largest:.1e}, median {median:.1e}")
    ligands = sets[2][1]
    timed = {
        "FreeSolv, fold 0": held_out,
        "ligands of 35 to 55 atoms": [data for data in ligands if 35 <= data.num_nodes <= 55][::every],
        "a ligand of 73 atoms": [data for data in ligands if data.num_nodes == 73][:1],
    }
    for label, molecules in timed.items():
        rate = throughput(model, molecules)
        print(
            f"encode and decode 512 points, {label} ({len(molecules)}): {rate:.2g} molecules/s (1 thread)", flush=True
        )
    middle = sorted(held_out, key=lambda data: data.num_nodes)[len(held_out) // 2]
    print(f"64³ × 10 channels: {evaluation_time(model, middle):.1f} ms (1 thread)")


if __name__ == "__main__":
    typer.run(main)
