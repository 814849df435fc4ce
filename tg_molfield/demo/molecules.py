"""The molecules that ship inside ASE, and their split into training and held-out molecules."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from tg_molfield.chem.rotations import random_rotations
from tg_molfield.structures import from_ase


def ase_molecules() -> list[Data]:
    """The 162 small molecules of the G2 set (Curtiss et al. 1997) as ASE ships them, 1 to 14 atoms, with ``name``."""
    from ase.collections import g2

    molecules = []
    for name in g2.names:
        data = from_ase(g2[name])
        molecules.append(Data(z=data.z, pos=data.pos, name=name))
    return molecules


def split_by_formula(molecules: list[Data], held_out: float, seed: int) -> tuple[list[Data], list[Data]]:
    """Training and held-out molecules; all molecules of one formula, isomers and states alike, stay together.

    Args:
        molecules: with ``z``.
        held_out: the share to hold out, between 0 and 1.
        seed: of the choice.
    """
    groups: dict[tuple[int, ...], list[Data]] = {}
    for data in molecules:
        groups.setdefault(tuple(sorted(data.z.tolist())), []).append(data)
    keys = sorted(groups)
    order = torch.randperm(len(keys), generator=torch.Generator().manual_seed(seed)).tolist()
    wanted = held_out * len(molecules)
    test: list[Data] = []
    train: list[Data] = []
    for index in order:
        (test if len(test) < wanted else train).extend(groups[keys[index]])
    return train, test


def randomly_turned(data: Data) -> Data:
    """The molecule with its centroid at the origin, in an orientation drawn by torch's generator."""
    turned = data.clone()
    turned.pos = (data.pos - data.pos.mean(0)) @ random_rotations(1)[0].to(data.pos)
    return turned
