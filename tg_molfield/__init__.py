"""Molecules as continuous vector-valued fields, for PyTorch Geometric.

Names are imported when they are first used, so that importing the package is quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tg_molfield.compare import align, screen, similarity
    from tg_molfield.fields import Channel, Field, Grid, MolField, RBFField, Volume
    from tg_molfield.inverse.find_atoms import find_atoms
    from tg_molfield.inverse.fitting import fit_rbf
    from tg_molfield.inverse.superres import superresolve
    from tg_molfield.metrics import psnr
    from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder
    from tg_molfield.paths import FieldPath
    from tg_molfield.structures import (
        from_ase,
        from_rdkit,
        from_smiles,
        read,
        read_complex,
        to_ase,
        to_rdkit,
    )
    from tg_molfield.transforms import MolFieldTransform

_HOMES = {
    "tg_molfield.structures": ("from_ase", "from_rdkit", "from_smiles", "read", "read_complex", "to_ase", "to_rdkit"),
    "tg_molfield.fields": ("Channel", "Field", "Grid", "MolField", "RBFField", "Volume"),
    "tg_molfield.metrics": ("psnr",),
    "tg_molfield.compare": ("align", "screen", "similarity"),
    "tg_molfield.nn": ("FieldAutoDecoder", "FieldAutoEncoder"),
    "tg_molfield.paths": ("FieldPath",),
    "tg_molfield.inverse.find_atoms": ("find_atoms",),
    "tg_molfield.inverse.fitting": ("fit_rbf",),
    "tg_molfield.inverse.superres": ("superresolve",),
    "tg_molfield.transforms": ("MolFieldTransform",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Channel",
    "Field",
    "FieldAutoDecoder",
    "FieldAutoEncoder",
    "FieldPath",
    "Grid",
    "MolField",
    "MolFieldTransform",
    "RBFField",
    "Volume",
    "align",
    "find_atoms",
    "fit_rbf",
    "from_ase",
    "from_rdkit",
    "from_smiles",
    "psnr",
    "read",
    "read_complex",
    "screen",
    "similarity",
    "superresolve",
    "to_ase",
    "to_rdkit",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
