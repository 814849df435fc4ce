"""Ions of one atom, as in salts, which take part in no bond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor
from torch_geometric.data import Data

if TYPE_CHECKING:
    from rdkit.Chem import Mol, RWMol

_METALS = frozenset((3, 11, 12, 19, 20, 37, 38, 55, 56))
"""Alkali and alkaline earth metals from lithium and magnesium to caesium and barium."""
_HALOGENS = frozenset((9, 17, 35, 53))


def monatomic_ions(data: Data) -> dict[int, int]:
    """The charges, by row, of the metal cations and the halides that ``data.formal_charge`` tells of, if it is there.

    Args:
        data: one molecule with ``z`` [N].
    """
    given = data.to_dict().get("formal_charge")
    if not isinstance(given, Tensor) or given.numel() != data["z"].numel():
        return {}
    pairs = enumerate(zip(data["z"].tolist(), given.flatten().tolist(), strict=True))
    return {
        row: round(charge)
        for row, (number, charge) in pairs
        if (number in _METALS and charge > 0) or (number in _HALOGENS and charge == -1)
    }


def with_bonds_of_others(mol: RWMol, ions: Mapping[int, int], others: Mol) -> Mol:
    """A molecule without bonds with those of its atoms that are no ``ions``, which are ``others``, in its order."""
    from rdkit import Chem

    alone = Chem.RWMol(mol)
    rest = [row for row in range(mol.GetNumAtoms()) if row not in ions]
    for row in reversed(rest):
        alone.RemoveAtom(row)
    for atom, charge in zip(alone.GetAtoms(), ions.values(), strict=True):
        atom.SetFormalCharge(charge)
        atom.SetNoImplicit(True)
    order = [*rest, *ions]
    whole = Chem.RenumberAtoms(Chem.CombineMols(others, alone), sorted(range(len(order)), key=order.__getitem__))
    if mol.HasProp("_Name"):
        whole.SetProp("_Name", mol.GetProp("_Name"))
    return whole
