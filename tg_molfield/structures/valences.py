"""Valences of elements in neutral molecules."""

from __future__ import annotations


def valences(number: int) -> tuple[int, ...]:
    """Those of the element with this atomic number, of RDKit's periodic table; none if it has no such rule."""
    from rdkit import Chem

    return tuple(valence for valence in Chem.GetPeriodicTable().GetValenceList(number) if valence >= 0)
