"""Checks of the samples and widths of a superresolution."""

from __future__ import annotations

from collections.abc import Sequence

from tg_molfield.arguments import as_list, check_positive
from tg_molfield.fields import Volume
from tg_molfield.inverse.checks import COPIES, check_memory, check_values

_FEWEST_NODES = 4
_REFINEMENT = 4


def check_volume(volume: Volume, max_bytes: int | None, refined: bool = False) -> None:
    """Refuse volumes that cannot be superresolved.

    Args:
        volume: the samples.
        max_bytes: the memory to use; what is available if not given.
        refined: whether the method needs a refined grid of a channel.

    Raises:
        ValueError: values that are missing, the same everywhere, or on too few nodes.
        MemoryError: too many nodes.
    """
    numbers = COPIES * (len(volume.channels) + (_REFINEMENT**3 if refined else 1))
    check_memory(volume.grid, numbers, max_bytes, "crop it, or choose method='kriging'" if refined else "crop it")
    check_values(volume)
    if min(volume.grid.shape) < _FEWEST_NODES:
        shape = "×".join(map(str, volume.grid.shape))
        raise ValueError(f"volume: expected at least {_FEWEST_NODES} nodes an axis, got {shape}; give a finer grid")


def check_orthogonal(volume: Volume, method: str) -> None:
    """Refuse grids on which ``method`` does not work.

    Raises:
        ValueError: the volume is oblique or periodic.
    """
    if not volume.grid.is_orthogonal or any(volume.periodic):
        raise ValueError(
            f"volume: expected an orthogonal grid that is not periodic for method={method!r}, got an oblique or "
            "periodic one; choose method='kriging'"
        )


def check_widths(widths: Sequence[float | None], channels: tuple[str, ...]) -> tuple[float | None, ...]:
    """The widths, one for each channel.

    Raises:
        TypeError: they are no list of numbers.
        ValueError: their number is wrong, or one is not positive.
    """
    given = as_list("widths", widths, "numbers in Å")
    if len(given) != len(channels):
        raise ValueError(
            f"widths: expected one for each of {len(channels)} channels, got {len(given)}; give None where unknown"
        )
    for width in given:
        if width is not None:
            check_positive("widths", width, "give Å, or None where unknown")
    return tuple(None if width is None else float(width) for width in given)
