"""Codes in two dimensions: principal components, or UMAP."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.arguments import require_integers
from tg_molfield.chem.validation import check_tensor
from tg_molfield.optional import require

PROJECTIONS = ("pca", "umap")
_FEWEST = 4
"""Molecules that UMAP needs, whose graph of neighbours is laid out by its eigenvectors."""
_NEIGHBORS = 15
_ROWS_AT_ONCE = 2**14


@dataclass(frozen=True, eq=False)
class Projection:
    """Points in a plane.

    Attributes:
        name: of the method.
        points: ``[M, 2]`` float64.
        axes: the labels of the axes.
        note: what distances mean.
    """

    name: str
    points: Tensor
    axes: tuple[str, str]
    note: str


def check_codes(codes: Tensor) -> Tensor:
    """The codes [M, D] in float64, on the processor.

    Raises:
        TypeError: they are no tensor.
        ValueError: they are none, or not finite.
    """
    check_tensor("codes", codes)
    if codes.dim() != 2 or not len(codes) or not codes.shape[1] or not codes.is_floating_point():
        raise ValueError(
            f"codes: expected floats [M, D], got {codes.dtype} of {list(codes.shape)}; give embed(...).summary"
        )
    if not bool(codes.isfinite().all()):
        row = int((~codes.isfinite()).any(1).nonzero()[0])
        raise ValueError(f"codes: expected finite numbers, got NaN or infinity in row {row}; leave the molecule out")
    return codes.detach().cpu().double()


def project(codes: Tensor, method: str, seed: int = 0) -> Projection:
    """Codes in two dimensions.

    Args:
        codes: ``[M, D]``, checked; with two columns they are taken as they are.
        method: ``"pca"`` or ``"umap"``.
        seed: of UMAP.

    Raises:
        ValueError: the method is unknown, or there are too few molecules for it.
        ImportError: umap-learn is missing.
    """
    if method not in PROJECTIONS:
        raise ValueError(f"projections: expected names among {', '.join(PROJECTIONS)}, got {method!r}; correct it")
    if codes.shape[1] == 2:
        return Projection("as given", codes, ("1", "2"), "The coordinates are those given.")
    return _pca(codes) if method == "pca" else _umap(codes, seed)


def principal_components(codes: Tensor, count: int = 2) -> tuple[Tensor, Tensor]:
    """The first principal components of codes.

    The sign of a component is such that the entry of its axis that is largest in absolute value is positive.

    Args:
        codes: ``[M, D]`` float64.
        count: how many; those beyond the rank of the codes are 0.

    Returns:
        The components ``[M, count]``, and the share of the variance that each explains, ``[count]``.
    """
    centred = codes - codes.mean(0)
    scale = float(centred.abs().max()) or 1.0
    covariance = codes.new_zeros(codes.shape[1], codes.shape[1])
    for part in centred.split(_ROWS_AT_ONCE):
        covariance.addmm_((part / scale).T, part / scale)
    variances, axes = torch.linalg.eigh(covariance)
    kept = min(count, len(variances))
    axes = axes.flip(1)[:, :kept]
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    found = codes.new_zeros(len(codes), count)
    found[:, :kept] = centred @ (axes * largest.sign())
    shares = codes.new_zeros(count)
    shares[:kept] = variances.flip(0)[:kept].clamp(min=0) / float(variances.clamp(min=0).sum() or 1.0)
    return found, shares


def _pca(codes: Tensor) -> Projection:
    points, shares = principal_components(codes)
    first, second = (
        f"principal component {place + 1} ({share:.1%} of the variance)" for place, share in enumerate(shares.tolist())
    )
    note = (
        "Principal component analysis: the plane in which the codes vary most. Distances in the plane are at most "
        f"those between codes; {1 - float(shares.sum()):.0%} of the variance is not seen."
    )
    return Projection("PCA", points, (first, second), note)


def _umap(codes: Tensor, seed: int) -> Projection:
    require_integers(seed=seed)
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed: expected 0 to 2³² − 1 for umap, got {str(seed)[:40]}; give one in this range")
    umap = require("umap", "maps")
    if len(codes) < _FEWEST:
        raise ValueError(f"projections: expected at least {_FEWEST} molecules for umap, got {len(codes)}; take pca")
    neighbors = min(_NEIGHBORS, len(codes) - 1)
    method = umap.UMAP(
        n_neighbors=neighbors,
        metric="cosine",
        random_state=seed,
        n_jobs=1,
        init="pca" if len(codes) < 50 else "spectral",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of one thread for a seed, and of graphs in several pieces
        points = torch.from_numpy(method.fit_transform(codes.numpy())).double()
    note = (
        f"UMAP of the angles between codes ({neighbors} neighbours, seed {seed}): near molecules stay near; distances "
        "between groups and their sizes mean little."
    )
    return Projection("UMAP", points, ("UMAP 1", "UMAP 2"), note)
