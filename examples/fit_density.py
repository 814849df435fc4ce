"""Fit densities and potentials from files with a few functions per atom, and print the relative error by their number.

Data: the folder TG_MOLFIELD_DATA/volumes. The fits use part of the samples; the errors are over all samples.
"""

from pathlib import Path

import numpy as np
import torch
from benchmark_data import data_folder
from torch import Tensor

from tg_molfield import RBFField, Volume, fit_rbf, read
from tg_molfield.chem.elements import element_property

BOHR = 0.529177210903
NUMBERS = (1, 2, 3, 4, 6)


def fit(
    points: Tensor, values: Tensor, pos: Tensor, number: int, step: int, kernel: str = "gaussian", widest: float = 0.7,
    optimize: tuple[str, ...] = ("weights", "widths"),
) -> RBFField:  # fmt: skip
    """``number`` functions on each atom, fitted to all samples near an atom and to every ``step``-th of the others."""
    near = torch.cdist(points, pos).amin(1) < 0.5
    used = near.clone()
    used[::step] = True
    widths = torch.logspace(np.log10(0.15 if number > 1 else 0.4), np.log10(widest), number, dtype=torch.float64)
    return fit_rbf(
        values[used], pos.repeat_interleave(number, 0), widths=widths.repeat(len(pos)), kernel=kernel,
        points=points[used], importance=torch.where(near, 1.0, step)[used], optimize=optimize,
        regularization=1e-12, max_steps=25, tolerance=1e-4,
    )[0]  # fmt: skip


def error(found: Tensor, true: Tensor) -> str:
    return f"{100 * float((found - true).norm() / true.norm()):.2g} %"


def acrolein(folder: Path) -> None:
    """The valence density of acrolein (the file does not contain the core electrons)."""
    volume = Volume.read(folder / "acrolein_density.cube.gz", dtype=torch.float64)
    points, values = volume.grid.points(torch.float64), volume.values.flatten(1).T
    for number in NUMBERS:
        field = fit(points, values, volume.atoms.pos, number, 121)
        print(f"acrolein, valence density: {number} Gaussians per atom, error {error(field(points), values)}")


def methane(folder: Path) -> None:
    """The density of methane at scattered points, its gradient, which is not used in the fit, and its potential."""
    data = np.load(folder / "ch4_reference.npz")
    points, pos = torch.from_numpy(data["points"]) * BOHR, torch.from_numpy(data["coords"]) * BOHR
    density, gradient = torch.from_numpy(data["dens"])[:, None], torch.from_numpy(data["grad"]) / BOHR
    potential = torch.from_numpy(data["esp"])[:, None]
    for number in NUMBERS:
        field = fit(points, density, pos, number, 8)
        slope = error(field.gradient(points)[:, 0], gradient)
        coulomb = fit(points, potential, pos, number, 8, "coulomb")
        print(
            f"methane: {number} Gaussians per atom, density {error(field(points), density)}, its gradient {slope}, "
            f"potential {error(coulomb(points), potential)}"
        )


def phenyloxazole(folder: Path) -> None:
    """The potential around phenyloxazole, outside the atoms; the file has no values at the border of the grid."""
    volume = Volume.read(folder / "esp.dx.gz", dtype=torch.float64)
    molecule = read(folder / "esp.mol", dtype=torch.float64)[0]
    points, values = volume.grid.points(torch.float64), volume.values.flatten(1).T
    gaps = torch.cdist(points, molecule.pos) - element_property("vdw_radius", molecule.z)
    used = (gaps.amin(1) > 0) & (values[:, 0] != 0)
    points, values = points[used], values[used]
    for number in NUMBERS[:3]:
        field = fit(points, values, molecule.pos, number, 7, "coulomb", 1.0)
        freed = fit(points, values, molecule.pos, number, 7, "coulomb", 1.0, ("weights", "widths", "centers"))
        print(
            f"phenyloxazole, potential outside: {number} charges per atom, error {error(field(points), values)}, "
            f"off the nuclei {error(freed(points), values)}"
        )


def main() -> None:
    folder = data_folder("volumes")
    for show in (acrolein, methane, phenyloxazole):
        show(folder)


if __name__ == "__main__":
    main()
