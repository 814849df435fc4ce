"""The ten targets of the folder "affinity" with what fields need: atoms with properties, and measured affinities."""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rdkit import Chem, rdBase
from rdkit.Chem import Crippen, Descriptors
from scipy.spatial import cKDTree
from torch_geometric.data import Data

from tg_molfield import from_rdkit

PROPERTIES = ("partial_charge", "donor", "acceptor", "logp")
SIMPLE = ("heavy atoms", "molecular weight", "logP", "protein atoms within 4 Å")
DOUBLE = {("ACE", "C", "O"), ("TPO", "C", "O"), ("TPO", "O1P", "P")}
"""Double bonds of residues that RDKit has no template for."""
LEFT_OUT = ("HOH", "ZN")
"""Waters, some of them next to ligands, and the zinc of tnks2, 17 Å away, which has no Gasteiger parameters."""


@dataclass
class Target:
    """One protein and its ligands.

    Attributes:
        name: of the target.
        protein: its atoms with `PROPERTIES`.
        ligands: theirs, in their poses; those without a pose are left out.
        affinity: −ΔG [L] in kcal/mol, larger for ligands that bind more strongly.
        simple: [L, 4], the values of `SIMPLE`.
    """

    name: str
    protein: Data
    ligands: list[Data]
    affinity: np.ndarray
    simple: np.ndarray


def read_target(folder: Path) -> Target:
    """The target in a folder with protein.pdb.gz, ligands.sdf.gz and affinities.csv."""
    mol = prepared_protein(gzip.decompress((folder / "protein.pdb.gz").read_bytes()).decode())
    check_charges(folder.name, mol)
    protein = from_rdkit(mol, properties=PROPERTIES, dtype=torch.float64)
    with (folder / "affinities.csv").open() as stream:
        measured = {row["ligand"]: -float(row["dG_kcal_per_mol"]) for row in csv.DictReader(stream)}
    with gzip.open(folder / "ligands.sdf.gz") as stream:
        mols = {mol.GetProp("_Name"): mol for mol in Chem.ForwardSDMolSupplier(stream, removeHs=False)}
    if missing := set(mols) - set(measured):
        raise SystemExit(f"{folder}: expected the affinity of each pose, got none for {', '.join(sorted(missing))}")
    ligands = [from_rdkit(mol, properties=PROPERTIES, dtype=torch.float64) for mol in mols.values()]
    tree = cKDTree(protein.pos[protein.z > 1].numpy())
    simple = [
        (mol.GetNumHeavyAtoms(), Descriptors.MolWt(mol), Crippen.MolLogP(mol), near(tree, ligand))
        for mol, ligand in zip(mols.values(), ligands, strict=True)
    ]
    return Target(folder.name, protein, ligands, np.array([measured[name] for name in mols]), np.array(simple))


def near(protein: cKDTree, ligand: Data) -> int:
    """How many heavy atoms of the protein are within 4 Å of a heavy atom of the ligand."""
    found = protein.query_ball_point(ligand.pos[ligand.z > 1].numpy(), 4.0)
    return len(set().union(*found))


def prepared_protein(text: str) -> Chem.Mol:
    """A protein from PDB text with all hydrogens, with the bond orders that RDKit does not know, without waters."""
    with rdBase.BlockLogs():
        mol = Chem.RWMol(Chem.MolFromPDBBlock(text, removeHs=False, sanitize=False))
    residues: dict[tuple[str, int, str], dict[str, Chem.Atom]] = {}
    for atom in mol.GetAtoms():
        residues.setdefault(residue(atom), {})[atom.GetPDBResidueInfo().GetName().strip()] = atom
    for bond in mol.GetBonds():
        ends = bond.GetBeginAtom(), bond.GetEndAtom()
        names = sorted(atom.GetPDBResidueInfo().GetName().strip() for atom in ends)
        if (kind(ends[0]), *names) in DOUBLE and residue(ends[0]) == residue(ends[1]):
            bond.SetBondType(Chem.BondType.DOUBLE)
    for atoms in residues.values():
        if "HD1" in atoms and "NE2" in atoms and "HE2" not in atoms:
            move_double_bond(mol, atoms)
    mol.BeginBatchEdit()
    for atom in mol.GetAtoms():
        if kind(atom) in LEFT_OUT:
            mol.RemoveAtom(atom.GetIdx())
    mol.CommitBatchEdit()
    Chem.SanitizeMol(mol)
    return mol.GetMol()


def move_double_bond(mol: Chem.RWMol, histidine: dict[str, Chem.Atom]) -> None:
    """Histidine with hydrogen on ND1 alone: RDKit takes ND1=CE1 for double and so all of them for cations."""
    place = {name: atom.GetIdx() for name, atom in histidine.items()}
    mol.GetBondBetweenAtoms(place["ND1"], place["CE1"]).SetBondType(Chem.BondType.SINGLE)
    mol.GetBondBetweenAtoms(place["NE2"], place["CE1"]).SetBondType(Chem.BondType.DOUBLE)
    histidine["ND1"].SetFormalCharge(0)


def residue(atom: Chem.Atom) -> tuple[str, int, str]:
    info = atom.GetPDBResidueInfo()
    return info.GetChainId(), info.GetResidueNumber(), info.GetInsertionCode()


def kind(atom: Chem.Atom) -> str:
    return atom.GetPDBResidueInfo().GetResidueName().strip()


def check_charges(name: str, mol: Chem.Mol) -> None:
    """End the program unless every atom has all its hydrogens and residues have the formal charges of side chains."""
    charges: dict[tuple[str, int, str], int] = {}
    kinds = {residue(atom): kind(atom) for atom in mol.GetAtoms()}
    for atom in mol.GetAtoms():
        charges[residue(atom)] = charges.get(residue(atom), 0) + atom.GetFormalCharge()
        if atom.GetTotalNumHs():
            raise SystemExit(f"{name}: expected all hydrogens, got an atom that lacks some in {residue(atom)}")
    expected = {"LYS": {1}, "ARG": {1}, "ASP": {-1, 0}, "GLU": {-1, 0}, "HIS": {0, 1}, "CYS": {0, -1}, "TPO": {-2}}
    odd = {place: charge for place, charge in charges.items() if charge not in expected.get(kinds[place], {0})}
    if odd:
        raise SystemExit(f"{name}: expected the charges of side chains, got {odd}")
