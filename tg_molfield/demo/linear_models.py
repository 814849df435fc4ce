"""Linear models: least squares, and ridge regression with a cross-validated penalty."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


def element_counts(molecules: Sequence[Data], elements: Sequence[int]) -> Tensor:
    """The number of atoms of each of the ``elements`` and a constant 1: ``[M, len(elements) + 1]``, float64."""
    return torch.tensor(
        [[*(int((data.z == number).sum()) for number in elements), 1] for data in molecules], dtype=torch.float64
    )


def least_squares(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """Predictions ``[K, 1]`` at ``x_new [K, D]`` of the minimum-norm least-squares fit of ``y [M, 1]`` on ``x``."""
    return x_new @ torch.linalg.lstsq(x, y, driver="gelsd").solution


def ridge(x: Tensor, y: Tensor, x_new: Tensor, penalties: Sequence[float] = PENALTIES) -> Tensor:
    """Predictions ``[K, 1]`` at ``x_new [K, D]`` of ridge regression of ``y [M, 1]`` on standardised ``x [M, D]``.

    Of the ``penalties``, the one with the smallest leave-one-out mean absolute error is used.
    """
    center, scale = x.mean(0), x.std(0, correction=0) + 1e-6
    rows, new = (x - center) / scale, (x_new - center) / scale
    rest = y - y.mean()
    gram, identity = rows.T @ rows, torch.eye(rows.size(1)).to(rows)

    def leave_one_out_error(penalty: float) -> float:
        hat = rows @ torch.linalg.solve(gram + penalty * identity, rows.T)
        leverage = hat.diagonal().unsqueeze(1) + 1 / len(y)
        return float(((rest - hat @ rest) / (1 - leverage).clamp(min=1e-9)).abs().mean())

    best = min(penalties, key=leave_one_out_error)
    return new @ torch.linalg.solve(gram + best * identity, rows.T @ rest) + y.mean()
