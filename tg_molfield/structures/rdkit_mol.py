"""RDKit molecules to ``Data`` and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch_geometric.data import Data

from tg_molfield.structures.build import build, check_apart
from tg_molfield.structures.keys import validate
from tg_molfield.structures.properties import ALWAYS_DEFINED, compute_properties

if TYPE_CHECKING:
    from rdkit.Chem import Conformer, Mol, RWMol

MAX_PERCEIVED = 1000
"""Largest molecule, in atoms, whose bonds :func:`to_rdkit` perceives."""

_MAX_ITERATIONS = 20_000


def from_rdkit(
    mol: Mol,
    conformer: int = 0,
    properties: Iterable[str] | None = None,
    dtype: torch.dtype | None = None,
) -> Data:
    """One conformer of an RDKit molecule, with per-atom properties.

    ``z`` [N], ``pos`` [N, 3] in Å, ``name`` where the molecule has a ``_Name``, and the properties, each [N]:
    ``formal_charge`` (e), ``aromatic``, ``donor`` and ``acceptor`` (0 or 1; ``HDonorSmarts`` and
    ``HAcceptorSmarts`` of ``rdkit.Chem.Lipinski``), ``logp`` and ``molar_refractivity`` (Crippen
    contributions), ``tpsa`` (Å²) and ``partial_charge`` (Gasteiger, e). What implicit hydrogens contribute is
    counted on their heavy atom, so that the values sum to the value of the molecule.

    Args:
        mol: the molecule, with at least one 3D conformer.
        conformer: position of the conformer among ``mol.GetConformers()``, from 0.
        properties: names to compute. ``None`` is all but ``partial_charge``, so that every molecule gets the
            same keys: Gasteiger charges are not defined for every element and must be asked for by name.
            ``()`` is none, and needs no sound chemistry.
        dtype: floating type of the result; ``None`` is ``torch.get_default_dtype()``.

    Raises:
        TypeError: ``mol`` is ``None`` or no molecule.
        ValueError: no conformer, only 2D coordinates, an unknown property, a property that is not defined for
            this molecule, a dummy atom, or atoms that coincide.
    """
    from rdkit import Chem

    if not isinstance(mol, Chem.Mol):
        raise TypeError(f"mol must be an rdkit.Chem.Mol, not {mol!r}: RDKit returns None for what it cannot read")
    coordinates = conformer_at(mol, conformer)
    names = ALWAYS_DEFINED if properties is None else properties
    data = build(
        [atom.GetAtomicNum() for atom in mol.GetAtoms()],
        coordinates.GetPositions(),
        dtype,
        **compute_properties(mol, names),
        name=mol.GetProp("_Name") if mol.HasProp("_Name") else None,
    )
    check_apart(torch.as_tensor(coordinates.GetPositions()), "embed the molecule again or correct its coordinates")
    return data


def conformer_at(mol: Mol, position: int) -> Conformer:
    """The conformer at ``position``, from 0.

    Raises:
        ValueError: there is no such conformer, or it is a 2D drawing.
    """
    found = list(mol.GetConformers())
    if not found:
        raise ValueError(
            "mol has no conformer, so no positions; use from_smiles, or rdkit.Chem.AllChem.EmbedMolecule first"
        )
    if not -len(found) <= position < len(found):
        raise ValueError(f"conformer = {position}, but mol has {len(found)} conformers, counted from 0")
    if not found[position].Is3D():
        raise ValueError(
            "the coordinates are a 2D drawing, no 3D structure; embed the molecule: "
            "from_smiles(Chem.MolToSmiles(mol)), "
            "or mark the conformer as 3D if it really is planar"
        )
    return found[position]


def to_rdkit(data: Data, charge: int | None = None) -> Mol:
    """The RDKit molecule of a ``Data``, its bonds perceived from the positions.

    The molecule has one conformer and ``data.name`` as its title. Bonds and bond orders come from RDKit's
    ``rdDetermineBonds``, which needs every hydrogen to be there. The search is bounded, so that it ends within
    seconds; molecules of more than 1000 atoms are refused.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
        charge: net charge in e; ``None`` is the sum of ``data.formal_charge``, or 0 where there is none.

    Raises:
        TypeError: ``data`` is a ``Batch`` or no ``Data``.
        ValueError: a key is missing, a dummy atom, too many atoms, or no set of bonds fits the charge.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDetermineBonds

    validate(data)
    if bool((data["z"] < 1).any()):
        row = int((data["z"] < 1).nonzero()[0])
        raise ValueError(f"data.z[{row}] is {int(data['z'][row])}: a dummy atom has no bonds; remove it")
    atoms = data["z"].numel()
    if atoms > MAX_PERCEIVED:
        raise ValueError(f"data has {atoms} atoms; bonds are perceived for {MAX_PERCEIVED} at most: take a part of it")
    if charge is None:
        charge = round(float(data["formal_charge"].sum())) if "formal_charge" in data else 0
    mol = _bare(data)
    with rdBase.BlockLogs():
        try:
            if atoms == 1:
                mol.GetAtomWithIdx(0).SetFormalCharge(charge)
                mol.GetAtomWithIdx(0).SetNoImplicit(True)
            else:
                rdDetermineBonds.DetermineBonds(mol, charge=charge, maxIterations=_MAX_ITERATIONS)
            Chem.SanitizeMol(mol)
        except (ValueError, RuntimeError) as error:
            raise ValueError(
                f"no bonds fit {atoms} atoms ({_formula(mol)}) with charge {charge}: {_first_line(error)}; "
                f"give the net charge as charge=, and check that every hydrogen is there"
            ) from error
    return mol.GetMol()


def _bare(data: Data) -> RWMol:
    """Atoms and one conformer, no bonds."""
    from rdkit import Chem
    from rdkit.Geometry import Point3D

    mol = Chem.RWMol()
    conformer = Chem.Conformer(data["z"].numel())
    conformer.Set3D(True)
    for row, (number, point) in enumerate(zip(data["z"].tolist(), data["pos"].tolist(), strict=True)):
        mol.AddAtom(Chem.Atom(number))
        conformer.SetAtomPosition(row, Point3D(*point))
    mol.AddConformer(conformer, assignId=True)
    if isinstance(getattr(data, "name", None), str):
        mol.SetProp("_Name", data["name"])
    return mol


def _formula(mol: Mol) -> str:
    from collections import Counter

    counts = Counter(atom.GetSymbol() for atom in mol.GetAtoms())
    return " ".join(f"{symbol}{count}" for symbol, count in sorted(counts.items()))


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
