"""`from_smiles`: 3D conformers from SMILES."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from numbers import Real
from typing import TYPE_CHECKING, Literal, overload

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import check_flag, require_counts, require_integers
from tg_molfield.chem.metals import is_metal
from tg_molfield.structures.conformers import EmbeddingError, geometry_fault, lengthened_bond, mark_coordination
from tg_molfield.structures.needed import Definition, needed_names, to_compute
from tg_molfield.structures.rdkit_mol import convert_mol
from tg_molfield.structures.structure_warnings import StructureWarning
from tg_molfield.structures.time_limit import conformers_within

if TYPE_CHECKING:
    from rdkit.Chem import Atom, Mol

MAX_ATOMS = 5000
"""Largest number of atoms of a SMILES, hydrogens included; the memory of the embedding grows with its square."""

MAX_LENGTH = 100_000
"""Largest number of characters of a SMILES."""

MAX_TIMEOUT = 10**6
"""Largest time limit in seconds."""

_ORGANIC = frozenset((1, 5, 6, 7, 8, 9, 14, 15, 16, 17, 35, 53))


@overload
def from_smiles(
    smiles: str,
    conformers: Literal[1] = 1,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    timeout: float = 20.0,
    color: bool = False,
    mol_field: Definition | None = None,
) -> Data: ...


@overload
def from_smiles(
    smiles: str,
    conformers: int,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    timeout: float = 20.0,
    color: bool = False,
    mol_field: Definition | None = None,
) -> Data | list[Data]: ...


def from_smiles(
    smiles: str,
    conformers: int = 1,
    seed: int = 0,
    dtype: torch.dtype | None = None,
    properties: Iterable[str] | None = None,
    timeout: float = 20.0,
    color: bool = False,
    mol_field: Definition | None = None,
) -> Data | list[Data]:
    """Conformers of a molecule from its SMILES, with all hydrogens.

    Embedded with ETKDGv3, from random coordinates if that fails, and optimised with MMFF94, or with UFF if MMFF94 has
    no parameters, also where it has none for a multiple bond (N2, CO2, isothiocyanates). Atoms with five or six
    ligands (PF5, PF6-) get the arrangement of VSEPR and are optimised with UFF. Where neither has parameters, the
    embedded geometry is kept; ligands that are single atoms (SF6) are placed at the sums of the covalent radii. One
    :class:`StructureWarning` tells of this, and of lone pairs that the force fields do not know (SF4). Fragments
    (``"C.O"``) are placed side by side and optimised together. The same seed gives the same positions. It also
    chooses the configurations that the SMILES leaves open, which all conformers share.

    Args:
        smiles: one SMILES; a title may follow after a blank, as in a ``.smi`` file.
        conformers: number of conformers, at least 1.
        seed: seed of the embedding, from 0 to 2³¹ − 2.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        properties: per-atom properties as in :func:`from_rdkit`; ``"auto"`` for what ``mol_field`` reads, also its
            pharmacophore features.
        timeout: time limit in seconds for all conformers together; it is met to about 3 s.
        color: add the pharmacophore features, as in :func:`from_rdkit`.
        mol_field: a `MolField`, with ``properties="auto"``.

    Returns:
        One ``Data`` with ``z`` [N], ``pos`` [N, 3] in Å, ``name`` (the title, or the given SMILES) and the
        properties, or a list of them for more than one conformer.

    Raises:
        TypeError: ``smiles`` is not a string.
        ValueError: ``conformers``, ``seed`` or ``timeout`` is out of range, or the SMILES is invalid, has no atoms,
            a dummy atom or too many atoms, or cannot be embedded, or gets a geometry in which atoms clash.
        TimeoutError: there are no conformers within ``timeout``.

    Example:
        >>> from_smiles("CCO").z.tolist()
        [6, 6, 8, 1, 1, 1, 1, 1, 1]
    """
    conformers, seed, timeout = checked_embedding(conformers, seed, timeout)
    check_flag(color=color)
    needed = needed_names(properties, mol_field)
    if needed is not None:
        properties, features = to_compute(needed)
        color = color or features
    mol = parse_smiles(smiles)
    mol.SetProp("_Name", (mol.GetProp("_Name") if mol.HasProp("_Name") else "") or smiles)
    force_field = _embed(mol, smiles, conformers, seed, timeout)
    for conformer in mol.GetConformers():
        fault = geometry_fault(mol, conformer.GetPositions())
        if fault:
            raise ValueError(
                f"smiles: expected a sound geometry of {_short(smiles)}, got {fault}; the force fields of RDKit do not "
                "describe it, so take a geometry from a file or another program, or try another seed"
            )
    for note in _notes(mol, force_field):
        warnings.warn(f"smiles: {_short(smiles)}: {note}", StructureWarning, stacklevel=2)
    found = [convert_mol(mol, position, properties, dtype, color) for position in range(conformers)]
    return found[0] if conformers == 1 else found


def checked_embedding(conformers: int, seed: int, timeout: float) -> tuple[int, int, float]:
    """How conformers are to be made, as numbers of Python, which RDKit needs.

    Raises:
        ValueError: a number is out of range.
    """
    require_counts(1, conformers=conformers)
    require_integers(seed=seed)
    if not 0 <= int(seed) < 2**31 - 1:
        raise ValueError(
            f"seed: expected 0 to 2³¹ − 2, got {seed}; give one in this range to make the result repeatable"
        )
    if not isinstance(timeout, Real) or not 0 < timeout <= MAX_TIMEOUT:
        raise ValueError(
            f"timeout: expected a positive number of seconds up to {MAX_TIMEOUT}, got {timeout}; give for example 20.0"
        )
    return int(conformers), int(seed), float(timeout)


def parse_smiles(smiles: str) -> Mol:
    """The molecule of a SMILES with all hydrogens, without positions.

    Raises:
        TypeError: it is no string.
        ValueError: it is invalid, has no atoms, a dummy atom or too many atoms.
    """
    from rdkit import Chem, rdBase

    if not isinstance(smiles, str):
        raise TypeError(f"smiles: expected a string, got {type(smiles).__name__}; give one SMILES")
    if len(smiles) > MAX_LENGTH:
        raise ValueError(
            f"smiles: expected at most {MAX_LENGTH} characters, got {len(smiles)}; give the structure as a file"
        )
    if len(smiles.strip().splitlines()) > 1:
        raise ValueError(
            f"smiles: expected one SMILES, got {len(smiles.strip().splitlines())} lines; give them one by one"
        )
    with rdBase.CaptureErrorLog() as log:
        mol = Chem.MolFromSmiles(smiles)
        reason = str(log.messages)
    if mol is None:
        lines = [line.partition("] ")[2].strip(" :") for line in reason.splitlines() if "] " in line]
        raise ValueError(
            f"smiles: expected a valid SMILES, got {_short(smiles)} "
            f"({', '.join(line[:200] for line in lines[:2]) or 'RDKit gives no reason'}); correct it"
        )
    if mol.GetNumAtoms() == 0:
        raise ValueError(f"smiles: expected at least 1 atom, got no atoms in {_short(smiles)}; give a molecule")
    for atom in mol.GetAtoms():
        if atom.GetAtomicNum() == 0:
            raise ValueError(
                f"smiles: expected elements, got the dummy atom '*' for atom {atom.GetIdx()} of {_short(smiles)}; "
                "name its element"
            )
    mol = Chem.AddHs(mol)
    if mol.GetNumAtoms() > MAX_ATOMS:
        raise ValueError(
            f"smiles: expected at most {MAX_ATOMS} atoms, got {mol.GetNumAtoms()}; give the structure as a file"
        )
    return mol


def _embed(mol: Mol, smiles: str, conformers: int, seed: int, timeout: float) -> str:
    """Give ``mol`` its conformers; the name of the force field is returned."""
    try:
        return conformers_within(timeout, mol, smiles, conformers, seed)
    except TimeoutError as error:
        raise TimeoutError(
            f"smiles: expected {conformers} conformers of {_short(smiles)} ({mol.GetNumAtoms()} atoms) within "
            f"{timeout:g} s, got none; raise timeout, or take a geometry from a file or another program"
        ) from error
    except EmbeddingError as error:
        raise ValueError(
            f"smiles: expected {conformers} conformers of {_short(smiles)} with seed {seed}, got {error.args[0]} from "
            "RDKit; try another seed, fewer conformers or another tautomer, and check the stereochemistry"
        ) from error


def _notes(mol: Mol, force_field: str) -> list[str]:
    """What may be wrong with the geometry."""
    notes = []
    if not force_field and mol.GetNumBonds():
        numbers = {atom.GetAtomicNum(): atom.GetSymbol() for atom in mol.GetAtoms()}
        unusual = [symbol for number, symbol in numbers.items() if number not in _ORGANIC] or [
            mol.GetAtomWithIdx(row).GetSymbol() for row in mark_coordination(mol)
        ]
        notes.append(
            f"expected a force field with parameters for {', '.join(unusual or numbers.values())}, got none; the "
            "geometry was not optimised, its bonds may be wrong by 0.2 Å"
        )
    atoms = [mol.GetAtomWithIdx(row) for row in mark_coordination(mol)]
    lengthened = lengthened_bond(mol, mol.GetConformer().GetPositions())
    if lengthened:
        notes.append(
            f"{lengthened}, which the force fields of RDKit do not know; take a geometry from a file or another program"
        )
    lone_pairs = sorted({atom.GetSymbol() for atom in atoms if atom.GetDegree() < _least_ligands(atom)})
    if lone_pairs:
        notes.append(
            f"expected ligands in one arrangement, got lone pairs at {', '.join(lone_pairs)} that no force field of "
            "RDKit knows; the angles may be wrong, take a geometry from a file or another program"
        )
    if _is_organometallic(mol):
        notes.append(
            "expected bonds between metal and carbon, got separate ions; their arrangement is arbitrary, take a "
            "geometry from a file or another program"
        )
    return notes


def _least_ligands(atom: Atom) -> int:
    """The number of ligands from which on the force fields know the arrangement beside lone pairs."""
    from rdkit.Chem import HybridizationType

    return 5 if atom.GetHybridization() == HybridizationType.SP3D else 4


def _is_organometallic(mol: Mol) -> bool:
    """Whether a metal without bonds stands beside a carbanion."""
    atoms = list(mol.GetAtoms())
    carbanion = any(atom.GetAtomicNum() == 6 and atom.GetFormalCharge() < 0 for atom in atoms)
    return carbanion and any(
        atom.GetDegree() == 0 and atom.GetFormalCharge() > 0 and is_metal(atom.GetAtomicNum()) for atom in atoms
    )


def _short(smiles: str) -> str:
    return repr(smiles if len(smiles) <= 40 else smiles[:40] + "…")
