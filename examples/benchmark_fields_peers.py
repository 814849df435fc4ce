"""The peer process of `benchmark_fields.py`, in a separate environment: reads a task, prints its seconds."""

import sys
import time
from collections.abc import Callable

import numpy as np


def of_libmolgrid(problem: dict[str, np.ndarray]) -> dict[str, Callable[[], object]]:
    """Gaussians with σ = r/2, truncated at 5σ, written to an existing buffer; one thread."""
    import molgrid

    def atoms(centers: np.ndarray, kinds: np.ndarray, sigma: float) -> tuple:
        n = len(centers)
        coordinates, types, radii = molgrid.MGrid2f(n, 3), molgrid.MGrid1f(n), molgrid.MGrid1f(n)
        for i, (center, kind) in enumerate(zip(centers, kinds, strict=True)):
            types[i], radii[i] = float(kind), 2 * sigma
            for axis in range(3):
                coordinates[i][axis] = float(center[axis])
        return coordinates, types, radii

    def maker(side: float) -> "molgrid.GridMaker":
        return molgrid.GridMaker(resolution=0.5, dimension=side, gaussian_radius_multiple=-2.5)

    protein, whole = atoms(problem["centers"], problem["kinds"], 1.0), maker(63.5)
    middle = molgrid.float3(*map(float, problem["middle"]))
    volume, slopes = molgrid.MGrid4f(5, 128, 128, 128), molgrid.MGrid4f(5, 128, 128, 128)
    slopes.tonumpy()[:] = problem["slopes"]
    found = molgrid.MGrid2f(len(problem["centers"]), 3)
    small = maker(15.5)
    molecules = [
        (molgrid.float3(*map(float, problem["middles"][i])), *atoms(problem["pos"][mine], problem["types"][mine], 0.85))
        for i in range(len(problem["middles"]))
        for mine in [problem["batch"] == i]
    ]
    volumes = [molgrid.MGrid4f(8, 32, 32, 32) for _ in molecules]

    def forward() -> None:
        whole.forward(middle, *(part.cpu() for part in protein), volume.cpu())

    def both() -> None:
        forward()
        whole.backward(middle, *(part.cpu() for part in protein), slopes.cpu(), found.cpu())

    def many() -> None:
        for (center, *parts), values in zip(molecules, volumes, strict=True):
            small.forward(center, *(part.cpu() for part in parts), values.cpu())

    forward()
    if not np.allclose(volume.tonumpy().reshape(5, -1)[:, problem["nodes"]].T, problem["values"], atol=1e-4):
        raise ValueError("libmolgrid: its values are not those of the same sum")
    return {"forward": forward, "both": both, "many": many}


def of_moleculekit(problem: dict[str, np.ndarray]) -> dict[str, Callable[[], object]]:
    from moleculekit.tools.voxeldescriptors import _getOccupancyC

    line = np.arange(128) * 0.5 - 31.75
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), -1).reshape(-1, 3) + problem["middle"]
    sigmas = np.eye(5)[problem["kinds"]]
    return {"forward": lambda: _getOccupancyC(problem["centers"].astype(float), points, sigmas)}


def main() -> None:
    answer = sys.stdout
    sys.stdout = sys.stderr
    tasks = {"libmolgrid": of_libmolgrid, "moleculekit": of_moleculekit}[sys.argv[1]](dict(np.load(sys.argv[2])))
    print("ready", file=answer, flush=True)
    for line in sys.stdin:
        name, task = line.split()
        clock = getattr(time, name)
        start = clock()
        tasks[task]()
        print(clock() - start, file=answer, flush=True)


if __name__ == "__main__":
    main()
