"""Decoded atoms moved by the errors that show when they are encoded and decoded again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.reencoding import encoded_again
from tg_molfield.nn.latent.latent import Latent

_FAR = 0.5
"""Å between an atom and itself after a round trip, above which it is not taken for the same."""


def corrected(
    decoder: FlowDecoder, encode: Callable[..., Latent], atoms: PaddedAtoms, code: Tensor, seed: Tensor, times: int
) -> tuple[PaddedAtoms, Tensor]:
    """Atoms nearer to those that ``code`` was made of than the atoms decoded from it.

    A flow that starts from the same noise errs alike at codes near each other. How it errs at the code of its own atoms
    can be seen, and is taken from them: each time by the difference between the atoms that were decoded and those that
    the code of the present ones gives. What brings a code no nearer to ``code`` is left out, and so is what has other
    atoms.

    Args:
        decoder: the decoder.
        encode: gives the latents of its model.
        atoms: of B molecules, in their frames, as decoded from ``code`` by ``seed``.
        code: ``[B, learned_dim]``, of variance 1.
        seed: ``[B]`` int64, of the noise that atoms start from.
        times: how often.

    Returns:
        The atoms, and how far ``[B]`` the codes of those decoded are from ``code``, relative to its length; infinite
        where they cannot be encoded.
    """
    present, length = atoms, code.size(1) ** 0.5
    rows, found, origin = encoded_again(decoder, encode, present)
    distance = (found - code[rows]).norm(dim=1)
    apart = torch.full_like(code[:, 0], torch.inf).index_copy(0, rows, distance / length)
    for _ in range(times):
        if not len(rows):
            break
        again = decoder.find_atoms(found, torch.full_like(distance, decoder.least_noise), seed[rows])
        moved = present[rows]
        moved = moved.at(moved.pos - _differences(again.at(again.pos + origin.unsqueeze(1)), atoms[rows]))
        fit, found, origin = encoded_again(decoder, encode, moved)
        after = (found - code[rows[fit]]).norm(dim=1)
        better = after < distance[fit]
        rows, distance, found, origin = rows[fit][better], after[better], found[better], origin[better]
        present = present.with_rows(rows, moved[fit][better])
    return present, apart


def _differences(one: PaddedAtoms, two: PaddedAtoms) -> Tensor:
    """From the atoms ``two`` to the same of ``one``, ``[B, n, 3]``; 0 for molecules whose atoms are not the same."""
    apart = torch.cdist(two.pos, one.pos, compute_mode="donot_use_mm_for_euclid_dist")
    differ = (two.kinds.unsqueeze(2) != one.kinds.unsqueeze(1)) | ~one.mask.unsqueeze(1)
    distance, partner = apart.masked_fill(differ, torch.inf).min(2)
    taken = torch.zeros_like(one.kinds).scatter_add_(1, partner, two.mask.long())
    alike = (taken == one.mask).all(1) & (distance.masked_fill(~two.mask, 0) < _FAR).all(1)
    there = one.pos.gather(1, partner.unsqueeze(2).expand(-1, -1, 3))
    return (there - two.pos) * (two.mask & alike.unsqueeze(1)).unsqueeze(2)
