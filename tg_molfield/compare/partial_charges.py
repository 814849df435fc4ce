"""Where the partial charges of molecules are from: a file, or RDKit's Gasteiger charges."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
from torch_geometric.data import Data

from tg_molfield.compare.scoring import Scoring
from tg_molfield.structures import StructureWarning, to_rdkit
from tg_molfield.structures.library import Built
from tg_molfield.structures.properties import compute_properties

NAME = "partial_charge"
_SAME = 5e-3
"""e by which most charges of a molecule may differ from computed ones that other bonds are assumed for."""


def charges_of_record(scoring: Scoring, built: Built) -> str:
    """``"file"`` or ``"computed"``; an empty text where the scores do not read charges."""
    if NAME not in scoring.properties:
        return ""
    return "file" if NAME in built.molecules[0] and NAME not in built.computed else "computed"


def charges_of_molecule(data: Data) -> str:
    """``"computed"`` where a molecule has none yet, or those that RDKit computes; else ``"file"``.

    An empty text where its bonds cannot be perceived, so that nothing can be computed to compare with.
    """
    if NAME not in data:
        return "computed"
    try:
        mol = to_rdkit(data)
    except ValueError:
        return ""
    try:
        computed = compute_properties(mol, [NAME])[NAME]
    except ValueError:  # there are no computed charges of these elements
        return "file"
    given = data.partial_charge.detach().cpu().double().numpy()
    return "computed" if np.median(np.abs(given - computed)) < _SAME else "file"


def warn_of_charges(first: Iterable[str], second: Iterable[str], stacklevel: int = 2) -> None:
    """Warn if partial charges of two sides are not of one kind.

    Warns:
        StructureWarning: they are not.
    """
    if len({*first, *second} - {""}) > 1:
        warnings.warn(
            "partial charges: expected those of one kind, got the file's on one side and computed ones (Gasteiger) on "
            "the other; give both with charges of one program, or leave esp out",
            StructureWarning,
            stacklevel=stacklevel + 1,
        )
