"""Atoms decoded again from other noise, where those found have not the code that they were decoded from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.reencoding import encoded_again
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.random_draws import draw_seeds

FAR = 0.2
"""How far the code of right atoms seldom is from the code they were decoded from, relative to its length."""
_STARTS = 8


def from_nearest_start(
    decoder: FlowDecoder, encode: Callable[..., Latent], atoms: PaddedAtoms, code: Tensor, seed: Tensor
) -> tuple[PaddedAtoms, Tensor]:
    """The atoms whose code is nearest to ``code``, of those decoded from several starts of the flow.

    A flow that starts badly ends at other atoms, or at the same too far away, and their code tells. The others start
    once.

    Args:
        decoder: the decoder.
        encode: gives the latents of its model.
        atoms: of B molecules, in their frames, as decoded from ``code`` by ``seed``.
        code: ``[B, learned_dim]``, of variance 1.
        seed: ``[B]`` int64, of the noise that atoms start from.

    Returns:
        The atoms, and the seed ``[B]`` of each.
    """
    apart = code_distance(decoder, encode, atoms, code)
    first = seed
    for number in range(1, _STARTS):
        left = (apart > FAR).nonzero()[:, 0]
        if not len(left):
            break
        tried = draw_seeds(number, 0, first[left])
        found = decoder.find_atoms(code[left], torch.full_like(apart[left], decoder.least_noise), tried)
        distance = code_distance(decoder, encode, found, code[left])
        better = distance < apart[left]
        rows = left[better]
        atoms = atoms.with_rows(rows, found[better])
        apart, seed = apart.index_copy(0, rows, distance[better]), seed.index_copy(0, rows, tried[better])
    return atoms, seed


def code_distance(decoder: FlowDecoder, encode: Callable[..., Latent], atoms: PaddedAtoms, code: Tensor) -> Tensor:
    """How far ``[B]`` the codes of atoms are from ``code``, relative to its length; infinite where they have none."""
    rows, found, _ = encoded_again(decoder, encode, atoms)
    distance = (found - code[rows]).norm(dim=1) / code.size(1) ** 0.5
    return torch.full_like(code[:, 0], torch.inf).index_copy(0, rows, distance)
