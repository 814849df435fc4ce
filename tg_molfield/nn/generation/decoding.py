"""From codes with noise to molecules."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.callers import caller_level
from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.decoder import GaussianAtomDecoder, UnsolvedCodeWarning
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.between import noisy
from tg_molfield.nn.generation.molecules import DecodedMolecules
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.latent.pose import Pose

_MORE_STEPS = 2.5
"""How many times as many steps lead to molecules that are new as to those that were encoded."""
_NEAREST = 0.4
"""Å; the bond of H2 is 0.74 Å long."""
_PART = 0.01
"""How far the occupancy of a whole atom may be from 1."""


def blurred_atoms(decoder: FlowDecoder, code: Tensor, noise: Tensor, seed: Tensor, draw_number: bool) -> PaddedAtoms:
    """The atoms of B codes after noise was mixed into them.

    Args:
        decoder: the decoder.
        code: ``[B, learned_dim]``, of variance 1.
        noise: ``[B]``, its standard deviation, 0 to 1.
        seed: ``[B]`` int64, of this noise and of that which atoms start from.
        draw_number: whether the number of heavy atoms is drawn, too, or the likeliest.
    """
    mixed, level = noisy(code, noise, seed), noise.clamp(min=decoder.least_noise)
    blurred = noise > 0
    num_steps = math.ceil(decoder.num_steps * (_MORE_STEPS if bool(blurred.any()) else 1))
    return decoder.find_atoms(mixed, level, seed, draw_number, blurred, num_steps)


def decoded_molecules(
    decoder: GaussianAtomDecoder, atoms: PaddedAtoms, pose: Pose, latent: Latent | None = None
) -> DecodedMolecules:
    """Atoms in the molecules' frames as molecules in space."""
    numbers = decoder.element_kinds.numbers
    owner = atoms.owner
    local = pose.project_to_rank(atoms.pos[atoms.mask], owner)
    pos = pose.to_global(local, owner)
    z = numbers[atoms.kinds[atoms.mask]]
    sizes = atoms.mask.sum(1).tolist()
    molecules = [Data(z=one, pos=two) for one, two in zip(z.split(sizes), pos.split(sizes), strict=True)]
    return DecodedMolecules(molecules, decoder.field_of(atoms, pose), latent)


def coincide(atoms: PaddedAtoms) -> Tensor:
    """Which molecules ``[B]`` have two atoms nearer to each other than any bond."""
    apart = torch.cdist(atoms.pos, atoms.pos, compute_mode="donot_use_mm_for_euclid_dist")
    pairs = (atoms.mask.unsqueeze(1) & atoms.mask.unsqueeze(2)).triu(1)
    return (pairs & (apart < _NEAREST)).flatten(1).any(1)


def warn_of_parts(atoms: PaddedAtoms) -> None:
    """Warn where structure factors count parts of atoms, or none.

    Warns:
        UnsolvedCodeWarning: they do.
    """
    parts = ((atoms.weights - 1).abs() > _PART) & atoms.mask
    rows = (parts.any(1) | ~atoms.mask.any(1)).nonzero()[:, 0]
    if not len(rows):
        return
    row = int(rows[0])
    got = f"occupancies such as {float(atoms.weights[row][parts[row]][0]):.2f}" if parts[row].any() else "none"
    warnings.warn(
        f"molecule {row}: expected whole atoms, got {got} ({len(rows)} of {len(atoms.mask)}); codes between those of "
        "molecules are of none, decoder.field gives their field",
        UnsolvedCodeWarning,
        stacklevel=caller_level(),
    )
