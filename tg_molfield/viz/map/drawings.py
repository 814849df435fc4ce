"""Small drawings of molecules, whatever they are given as."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from tg_molfield.chem.atoms import AtomList
from tg_molfield.display.atoms_svg import atoms_svg


def drawings(molecules: Sequence[Any]) -> tuple[list[str], list[int | None]]:
    """The drawing of each molecule as SVG, and its number of atoms other than hydrogen; without one, "" and None.

    A warning tells of SMILES that RDKit cannot read, which are not drawn.

    Args:
        molecules: SMILES or RDKit molecules, whose structural formulas are drawn; ``Data`` or `AtomList`, whose atoms
            are drawn where they are; None or an empty string for no drawing.

    Raises:
        TypeError: one is something else.
    """
    found: list[tuple[str, int | None]] = []
    faults = []
    for place, molecule in enumerate(molecules):
        try:
            found.append(_drawing(molecule))
        except ValueError as error:
            found.append(("", None))
            faults.append(f"molecules[{place}]: {str(error).partition(': ')[2]}")
        except TypeError as error:
            raise TypeError(f"molecules[{place}]: {str(error).partition(': ')[2]}") from error
    if faults:
        others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        warnings.warn(f"{faults[0]}{others}; not drawn", stacklevel=3)
    return [svg for svg, _ in found], [heavy for _, heavy in found]


def _drawing(molecule: Any) -> tuple[str, int | None]:
    from tg_molfield.structures.depiction import depict

    if molecule is None or (isinstance(molecule, str) and not molecule.strip()):
        return "", None
    if hasattr(molecule, "z") and hasattr(molecule, "pos"):
        atoms = AtomList(molecule.z, molecule.pos)
        return atoms_svg(atoms), int((atoms.z > 1).sum())
    return depict(molecule)
