"""QM9 for the learned code: its molecules in arrays, and a split in which no held-out molecule was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder
from tg_molfield.chem.elements import element_property
from tg_molfield.parallel import in_order
from tg_molfield.random_draws import draw_seeds
from tg_molfield.structures.kekule import kekule_bonds
from tg_molfield.structures.whole_molecule import whole_molecule

HELD_OUT = 4000
_ROUNDS = 9
_TOLERANCE = 0.4
_MOLECULES_AT_ONCE = 4096


@dataclass
class Bonds:
    """Bonds of M molecules: ``ends [E, 2]``, atoms of their molecule, ``orders [E]`` and how many ``count [M]``."""

    ends: Tensor
    orders: Tensor
    count: Tensor

    def __post_init__(self) -> None:
        self.end = self.count.cumsum(0)

    def __add__(self, other: Bonds) -> Bonds:
        """The bonds of the molecules of both."""
        parts = zip(self.parts().values(), other.parts().values(), strict=True)
        return Bonds(*(torch.cat(pair) for pair in parts))

    def parts(self) -> dict[str, Tensor]:
        """What the bonds are made of, by name."""
        return {name: getattr(self, name) for name in ("ends", "orders", "count")}

    def of(self, rows: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Both directions ``[2, 2K]`` and orders ``[2K]`` of the bonds of ``rows``, whose atoms begin at ``first``."""
        bond, owner = _spread(self.count[rows], self.end[rows])
        ends = self.ends[bond] + first[owner].unsqueeze(1)
        return torch.cat([ends, ends.flip(1)]).T, self.orders[bond].repeat(2)


def _spread(count: Tensor, end: Tensor) -> tuple[Tensor, Tensor]:
    """The places of all parts of what has ``count [B]`` parts before ``end [B]``, and whose they are."""
    owner = torch.repeat_interleave(count)
    return torch.arange(len(owner)) - (count.cumsum(0) - end)[owner], owner


@dataclass
class Molecules:
    """M molecules, one after the other: ``z [N]``, ``pos [N, 3]`` Å and the number of atoms ``count [M]``.

    ``bonds`` are theirs and ``properties [M, P]``, if they are known.
    """

    z: Tensor
    pos: Tensor
    count: Tensor
    bonds: Bonds | None = None
    properties: Tensor | None = None

    def __post_init__(self) -> None:
        self.end = self.count.cumsum(0)

    @classmethod
    def of(cls, molecules: Sequence[Data]) -> Molecules:
        """Molecules from any source."""
        count = torch.tensor([len(data.z) for data in molecules], dtype=torch.int64)
        none = cls(count.new_zeros(0), torch.zeros(0, 3), count)
        z, pos = ([getattr(data, name) for data in (none, *molecules)] for name in ("z", "pos"))
        return cls(torch.cat(z), torch.cat(pos), count)

    def __len__(self) -> int:
        return len(self.count)

    def __add__(self, other: Molecules) -> Molecules:
        """The molecules of both, with bonds and properties if both have them."""
        own = (torch.cat([getattr(one, name) for one in (self, other)]) for name in ("z", "pos", "count"))
        bonds = properties = None
        if self.bonds is not None and other.bonds is not None:
            bonds = self.bonds + other.bonds
        if self.properties is not None and other.properties is not None:
            properties = torch.cat([self.properties, other.properties])
        return Molecules(*own, bonds, properties)

    @property
    def heavy(self) -> Tensor:
        """The numbers ``[M]`` of heavy atoms."""
        owner = torch.repeat_interleave(self.count)
        return torch.bincount(owner[self.z > 1], minlength=len(self))

    @property
    def formulas(self) -> Tensor:
        """``[M]`` integers, equal for molecules with the same numbers of H, C, N, O and F."""
        owner = torch.repeat_interleave(self.count)
        numbers = [torch.bincount(owner[self.z == z], minlength=len(self)) for z in (1, 6, 7, 8, 9)]
        return torch.stack(numbers, 1).unique(dim=0, return_inverse=True)[1]

    def batch(self, rows: Tensor, device: torch.device | str = "cpu") -> Data:
        """The molecules ``rows [B]`` as one batch."""
        count = self.count[rows]
        atom, owner = _spread(count, self.end[rows])
        data = Data(z=self.z[atom], pos=self.pos[atom], batch=owner)
        if self.bonds is not None:
            data.edge_index, data.bond_order = self.bonds.of(rows, count.cumsum(0) - count)
        if self.properties is not None:
            data.properties = self.properties[rows]
        return data.to(device)

    def take(self, rows: Tensor) -> Molecules:
        """The molecules ``rows``, without bonds and properties."""
        atom, _ = _spread(self.count[rows], self.end[rows])
        return Molecules(self.z[atom], self.pos[atom], self.count[rows])

    def data(self, row: int) -> Data:
        """One molecule."""
        atoms = slice(int(self.end[row] - self.count[row]), int(self.end[row]))
        return Data(z=self.z[atoms], pos=self.pos[atoms])


