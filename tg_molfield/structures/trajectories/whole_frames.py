"""`WholeFrames`: frames of ``Data`` with whole molecules."""

from __future__ import annotations

import copy

import torch
from torch_geometric.data import Data

from tg_molfield.chem.cells import as_cells, as_pbc, is_periodic
from tg_molfield.structures.trajectories.whole import WholeMolecules, periodic_bonds


class WholeFrames:
    """Makes the molecules of periodic frames whole, by the bonds of the first frame; see `WholeMolecules`.

    Args:
        first: the first frame.
    """

    def __init__(self, first: Data) -> None:
        self._z = first.z
        self._molecules: WholeMolecules | None = None
        if is_periodic(first.get("pbc")) and "cell" in first:
            z, pos = first.z.numpy(), first.pos.double().numpy()
            cell, pbc = as_cells(first.cell, 1)[0].double().numpy(), as_pbc(first.pbc, 1)[0].numpy()
            self._molecules = WholeMolecules(len(z), periodic_bonds(z, pos, cell, pbc), torch.arange(len(z)).numpy())

    def __call__(self, data: Data) -> Data:
        """A frame of the same atoms with whole molecules; any other as it is."""
        if self._molecules is None or not is_periodic(data.get("pbc")) or not torch.equal(data.z, self._z):
            return data
        cell, pbc = as_cells(data.cell, 1)[0].double().numpy(), as_pbc(data.pbc, 1)[0].numpy()
        moved = copy.copy(data)
        moved.pos = torch.as_tensor(self._molecules(data.pos.double().numpy(), cell, pbc)).to(data.pos.dtype)
        return moved
