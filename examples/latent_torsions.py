"""Conformers on both sides of a rotation about one bond, and the relaxed one half way between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import torch
from rdkit import Chem
from rdkit.Chem import AllChem, rdMolTransforms
from torch_geometric.data import Data

from tg_molfield.structures.whole_molecule import whole_molecule

ROTOR = Chem.MolFromSmarts("*~[!$(*#*)&!D1]-&!@[!$(*#*)&!D1]~*")
TURN = 60.0
_STIFFNESS, _STEPS, _ALLOWED = 500.0, 2000, 5.0


class Rotation(NamedTuple):
    """One molecule before, half way through and after a rotation by 60°, and its SMILES."""

    start: Data
    middle: Data
    end: Data
    smiles: str


def rotations(molecules: Iterable[Data], count: int) -> Iterator[Rotation]:
    """Up to ``count`` rotations about the first rotatable bond of molecules, each relaxed by MMFF with that torsion."""
    for data in molecules:
        mol = whole_molecule(data)
        match = None if mol is None else next(iter(mol.GetSubstructMatches(ROTOR)), None)
        if match is None or not AllChem.MMFFHasAllMoleculeParams(mol):
            continue
        angle = rdMolTransforms.GetDihedralDeg(mol.GetConformer(), *match)
        found = [relaxed(mol, match, angle + share * TURN) for share in (0.0, 0.5, 1.0)]
        if any(one is None for one in found):
            continue
        yield Rotation(*found, Chem.MolToSmiles(Chem.RemoveHs(mol)))
        count -= 1
        if count == 0:
            return


def relaxed(mol: Chem.Mol, torsion: tuple[int, ...], angle: float) -> Data | None:
    """The molecule relaxed with one torsion at an angle in degrees; None where the force field does not get there."""
    turned = Chem.Mol(mol)
    rdMolTransforms.SetDihedralDeg(turned.GetConformer(), *torsion, angle)
    field = AllChem.MMFFGetMoleculeForceField(turned, AllChem.MMFFGetMoleculeProperties(turned))
    field.Initialize()
    field.MMFFAddTorsionConstraint(*torsion, False, angle, angle, _STIFFNESS)
    if field.Minimize(maxIts=_STEPS):
        return None
    missed = rdMolTransforms.GetDihedralDeg(turned.GetConformer(), *torsion) - angle
    if abs((missed + 180) % 360 - 180) > _ALLOWED:
        return None
    z = torch.tensor([atom.GetAtomicNum() for atom in turned.GetAtoms()])
    return Data(z=z, pos=torch.tensor(turned.GetConformer().GetPositions()).float())
