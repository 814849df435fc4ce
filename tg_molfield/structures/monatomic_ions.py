"""Ions of one atom, as in salts, which take part in no bond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.bonds import MAX_Z_WITH_RADIUS
from tg_molfield.chem.elements import element_property
from tg_molfield.chem.metals import is_metal

if TYPE_CHECKING:
    from rdkit.Chem import Mol, RWMol

_ALKALI = frozenset((3, 11, 19, 37, 55))
_METALS = _ALKALI | frozenset((12, 20, 38, 56))
"""Alkali and alkaline earth metals from lithium and magnesium to caesium and barium."""
_HALOGENS = frozenset((9, 17, 35, 53))
_TOLERANCE = 0.2
"""Å by which a bond may be longer than the sum of the covalent radii."""


def monatomic_ions(data: Data) -> dict[int, int]:
    """The charges, by row, of the metal cations and the halides that ``data.formal_charge`` tells of, if it is there.

    Metals of other groups than the first two may be bonded to carbon or hydrogen, as in CH3Hg+, and are none then.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
    """
    given = data.to_dict().get("formal_charge")
    if not isinstance(given, Tensor) or given.numel() != data["z"].numel():
        return {}
    pairs = enumerate(zip(data["z"].tolist(), given.flatten().tolist(), strict=True))
    return {
        row: round(charge)
        for row, (number, charge) in pairs
        if (number in _HALOGENS and charge == -1)
        or (charge > 0 and (number in _METALS or (is_metal(number) and not _has_covalent_bonds(data, row))))
    }


def _has_covalent_bonds(data: Data, row: int) -> bool:
    """Whether carbon or hydrogen is within the sum of the covalent radii, and a tolerance."""
    if int(data["z"][row]) > MAX_Z_WITH_RADIUS:
        return False
    others = ((data["z"] == 6) | (data["z"] == 1)).nonzero()[:, 0]
    radius, *radii = element_property("covalent_radius", data["z"][[row, *others.tolist()]].cpu()).tolist()
    distances = (data["pos"][others] - data["pos"][row]).norm(dim=1).tolist()
    return any(distance < radius + own + _TOLERANCE for distance, own in zip(distances, radii, strict=True))


def overbonded_metal(mol: Mol) -> int | None:
    """An alkali or alkaline earth metal with more bonds than it has electrons for; None if there is none."""
    for atom in mol.GetAtoms():
        number, degree = atom.GetAtomicNum(), atom.GetDegree()
        if number in _METALS and degree > (1 if number in _ALKALI else 2):
            return int(atom.GetIdx())
    return None


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
