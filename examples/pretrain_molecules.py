"""New organic molecules derived from known ones by small edits, for training without the molecules of an evaluation.

The parents are the molecules of folds 1 to 4 of FreeSolv. A child is a parent, a fragment of one, or a few joined by
single bonds, after a few edits of its graph: an atom changes its element, a group is added, a terminal atom is
removed, a bond changes its order, a ring is closed. No child has the connectivity of an excluded molecule.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark_data import freesolv_folds
from rdkit import Chem, rdBase
from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

GROUPS = (
    "C", "C", "CC", "O", "O", "OC", "N", "NC", "N(C)C", "F", "Cl", "Br", "I", "S", "SC", "C=O", "C(C)=O", "C(=O)O",
    "C(=O)OC", "C(=O)N", "C#N", "[N+](=O)[O-]", "S(C)(=O)=O", "c1ccccc1", "c1ccncc1", "c1ccoc1", "c1ccsc1", "N1CCOCC1",
    "C=C", "C#C", "C(F)(F)F", "C(C)C", "OP(=O)(OC)OC", "O[N+](=O)[O-]", "NC(C)=O", "C1CCCCC1", "C1CC1",
)  # fmt: skip
ELEMENTS = (6, 6, 7, 7, 8, 8, 9, 16, 17, 35, 53)
STRAINED = Chem.MolFromSmarts("[$([r]#[r]),$([R]=[R]=[R])]")


def connectivity(mol: Chem.Mol) -> str:
    """A key that is the same for stereoisomers and for the tautomers that InChI recognises."""
    return Chem.MolToInchiKey(mol)[:14]


def freesolv(folder: Path, folds: Iterable[int] = range(5)) -> list[Chem.Mol]:
    """The molecules of some of FreeSolv's five folds, from their SMILES."""
    fold = freesolv_folds(folder)
    with (folder / "freesolv.csv").open() as stream:
        return [Chem.MolFromSmiles(row["smiles"]) for row in csv.DictReader(stream) if fold[row["id"]] in set(folds)]


def evaluation_keys(folder: Path) -> set[str]:
    """The connectivity of every molecule of FreeSolv, ``gdb1k`` and the ligands."""
    molecules = freesolv(folder)
    for name in ("gdb1k_300.sdf.gz", "pdb_ligands_300.sdf.gz"):
        with gzip.open(folder / name) as file, rdBase.BlockLogs():
            molecules += [mol for mol in Chem.ForwardSDMolSupplier(file) if mol is not None]
    with rdBase.BlockLogs():
        return {connectivity(Chem.RemoveHs(mol)) for mol in molecules}


def children(
    parents: list[Chem.Mol], seed: int, excluded: set[str], largest: int = 45, join: float = 0.25
) -> Iterator[Chem.Mol]:
    """An endless stream of new molecules with at most ``largest`` heavy atoms and different connectivities.

    ``join`` is the probability that one more parent is joined to a child.
    """
    draw = random.Random(seed)
    seen = set(excluded)
    while True:
        mol = draw.choice(parents)
        if draw.random() < 0.2:
            mol = _fragment(mol, draw.randint(3, 9), draw)
        while draw.random() < join:
            mol = _joined(mol, draw.choice(parents), draw)
        for _ in range(draw.choice((0, 1, 1, 2, 2, 3, 4))):
            mol = _edited(mol, draw)
        if mol.GetNumHeavyAtoms() > largest:
            continue
        key = connectivity(mol)
        if key not in seen:
            seen.add(key)
            yield mol


def conformers(mol: Chem.Mol, count: int, seed: int) -> Chem.Mol | None:
    """The molecule with hydrogens and MMFF94 conformers, or ``None`` without parameters or an embedding."""
    full = Chem.AddHs(mol)
    parameters = rdDistGeom.ETKDGv3()
    parameters.randomSeed = seed
    parameters.maxIterations = 20
    if not rdForceFieldHelpers.MMFFHasAllMoleculeParams(full):
        return None
    if len(rdDistGeom.EmbedMultipleConfs(full, count, parameters)) < count:
        return None
    rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(full, maxIters=200)
    return full


