"""The one check of what a volume file holds, in every format, on reading and on writing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tg_molfield.chem.elements import MAX_Z
from tg_molfield.files import shortened
from tg_molfield.volumes.volume_data import VolumeData

_SINGULAR = 1e-12


def validate(path: Path, data: VolumeData) -> VolumeData:
    """``data`` with native floats (float32 or float64) and int64, in C order, if all of it fits together.

    Atoms with atomic number 0, which programs write for ghost atoms and dummy atoms, are left out with a note. Values
    that are not finite are left to the caller.

    Raises:
        ValueError: an array has another kind, shape or content than a volume needs.
    """
    values = _floats(path, "values", data.values)
    if values.ndim != 4 or 0 in values.shape:
        raise ValueError(
            f"{path}: values: expected shape [C, nx, ny, nz] with at least one channel and node, got "
            f"{list(values.shape)}; correct the file"
        )
    names = data.channels
    if len(names) != len(values) or len(set(names)) != len(names):
        raise ValueError(
            f"{path}: channels: expected {len(values)} different names, got {_short(names)}; correct the file"
        )
    origin, axes = _finite(path, "origin", data.origin, (3,)), _finite(path, "axes", data.axes, (3, 3))
    with np.errstate(over="ignore", invalid="ignore"):
        volume, scale = abs(np.linalg.det(axes)), np.prod(np.linalg.norm(axes, axis=1))
    if not volume > _SINGULAR * scale:
        raise ValueError(
            f"{path}: axes: expected three step vectors that span space, got {_short(axes.tolist())}; correct the file"
        )
    numbers, positions, notes = _atoms(path, data)
    return data._replace(
        values=values, origin=origin, axes=axes, numbers=numbers, positions=positions, notes=data.notes + notes
    )


def _atoms(path: Path, data: VolumeData) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...]]:
    if data.numbers is None and data.positions is None:
        return None, None, ()
    if data.numbers is None or data.positions is None:
        raise ValueError(f"{path}: atoms: expected numbers and positions, got only one of them; correct the file")
    numbers = np.asarray(data.numbers)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iuf":
        raise ValueError(
            f"{path}: numbers: expected atomic numbers [N], got {numbers.dtype} {list(numbers.shape)}; correct the file"
        )
    positions = _floats(path, "positions", data.positions).astype(np.float64)
    if positions.shape != (len(numbers), 3):
        raise ValueError(
            f"{path}: positions: expected shape [{len(numbers)}, 3], one row an atom, got {list(positions.shape)}; "
            "correct the file"
        )
    wrong = np.flatnonzero(~((numbers >= 0) & (numbers <= MAX_Z) & (numbers == np.trunc(numbers))))
    if len(wrong):
        raise ValueError(
            f"{path}: atom {wrong[0] + 1}: expected an atomic number from 1 to {MAX_Z}, got {numbers[wrong[0]]:.15g}; "
            "correct the file"
        )
    lost = np.flatnonzero(~np.isfinite(positions).all(1))
    if len(lost):
        raise ValueError(
            f"{path}: atom {lost[0] + 1}: expected a finite position, got NaN or infinity; correct the file"
        )
    real = numbers > 0
    ghosts = len(real) - int(real.sum())
    note = (f"{ghosts} atoms with atomic number 0 (ghost or dummy atoms) were left out",) if ghosts else ()
    if not real.any():
        return None, None, note
    return numbers[real].astype(np.int64), positions[real], note


def _finite(path: Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    array = _floats(path, name, array).astype(np.float64)
    if array.shape != shape or not np.isfinite(array).all():
        raise ValueError(
            f"{path}: {name}: expected finite numbers of shape {list(shape)} in Å, got {_short(array.tolist())}; "
            "correct the file"
        )
    return array


def _floats(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise ValueError(f"{path}: {name}: expected real numbers, got {array.dtype}; convert them")
    kind = np.float32 if array.dtype.itemsize <= (4 if array.dtype.kind == "f" else 2) else np.float64
    return np.ascontiguousarray(array, kind)


def _short(content: object) -> str:
    return shortened(str(content), 80)
