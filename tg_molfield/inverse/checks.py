"""Checks of sampled values before any work starts."""

from __future__ import annotations

import math

from tg_molfield.arguments import check_number
from tg_molfield.fields import Grid, Volume
from tg_molfield.memory import check_fits

COPIES = 8
"""How many copies of a volume's values are in memory during a computation."""

_BYTES = 8


def check_values(volume: Volume, allow_nan: bool = False) -> None:
    """Refuse values that are not finite, and fields that are constant.

    Args:
        volume: the samples.
        allow_nan: whether NaN may mark unknown values.

    Raises:
        ValueError: values that are infinite, NaN where it is not allowed, or the same everywhere.
    """
    values = volume.values
    wrong = (values.isinf() if allow_nan else ~values.isfinite()).flatten(1).sum(1)
    if bool(wrong.any()):
        c = int(wrong.argmax())
        what, remedy = ("infinite", "set them to NaN") if allow_nan else ("NaN or infinite", "crop the volume")
        raise ValueError(
            f"volume: expected finite values, got {int(wrong[c])} that are {what} in channel {volume.channels[c]}; "
            f"{remedy} or fill them, for example with 0 outside the molecule"
        )
    known = values.flatten(1)
    lowest, highest = known.nan_to_num(nan=math.inf).amin(1), known.nan_to_num(nan=-math.inf).amax(1)
    if not values.numel() or bool(known.isnan().all()):
        raise ValueError("volume: expected values, got none that is not NaN; give some")
    if bool(((lowest >= 0) & (highest <= 0)).all()):
        raise ValueError("volume: expected a field, got zeros alone; check the channels and the grid")
    if bool((highest <= lowest).all()):
        raise ValueError(
            "volume: expected a field, got one value at all nodes of each channel; check the channels and the grid"
        )


def check_memory(grid: Grid, numbers: int, max_bytes: int | None, remedy: str) -> None:
    """Refuse grids that do not fit in memory.

    Args:
        grid: of the samples.
        numbers: how many double-precision numbers are kept for each node.
        max_bytes: the memory to use; what is available if not given.
        remedy: the end of the error message.

    Raises:
        MemoryError: they need more.
    """
    if max_bytes is not None:
        check_number("max_bytes", max_bytes)
        if not max_bytes >= 0:
            raise ValueError(f"max_bytes: expected at least 0, got {max_bytes}; leave it out to use all memory")
    shape = "×".join(map(str, grid.shape))
    check_fits(
        "volume", f"{grid.num_nodes} nodes ({shape})", _BYTES * grid.num_nodes * numbers, remedy, limit=max_bytes
    )
