"""Kriging on an orthogonal grid: the best linear estimate from samples, as Gaussians at the nodes, exact at the nodes.

The covariance of the field is a Gaussian of width s, that of a Poisson cloud of Gaussians of width s/√2. It factorises
along the axes, so the N × N system splits into three small ones (a Kronecker product; theory: Wikle and Cressie 1999).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

NOISE = 1e-9
"""The variance of the samples' noise over that of the field: rounding."""

_FINEST_MODES = 0.3


def gaussian(places: Tensor, nodes: Tensor, width: float) -> Tensor:
    """exp(−(x − y)²/(2·width²)) [A, B] of places [A] and nodes [B] along one axis."""
    return torch.exp(-0.5 * ((places[:, None] - nodes) / width).square())


def along_axes(values: Tensor, matrices: list[Tensor]) -> Tensor:
    """``values`` [..., nx, ny, nz] with a matrix [m, n] applied along each of the last three axes."""
    for axis, matrix in zip((-3, -2, -1), matrices, strict=True):
        values = (values.movedim(axis, -1) @ matrix.mT).movedim(-1, axis)
    return values


def kriging_weights(values: Tensor, steps: Tensor, width: float, noise: float = NOISE) -> Tensor:
    """The weights w of the Gaussians at the nodes, with Σ_j w_j exp(−|x_i − x_j|²/(2·width²)) = value_i.

    Args:
        values: [..., nx, ny, nz], float64.
        steps: of the grid along each axis [3] in Å.
        width: of the covariance in Å.
        noise: added to the diagonal of the covariance, whose largest value is 1.
    """
    spectra, bases = _spectra(values, steps, width)
    turned = along_axes(values, [basis.mT for basis in bases])
    return along_axes(turned / (_product(spectra) + noise), bases)


def estimate_weight(values: Tensor, steps: Tensor, width: float) -> float:
    """The weight of one function, from the shot noise of samples [nx, ny, nz] (Campbell's theorem).

    For a Poisson cloud of Gaussians of ``width`` σ and weight w the mean of the field is ρ w (2π)^1.5 σ³ and its
    variance ρ w² π^1.5 σ³, so that w = 2^1.5 · variance / mean. The variance is taken from the finest modes of
    the grid, in which places are nearly independent. Correct to about 30 % for proteins and ligands.
    """
    spectra, bases = _spectra(values, steps, poisson_width(width))
    spectrum = _product(spectra).flatten()
    squares = along_axes(values, [basis.mT for basis in bases]).square().flatten() / (spectrum + NOISE)
    finest = spectrum.argsort()[: max(1, int(_FINEST_MODES * len(spectrum)))]
    mean = float(values.mean())
    return 2**1.5 * float(squares[finest].mean()) / mean if mean > 0 else 0.0


def _spectra(values: Tensor, steps: Tensor, width: float) -> tuple[list[Tensor], list[Tensor]]:
    """The eigenvalues and eigenvectors of the covariance along each axis of ``values`` [..., nx, ny, nz]."""
    spectra, bases = [], []
    for count, step in zip(values.shape[-3:], steps.tolist(), strict=True):
        nodes = torch.arange(count, dtype=torch.float64) * step
        eigenvalues, basis = torch.linalg.eigh(gaussian(nodes, nodes, width))
        spectra.append(eigenvalues.clamp_min(0))
        bases.append(basis)
    return spectra, bases


def _product(spectra: list[Tensor]) -> Tensor:
    x, y, z = spectra
    return x[:, None, None] * y[:, None] * z


def poisson_width(width: float) -> float:
    """The width of the covariance of a Poisson cloud of Gaussians of ``width``."""
    return math.sqrt(2) * width
