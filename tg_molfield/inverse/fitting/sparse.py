"""Sparse linear least squares by conjugate gradients, with each function cut off at its reach.

SciPy's sparse products are about twenty times as fast as those of PyTorch here. The preconditioner is the Cholesky
factor of the normal equations of functions cut off earlier.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import coo_matrix
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.inverse.fitting.dense import rounding_ridge
from tg_molfield.inverse.fitting.design import Basis
from tg_molfield.inverse.fitting.samples import Samples
from tg_molfield.inverse.solvers import least_squares_conjugate_gradients

_RADII = 1.25
_LARGEST_FACTOR = 6000
_SHORT_CUT = 1e-4
_SHIFT = 1e-9


def design_matrix(points: Tensor, centers: Tensor, widths: Tensor, basis: Basis, cut: float) -> Any:
    """The functions [Q, N] as a SciPy CSR matrix, without values beyond the reach of ``cut``."""
    copies, source = (x.cpu() for x in basis.copies(centers, widths))
    sigma = widths.cpu()[source]
    places, function, reach = copies.numpy(), source.numpy(), (basis.kernel.reach(cut) * sigma).numpy()
    tree = cKDTree(points.cpu().numpy())
    groups = np.ceil(np.log(reach) / math.log(_RADII))
    rows, columns, values = [], [], []
    for group in np.unique(groups):
        mine = np.flatnonzero(groups == group)
        found = cKDTree(places[mine]).sparse_distance_matrix(tree, reach[mine].max(), output_type="ndarray")
        place = mine[found["i"]]
        scaled = torch.from_numpy(found["v"]) / sigma[torch.from_numpy(place)]
        rows.append(found["j"].astype(np.int32))
        columns.append(function[place].astype(np.int32))
        values.append(basis.kernel.value(scaled.square()).numpy())
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    return coo_matrix(entries, shape=(len(points), len(centers))).tocsr()


def solve_sparse(
    samples: Samples, centers: Tensor, widths: Tensor, basis: Basis, ridge: float, rounding: float, cut: float,
    max_steps: int,
) -> tuple[Tensor, int]:  # fmt: skip
    """The weights [N, C] of least squares, and the steps of the slowest channel.

    Args:
        samples: what to fit to.
        centers: [N, 3].
        widths: [N].
        basis: the functions at the centres, of finite reach.
        ridge: added to the diagonal of the normal equations.
        rounding: the relative error with which the weights are kept, see `rounding_ridge`.
        cut: the value of φ below which it is dropped, and the fraction to which the gradient falls.
        max_steps: of the conjugate gradients.
    """
    root = samples.root.cpu().numpy()
    design = _weighted(design_matrix(samples.points, centers, widths, basis, cut), root)
    ridge += rounding_ridge(float(design.multiply(design).sum()), len(centers), rounding)
    if len(centers) <= _LARGEST_FACTOR:
        short = _weighted(design_matrix(samples.points, centers, widths, basis, max(cut, _SHORT_CUT)), root)
        gram = (short.T @ short).toarray()
        shift = ridge + _SHIFT * gram.diagonal().mean() + np.finfo(float).tiny
        factor = cholesky(gram + shift * np.eye(len(gram)), lower=True, overwrite_a=True)
    else:
        length = np.sqrt(np.asarray(design.multiply(design).sum(0))[0] + ridge)
        factor = np.where(length > 0, length, 1.0)
    transposed = design.T.tocsr()
    found, steps = least_squares_conjugate_gradients(
        lambda x: design @ x,
        lambda y: transposed @ y,
        samples.weighted().cpu().numpy(),
        ridge,
        accuracy=cut,
        max_steps=max_steps,
        precondition=lambda x, transpose: _divide(factor, x, transpose),
    )
    return torch.from_numpy(found).to(samples.values.device), steps


def _weighted(design: Any, root: Any) -> Any:
    design.data *= np.repeat(root, np.diff(design.indptr))
    return design


def _divide(factor: Any, right: Any, transpose: bool) -> Any:
    """``right`` divided by a lower triangle [N, N] or a diagonal [N]."""
    if factor.ndim == 1:
        return right / factor[:, None]
    return solve_triangular(factor, right, lower=True, trans=int(transpose), check_finite=False)
