"""Linear fits: least squares on counts of elements, and ridge regression with a penalty that data choose."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch_geometric.data import Data

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)


def counts(molecules: Sequence[Data], elements: Sequence[int]) -> Tensor:
    """How often each of the atomic numbers ``elements`` occurs, and a one: ``[M, len(elements) + 1]``, float64."""
    return torch.tensor(
        [[*(int((data.z == number).sum()) for number in elements), 1] for data in molecules], dtype=torch.float64
    )


def least_squares(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """The values ``[K, 1]`` at ``x_new [K, D]`` of the smallest weights that fit ``y [M, 1]`` at ``x [M, D]`` best."""
    return x_new @ torch.linalg.lstsq(x, y, driver="gelsd").solution


def ridge(x: Tensor, y: Tensor, x_new: Tensor) -> Tensor:
    """The values ``[K, 1]`` at ``x_new [K, D]`` of a ridge regression of ``y [M, 1]`` on ``x [M, D]``, standardised.

    The penalty is the one of `PENALTIES` with the least mean absolute error when each row is left out in turn.
    """
    center, scale = x.mean(0), x.std(0, correction=0) + 1e-6
    rows, new = (x - center) / scale, (x_new - center) / scale
    rest = y - y.mean()
    gram, identity = rows.T @ rows, torch.eye(rows.size(1)).to(rows)

    def left_out(penalty: float) -> float:
        hat = rows @ torch.linalg.solve(gram + penalty * identity, rows.T)
        leverage = hat.diagonal().unsqueeze(1) + 1 / len(y)
        return float(((rest - hat @ rest) / (1 - leverage).clamp(min=1e-9)).abs().mean())

    best = min(PENALTIES, key=left_out)
    return new @ torch.linalg.solve(gram + best * identity, rows.T @ rest) + y.mean()
