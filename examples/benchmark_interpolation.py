"""Fields between the frames of a trajectory and between conformers.

Trajectory: alanine, 2,048 frames 0.02 Å apart. Every 8th, 16th or 32nd frame is kept. At each frame midway between
two kept ones the true field is compared with the field of the path, the mean of the two neighbouring fields, and the
field of the interpolated, superposed positions, on the 32³ nodes of arXiv 2502.10848. The table gives the mean and
the worst PSNR in dB over all held-out frames, for all nodes and for occupied nodes. The path uses either the atoms of
the kept frames or, blind, their volumes at 0.5 Å and the definition of the field. The interpolation rule was chosen
using both halves of this trajectory, so neither half is an independent test set.

Conformers: NMR models that are not in sequence. The as-rigid-as-possible path between two of them is evaluated at 21
points, and the straight line between superposed positions at five. Data: the folder TG_MOLFIELD_DATA.

    python benchmark_interpolation.py [alanine | conformers]
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch
from benchmark_data import data_folder
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from tg_molfield import Field, FieldPath, Grid, MolField, psnr, read
from tg_molfield.paths import path_metrics
from tg_molfield.paths.superposition import best_rotation

MOL_FIELD = MolField("H C N O")
SPACINGS = (8, 16, 32)
HALF = 1024
BLIND_SPACING = 0.5
STEPS = 20
ENSEMBLES = {
    "1L2Y": ("1l2y_nmr.pdb.gz", [(1, 2), (1, 7)]),
    "neopetrosiamide": ("neopetrosiamide_nmr.pdb.gz", [(1, 2), (21, 8)]),
}

Method = Callable[[float], Field]


def mean_field(frames: list[Data]) -> Method:
    return lambda t: (MOL_FIELD(frames[int(t)]) + MOL_FIELD(frames[int(t) + 1])) * 0.5


def blended(frames: list[Data]) -> Method:
    return lambda t: MOL_FIELD(Data(z=frames[0].z, pos=straight(frames[int(t)].pos, frames[int(t) + 1].pos, t % 1)))


def straight(start: torch.Tensor, end: torch.Tensor, fraction: float) -> torch.Tensor:
    """Superposed positions, interpolated linearly, with the rigid motion interpolated separately."""
    one, two = start - start.mean(0), end - end.mean(0)
    turn = best_rotation(one.numpy(), two.numpy())
    body = (1 - fraction) * one + fraction * (two @ torch.from_numpy(turn))
    part = torch.from_numpy(Rotation.from_rotvec(fraction * Rotation.from_matrix(turn).as_rotvec()).as_matrix())
    return body @ part.T + (1 - fraction) * start.mean(0) + fraction * end.mean(0)


def blind(frames: list[Data]) -> FieldPath:
    grid = Grid.around(torch.cat([frame.pos for frame in frames]), BLIND_SPACING, 3.0)
    return FieldPath.from_fields([MOL_FIELD(frame).on(grid) for frame in frames], MOL_FIELD, kind="spline")


def compare(trajectory: list[Data], spacing: int) -> None:
    kept, held_out = trajectory[::spacing], trajectory[spacing // 2 :: spacing]
    held_out = held_out[: len(kept) - 1]
    methods = {
        "mean of neighbours": mean_field(kept),
        "blended positions": blended(kept),
        "path, from atoms": FieldPath(kept, MOL_FIELD, kind="spline").field,
        "path, from volumes": blind(kept).field,
    }
    for name, method in methods.items():
        found = []
        for number, frame in enumerate(held_out):
            grid, truth = MOL_FIELD.grid(frame, 32), MOL_FIELD(frame)
            guess = method(number + 0.5)
            heavy = psnr(guess["C", "N", "O"], truth["C", "N", "O"], grid)
            found.append((*psnr(guess, truth, grid), heavy.all_nodes))
        middle = HALF // spacing
        for part, rows in {"all": found, "first half": found[:middle], "second half": found[middle:]}.items():
            figures = [f"{mean(column):5.1f} / {min(column):5.1f}" for column in zip(*rows, strict=True)]
            print(f"{spacing:3d} | {name:18s} | {part:11s} | {len(rows):3d} | {' | '.join(figures)}", flush=True)


def between_conformers(name: str, models: list[Data], first: int, second: int) -> None:
    ends = [models[first - 1], models[second - 1]]
    times = [step / STEPS for step in range(STEPS + 1)]
    start = time.perf_counter()
    path = FieldPath(ends, MolField("H C N O S"), kind="arap")
    along_path = [path.data(t) for t in times]
    seconds = time.perf_counter() - start
    line = [Data(z=path.z, pos=straight(ends[0].pos, ends[1].pos, t)) for t in times[::5]]
    grid = Grid.around(torch.cat([data.pos for data in along_path + line]), 0.5, 4.0)
    for kind, molecules in {"arap": along_path, "straight": line}.items():
        points = [path_metrics(data, ends, path.mol_field, path.mol_field(data).on(grid)) for data in molecules]
        contacts = [point.shortest_contact for point in points]
        print(
            f"{name:15s} | {first:2d} → {second:2d} | {kind:8s} | {max(p.integral_drift for p in points):.0e} | "
            f"{sum(p.atoms_found for p in points)} of {len(points)} | {min(contacts):.2f} | "
            f"{min(contacts[0], contacts[-1]):.2f} | {max(p.bond_drift for p in points):.3f} | "
            f"{seconds if kind == 'arap' else 0.0:.1f}",
            flush=True,
        )


def alanine(file: Path) -> None:
    trajectory = read(file, dtype=torch.float64)
    pos = torch.stack([frame.pos for frame in trajectory])
    moves = (pos[1:] - pos[:-1]).square().sum(2).mean(1).sqrt()
    print(f"alanine: {len(pos)} frames, RMSD of neighbours {moves.median():.3f} Å, at most {moves.max():.3f} Å")
    print("spacing | method | frames | held out | all nodes, mean / worst | occupied | C, N, O alone, all nodes")
    for spacing in SPACINGS:
        compare(trajectory, spacing)


def conformers(folder: Path) -> None:
    print(
        "ensemble | models | path | integral drift | atoms found | shortest contact, Å | at the ends | bond drift, Å | "
        "seconds of the positions"
    )
    for name, (file, pairs) in ENSEMBLES.items():
        models = read(folder / file, dtype=torch.float64)
        for first, second in pairs:
            between_conformers(name, models, first, second)


def main() -> None:
    folder = data_folder("ensembles")
    sections = sys.argv[1:] or ["alanine", "conformers"]
    if "alanine" in sections:
        alanine(folder / "alanine_confs.xyz.gz")
    if "conformers" in sections:
        conformers(folder)


if __name__ == "__main__":
    main()
