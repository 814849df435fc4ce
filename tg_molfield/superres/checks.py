"""What a volume must be before any work starts."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import torch

from tg_molfield.fields import Volume

_COPIES = 8
_FINER = 4
_BYTES = 8


def check_volume(volume: Volume, max_bytes: int | None, finer: bool) -> None:
    """Refuse what has no superresolution.

    Args:
        volume: the samples.
        max_bytes: of memory to use; what the machine has free if not given.
        finer: whether finer grids of a channel will be needed.

    Raises:
        ValueError: values that are missing, the same everywhere, or on too few nodes.
        MemoryError: too many nodes.
    """
    values, grid = volume.values, volume.grid
    wrong = (~values.isfinite()).flatten(1).sum(1)
    if bool(wrong.any()):
        c = int(wrong.argmax())
        raise ValueError(
            f"volume: channel {volume.channels[c]} has {int(wrong[c])} values that are NaN or infinite; "
            "crop the volume or fill them, for example with 0 outside the molecule"
        )
    if not values.numel() or bool((values == 0).all()):
        raise ValueError("volume: is empty, all values are 0; there is nothing to reconstruct")
    if bool((values.flatten(1).amax(1) == values.flatten(1).amin(1)).all()):
        raise ValueError("volume: each channel has one value at all nodes; a constant needs no superresolution")
    if min(grid.shape) < 4:
        raise ValueError(f"volume: has {'×'.join(map(str, grid.shape))} nodes; at least 4 an axis are needed")
    nodes = grid.num_nodes * (len(values) + (_FINER**3 if finer else 1))
    needed, free = _COPIES * _BYTES * nodes, _free_bytes() if max_bytes is None else max_bytes
    if needed > free:
        remedy = "crop it, or choose method='kriging'" if finer else "crop it"
        raise MemoryError(
            f"volume: {grid.num_nodes} nodes need about {needed / 2**30:.1f} GiB, "
            f"and {free / 2**30:.1f} are free; {remedy}"
        )


def check_widths(widths: Sequence[float | None], volume: Volume) -> tuple[float | None, ...]:
    """The widths, one for each channel.

    Raises:
        ValueError: their number is wrong, or one is not positive.
    """
    if len(widths) != len(volume.channels):
        raise ValueError(
            f"widths: {len(widths)} for {len(volume.channels)} channels; give one each, None where unknown"
        )
    for width in widths:
        if width is not None and not (width > 0 and math.isfinite(width)):
            raise ValueError(f"widths={tuple(widths)}: must be positive, in Å, or None where unknown")
    return tuple(widths)


def _free_bytes() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return torch.iinfo(torch.int64).max
