"""Products over the three coordinates of points, in full single precision on every device.

Where TF32 is on, as `torch.set_float32_matmul_precision("high")` turns it on, matrix products on a GPU round what they
multiply to 11 bits; angles of rotations and phases of waves would be off by thousandths.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.devices import is_on_host
from tg_molfield.precision import full_precision


def phases(pos: Tensor, waves: Tensor) -> Tensor:
    """``pos [..., 3] @ waves [3, W]``."""
    if is_on_host(pos):
        return pos @ waves
    x, y, z = pos.unsqueeze(-1).unbind(-2)
    return x * waves[0] + y * waves[1] + z * waves[2]


@full_precision
def rotated(frames: Tensor, vectors: Tensor) -> Tensor:
    """``frames [P, 3, 3] @ vectors [P, 3]``."""
    if is_on_host(vectors):
        return torch.einsum("pij,pj->pi", frames, vectors)
    return (frames * vectors.unsqueeze(1)).sum(2)


def from_frames(local: Tensor, frames: Tensor) -> Tensor:
    """``local [V, n, 3] @ frames [V, 3, 3]``."""
    if is_on_host(local):
        return local @ frames
    return (local.unsqueeze(3) * frames.unsqueeze(1)).sum(2)