def qm9(folder: Path) -> Molecules:
    """The molecules in ``geometries.npz`` of a folder, or else those of PyG's ``QM9`` there, which downloads them."""
    file = folder / "geometries.npz"
    if file.exists():
        arrays = np.load(file)
        pos = torch.from_numpy(arrays["pos_milliangstrom"].astype(np.float32) / 1000)
        return Molecules(torch.from_numpy(arrays["z"].astype(np.int64)), pos, torch.from_numpy(arrays["n"]).long())
    from torch_geometric.datasets import QM9

    every = Batch.from_data_list(list(QM9(str(folder))))
    return Molecules(every.z, every.pos, torch.bincount(every.batch))


def bonds_of(molecules: Molecules, workers: int) -> Bonds:
    """The perceived bonds of all molecules; none of those that are no uncharged molecule in one piece."""
    chunks = [molecules.take(rows) for rows in torch.arange(len(molecules)).split(_MOLECULES_AT_ONCE)]
    parts = [bonds for _, bonds in in_order(iter(chunks), _perceived, lambda chunk: f"{len(chunk)} molecules", workers)]
    return Bonds(*(torch.cat(tensors) for tensors in zip(*(part.parts().values() for part in parts), strict=True)))


def _perceived(molecules: Molecules) -> Bonds:
    ends, orders, count = [], [], []
    for row in range(len(molecules)):
        mol = whole_molecule(molecules.data(row))
        found = ([], []) if mol is None else kekule_bonds(mol)
        ends += found[0]
        orders += found[1]
        count.append(len(found[1]))
    return Bonds(
        torch.tensor(ends, dtype=torch.int64).view(-1, 2),
        *(torch.tensor(x, dtype=torch.int64) for x in (orders, count)),
    )


@torch.no_grad()
def summaries_of(molecules: Molecules) -> Tensor:
    """``[M, 64]`` the summaries of `organic-small`, which no property of QM9 was used for."""
    model = FieldAutoEncoder.from_pretrained("organic-small")
    chunks = torch.arange(len(molecules)).split(_MOLECULES_AT_ONCE)
    return torch.cat([model.encode(molecules.batch(rows)).summary for rows in chunks])


def split(molecules: Molecules, seed: int = 1, number: int | None = None) -> tuple[Tensor, Tensor]:
    """Rows to train on and rows held out.

    A number of molecules, `HELD_OUT` or an eighth of fewer if None, is drawn by the seed; those of them whose
    connectivity another one has are in neither part.
    """
    number = min(HELD_OUT, len(molecules) // 8) if number is None else number
    order = torch.randperm(len(molecules), generator=torch.Generator().manual_seed(seed))
    held_out, training = order[:number], order[number:]
    keys = connectivity(molecules)
    return training, held_out[~torch.isin(keys[held_out], keys[training])]


def connectivity(molecules: Molecules) -> Tensor:
    """A number ``[M]`` int64 of the graph of each molecule, elements as nodes and bonds by distance as edges.

    Equal graphs have equal numbers (Weisfeiler & Leman 1968); those of different graphs are nearly always different.
    """
    keys = []
    for rows in torch.arange(len(molecules)).split(_MOLECULES_AT_ONCE):
        data = molecules.batch(rows)
        count = molecules.count[rows]
        mask = torch.arange(int(count.max())) < count.unsqueeze(1)
        z = torch.zeros(mask.shape, dtype=torch.int64).masked_scatter(mask, data.z)
        pos = torch.zeros(*mask.shape, 3).masked_scatter(mask.unsqueeze(2), data.pos)
        radius = element_property("covalent_radius", z.clamp(min=1)).float()
        near = torch.cdist(pos, pos) < radius.unsqueeze(1) + radius.unsqueeze(2) + _TOLERANCE
        bonded = (near & mask.unsqueeze(1) & mask.unsqueeze(2)).float().double()
        bonded.diagonal(dim1=1, dim2=2).zero_()
        color = _mixed(z)
        for _ in range(_ROUNDS):
            low, high = color & 0xFFFFF, (color >> 20) & 0xFFFFF
            seen = (bonded @ torch.stack([low, high], dim=2).double()).long()
            color = _mixed(color + _mixed(seen[..., 0]) + 3 * _mixed(seen[..., 1] + 1))
        keys.append(_mixed((color * mask).sum(1) + count))
    return torch.cat(keys)


def _mixed(x: Tensor) -> Tensor:
    return draw_seeds(0, 0, x)
