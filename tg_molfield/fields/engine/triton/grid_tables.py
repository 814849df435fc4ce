"""Grids of any shapes as tables on the device."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tg_molfield.fields.engine.triton.capture import check_not_captured
from tg_molfield.fields.grid import Grid

Block = tuple[int, int, int]


@dataclass(frozen=True)
class GridTables:
    """B grids, cut into blocks of nodes.

    Args:
        frames: origin, axes and planes of nodes per Å across each axis, float64 [B, 15].
        inverses: inverses of the axes, float64 [B, 9].
        shapes: nodes along each axis and the number of nodes of all earlier grids, int64 [B, 4].
        first_blocks: the first block of each grid, int32, padded to 2^steps.
        steps: bisection steps from a block to its grid.
        num_blocks: the number of blocks of all grids.
        num_nodes: the number of nodes of all grids.
        axes: 2 if the axes of every grid are along x, y and z, 1 if they are orthogonal, else 0.
    """

    frames: Tensor
    inverses: Tensor
    shapes: Tensor
    first_blocks: Tensor
    steps: int
    num_blocks: int
    num_nodes: int
    axes: int

    @classmethod
    def of(cls, grids: Sequence[Grid], block: Block, device: torch.device) -> GridTables:
        """Tables of ``grids``, copied to the device once for every tuple of grids in use."""
        return _tables(tuple(grids), block, device)


@functools.lru_cache(32)
def _tables(grids: tuple[Grid, ...], block: Block, device: torch.device) -> GridTables:
    check_not_captured()
    axes = np.array([grid.axes for grid in grids], dtype=np.float64)
    origins = np.array([grid.origin for grid in grids], dtype=np.float64)
    counts = np.array([grid.shape for grid in grids], dtype=np.int64)
    inverses = np.linalg.inv(axes)
    units = axes / np.linalg.norm(axes, axis=2, keepdims=True)
    skew = np.abs(units @ units.transpose(0, 2, 1) - np.eye(3)).max()
    frames = np.concatenate([origins, axes.reshape(-1, 9), np.linalg.norm(inverses, axis=1)], 1)
    nodes = counts.prod(1)
    blocks = np.prod([-(-counts[:, k] // side) for k, side in enumerate(block)], 0)
    steps = math.ceil(math.log2(len(grids)))
    first = np.full(2**steps, np.iinfo(np.int32).max, np.int32)
    first[: len(grids)] = blocks.cumsum() - blocks
    shapes = np.concatenate([counts, (nodes.cumsum() - nodes)[:, None]], 1)
    aligned = bool((np.diagonal(units, axis1=1, axis2=2) == 1).all())
    kind = 0 if skew >= 1e-12 else 2 if aligned else 1
    return GridTables(
        _to(frames, device), _to(inverses.reshape(-1, 9), device), _to(shapes, device), _to(first, device), steps,
        int(blocks.sum()), int(nodes.sum()), kind,
    )  # fmt: skip


def _to(array: np.ndarray, device: torch.device) -> Tensor:
    """The array on the device, without waiting for the device."""
    tensor = torch.from_numpy(array)
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)
