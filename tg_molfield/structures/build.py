"""`build`: arrays become a ``Data``, with the types, the precision and the checks that all sources share."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.validation import check_atoms
from tg_molfield.structures.keys import KEYS, validate

PRECISION = 1e-3
"""Largest rounding step of a coordinate in Å."""

COINCIDENT = 1e-3
"""Distance in Å below which two atoms coincide."""


def build(z: Any, pos: Any, dtype: torch.dtype | None = None, **values: Any) -> Data:
    """A ``Data`` from arrays, checked.

    Args:
        z: [N] atomic numbers, all from 1 to 118.
        pos: [N, 3] positions in Å.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        values: more attributes by name. Arrays of numbers become tensors with the kind that ``KEYS`` gives, floats
            in ``dtype``. An attribute that is ``None`` is left out.

    Raises:
        ValueError: no atoms, a dummy atom, a value that is not finite or has the wrong shape, or coordinates
            too large for ``dtype``.
    """
    dtype = float_dtype(dtype)
    numbers = torch.as_tensor(np.asarray(z, dtype=np.int64))
    exact = torch.as_tensor(np.asarray(pos, dtype=np.float64))
    check_atoms(numbers, exact)
    data = Data(z=numbers, pos=exact)
    for name, value in values.items():
        if value is not None:
            data[name] = _attribute(name, value, dtype)
    validate(data)
    check_precision(exact, dtype)
    data.pos = exact.to(dtype)
    return validate(data)


def float_dtype(dtype: torch.dtype | None) -> torch.dtype:
    """``dtype``, or the default dtype if it is ``None``.

    Raises:
        TypeError: it is not a floating type.
    """
    if dtype is None:
        return torch.get_default_dtype()
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype: expected a floating type, got {dtype!r}; give torch.float32 or torch.float64")
    return dtype


def check_coincident_atoms(pos: Tensor, remedy: str = "correct the coordinates or remove one of the atoms") -> None:
    """Refuse atoms in the same place.

    Args:
        pos: [N, 3] positions in Å.
        remedy: the advice at the end of the error message.

    Raises:
        ValueError: two atoms are closer than 0.001 Å.
    """
    from scipy.spatial import cKDTree

    points = pos.detach().cpu().double().numpy()
    tree = cKDTree(points)
    pairs = (int(tree.count_neighbors(tree, COINCIDENT)) - len(points)) // 2
    if pairs:
        close = (tree.query_ball_point(point, COINCIDENT, return_sorted=True) for point in points)
        first, second = next(found for found in close if len(found) > 1)[:2]
        raise ValueError(
            f"pos: expected atoms at least {COINCIDENT} Å apart, got {pairs} closer pairs, the first atoms "
            f"{first} and {second} at {pos[first].tolist()} Å; {remedy}"
        )


def _attribute(name: str, value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, str):
        return value
    array = np.asarray(value)
    kind = KEYS[name].kind if name in KEYS else "float"
    numpy_kind = {"float": np.float64, "int": np.int64, "bool": np.bool_}[kind]
    tensor = torch.as_tensor(np.array(array, dtype=numpy_kind))
    if kind != "float":
        return tensor
    if not bool(torch.isfinite(tensor.to(dtype)).all()):
        raise ValueError(
            f"{name}: expected finite numbers within the range of {dtype}, got others; correct or remove them"
        )
    return tensor.to(dtype)


def check_precision(pos: Tensor, dtype: torch.dtype) -> None:
    """Refuse positions that ``dtype`` cannot represent to 0.001 Å.

    Args:
        pos: [N, 3] positions in Å.
        dtype: their future floating type.

    Raises:
        ValueError: at the largest coordinate, the numbers of ``dtype`` are farther apart than that.
    """
    farthest = float(pos.abs().max())
    spacing = torch.finfo(dtype).eps * farthest
    if spacing > PRECISION:
        raise ValueError(
            f"pos: expected coordinates that {dtype} represents to {PRECISION} Å, got {farthest:.1f} Å; "
            "centre the molecule, or use dtype=torch.float64"
        )
