"""Whether pharmacophore features are where the atoms are."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tg_molfield.callers import caller_level
from tg_molfield.chem.apart import apart
from tg_molfield.chem.color import COLOR_TYPES

_AT_ATOMS = torch.tensor([COLOR_TYPES.index(name) for name in ("donor", "acceptor")])
_FAR = 0.5
"""Å from its atom at which a donor or an acceptor is at none: more than atoms are jittered by."""


class DisplacedFeaturesWarning(UserWarning):
    """Pharmacophore features are not where the atoms of their molecule are."""


def warn_of_displaced_features(features: Tensor, kinds: Tensor, owner: Tensor, pos: Tensor, batch: Tensor) -> None:
    """Warn of molecules whose donors and acceptors are at none of its atoms, as after a rotation of the atoms alone.

    Args:
        features: [F, 3] in Å.
        kinds: [F] types, indices into `COLOR_TYPES`.
        owner: [F] the molecule of each.
        pos: [N, 3] in Å.
        batch: [N] the molecule of each atom.

    Warns:
        DisplacedFeaturesWarning: more than half of them are at none.
    """
    from scipy.spatial import cKDTree

    chosen = torch.isin(kinds.cpu(), _AT_ATOMS)
    if not bool(chosen.any()) or not len(pos):
        return
    graphs = owner.cpu()[chosen].numpy()
    atoms = apart(_numbers(pos), batch.cpu().numpy(), _FAR)
    found, _ = cKDTree(atoms).query(apart(_numbers(features)[chosen.numpy()], graphs, _FAR), distance_upper_bound=_FAR)
    shares = np.bincount(graphs, weights=~np.isfinite(found)) / np.bincount(graphs).clip(min=1)
    rows = np.flatnonzero(shares > 0.5)
    if not len(rows):
        return
    others = f" ({len(rows)} of {int(batch.max()) + 1} molecules)" if int(batch.max()) else ""
    warnings.warn(
        f"data.color_pos: expected donors and acceptors at atoms, got {shares[rows[0]]:.0%} at none in molecule "
        f"{rows[0]}{others}, as where pos was moved alone; move color_pos too, or call "
        "tg_molfield.structures.with_color(data) again",
        DisplacedFeaturesWarning,
        stacklevel=caller_level(),
    )


def _numbers(pos: Tensor) -> NDArray[np.float64]:
    return pos.detach().cpu().double().numpy()
