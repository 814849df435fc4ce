"""What a volume must be before any work starts."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import torch

from tg_molfield.fields import Grid, Volume

COPIES = 8
"""How often the values of a volume are in memory while it is worked on."""

_FINER = 4
_BYTES = 8


def check_content(volume: Volume, missing: bool = False) -> None:
    """Refuse values that are not there or tell nothing.

    Args:
        volume: the samples.
        missing: whether NaN may stand for values that are not known.

    Raises:
        ValueError: values that are infinite, NaN where it is not allowed, or the same everywhere.
    """
    values = volume.values
    wrong = (values.isinf() if missing else ~values.isfinite()).flatten(1).sum(1)
    if bool(wrong.any()):
        c = int(wrong.argmax())
        what, remedy = ("infinite", "set them to NaN") if missing else ("NaN or infinite", "crop the volume")
        raise ValueError(
            f"volume: channel {volume.channels[c]} has {int(wrong[c])} values that are {what}; "
            f"{remedy} or fill them, for example with 0 outside the molecule"
        )
    known = values.flatten(1)
    lowest, highest = known.nan_to_num(nan=math.inf).amin(1), known.nan_to_num(nan=-math.inf).amax(1)
    if not values.numel() or bool(known.isnan().all()):
        raise ValueError("volume: has no values; give at least some that are not NaN")
    if bool(((lowest >= 0) & (highest <= 0)).all()):
        raise ValueError("volume: is empty, all values are 0; there is nothing to reconstruct")
    if bool((highest <= lowest).all()):
        raise ValueError("volume: each channel has one value at all nodes; a constant needs no reconstruction")


def check_memory(grid: Grid, numbers: int, max_bytes: int | None, remedy: str) -> None:
    """Refuse what does not fit in memory.

    Args:
        grid: of the samples.
        numbers: in double precision that will be kept for each node.
        max_bytes: of memory to use; what the machine has free if not given.
        remedy: what to do.

    Raises:
        MemoryError: they need more.
    """
    needed = _BYTES * grid.num_nodes * numbers
    free = _free_bytes() if max_bytes is None else max_bytes
    if needed > free:
        raise MemoryError(
            f"volume: {grid.num_nodes} nodes need about {needed / 2**30:.1f} GiB, "
            f"and {free / 2**30:.1f} are free; {remedy}"
        )


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
    check_content(volume)
    if min(volume.grid.shape) < 4:
        raise ValueError(f"volume: has {'×'.join(map(str, volume.grid.shape))} nodes; at least 4 an axis are needed")
    numbers = COPIES * (len(volume.channels) + (_FINER**3 if finer else 1))
    check_memory(volume.grid, numbers, max_bytes, "crop it, or choose method='kriging'" if finer else "crop it")


def check_widths(widths: Sequence[float | None], channels: tuple[str, ...]) -> tuple[float | None, ...]:
    """The widths, one for each channel.

    Raises:
        ValueError: their number is wrong, or one is not positive.
    """
    if len(widths) != len(channels):
        raise ValueError(f"widths: {len(widths)} for {len(channels)} channels; give one each, None where unknown")
    for width in widths:
        if width is not None and not (width > 0 and math.isfinite(width)):
            raise ValueError(f"widths={tuple(widths)}: must be positive, in Å, or None where unknown")
    return tuple(widths)


def _free_bytes() -> int:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return torch.iinfo(torch.int64).max
