"""The one place where a molecule becomes a ``Data``: types, precision and the checks all sources share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.structures.keys import KEYS, validate

PRECISION = 1e-3
"""Largest spacing in Å of the numbers that hold a coordinate."""

COINCIDENT = 1e-3
"""Distance in Å below which two atoms count as one point."""


def build(z: Any, pos: Any, dtype: torch.dtype | None = None, **values: Any) -> Data:
    """A checked ``Data`` from arrays.

    Args:
        z: [N] atomic numbers, all from 1 to 118.
        pos: [N, 3] positions in Å.
        dtype: floating type of the result; ``None`` is ``torch.get_default_dtype()``.
        values: further attributes by name; arrays of numbers become tensors, in ``dtype`` where the table of
            keys says float. ``None`` leaves the attribute out.

    Raises:
        ValueError: no atoms, a dummy atom, a value that is not finite or has the wrong shape, or coordinates
            too far from the origin for ``dtype``.
    """
    dtype = float_dtype(dtype)
    numbers = torch.as_tensor(np.asarray(z, dtype=np.int64))
    if numbers.numel() == 0:
        raise ValueError("the record has no atoms; remove it")
    _check_elements(numbers)
    exact = torch.as_tensor(np.asarray(pos, dtype=np.float64))
    data = Data(z=numbers, pos=exact)
    for name, value in values.items():
        if value is not None:
            data[name] = _attribute(name, value, dtype)
    validate(data)
    check_precision(exact, dtype)
    data.pos = exact.to(dtype)
    return validate(data)


def float_dtype(dtype: torch.dtype | None) -> torch.dtype:
    """``dtype``, or the default dtype for ``None``.

    Raises:
        TypeError: it is no floating type.
    """
    if dtype is None:
        return torch.get_default_dtype()
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype = {dtype!r} is no floating type; give torch.float32 or torch.float64")
    return dtype


def check_apart(pos: Tensor, remedy: str = "correct the coordinates or remove one of them") -> None:
    """Refuse atoms that share one point.

    Args:
        pos: [N, 3] positions in Å.
        remedy: what the error advises.

    Raises:
        ValueError: two atoms are closer than 0.001 Å.
    """
    from scipy.spatial import cKDTree

    pairs = cKDTree(pos.detach().cpu().double().numpy()).query_pairs(COINCIDENT, output_type="ndarray")
    if len(pairs):
        first, second = sorted(pairs.tolist())[0]
        raise ValueError(
            f"{len(pairs)} pairs of atoms coincide (closer than {COINCIDENT} Å), the first are atoms "
            f"{first + 1} and {second + 1} at {pos[first].tolist()} Å; {remedy}"
        )


def numbers_of(symbols: Sequence[str]) -> list[int]:
    """Atomic numbers of element symbols; D and T are hydrogen.

    Raises:
        ValueError: a symbol is no element; the message names it and its atom.
    """
    from ase.data import atomic_numbers

    known = {**atomic_numbers, "D": 1, "T": 1}
    numbers = []
    for row, symbol in enumerate(symbols):
        number = int(symbol) if symbol.isdecimal() and int(symbol) <= 118 else known.get(symbol.capitalize(), 0)
        if number == 0:
            raise ValueError(
                f"atom {row + 1} has element {symbol!r}, which is none; name the element or remove the atom"
            )
        numbers.append(number)
    return numbers


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
            f"label {name!r} has a value that is not finite or too large for {dtype}; correct or remove it"
        )
    return tensor.to(dtype)


def _check_elements(z: Tensor) -> None:
    wrong = ((z < 1) | (z > 118)).nonzero().flatten().tolist()
    if wrong:
        raise ValueError(
            f"atom {wrong[0] + 1} has atomic number {int(z[wrong[0]])}: dummy atoms and unknown elements have no "
            f"field; name the element or remove the atom ({len(wrong)} such atoms)"
        )


def check_precision(pos: Tensor, dtype: torch.dtype) -> None:
    """Refuse positions that ``dtype`` cannot hold to 0.001 Å.

    Args:
        pos: [N, 3] positions in Å.
        dtype: the floating type they are to have.

    Raises:
        ValueError: the numbers of ``dtype`` are farther apart than that at the farthest coordinate.
    """
    farthest = float(pos.abs().max())
    spacing = torch.finfo(dtype).eps * farthest
    if spacing > PRECISION:
        raise ValueError(
            f"a coordinate of {farthest:.1f} Å loses more than {PRECISION} Å in {dtype}; "
            f"centre the molecule, or read with dtype=torch.float64"
        )
