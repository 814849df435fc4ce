"""`pocket`: the part of a complex around its ligand."""

from __future__ import annotations

import math
import warnings

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.arguments import check_kind, check_number
from tg_molfield.chem.components import components
from tg_molfield.structures.complexes import per_atom_keys
from tg_molfield.structures.keys import validate
from tg_molfield.structures.structure_warnings import StructureWarning

LIGAND, PROTEIN = 0, 1
_TOUCHING = 2.2
"""Å, below which atoms are bonded."""


def pocket(complex: Data, distance: float = 6.0) -> Data:
    """The ligand of a complex and what of the protein is near it.

    Residues are kept whole: all atoms of one chain with one residue number, so also those that differ in the insertion
    code alone. Where numbers begin again, as those of many waters do, residues that do not touch are others. Where the
    protein is from a format without residues, so that the complex has no ``residue_number``,
    single atoms are kept. The atoms stay in their order.

    Args:
        complex: a ligand and a protein with ``part`` [N] (0 ligand, 1 protein), as `read_complex` gives it.
        distance: in Å. A residue is kept if one of its atoms, hydrogens included, is not farther from a ligand atom.

    Returns:
        A ``Data`` with the per-atom keys of the complex, of these atoms, and ``name``. Edges and values of the whole
        complex are dropped.

    Raises:
        TypeError: ``complex`` is a ``Batch`` or not a ``Data``, or ``distance`` is no number.
        ValueError: ``part`` is missing, the ligand or the protein has no atoms, the complex is periodic, a number is
            not finite, or the distance is not positive.

    Warns:
        StructureWarning: nothing of the protein is that near.
    """
    check_kind("complex", complex, Data, "a Data", "give for example read_complex(protein, ligand)")
    validate(complex)
    check_number("distance", distance)
    distance = float(distance)
    if not (0 < distance < math.inf):
        raise ValueError(f"distance: expected a positive number of Å, got {distance:g}; give for example 6")
    part = _part(complex)
    near = _near(complex.pos, part, distance)
    rows = (part == LIGAND) | _of_whole_residues(complex, near, part == PROTEIN)
    kept = torch.as_tensor(rows, device=complex.pos.device)
    named = {"name": complex.name} if "name" in complex else {}
    return Data(**{key: complex[key][kept] for key in per_atom_keys(complex)}, **named)


def _part(data: Data) -> np.ndarray:
    if not isinstance(getattr(data, "part", None), Tensor):
        raise ValueError(
            "complex: expected part (0 ligand, 1 protein) for each atom, got a Data without; make it by read_complex"
        )
    if isinstance(getattr(data, "pbc", None), Tensor) and bool(data.pbc.any()):
        raise ValueError(
            "complex: expected one that is not periodic, got pbc; make the molecules whole and delete cell and pbc"
        )
    part: np.ndarray = data.part.cpu().numpy()
    others = part[(part != LIGAND) & (part != PROTEIN)]
    if len(others):
        raise ValueError(f"complex: expected part 0 (ligand) or 1 (protein), got {others[0]}; correct complex.part")
    for number, name in ((LIGAND, "ligand"), (PROTEIN, "protein")):
        if not (part == number).any():
            raise ValueError(f"complex: expected {name} atoms (part {number}), got none; give both parts")
    return part


def _near(pos: Tensor, part: np.ndarray, distance: float) -> np.ndarray:
    """[N] whether an atom of the protein is that near to the ligand."""
    from scipy.spatial import cKDTree

    places = pos.detach().cpu().double().numpy()
    tree = cKDTree(places[part == LIGAND])
    found, _ = tree.query(places[part == PROTEIN])
    near = np.zeros(len(part), dtype=np.bool_)
    near[part == PROTEIN] = found <= distance
    if not near.any():
        warnings.warn(
            f"distance: expected protein atoms within {distance:g} Å of the ligand, got none, the nearest is "
            f"{found.min():.1f} Å away; check the coordinates, or give a larger distance",
            StructureWarning,
            stacklevel=3,
        )
    return near


def _of_whole_residues(data: Data, near: np.ndarray, protein: np.ndarray) -> np.ndarray:
    if "residue_number" not in data:
        return near
    columns = [data[key].cpu().numpy() for key in ("residue_number", "chain") if key in data]
    _, named = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
    residue = _apart(named.reshape(-1), data.pos.detach().cpu().double().numpy())
    return protein & np.isin(residue, residue[near])


def _apart(named: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Residues [N] of atoms whose names [N] may count from 1 again: equal ones that do not touch are others."""
    from scipy.spatial import cKDTree

    begins = np.concatenate([[True], named[1:] != named[:-1]])
    run = np.cumsum(begins) - 1
    rows = np.flatnonzero(np.bincount(named[begins], minlength=named.max() + 1)[named] > 1)
    pairs = cKDTree(places[rows]).query_pairs(_TOUCHING, output_type="ndarray") if len(rows) else np.zeros((0, 2), int)
    first, second = rows[pairs[:, 0]], rows[pairs[:, 1]]
    same = named[first] == named[second]
    return components(np.stack([run[first[same]], run[second[same]]], 1), int(run[-1]) + 1)[run]
