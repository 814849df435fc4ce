"""Equal molecules in several parts of a split."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence

from torch import Tensor

from tg_molfield.structures.connectivity import connectivity


class EqualMoleculesWarning(UserWarning):
    """Equal molecules are in several parts of a split, so that what is trained on is tested with."""


def warn_of_equal_molecules(
    smiles: Sequence[str | None], parts: Mapping[str, Tensor], most_compared: int = 20_000
) -> None:
    """Warn of molecules with the same atoms and bonds in several parts.

    Args:
        smiles: of each molecule; None where it has none.
        parts: the indices of the molecules in each part.
        most_compared: of more different SMILES, which would take longer than a few seconds, only those of one text
            count as equal.

    Warns:
        EqualMoleculesWarning: there are some.
    """
    known = {text for text in smiles if text}
    key = {text: _key(text) if len(known) <= most_compared else text for text in known}
    places: dict[str, Counter[str]] = {}
    for name, indices in parts.items():
        for index in indices.tolist():
            if text := smiles[index]:
                places.setdefault(key[text], Counter())[name] += 1
    shared = {text: found for text, found in places.items() if len(found) > 1}
    if not shared:
        return
    first, found = next(iter(shared.items()))
    told = ", ".join(f"{count} in {name}" for name, count in found.items())
    others = f" and {len(shared) - 1} more" if len(shared) > 1 else ""
    warnings.warn(
        f"split: expected each molecule in one part, got equal ones, apart from stereochemistry, in several: {first} "
        f"({told}){others}; by='scaffold' keeps them together, or leave out all but one",
        EqualMoleculesWarning,
        stacklevel=3,
    )


def _key(smiles: str) -> str:
    try:
        return connectivity(smiles)
    except ValueError:
        return smiles
