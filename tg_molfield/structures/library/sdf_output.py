"""`write_sdf`: molecules of a library as they are there, in another place, with more tags."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch_geometric.data import Data

from tg_molfield.files import atomic_write
from tg_molfield.structures.formats.mol2 import mol2_block_mol
from tg_molfield.structures.formats.sdf import sdf_mol
from tg_molfield.structures.library.entries import Entry
from tg_molfield.structures.rdkit_mol import doubtful_bonds, mol_without_bonds, perceived
from tg_molfield.structures.smiles import parse_smiles
from tg_molfield.structures.structure_warnings import StructureWarning

if TYPE_CHECKING:
    from rdkit.Chem import Mol

_NO_BONDS = (
    "expected atoms whose bonds can be perceived, got others, which were written without; take them from a file with "
    "bonds if there is one"
)


def write_sdf(path: str | Path, molecules: Iterable[tuple[Entry, Data, Mapping[str, str]]]) -> None:
    """Write molecules with the bonds, charges and tags of their entries.

    Bonds of a ``Data`` are perceived, see `to_rdkit`. Lines of a title are joined, and blank lines of tags left out, as
    they would end what they are in.

    Args:
        path: the file; an existing one is replaced once the new one is complete.
        molecules: of each, the entry, the atoms in their new place, and more tags.

    Warns:
        StructureWarning: no bonds fit some ``Data``, which are written without; or those that fit separate charges. One
            warning for each.
    """
    from rdkit import Chem, rdBase

    bare: list[tuple[str, str]] = []
    charged: list[tuple[str, str]] = []
    text = io.StringIO()
    with rdBase.BlockLogs(), Chem.SDWriter(text) as writer:
        writer.SetKekulize(False)
        for entry, data, tags in molecules:
            mol, own = _mol(entry, data, bare, charged)
            mol = _kekulized(mol)
            mol.GetConformer().SetPositions(data.pos.detach().cpu().double().numpy())
            for name in mol.GetPropNames(includePrivate=True):
                if not name.startswith("_Mol"):  # these are parts of the MOL block
                    mol.ClearProp(name)
            mol.SetProp("_Name", " ".join(entry.title.splitlines()))
            for name, value in {**own, **tags}.items():
                mol.SetProp(name, "\n".join(filter(str.strip, value.splitlines())))
            writer.write(mol)
    with atomic_write(path) as stream:
        stream.write(text.getvalue().encode())
    for found in (bare, charged):
        if found:
            title, fault = found[0]
            others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            warnings.warn(f"{path}: {title!r}{others}: {fault}", StructureWarning, stacklevel=2)


def _mol(
    entry: Entry, data: Data, bare: list[tuple[str, str]], charged: list[tuple[str, str]]
) -> tuple[Mol, dict[str, str]]:
    """The molecule of an entry with a conformer, and its tags; what is to be told of it goes to the lists."""
    from rdkit import Chem

    if entry.kind in (".sdf", ".mol"):
        return sdf_mol(entry.content)
    if entry.kind == ".mol2":
        try:
            return mol2_block_mol(entry.content), {}
        except ValueError:
            bare.append((entry.title, _NO_BONDS))
            return mol_without_bonds(data).GetMol(), {}
    if entry.kind == "smiles":
        mol = parse_smiles(entry.content)
        mol.AddConformer(Chem.Conformer(mol.GetNumAtoms()))
        mol.GetConformer().Set3D(True)
        return mol, {}
    try:
        mol = perceived(data)
    except ValueError:
        bare.append((entry.title, _NO_BONDS))
        return mol_without_bonds(data).GetMol(), {}
    if fault := doubtful_bonds(mol):
        charged.append((entry.title, fault))
    return mol, {}


def _kekulized(mol: Mol) -> Mol:
    """The molecule without aromatic bonds, which MOL blocks should not have; as it is if RDKit refuses it."""
    from rdkit import Chem

    if not any(bond.GetIsAromatic() for bond in mol.GetBonds()):
        return mol
    plain = Chem.Mol(mol)
    try:
        Chem.SanitizeMol(plain)
        Chem.Kekulize(plain, clearAromaticFlags=True)
    except ValueError:
        return mol
    return plain
