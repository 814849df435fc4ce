"""Whether a module gives what an encoder has to: features that depend on the molecule alone."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from tg_molfield.callers import caller_level
from tg_molfield.nn.evaluation import evaluating
from tg_molfield.precision import HALF_TYPES

_POS = ((0.0, 0.0, 0.0), (0.9, 0.1, 0.0), (-0.3, 1.1, 0.2), (0.2, -0.4, 1.3))
"""Å, of four hydrogen atoms without any symmetry."""
_TURN = ((0.0, 0.6, 0.8), (1.0, 0.0, 0.0), (0.0, 0.8, -0.6))
_SHIFT = (3.0, -2.0, 5.0)
_TOLERANCE, _TOLERANCE_OF_HALF = 1e-3, 0.1
"""Of the greatest feature."""


class EncoderWarning(UserWarning):
    """A module that is given as an encoder has features that depend on more than the molecule."""


@torch.no_grad()
def warn_of_dependence(module: nn.Module, like: Tensor) -> None:
    """Try a module ``(z, pos, batch) -> [N, F]`` on a molecule, unless it is on the meta device.

    Args:
        module: the module.
        like: of its type and on its device.

    Warns:
        EncoderWarning: features change where the molecule is moved, or where another one is in the batch.
    """
    if like.is_meta:
        return
    pos, turn, shift = (like.new_tensor(numbers) for numbers in (_POS, _TURN, _SHIFT))
    places = pos, pos @ turn.T + shift
    z = torch.ones(len(pos), dtype=torch.int64, device=like.device)
    owner = torch.zeros_like(z)
    with evaluating(module):
        here, there = (module(z, place, owner) for place in places)
        both = module(torch.cat([z, z]), torch.cat(places), torch.cat([owner, owner + 1]))
    for one, other, why in (
        (here, there, "where the molecule is rotated and moved"),
        (torch.cat([here, there]), both, "where another molecule is in the batch"),
    ):
        if not _alike(one, other):
            warnings.warn(
                f"encoder: expected features of the molecule alone, got others from {type(module).__name__} {why}, and "
                "so will codes be; make them of distances and angles within molecules, or derive from AtomEncoder",
                EncoderWarning,
                stacklevel=caller_level(),
            )
            return


def _alike(one: Tensor, other: Tensor) -> bool:
    tolerance = _TOLERANCE_OF_HALF if one.dtype in HALF_TYPES else _TOLERANCE
    difference, greatest = (one - other).abs().amax(), torch.maximum(one.abs().amax(), other.abs().amax())
    return bool(difference <= tolerance * greatest)
