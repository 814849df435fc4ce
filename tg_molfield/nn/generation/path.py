"""The way between the codes of two molecules."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.between import angle_between, great_circle, noise_between
from tg_molfield.nn.generation.decoding import decoded_molecules
from tg_molfield.nn.generation.molecules import DecodedMolecules
from tg_molfield.nn.latent.latent import Latent


def path_between(
    decoder: FlowDecoder,
    start: Latent,
    end: Latent,
    num_steps: int,
    noise: float | None,
    seed: int,
    exact: Callable[[Latent], PaddedAtoms],
    draw: Callable[[Tensor, Tensor, Tensor], PaddedAtoms],
) -> DecodedMolecules:
    """The molecules on the way between two.

    Args:
        decoder: the decoder.
        start: the latent of the first.
        end: that of the last, in the first frame of ``start``.
        num_steps: how many molecules, both ends included.
        noise: how much, half way; by the angle between the codes if None.
        seed: of the noise.
        exact: the atoms of latents.
        draw: the atoms of codes ``[B, learned_dim]`` with noise ``[B]``, by seeds ``[B]``.
    """
    start, end = decoder.widened(start), decoder.widened(end)
    first, last = decoder.learned(start), decoder.learned(end)
    share = torch.linspace(0, 1, num_steps, dtype=first.dtype, device=first.device)
    code = great_circle(first[0], last[0], share)
    levels = noise_between(angle_between(first, last), share, noise)
    seeds = torch.full((num_steps,), seed, dtype=torch.int64, device=code.device)
    atoms = exact(start)[torch.zeros_like(seeds)]
    atoms = atoms.with_rows(torch.full_like(seeds[:1], num_steps - 1), exact(end))
    if num_steps > 2:
        between = slice(1, num_steps - 1)
        found = draw(code[between], levels[between], seeds[between])
        atoms = atoms.with_rows(torch.arange(1, num_steps - 1, device=code.device), found)
    origin = start.origin + share.unsqueeze(1) * (end.origin - start.origin)
    pose = start.pose.without_symmetry()[torch.zeros_like(seeds)].at(origin)
    whole = F.pad(code, (0, decoder.latent_dim - decoder.learned_dim))
    return decoded_molecules(decoder, atoms, pose, Latent(whole, pose))
