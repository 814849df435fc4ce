"""Bonds of a molecule from its positions, by RDKit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from tg_molfield.structures.charge_pairs import doubtful_cation
from tg_molfield.structures.isoelectronic import as_charged, as_neutral, charged_centres

if TYPE_CHECKING:
    from rdkit.Chem import RWMol

_MAX_ITERATIONS = 20_000
_CLOSE = 1.2, 1.15
"""Bonds within so many times the sum of the covalent radii, not 1.3 times: across the cage of bicyclo[1.1.1]pentane,
atoms are 1.23 times as far apart, and beside oxygen, as in 5-oxabicyclo[2.1.1]hexane, 1.17 to 1.19 times."""


def determine_bonds(mol: RWMol, charge: int, formal_charges: Mapping[int, int] | None = None) -> RWMol:
    """The molecule with bonds and their orders, its atoms in the same order.

    RDKit's search depends on the order of the atoms: where it finds none, as in many nitro compounds, it is begun with
    the heaviest, and then with shorter bonds, as strained cages need. What it finds then counts only without doubtful
    cations, which broken bonds would be given. At last, atoms such as P of PF6⁻ and PR4⁺, whose valences it does not
    know, are searched for as neutral ones with as many bonds.

    Args:
        mol: atoms and one conformer.
        charge: net charge in e.
        formal_charges: of its atoms, by row, where they are known.

    Raises:
        ValueError: no set of bonds fits the charge.
        RuntimeError: the search takes too long.
    """
    given = list(range(mol.GetNumAtoms()))
    heaviest_first = sorted(given, key=lambda row: -mol.GetAtomWithIdx(row).GetAtomicNum())
    others: list[Callable[[], RWMol]] = []
    if heaviest_first != given:
        others.append(partial(_determined, mol, charge, heaviest_first))
    others += [partial(_determined, mol, charge, given, useVdw=True, covFactor=factor) for factor in _CLOSE]
    try:
        return _determined(mol, charge, given)
    except ValueError:
        for search in others:
            with suppress(ValueError, RuntimeError):
                found = search()
                if doubtful_cation(found) is None:
                    return found
        centres = charged_centres(mol, formal_charges or {})
        if centres:
            with suppress(ValueError, RuntimeError):
                found = _determined(as_neutral(mol, centres), charge - sum(centres.values()), given)
                return as_charged(found, mol, centres)
        raise


def _determined(mol: RWMol, charge: int, order: Sequence[int], **options: Any) -> RWMol:
    """The molecule with the bonds that are found for its atoms in another order."""
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds

    found = Chem.RWMol(Chem.RenumberAtoms(mol, list(order)))
    rdDetermineBonds.DetermineBonds(found, charge=charge, maxIterations=_MAX_ITERATIONS, **options)
    ordered = Chem.RWMol(Chem.RenumberAtoms(found, sorted(range(len(order)), key=order.__getitem__)))
    if mol.HasProp("_Name"):
        ordered.SetProp("_Name", mol.GetProp("_Name"))  # which RenumberAtoms drops
    return ordered
