"""Atoms of codes with noise: drawn, settled, and drawn again where they are no plain molecule."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.gaussian_atoms.padded_atoms import PaddedAtoms
from tg_molfield.nn.generation.decoding import blurred_atoms
from tg_molfield.nn.generation.retries import drawn_until_plain
from tg_molfield.nn.generation.settling import settled
from tg_molfield.nn.latent.latent import Latent


def drawn_atoms(
    decoder: FlowDecoder,
    encode: Callable[..., Latent],
    code: Tensor,
    noise: Tensor,
    seed: Tensor,
    settle: int,
    tries: int,
    draw_number: bool,
) -> PaddedAtoms:
    """The atoms of B codes.

    Args:
        decoder: the decoder.
        encode: gives the latents of its model.
        code: ``[B, learned_dim]``, of variance 1.
        noise: ``[B]``, the standard deviation of what is mixed into it.
        seed: ``[B]`` int64.
        settle: how often the atoms are encoded and decoded again, see `settled`.
        tries: how often, at most, each molecule is drawn, see `drawn_until_plain`.
        draw_number: whether the number of heavy atoms is drawn, too, or the likeliest.
    """

    def draw(rows: Tensor, seeds: Tensor) -> PaddedAtoms:
        atoms = blurred_atoms(decoder, code[rows], noise[rows], seeds, draw_number)
        return settled(decoder, encode, atoms, seeds, settle)

    return drawn_until_plain(draw, decoder.element_kinds.numbers, seed, tries)
