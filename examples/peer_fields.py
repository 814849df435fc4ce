"""Compute reference values for the tests of the presets with other packages.

Run by hand: ``python examples/peer_fields.py tests/fields/data/peer_fields.npz``. The packages are installed into a
temporary environment; their fields of acetamide and thiophene at a few hundred points are stored.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

PEERS = ("numpy<2", "molgrid==0.5.5", "moleculekit==1.17.19", "pyuul==0.4.2", "ase==3.29.0")
NUM_POINTS = 400


def molecule_atoms() -> tuple[np.ndarray, np.ndarray]:
    """Atomic numbers and positions of acetamide, and thiophene at a distance of 6 Å."""
    from ase.build import molecule

    first, second = molecule("CH3CONH2"), molecule("C4H4S")
    positions = np.concatenate([first.positions, second.positions + np.array([6.0, 0.5, -0.3])])
    return np.concatenate([first.numbers, second.numbers]), positions


def sample(points: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A random sample of points where a value is not negligible, and a few where all values are."""
    rng = np.random.default_rng(0)
    matter = np.abs(values).max(1) > 1e-3
    inside = rng.permutation(np.flatnonzero(matter))[: NUM_POINTS - 50]
    chosen = np.concatenate([inside, rng.permutation(np.flatnonzero(~matter))[:50]])
    return points[chosen], values[chosen]


def libmolgrid(numbers: np.ndarray, positions: np.ndarray, radii: np.ndarray, binary: bool):
    """Densities by element on a grid of 0.5 Å."""
    import molgrid

    elements = np.unique(numbers)
    maker = molgrid.GridMaker(resolution=0.5, dimension=20.0, binary=binary)
    center = positions.mean(0).astype(np.float32)
    n = maker.grid_dimensions(len(elements))[1]
    out = molgrid.MGrid4f(len(elements), n, n, n)
    coordinates, types, sizes = (
        molgrid.MGrid2f(len(numbers), 3),
        molgrid.MGrid1f(len(numbers)),
        molgrid.MGrid1f(len(numbers)),
    )
    for i, (number, position, radius) in enumerate(zip(numbers, positions, radii, strict=True)):
        types[i], sizes[i] = float(np.flatnonzero(elements == number)[0]), float(radius)
        for axis in range(3):
            coordinates[i][axis] = float(position[axis])
    maker.forward(molgrid.float3(*map(float, center)), coordinates.cpu(), types.cpu(), sizes.cpu(), out.cpu())
    line = np.arange(n) * 0.5 - 10.0
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3) + center
    return sample(points, np.array(out.tonumpy()).reshape(len(elements), -1).T)


def moleculekit(numbers: np.ndarray, positions: np.ndarray, radii: np.ndarray):
    """The maximum occupancy over all atoms, and over the heavy atoms."""
    from moleculekit.tools.voxeldescriptors import _getOccupancyC

    line = np.arange(-4, 12, 0.75)
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3)
    sigmas = np.stack([radii, np.where(numbers == 1, 0.0, radii)], 1)
    return sample(points, _getOccupancyC(positions, points, sigmas))


def pyuul(numbers: np.ndarray, positions: np.ndarray, radius: float):
    """Occupancies by element, combined as in FuncMol, on a grid of 0.25 Å."""
    import torch
    from pyuul import VolumeMaker

    resolution, reach = 0.25, 8
    elements = np.unique(numbers)
    channels = torch.from_numpy(np.searchsorted(elements, numbers))[None]
    coordinates = torch.from_numpy(positions).float()[None]
    maker = VolumeMaker.Voxels(device="cpu", sparse=False)
    volume = maker(
        coordinates, torch.full(channels.shape, radius), channels, resolution=resolution,
        cubes_around_atoms_dim=reach, function="gaussian",
    )  # fmt: skip
    places = np.stack(np.meshgrid(*(np.arange(n) for n in volume.shape[2:]), indexing="ij"), -1).reshape(-1, 3)
    corner = np.trunc(positions.min(0) / resolution) - reach
    points = (places + 0.5 * resolution + corner) * resolution
    return sample(points, volume[0].flatten(1).T.numpy())


def worker(path: Path) -> None:
    from ase.data import vdw_radii

    numbers, positions = molecule_atoms()
    radii = vdw_radii[numbers]
    fields = {
        "libmolgrid": libmolgrid(numbers, positions, radii, binary=False),
        "libmolgrid_binary": libmolgrid(numbers, positions, radii, binary=True),
        "moleculekit": moleculekit(numbers, positions, radii),
        "pyuul": pyuul(numbers, positions, radius=0.5),
    }
    arrays = {"numbers": numbers, "positions": positions}
    for name, (points, values) in fields.items():
        arrays |= {f"{name}_points": points.astype(np.float32), f"{name}_values": values.astype(np.float32)}
    np.savez_compressed(path, **arrays)


def main() -> None:
    path = Path(sys.argv[1]).absolute()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
        subprocess.run([python, __file__, path, "--worker"], check=True)


if __name__ == "__main__":
    worker(Path(sys.argv[1])) if "--worker" in sys.argv else main()
