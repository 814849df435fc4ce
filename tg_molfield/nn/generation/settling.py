"""Molecules made more plausible: encoded, and decoded again."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.domain import OutOfDomainWarning
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.united_atoms import membership

_NOISE = 0.1
"""How much noise the codes are taken to have, so that the atoms may become others that are likelier."""


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
    for _ in range(times):
        rows = _that_fit(decoder, atoms)
        if not len(rows):
            break
        part = atoms[rows]
        z, pos = decoder.element_kinds.numbers[part.kinds[part.mask]], part.pos[part.mask]
        axes = torch.eye(3, dtype=pos.dtype, device=pos.device).expand(len(rows), 3, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OutOfDomainWarning)
            latent = encode(z, pos, part.owner, num_graphs=len(rows), frames=axes)
        code = decoder.learned(latent)
        found = decoder.find_atoms(code, torch.full_like(code[:, 0], max(_NOISE, decoder.least_noise)), seed[rows])
        atoms = atoms.with_rows(rows, found.at(found.pos + latent.origin.unsqueeze(1)))
    return atoms


def _that_fit(decoder: FlowDecoder, atoms: PaddedAtoms) -> Tensor:
    """The molecules ``[K]`` that the model has room for."""
    mask, owner = atoms.mask, atoms.owner
    z = decoder.element_kinds.numbers[atoms.kinds[mask]]
    anchors = membership(z, atoms.pos[mask], owner, len(mask)).slot == 0
    number = torch.bincount(owner[anchors], minlength=len(mask))
    fits = (number > 0) & (number <= decoder.max_heavy_atoms)
    if decoder.transform is not None:
        fits = fits & (mask.sum(1) <= decoder.transform.max_atoms)
    return fits.nonzero()[:, 0]
