"""Checks of the arguments of sums on grids."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tg_molfield.chem.validation import check_tensor
from tg_molfield.fields.grid import Grid


def check_grids(grids: Sequence[Grid], one_shape: bool) -> None:
    """Check a list of grids.

    Raises:
        ValueError: no grids, or grids of different shapes where ``one_shape`` is required.
    """
    if not grids:
        raise ValueError("grids: expected at least one, got none; pass one grid per molecule")
    if one_shape and any(grid.shape != grids[0].shape for grid in grids):
        shapes = sorted({grid.shape for grid in grids})
        raise ValueError(f"grids: expected one shape, got {shapes}; evaluate grids of different shapes one by one")


def check_out(out: Tensor, shape: tuple[int, ...], inputs: tuple[Tensor, ...]) -> None:
    """Check a tensor for the values.

    Raises:
        ValueError: ``out`` has the wrong shape, type or device, or gradients with respect to ``inputs`` are recorded.
    """
    check_tensor("out", out)
    like = inputs[0]
    if out.shape != shape or out.dtype != like.dtype or out.device != like.device or not out.is_contiguous():
        raise ValueError(
            f"out: expected a contiguous {like.dtype} tensor {list(shape)} on {like.device}, "
            f"got {out.dtype} {list(out.shape)} on {out.device}; allocate it with torch.empty"
        )
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs):
        raise ValueError(
            "out: expected inputs without gradients, got some that require them; omit it or use torch.no_grad()"
        )
