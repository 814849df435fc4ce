"""Decoded atoms encoded again, in the frames that they are in."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torch_geometric.utils import degree

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.domain import OutOfDomainWarning
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.united_atoms import membership


def encoded_again(
    decoder: FlowDecoder, encode: Callable[..., Latent], atoms: PaddedAtoms
) -> tuple[Tensor, Tensor, Tensor]:
    """The molecules ``[K]`` that the model has room for, their learned codes ``[K, learned_dim]`` and origins.

    Args:
        decoder: the decoder.
        encode: gives the latents of its model.
        atoms: of B molecules, in their frames; so are the origins ``[K, 3]``.
    """
    rows = _that_fit(decoder, atoms)
    part = atoms[rows]
    z, pos = decoder.element_kinds.numbers[part.kinds[part.mask]], part.pos[part.mask]
    if not len(rows):
        return rows, pos.new_zeros(0, decoder.learned_dim), pos
    axes = torch.eye(3, dtype=pos.dtype, device=pos.device).expand(len(rows), 3, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OutOfDomainWarning)
        latent = encode(z, pos, part.owner, num_graphs=len(rows), frames=axes)
    return rows, decoder.learned(latent), latent.origin


def _that_fit(decoder: FlowDecoder, atoms: PaddedAtoms) -> Tensor:
    """The molecules ``[K]`` that the model has room for."""
    mask, owner = atoms.mask, atoms.owner
    z = decoder.element_kinds.numbers[atoms.kinds[mask]]
    anchors = membership(z, atoms.pos[mask], owner, len(mask)).slot == 0
    number = degree(owner[anchors], len(mask), dtype=torch.int64)
    fits = (number > 0) & (number <= decoder.max_heavy_atoms)
    if decoder.transform is not None:
        fits = fits & (mask.sum(1) <= decoder.transform.max_atoms)
    return fits.nonzero()[:, 0]
