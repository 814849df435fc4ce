"""Labels that do not fit: results and initial values that are no reason to refuse the atoms they come with."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tg_molfield.structures.keys import KEYS
from tg_molfield.structures.structure_warnings import StructureWarning

_ASYMMETRY = 1e-3
"""Largest difference between opposite elements of a symmetric stress, relative to its largest element."""


def fit_labels(found: Mapping[str, Any], num_atoms: int, dtype: torch.dtype) -> tuple[dict[str, np.ndarray], list[str]]:
    """The values with the shapes of ``KEYS``, and a note about each that does not fit.

    A number may have any shape with one element, a value of the molecule may lack the leading 1, a column may be
    [N, 1], and a symmetric stress may be [3, 3].

    Args:
        found: values by key.
        num_atoms: N.
        dtype: floating type that the values must be finite in.

    Returns:
        Arrays with the shapes of ``KEYS``, and sentences about the values that were left out.
    """
    fitting: dict[str, np.ndarray] = {}
    notes: list[str] = []
    for name, value in found.items():
        shape = [num_atoms if size == "N" else int(size) for size in KEYS[name].shape]
        array = _numbers(value)
        fitted = None if array is None else _fitted(name, array, shape)
        if fitted is None:
            got = type(value).__name__ if array is None else f"shape {list(array.shape)}"
            notes.append(f"{name}: expected numbers of shape {shape}, got {got}; correct them, they were left out")
        elif not _are_finite(fitted, dtype):
            notes.append(
                f"{name}: expected finite numbers within the range of {dtype}, got others; correct them, they were "
                "left out"
            )
        elif KEYS[name].kind == "int" and bool((fitted != np.round(fitted)).any()):
            notes.append(f"{name}: expected integers, got other numbers; correct them, they were left out")
        else:
            fitting[name] = fitted
    return fitting, notes


def warn_labels(notes: Sequence[str], stacklevel: int = 3) -> None:
    """Issue each note as a :class:`StructureWarning`, for functions that users call directly."""
    for note in notes:
        warnings.warn(note, StructureWarning, stacklevel=stacklevel)


def _numbers(value: Any) -> np.ndarray | None:
    """``value`` as float64, or None if it does not consist of real numbers."""
    if isinstance(value, Tensor):
        if value.dtype == torch.bool or value.is_complex():
            return None
        return value.detach().cpu().double().numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        return None
    return array.astype(np.float64) if array.dtype.kind in "fiu" else None


def _fitted(name: str, array: np.ndarray, shape: list[int]) -> np.ndarray | None:
    """``array`` with ``shape``, or None if it is no other form of the same values."""
    if list(array.shape) == shape:
        return array
    if shape == [1] and array.size == 1:
        return array.reshape(shape)
    if shape[0] == 1 and list(array.shape) == shape[1:]:
        return array[None]
    if len(shape) == 1 and list(array.shape) == [*shape, 1]:
        return array[:, 0]
    if name == "stress" and array.shape in ((3, 3), (1, 3, 3)):
        return _voigt(array.reshape(3, 3))
    return None


def _voigt(stress: np.ndarray) -> np.ndarray | None:
    """xx yy zz yz xz xy [1, 6] of a symmetric stress [3, 3]; None if it is not symmetric."""
    if not np.isfinite(stress).all() or np.abs(stress - stress.T).max() > _ASYMMETRY * np.abs(stress).max():
        return None
    return stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]][None]


def _are_finite(array: np.ndarray, dtype: torch.dtype) -> bool:
    return bool(torch.isfinite(torch.as_tensor(array).to(dtype)).all())
