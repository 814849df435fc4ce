"""`write_extxyz`: molecules as extended XYZ."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch_geometric.data import Data

from tg_molfield.files import atomic_write
from tg_molfield.structures.ase_atoms import to_ase


def write_extxyz(path: str | Path, molecules: Iterable[tuple[Data, Mapping[str, object]]]) -> None:
    """Write molecules with ``z`` and ``pos``, their ``name``, and more values in the comment lines.

    The lines of a text are joined.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        molecules: of each, the atoms, and the values by name.
    """
    from ase.io import write

    frames = []
    for data, values in molecules:
        atoms = to_ase(data)
        atoms.info.update(values)
        atoms.info = {name: _one_line(value) for name, value in atoms.info.items()}
        frames.append(atoms)
    text = io.StringIO()
    if frames:
        write(text, frames, format="extxyz")
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())


def _one_line(value: object) -> object:
    return " ".join(value.splitlines()) if isinstance(value, str) else value
