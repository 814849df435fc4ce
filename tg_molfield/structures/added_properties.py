"""`with_properties`, `with_color` and `with_bonds`: what RDKit computes from bonds, for molecules that lack it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch_geometric.data import Data

from tg_molfield.arguments import check_flag
from tg_molfield.structures.color import compute_color
from tg_molfield.structures.kekule import kekule_bonds
from tg_molfield.structures.properties import check_properties, compute_properties
from tg_molfield.structures.rdkit_mol import to_rdkit

if TYPE_CHECKING:
    from rdkit.Chem import Mol


def with_properties(data: Data, properties: Iterable[str], charge: int | None = None, color: bool = False) -> Data:
    """A copy of one molecule with per-atom properties [N] that RDKit computes from its bonds.

    Bonds are perceived from the positions, see `to_rdkit`.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å, all hydrogens included.
        properties: names, as for `from_rdkit`.
        charge: net charge in e, as for `to_rdkit`.
        color: add the pharmacophore features too, see `with_color`.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: an unknown name, or bonds that cannot be perceived.
    """
    check_flag(color=color)
    return _added(data, to_rdkit(data, charge), check_properties(properties), color)


def with_color(data: Data, charge: int | None = None) -> Data:
    """A copy of one molecule with its pharmacophore features.

    ``color_pos`` [F, 3] in Å, ``color_type`` [F] (index into `COLOR_TYPES`) and ``color_count`` [1], the number F, so
    that batches tell molecules without features. Bonds are perceived from the positions, see `to_rdkit`; `from_rdkit`,
    `from_smiles` and `read` take those that they know, with ``color=True``. Donors, acceptors, rings, cations and
    anions are those of RDKit's ``rdShapeAlign``; hydrophobes are the families Hydrophobe and LumpedHydrophobe of its
    ``BaseFeatures.fdef``, of the molecule without hydrogens. A feature of several atoms lies in their middle.

    The features of periodic molecules are those of whole ones, whose first atom stays in its cell.

    The features stay where they are when ``pos`` is changed, also by PyG's transforms: move ``color_pos`` too, or call
    this again.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å, all hydrogens included.
        charge: net charge in e, as for `to_rdkit`.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: bonds cannot be perceived.
    """
    try:
        mol = to_rdkit(data, charge)
    except ValueError as error:
        raise ValueError(f"{error}; or read(path, color=True) if a file has its bonds") from error
    return _added(data, mol, (), True)


def with_bonds(data: Data, charge: int | None = None) -> Data:
    """A copy of one molecule with its bonds, perceived from the positions, see `to_rdkit`.

    ``edge_index`` [2, E], the atoms of each bond in both directions, and ``bond_order`` [E], 1 to 3, with single and
    double bonds in turn in aromatic rings. They take the place of an ``edge_index`` that the data has, and of what
    belongs to it, as ``edge_attr``. Call this after PyG's ``Data.subgraph`` and ``edge_subgraph``, which take
    ``bond_order`` for an attribute of atoms where there are as many edges as atoms, as in HF and N2.

    Args:
        data: one molecule with ``z`` [N] and ``pos`` [N, 3] in Å, all hydrogens included.
        charge: net charge in e, as for `to_rdkit`.

    Raises:
        TypeError: ``data`` is a ``Batch`` or not a ``Data``.
        ValueError: bonds cannot be perceived.
    """
    ends, orders = kekule_bonds(to_rdkit(data, charge))
    both = torch.tensor(ends, dtype=torch.int64, device=data.pos.device).view(-1, 2).T
    result = data.clone()
    for name in [name for name in data.to_dict() if name.startswith("edge_")]:
        del result[name]
    result["edge_index"] = torch.cat([both, both.flip(0)], dim=1)
    result["bond_order"] = torch.tensor(orders + orders, dtype=torch.int64, device=data.pos.device)
    return result


def _added(data: Data, mol: Mol, properties: Iterable[str], color: bool) -> Data:
    computed = compute_properties(mol, properties)
    features = compute_color(mol, mol.GetConformer().GetPositions()) if color else {}
    result = data.clone()
    for name, values in {**computed, **features}.items():
        tensor = torch.as_tensor(values)
        tensor = tensor.to(data.pos.dtype) if tensor.is_floating_point() else tensor
        result[name] = tensor.to(data.pos.device)
    return result
