"""`unwrapped`: a periodic molecule whose atoms are beside the ones that they are bonded to."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch_geometric.data import Data

from tg_molfield.chem.cells import as_cells, as_pbc, complete_cell, is_periodic, pbc_of


def unwrapped(data: Data) -> Data:
    """The molecules of a periodic ``Data`` made whole; without a periodic cell, ``data`` itself.

    Raises:
        ValueError: the cell is no cell, or bonds join atoms to their own images, as in crystals.
    """
    from tg_molfield.structures.trajectories.whole import WholeMolecules, crossing_bonds, periodic_bonds

    pbc = pbc_of(data)
    if getattr(data, "cell", None) is None or not is_periodic(pbc) or not len(data.z):
        return data
    cell = as_cells(data.cell, 1)[0].detach().cpu().double()
    periodic = as_pbc(pbc, 1)[0].cpu() & (cell != 0).any(1)
    if not bool(periodic.any()):
        return data
    complete_cell(cell, periodic)
    vectors, directions = cell.numpy(), periodic.numpy()
    z, pos = data.z.cpu().numpy(), data.pos.detach().cpu().double().numpy()
    if not len(crossing_bonds(z, pos, vectors, directions)):
        return data
    bonds = periodic_bonds(z, pos, vectors, directions)
    whole = WholeMolecules(len(z), bonds, np.arange(len(z)))(pos, vectors, directions)
    open_bonds = crossing_bonds(z, whole, vectors, directions)
    if len(open_bonds):
        first, second = open_bonds[0].tolist()
        raise ValueError(
            f"data: expected molecules, got bonds across all cells (of atom {first} to atom {second} of another cell); "
            "crystals have no bonds here: cut out a molecule, or give the atoms without cell and pbc"
        )
    moved = copy.copy(data)
    moved.pos = torch.as_tensor(whole)
    return moved
