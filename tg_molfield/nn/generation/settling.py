"""Molecules made more plausible: encoded, and decoded again."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.reencoding import encoded_again
from tg_molfield.nn.latent.latent import Latent

_NOISE = 0.1
"""How much noise the codes are taken to have, so that the atoms may become others that are likelier."""
_FEWER_STEPS = 0.625
"""How many of the steps lead from these codes to atoms, relative to those from codes without noise."""


def settled(
    decoder: FlowDecoder, encode: Callable[..., Latent], atoms: PaddedAtoms, seed: Tensor, times: int
) -> PaddedAtoms:
    """Atoms that were encoded and decoded a number of times.

    The codes of molecules are decoded better than others, so each time leads to where these are, as the walks of a
    denoising autoencoder do (Bengio et al. 2013, arXiv 1305.6663). What cannot be encoded stays as it is.

    Args:
        decoder: the decoder.
        encode: gives the latents of its model.
        atoms: of B molecules, in their frames.
        seed: ``[B]`` int64, of the noise that atoms start from.
        times: how often.
    """
    num_steps = math.ceil(_FEWER_STEPS * decoder.num_steps)
    for _ in range(times):
        rows, code, origin = encoded_again(decoder, encode, atoms)
        if not len(rows):
            break
        noise = torch.full_like(code[:, 0], max(_NOISE, decoder.least_noise))
        blurred = torch.ones_like(rows, dtype=torch.bool)
        found = decoder.find_atoms(code, noise, seed[rows], False, blurred, num_steps)
        atoms = atoms.with_rows(rows, found.at(found.pos + origin.unsqueeze(1)))
    return atoms
