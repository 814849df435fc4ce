"""A plain sum in double precision, written without the package, and clouds to try it on."""

import math

import numpy as np
import torch

PHI = {
    "gaussian": lambda u: np.exp(-(u**2) / 2),
    "slater": lambda u: np.exp(-u),
    "wendland_c2": lambda u: np.clip(1 - u, 0, None) ** 4 * (4 * u + 1),
    "wendland_c4": lambda u: np.clip(1 - u, 0, None) ** 6 * (35 * u**2 + 18 * u + 3) / 3,
    "inverse_multiquadric": lambda u: 1 / np.sqrt(1 + u**2),
}


def exact(centers, weights, widths, kernel, pos):
    """[Q, C], one centre after the other."""
    centers, weights, widths, pos = (np.asarray(x.detach().cpu(), float) for x in (centers, weights, widths, pos))
    total = np.zeros((len(pos), weights.shape[1]))
    for center, weight, width in zip(centers, weights, widths, strict=True):
        u = np.sqrt(((pos - center) ** 2).sum(1))[:, None] / np.broadcast_to(width, weight.shape)
        total += PHI[kernel](u) * weight
    return total


def scale(kernel):
    """What widths are multiplied with, so that compact kernels reach some nodes."""
    return 3 if kernel.startswith("wendland") else 1


def nodes(grid):
    """[nx·ny·nz, 3] in double precision."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), -1).reshape(-1, 3)
    return torch.from_numpy(np.array(grid.origin) + index @ np.array(grid.axes))


def cloud(
    n, channels=3, widths="shared", dtype=torch.float64, seed=0, spread=2.0, one_hot=False, device="cpu", scale=1
):
    """Centres, weights and widths times ``scale``; ``widths`` is shared [N] or own [N, C]."""
    rng = torch.Generator().manual_seed(seed)
    centers = torch.randn(n, 3, generator=rng, dtype=torch.float64) * spread
    weights = torch.randn(n, channels, generator=rng, dtype=torch.float64)
    if one_hot:
        weights = weights * torch.nn.functional.one_hot(torch.arange(n) % channels, channels)
    sigma = scale * (0.5 + torch.rand(n, channels, generator=rng, dtype=torch.float64))
    sigma = sigma[:, 0] if widths == "shared" else sigma
    return tuple(x.to(dtype).to(device) for x in (centers, weights, sigma))


def protein(n=4400, dtype=torch.float32, seed=1):
    """A ball of atoms as dense as a protein, with five kinds of atoms [N, 5] and σ = 1 Å."""
    rng = torch.Generator().manual_seed(seed)
    radius = (n / 0.1 * 3 / (4 * math.pi)) ** (1 / 3)
    centers = torch.nn.functional.normalize(torch.randn(n, 3, generator=rng, dtype=torch.float64), dim=1)
    centers = centers * radius * torch.rand(n, 1, generator=rng, dtype=torch.float64) ** (1 / 3)
    kinds = torch.nn.functional.one_hot(torch.randint(5, (n,), generator=rng), 5)
    return centers.to(dtype), kinds.to(dtype), torch.ones(n, dtype=dtype)


def worst(values, reference):
    """The greatest difference over the greatest value."""
    values = np.asarray(values.detach().cpu(), float)
    return np.abs(values - reference).max() / np.abs(reference).max()
