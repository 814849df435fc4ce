"""Bonds of a molecule from its positions, by RDKit."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from tg_molfield.structures.charge_pairs import doubtful_cation

if TYPE_CHECKING:
    from rdkit.Chem import RWMol

_MAX_ITERATIONS = 20_000


def determine_bonds(mol: RWMol, charge: int) -> RWMol:
    """The molecule with bonds and their orders, its atoms in the same order.

    RDKit's search depends on the order of the atoms: where it finds none, as in many nitro compounds, it is begun with
    the heaviest. What it finds then counts only without doubtful cations, which broken bonds would be given.

    Args:
        mol: atoms and one conformer.
        charge: net charge in e.

    Raises:
        ValueError: no set of bonds fits the charge.
        RuntimeError: the search takes too long.
    """
    from rdkit import Chem

    numbers = [atom.GetAtomicNum() for atom in mol.GetAtoms()]
    given = list(range(len(numbers)))
    heaviest_first = sorted(given, key=lambda row: -numbers[row])
    try:
        return _determined(mol, charge)
    except ValueError:
        if heaviest_first == given:
            raise
        with suppress(ValueError, RuntimeError):
            found = _determined(Chem.RWMol(Chem.RenumberAtoms(mol, heaviest_first)), charge)
            if doubtful_cation(found) is None:
                return Chem.RWMol(Chem.RenumberAtoms(found, sorted(given, key=heaviest_first.__getitem__)))
        raise


def _determined(mol: RWMol, charge: int) -> RWMol:
    from rdkit import Chem
    from rdkit.Chem import rdDetermineBonds

    found = Chem.RWMol(mol)
    rdDetermineBonds.DetermineBonds(found, charge=charge, maxIterations=_MAX_ITERATIONS)
    return found