def _joined(one: Chem.Mol, two: Chem.Mol, draw: random.Random) -> Chem.Mol:
    """The two molecules joined by a single bond that replaces two hydrogens; ``one`` if there are none."""
    left, right = _with_hydrogen(one), _with_hydrogen(two)
    if not left or not right:
        return one
    edit = Chem.RWMol(Chem.CombineMols(one, two))
    edit.AddBond(draw.choice(left), one.GetNumAtoms() + draw.choice(right), Chem.BondType.SINGLE)
    return _sanitized(edit) or one


def _fragment(mol: Chem.Mol, size: int, draw: random.Random) -> Chem.Mol:
    """A fragment of ``size`` connected atoms; the molecule itself if it is smaller or the fragment is not valid."""
    if mol.GetNumAtoms() <= size:
        return mol
    kept = {draw.randrange(mol.GetNumAtoms())}
    while len(kept) < size:
        around = {other.GetIdx() for index in kept for other in mol.GetAtomWithIdx(index).GetNeighbors()}
        kept.add(draw.choice(sorted(around - kept)))
    edit = Chem.RWMol(mol)
    Chem.Kekulize(edit, clearAromaticFlags=True)
    for index in sorted(set(range(mol.GetNumAtoms())) - kept, reverse=True):
        edit.RemoveAtom(index)
    return _sanitized(edit) or mol


def _edited(mol: Chem.Mol, draw: random.Random) -> Chem.Mol:
    """The molecule after one random edit, or itself if the result is not valid."""
    edit = Chem.RWMol(mol)
    Chem.Kekulize(edit, clearAromaticFlags=True)
    free = _with_hydrogen(mol)
    kind = draw.random()
    if kind < 0.35:
        atom = edit.GetAtomWithIdx(draw.randrange(edit.GetNumAtoms()))
        if atom.GetFormalCharge() or atom.GetAtomicNum() == 15:
            return mol
        atom.SetAtomicNum(draw.choice(ELEMENTS))
        atom.SetNoImplicit(False)
        atom.SetNumExplicitHs(0)
        atom.SetChiralTag(Chem.ChiralType.CHI_UNSPECIFIED)
    elif kind < 0.65 and free:
        return _joined(mol, Chem.MolFromSmiles(draw.choice(GROUPS)), draw)
    elif kind < 0.8:
        ends = [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetDegree() == 1 and not atom.GetFormalCharge()]
        if not ends or mol.GetNumAtoms() < 3:
            return mol
        edit.RemoveAtom(draw.choice(ends))
    elif kind < 0.9 and edit.GetNumBonds():
        bond = edit.GetBondWithIdx(draw.randrange(edit.GetNumBonds()))
        bond.SetBondType(draw.choice((Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)))
    elif len(free) > 1:
        distance = Chem.GetDistanceMatrix(mol)
        pairs = [(a, b) for a in free for b in free if a < b and 3 <= distance[a, b] <= 6]
        if not pairs:
            return mol
        edit.AddBond(*draw.choice(pairs), Chem.BondType.SINGLE)
    return _sanitized(edit) or mol


def _with_hydrogen(mol: Chem.Mol) -> list[int]:
    return [atom.GetIdx() for atom in mol.GetAtoms() if atom.GetTotalNumHs() and not atom.GetNumRadicalElectrons()]


def _sanitized(edit: Chem.RWMol) -> Chem.Mol | None:
    """The sanitised, connected molecule rebuilt from its SMILES, or ``None``."""
    with rdBase.BlockLogs():
        if Chem.SanitizeMol(edit, catchErrors=True) != Chem.SanitizeFlags.SANITIZE_NONE:
            return None
        mol = Chem.MolFromSmiles(Chem.MolToSmiles(edit, isomericSmiles=False))
    if mol is None or "." in Chem.MolToSmiles(mol) or mol.HasSubstructMatch(STRAINED):
        return None
    return None if any(atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()) else mol
