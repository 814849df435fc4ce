"""Training targets that RDKit computes from structures: descriptors of molecules and of atoms.

Molecular targets are the 2D descriptors, the shape descriptors of the conformer, sums and dipoles of Gasteiger and
MMFF94 charges, and solvent-accessible surface areas by element. Atomic targets are charges, contributions to logP,
molar refractivity, TPSA and Labute's surface area, E-state indices, solvent-accessible surface areas and atom types.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import (
    AllChem,
    Descriptors,
    Descriptors3D,
    EState,
    Lipinski,
    rdFreeSASA,
    rdMolDescriptors,
    rdPartialCharges,
)
from torch_geometric.data import Data

from tg_molfield import from_rdkit

LEFT_OUT = {"Ipc", "AvgIpc", "SPS", "BCUT2D_CHGHI", "BCUT2D_CHGLO"}
FLAT = {name: function for name, function in Descriptors.descList if name not in LEFT_OUT}
SHAPES = (
    "Asphericity",
    "Eccentricity",
    "InertialShapeFactor",
    "NPR1",
    "NPR2",
    "RadiusOfGyration",
    "SpherocityIndex",
    "PBF",
)
ELEMENTS = (1, 6, 7, 8, 9, 15, 16, 17, 35, 53)
PROBED = ("MolWt", "MolLogP", "MolMR", "TPSA", "NumRotatableBonds", "RadiusOfGyration", "Asphericity")
HYBRIDS = (Chem.HybridizationType.SP, Chem.HybridizationType.SP2, Chem.HybridizationType.SP3)


def properties(mol: Chem.Mol, conformer: int = 0) -> dict[str, float]:
    """The descriptors by name of a molecule with all hydrogens and a conformer; NaN where undefined."""
    with rdBase.BlockLogs():
        plain = Chem.RemoveHs(mol)
        found = {name: float(function(plain)) for name, function in FLAT.items()}
        found |= {name: float(getattr(Descriptors3D, name)(mol, confId=conformer)) for name in SHAPES}
    for axis in "123":
        moment = getattr(Descriptors3D, f"PMI{axis}")(mol, confId=conformer)
        found[f"radius{axis}"] = math.sqrt(max(moment, 0) / found["MolWt"])
    pos = mol.GetConformer(conformer).GetPositions()
    areas, numbers = _areas(mol, conformer), np.array([atom.GetAtomicNum() for atom in mol.GetAtoms()])
    for name, charge in (("gasteiger", _gasteiger(mol)), ("mmff", _mmff(mol))):
        found[f"{name}_absolute"] = float(np.abs(charge).sum())
        found[f"{name}_square"] = float(np.square(charge).sum())
        found[f"{name}_dipole"] = float(np.linalg.norm(charge @ (pos - pos.mean(0))))
        found[f"{name}_positive_area"] = float(areas @ np.maximum(charge, 0))
        found[f"{name}_negative_area"] = float(areas @ np.maximum(-charge, 0))
    for number in ELEMENTS:
        found[f"area_{number}"] = float(areas[numbers == number].sum())
        found[f"count_{number}"] = float((numbers == number).sum())
    return found


@lru_cache(maxsize=1)
def property_names() -> tuple[str, ...]:
    """The names of `properties`, in order."""
    methane = Chem.AddHs(Chem.MolFromSmiles("C"))
    AllChem.EmbedMolecule(methane, randomSeed=0)
    return tuple(properties(methane))


def atom_properties(mol: Chem.Mol, conformer: int = 0) -> np.ndarray:
    """Atomic descriptors ``[N, K]`` of a molecule with all hydrogens and a conformer; NaN where undefined."""
    crippen = np.array(rdMolDescriptors._CalcCrippenContribs(mol))
    labute, _ = rdMolDescriptors._CalcLabuteASAContribs(mol)
    columns = [
        _gasteiger(mol),
        _mmff(mol),
        crippen[:, 0],
        crippen[:, 1],
        np.array(rdMolDescriptors._CalcTPSAContribs(mol)),
        np.array(labute),
        np.array(EState.EStateIndices(mol)),
        _areas(mol, conformer),
        _matches(mol, Lipinski.HDonorSmarts),
        _matches(mol, Lipinski.HAcceptorSmarts),
        _rotors(mol),
    ]
    ring = mol.GetRingInfo()
    for atom in mol.GetAtoms():
        atom.SetDoubleProp("_hydrogens", sum(other.GetAtomicNum() == 1 for other in atom.GetNeighbors()))
    of_atom = [
        lambda atom: atom.GetIsAromatic(),
        lambda atom: atom.GetDegree(),
        lambda atom: atom.GetDoubleProp("_hydrogens"),
        lambda atom: atom.GetFormalCharge(),
        lambda atom: atom.IsInRing(),
        *(lambda atom, kind=kind: atom.GetHybridization() == kind for kind in HYBRIDS),
        *(lambda atom, size=size: ring.IsAtomInRingOfSize(atom.GetIdx(), size) for size in (3, 4, 5, 6)),
    ]
    columns += [np.array([float(value(atom)) for atom in mol.GetAtoms()]) for value in of_atom]
    return np.stack(columns, axis=1)


def with_targets(mol: Chem.Mol, conformer: int = 0) -> Data:
    """``z``, ``pos``, ``properties [1, P]`` and ``atom_properties [N, K]`` of one conformer; NaN where undefined."""
    data = from_rdkit(mol, conformer, properties=())
    identifier = mol.GetConformers()[conformer].GetId()
    values = torch.tensor([list(properties(mol, identifier).values())])
    of_atoms = torch.from_numpy(atom_properties(mol, identifier)).to(values)
    return Data(z=data.z, pos=data.pos, properties=_finite(values), atom_properties=_finite(of_atoms))


def _finite(values: torch.Tensor) -> torch.Tensor:
    """The values with NaN in place of infinities, such as Gasteiger charges that do not converge."""
    return values.masked_fill(~values.isfinite(), math.nan)


def _gasteiger(mol: Chem.Mol) -> np.ndarray:
    rdPartialCharges.ComputeGasteigerCharges(mol)
    return np.array([atom.GetDoubleProp("_GasteigerCharge") for atom in mol.GetAtoms()])


def _mmff(mol: Chem.Mol) -> np.ndarray:
    parameters = AllChem.MMFFGetMoleculeProperties(mol)
    return np.array([parameters.GetMMFFPartialCharge(index) for index in range(mol.GetNumAtoms())])


def _rotors(mol: Chem.Mol) -> np.ndarray:
    """Half the number of rotatable bonds of each atom, so that they sum to that of the molecule."""
    plain, count = Chem.RemoveHs(mol), np.zeros(mol.GetNumAtoms())
    heavy = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetAtomicNum() > 1]
    for bond in plain.GetSubstructMatches(Lipinski.RotatableBondSmarts):
        count[[heavy[index] for index in bond]] += 0.5
    return count


def _areas(mol: Chem.Mol, conformer: int) -> np.ndarray:
    """The solvent-accessible area of each atom, Å²."""
    rdFreeSASA.CalcSASA(mol, rdFreeSASA.classifyAtoms(mol), confIdx=conformer)
    return np.array([atom.GetDoubleProp("SASA") for atom in mol.GetAtoms()])


def _matches(mol: Chem.Mol, pattern: Chem.Mol) -> np.ndarray:
    flags = np.zeros(mol.GetNumAtoms())
    flags[[match[0] for match in mol.GetSubstructMatches(pattern)]] = 1.0
    return flags
