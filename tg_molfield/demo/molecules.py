"""The molecules that ship inside ASE, and their split into training and held-out molecules."""

from __future__ import annotations

import torch
from torch_geometric.data import Data

from tg_molfield.chem.rotations import random_rotations
from tg_molfield.structures import from_ase


def ase_molecules() -> list[Data]:
    """The 162 small molecules of the G2 set (Curtiss et al. 1997) in ASE, with 1 to 14 atoms and a ``name``."""
    from ase.collections import g2

    molecules = []
    for name in g2.names:
        data = from_ase(g2[name])
        molecules.append(Data(z=data.z, pos=data.pos, name=name))
    return molecules


def split_by_formula(molecules: list[Data], held_out: float, seed: int) -> tuple[list[Data], list[Data]]:
    """Training and held-out molecules; isomers and electronic states with one formula stay together.

    Args:
        molecules: `Data` with ``z``.
        held_out: the fraction to hold out, between 0 and 1.
        seed: the seed of the random split.
    """
    groups: dict[tuple[int, ...], list[Data]] = {}
    for data in molecules:
        groups.setdefault(tuple(sorted(data.z.tolist())), []).append(data)
    keys = sorted(groups)
    order = torch.randperm(len(keys), generator=torch.Generator().manual_seed(seed)).tolist()
    target_size = held_out * len(molecules)
    test: list[Data] = []
    train: list[Data] = []
    for index in order:
        (test if len(test) < target_size else train).extend(groups[keys[index]])
    return train, test


def randomly_rotated(data: Data) -> Data:
    """The molecule with its centroid at the origin, in a random orientation drawn by torch's global generator."""
    rotated = data.clone()
    rotated.pos = (data.pos - data.pos.mean(0)) @ random_rotations(1)[0].to(data.pos)
    return rotated
