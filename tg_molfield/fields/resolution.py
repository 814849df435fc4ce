"""A warning where floating-point numbers are too coarse for the widths of a field."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from tg_molfield.callers import caller_level
from tg_molfield.chem.checked_numbers import numbers_are_checked

_SHARE = 1e-3
"""Of σ: the spacing of coordinates from which values of a field are off by more than about a thousandth."""


class CoarseCoordinatesWarning(UserWarning):
    """Coordinates are so large that their type cannot place points to a thousandth of a width."""


def warn_of_coarse_coordinates(centers: Tensor, least: float) -> None:
    """Warn where neighbouring floats at ``centers`` [N, 3] are more than a thousandth of the ``least`` width apart.

    Only where numbers are checked, see `numbers_are_checked`.
    """
    if not numbers_are_checked(centers) or centers.dtype == torch.float64 or not centers.numel():
        return
    farthest = float(centers.detach().abs().max())
    spacing = torch.finfo(centers.dtype).eps * farthest
    if spacing > _SHARE * least:
        warnings.warn(
            f"centers: expected coordinates that {centers.dtype} resolves to a thousandth of σ = {least:.3g} Å, got "
            f"up to {farthest:.3g} Å, where neighbouring numbers are about {spacing:.2g} Å apart; move the molecule "
            "to the origin or use float64",
            CoarseCoordinatesWarning,
            stacklevel=caller_level(),
        )
