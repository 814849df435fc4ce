"""Molecules that are hard on frames, and ways to move them."""

from __future__ import annotations

import math

import torch
from ase import Atoms
from ase.build import molecule
from torch import Tensor

from tg_molfield.chem.rotations import random_rotations

SF6 = Atoms("SF6", [[0, 0, 0], [1.56, 0, 0], [-1.56, 0, 0], [0, 1.56, 0], [0, -1.56, 0], [0, 0, 1.56], [0, 0, -1.56]])
CHIRAL = Atoms("CHFClN", [[0, 0, 0], [0.63, 0.63, 0.63], [-0.8, -0.8, 0.8], [-1.0, 1.0, -1.0], [0.85, -0.85, -0.85]])
ROD = Atoms("C8", [[1.3 * i, 0, 0] for i in range(8)])
BENT_ROD = Atoms("C8", [[1.3 * i, 1e-4 * (i % 2), 0] for i in range(8)])
HELIX = Atoms("C9", [[math.cos(i * 1.1), math.sin(i * 1.1), 0.4 * i] for i in range(9)])

NAMES = ["C6H6", "CH4", "CO2", "NH3", "H2O", "C2H6", "HCN", "C3H4_D2d", "cyclobutane", "CH3CH2OH", "isobutane", "BF3"]


def tensors(atoms: Atoms) -> tuple[Tensor, Tensor]:
    """z [N] and pos [N, 3] in float64."""
    return torch.tensor(atoms.numbers, dtype=torch.int64), torch.tensor(atoms.positions, dtype=torch.float64)


def molecules() -> dict[str, tuple[Tensor, Tensor]]:
    """Symmetric, linear, planar, chiral and plain molecules by name."""
    found = {name: tensors(molecule(name)) for name in NAMES}
    found |= {
        "SF6": tensors(SF6),
        "CHFClN": tensors(CHIRAL),
        "rod": tensors(ROD),
        "bent rod": tensors(BENT_ROD),
        "helix": tensors(HELIX),
    }
    z, pos = tensors(CHIRAL)
    found["mirror CHFClN"] = (z, pos * torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    found["Ne"] = (torch.tensor([10]), torch.zeros(1, 3, dtype=torch.float64))
    return found


def batched(items: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """z, pos and batch of several molecules."""
    count = torch.tensor([z.numel() for z, _ in items])
    return torch.cat([z for z, _ in items]), torch.cat([pos for _, pos in items]), torch.repeat_interleave(count)


def motion(seed: int) -> tuple[Tensor, Tensor]:
    """A random rotation [3, 3] and translation [3]."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return random_rotations(1)[0], 10 * torch.randn(3, dtype=torch.float64)
