"""Molecules that are drawn again where their atoms are none, or a strange one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.random_draws import draw_seeds
from tg_molfield.structures.whole_molecule import whole_molecule

_PLAIN = 2


def drawn_until_plain(
    draw: Callable[[Tensor, Tensor], PaddedAtoms], numbers: Tensor, seed: Tensor, tries: int
) -> PaddedAtoms:
    """Atoms of B molecules, each drawn until it is a plain molecule, and at most ``tries`` times.

    What never is one is the first that was a molecule with formal charges or open valences, or the first drawn.

    Args:
        draw: the atoms of the molecules ``rows [K]`` from seeds ``[K]``.
        numbers: the atomic numbers ``[T]`` of the kinds of atoms.
        seed: ``[B]`` int64, of the first draw.
        tries: at least 1.
    """
    rows = torch.arange(len(seed), device=seed.device)
    atoms = draw(rows, seed)
    if tries == 1:
        return atoms
    best = _soundness(atoms, numbers)
    for number in range(1, tries):
        left = rows[best < _PLAIN]
        if not len(left):
            break
        found = draw(left, draw_seeds(number, 0, seed[left]))
        new = _soundness(found, numbers)
        better = new > best[left]
        atoms = atoms.with_rows(left[better], found[better])
        best[left[better]] = new[better]
    return atoms


def _soundness(atoms: PaddedAtoms, numbers: Tensor) -> Tensor:
    """``[B]``: 2 for a molecule without formal charges and open valences, 1 for others, 0 for none."""
    found = []
    for kinds, pos, mask in zip(atoms.kinds, atoms.pos, atoms.mask, strict=True):
        mol = whole_molecule(Data(z=numbers[kinds[mask]], pos=pos[mask]))
        plain = mol is not None and not any(
            atom.GetFormalCharge() or atom.GetNumRadicalElectrons() for atom in mol.GetAtoms()
        )
        found.append(0 if mol is None else 1 + plain)
    return torch.tensor(found, dtype=torch.int64, device=atoms.mask.device)
