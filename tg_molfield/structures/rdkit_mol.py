"""`from_rdkit` and `to_rdkit`: RDKit molecules to ``Data`` and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import check_flag, require_integers
from tg_molfield.structures.bond_perception import determine_bonds
from tg_molfield.structures.build import build, check_coincident_atoms
from tg_molfield.structures.charge_pairs import doubtful_cation, without_charge_pairs
from tg_molfield.structures.color import compute_color
from tg_molfield.structures.formats.drawing import hydrogen_note
from tg_molfield.structures.keys import validate
from tg_molfield.structures.length_units import length_unit_notes
from tg_molfield.structures.monatomic_ions import monatomic_ions, overbonded_metal, with_bonds_of_others
from tg_molfield.structures.properties import ALWAYS_DEFINED, compute_properties
from tg_molfield.structures.resonance import with_usual_charges
from tg_molfield.structures.structure_warnings import StructureWarning
from tg_molfield.structures.unwrapped import unwrapped

if TYPE_CHECKING:
    from rdkit.Chem import Conformer, Mol, RWMol

MAX_ATOMS = 1000
"""Largest number of atoms for which :func:`to_rdkit` perceives bonds."""


def from_rdkit(
    mol: Mol,
    conformer: int = 0,
    properties: Iterable[str] | None = None,
    dtype: torch.dtype | None = None,
    color: bool = False,
) -> Data:
    """One conformer of an RDKit molecule, with per-atom properties.

    ``z`` [N], ``pos`` [N, 3] in Å, ``name`` if the molecule has a ``_Name``, and the properties, each [N]:
    ``formal_charge`` (e), ``aromatic``, ``donor`` and ``acceptor`` (0 or 1; ``HDonorSmarts`` and ``HAcceptorSmarts``
    of ``rdkit.Chem.Lipinski``, with hydrogens taken as implicit, and the oxygen of water), ``logp`` and
    ``molar_refractivity`` (Crippen contributions), ``tpsa`` (Å²) and ``partial_charge`` (Gasteiger, e). Contributions
    of implicit hydrogens are added to their heavy atom, so that the values sum to that of the molecule. They are no
    atoms of the result, and their channel is empty: RDKit's readers remove hydrogens unless told otherwise
    (``removeHs``), and ``Chem.AddHs(mol, addCoords=True)`` adds them. Isotopes are not kept.

    Args:
        mol: the molecule, with at least one 3D conformer.
        conformer: index of the conformer in ``mol.GetConformers()``.
        properties: names to compute. ``None`` means all but ``partial_charge``, which is not defined for every element
            and must be requested by name, so that by default every molecule has the same keys. ``()`` means none,
            which also works for molecules that RDKit cannot sanitize.
        dtype: floating type of the result; ``None`` means ``torch.get_default_dtype()``.
        color: add the pharmacophore features, see `with_color`.

    Raises:
        TypeError: ``mol`` is ``None`` or not a molecule.
        ValueError: no conformer, 2D coordinates, an unknown property, a property that is not defined for this
            molecule, a dummy atom, or coincident atoms.

    Warns:
        StructureWarning: hydrogens are implicit, or positions seem to be in nm, bohr or pm.
    """
    data = convert_mol(mol, conformer, properties, dtype, color)
    for note in (hydrogen_note(type(mol)(mol), data.z.tolist()), *length_unit_notes(data.z, data.pos)):
        if note:
            warnings.warn(note, StructureWarning, stacklevel=2)
    return data


def convert_mol(
    mol: Mol, conformer: int, properties: Iterable[str] | None, dtype: torch.dtype | None, color: bool
) -> Data:
    """`from_rdkit` without its warning."""
    from rdkit import Chem

    if not isinstance(mol, Chem.Mol):
        raise TypeError(
            f"mol: expected an rdkit.Chem.Mol, got {mol!r}; check the input, RDKit returns None if it cannot read it"
        )
    check_flag(color=color)
    coordinates = conformer_at(mol, conformer)
    names = ALWAYS_DEFINED if properties is None else properties
    data = build(
        [atom.GetAtomicNum() for atom in mol.GetAtoms()],
        coordinates.GetPositions(),
        dtype,
        **compute_properties(mol, names),
        **(compute_color(mol, coordinates.GetPositions()) if color else {}),
        name=mol.GetProp("_Name") if mol.HasProp("_Name") else None,
    )
    check_coincident_atoms(
        torch.as_tensor(coordinates.GetPositions()), "embed the molecule again or correct its coordinates"
    )
    return data


def conformer_at(mol: Mol, index: int) -> Conformer:
    """The conformer at ``index`` of ``mol.GetConformers()``.

    Raises:
        ValueError: there is no such conformer, or it is a 2D drawing.
    """
    require_integers(conformer=index)
    found = list(mol.GetConformers())
    if not found:
        raise ValueError(
            "mol: expected a conformer, got none; use from_smiles, or embed it with rdkit.Chem.AllChem.EmbedMolecule"
        )
    if not -len(found) <= index < len(found):
        raise ValueError(
            f"conformer: expected an index from 0 to {len(found) - 1}, got {index}; choose one of the conformers of mol"
        )
    if not found[index].Is3D():
        raise ValueError(
            "conformer: expected 3D coordinates, got a 2D drawing; embed the molecule with "
            "from_smiles(Chem.MolToSmiles(mol)); if it really is planar, give dimension=3 (command: --dimension 3), "
            "or mark the conformer of an RDKit molecule with Set3D(True)"
        )
    return found[index]


def to_rdkit(data: Data, charge: int | None = None) -> Mol:
    """The RDKit molecule of a ``Data``, with bonds perceived from the positions.

    The molecule has one conformer and ``data.name`` as its title. Bonds and bond orders come from RDKit's
    ``rdDetermineBonds``, which needs all hydrogens. The search is limited to a few seconds; molecules of more than
    1000 atoms are refused. Its structures with charges that a shift of double bonds cancels are given without them,
    and others with the charges where they usually are: at nitrogen in tetrazolates, ``-N=[N+]=[N-]`` in azides. PF6⁻,
    PR4⁺, SiF6²⁻ and the like are found, too, and NR2⁻ where ``data.formal_charge`` tells of it. Metal cations and
    halides that ``data.formal_charge`` tells of, as in salts, have no bonds, unless carbon is bonded to the metal.
    Periodic molecules, of data with ``cell``, are made whole first, also in the conformer; other
    attributes, such as ``energy``, are neither used nor checked.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å.
        charge: net charge in e; ``None`` means the sum of ``data.formal_charge``, without it the rounded sum of
            ``data.partial_charge``, and 0 without either.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: ``z`` or ``pos`` is missing, a dummy atom, too many atoms, bonds across all cells, as in crystals,
            no set of bonds fits the charge, or a hydrogen ion that ``formal_charge`` does not tell of.

    Warns:
        StructureWarning: carbon has a positive charge, or oxygen, sulfur or selenium one and a multiple bond, beside an
            anion; or an alkali or alkaline earth metal has more bonds than it can have.
    """
    mol = perceived(data, charge)
    if fault := doubtful_bonds(mol):
        warnings.warn(fault, StructureWarning, stacklevel=2)
    return mol


def doubtful_bonds(mol: Mol) -> str:
    """What is doubtful about a molecule whose bonds were perceived; empty where nothing is."""
    if (row := doubtful_cation(mol)) is not None:
        symbol = mol.GetAtomWithIdx(row).GetSymbol()
        cation = "C+" if symbol == "C" else f"{symbol}+ with a multiple bond"
        return (
            f"bonds: expected a structure without separated charges, got {cation} (atom {row}) beside an anion; check "
            "the geometry and the net charge, read the bonds from a file if one has them, or draw a generated molecule "
            "again"
        )
    if (row := overbonded_metal(mol)) is not None:
        atom = mol.GetAtomWithIdx(row)
        return (
            f"bonds: expected an ion, got {atom.GetSymbol()} with {atom.GetDegree()} bonds (atom {row}); give "
            "formal_charge, by which ions are told, or leave the metal out"
        )
    return ""


def perceived(data: Data, charge: int | None = None) -> Mol:
    """`to_rdkit` without its warning."""
    from rdkit import Chem, rdBase

    validate(data, used=())
    known = _charge_key(data) if charge is None else None
    validate(data, used=() if known is None else (known,))
    if bool((data["z"] < 1).any()):
        row = int((data["z"] < 1).nonzero()[0])
        raise ValueError(
            f"z: expected atomic numbers of at least 1, got {int(data['z'][row])} for atom {row}; "
            "remove the dummy atom, it has no bonds"
        )
    atoms = data["z"].numel()
    if atoms > MAX_ATOMS:
        raise ValueError(f"data: expected at most {MAX_ATOMS} atoms, got {atoms}; convert a part of it")
    if charge is None:
        charge = 0 if known is None else round(float(data[known].cpu().double().sum()))
    mol, ions = mol_without_bonds(unwrapped(data)), monatomic_ions(data)
    formal_charges = _formal_charges(data)
    with rdBase.BlockLogs():
        try:
            mol = _with_bonds(mol, charge, ions, formal_charges)
            Chem.SanitizeMol(mol)
        except (ValueError, RuntimeError) as error:
            remedy = "give the net charge as charge=, and check that every hydrogen is present"
            if "Max Iterations" in str(error):
                remedy = "read the bonds from a file that has them, such as SDF or MOL2, or convert a part of it"
            raise ValueError(
                f"data: expected bonds for {_formula(mol)} with net charge {charge}, RDKit got none "
                f"({_first_line(error)}); {remedy}"
            ) from error
        _refuse_bare_hydrogen_ions(mol, data)
        return with_usual_charges(without_charge_pairs(with_usual_charges(mol)))


def _formal_charges(data: Data) -> list[int]:
    """[N], empty where they are not known."""
    given = data["formal_charge"].flatten().tolist() if "formal_charge" in data else []
    return [round(charge) for charge in given] if len(given) == data["z"].numel() else []


def _with_bonds(mol: RWMol, charge: int, ions: Mapping[int, int], formal_charges: list[int]) -> Mol:
    """The molecule with bonds perceived between the atoms that are no ``ions``, whose charges are known."""
    from rdkit import Chem

    others, charge = Chem.RWMol(mol), charge - sum(ions.values())
    for row in sorted(ions, reverse=True):
        others.RemoveAtom(row)
    if others.GetNumAtoms() == 1:
        others.GetAtomWithIdx(0).SetFormalCharge(charge)
        others.GetAtomWithIdx(0).SetNoImplicit(True)
    elif others.GetNumAtoms():
        known = [own for row, own in enumerate(formal_charges) if row not in ions]
        others = determine_bonds(others, charge, dict(enumerate(known)))
    elif charge:
        raise ValueError(f"the ions have a charge of {sum(ions.values())}")
    return with_bonds_of_others(mol, ions, others.GetMol()) if ions else others.GetMol()


def _charge_key(data: Data) -> str | None:
    """The key whose sum is the net charge."""
    return next((name for name in ("formal_charge", "partial_charge") if name in data), None)


def _refuse_bare_hydrogen_ions(mol: Mol, data: Data) -> None:
    known = _formal_charges(data) or [0] * mol.GetNumAtoms()
    for atom in mol.GetAtoms() if mol.GetNumAtoms() > 1 else ():
        row, charge = atom.GetIdx(), atom.GetFormalCharge()
        if atom.GetAtomicNum() == 1 and not atom.GetDegree() and charge not in (0, known[row]):
            raise ValueError(
                f"data: expected a bond of each hydrogen, got H{charge:+d} alone for atom {row}; give a whole "
                "molecule, with cell and pbc if it is periodic, or formal_charge if it is an ion"
            )


def mol_without_bonds(data: Data) -> RWMol:
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
