"""Molecules of QM9's elements and sizes that QM9 lacks, among them carboxylic acids, nitro compounds and dienes."""

from __future__ import annotations

import torch
from latent_data import Bonds, Molecules, bonds_of, connectivity, summaries_of
from pretrain_molecules import children, conformers
from rdkit import Chem, rdBase
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.structures import from_rdkit
from tg_molfield.structures.whole_molecule import whole_molecule

ELEMENTS = {6, 7, 8, 9}
LARGEST, LARGEST_PARENT, SMALLEST_RING = 9, 7, 5
_AT_ONCE = 2000


def derived(molecules: Molecules, rows: Tensor, excluded: set[str], count: int, seed: int = 0) -> Molecules:
    """At least ``count`` molecules with bonds and summaries, derived by small edits from small ones among ``rows``.

    None has the connectivity of one of ``molecules`` or, by its InChI, of what is excluded. Geometries are those of
    MMFF94. They come from parents without rings of three or four atoms, of which QM9 has most.
    """
    stream = children(_parents(molecules, rows), seed, excluded, LARGEST)
    known = connectivity(molecules)
    found = Molecules.of([])
    while len(found) < count:
        with rdBase.BlockLogs():
            candidates = [_data(next(stream), seed) for _ in range(_AT_ONCE)]
        part = Molecules.of([data for data in candidates if data is not None])
        found = found + part.take((~torch.isin(connectivity(part), known)).nonzero().squeeze(1))
        print(f"{len(found)} derived molecules", flush=True)
    found.bonds, found.properties = bonds_of(found, 0), summaries_of(found)
    return found


def tensors_of(molecules: Molecules) -> dict[str, Tensor]:
    """What molecules with bonds and properties are made of, by name."""
    assert molecules.bonds is not None
    assert molecules.properties is not None
    own = {name: getattr(molecules, name) for name in ("z", "pos", "count", "properties")}
    return own | {f"bonds/{name}": value for name, value in molecules.bonds.parts().items()}


def molecules_from(tensors: dict[str, Tensor]) -> Molecules:
    """What `tensors_of` was given."""
    bonds = Bonds(**{name: tensors[f"bonds/{name}"] for name in ("ends", "orders", "count")})
    return Molecules(tensors["z"], tensors["pos"], tensors["count"], bonds, tensors["properties"])


def _parents(molecules: Molecules, rows: Tensor) -> list[Chem.Mol]:
    found = []
    for row in rows[molecules.heavy[rows] <= LARGEST_PARENT].tolist():
        mol = whole_molecule(molecules.data(row))
        if mol is not None and all(len(ring) >= SMALLEST_RING for ring in mol.GetRingInfo().AtomRings()):
            found.append(Chem.MolFromSmiles(Chem.MolToSmiles(Chem.RemoveHs(mol), isomericSmiles=False)))
    if not found:
        raise SystemExit(
            f"molecules: expected some of up to {LARGEST_PARENT} heavy atoms, got none; give --derived-molecules 0"
        )
    return found


def _data(mol: Chem.Mol, seed: int) -> Data | None:
    """Atoms of a conformer; None for other elements, and where no conformer is made or its bonds are not found."""
    if not {atom.GetAtomicNum() for atom in mol.GetAtoms()} <= ELEMENTS:
        return None
    full = conformers(mol, 1, seed + 1)
    if full is None:
        return None
    found = from_rdkit(full, properties=())
    data = Data(z=found.z, pos=found.pos)
    return None if whole_molecule(data) is None else data
