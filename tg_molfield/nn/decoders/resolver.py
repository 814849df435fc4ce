"""Decoders by name."""

from __future__ import annotations

import inspect
from typing import Any

from tg_molfield.nn.decoders.atoms import AtomDecoder
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.option_names import check_option_names
from tg_molfield.nn.decoders.rbf import RBFDecoder
from tg_molfield.nn.decoders.siren import SirenDecoder
from tg_molfield.nn.decoders.structure_factors.decoder import StructureFactorDecoder


def make_decoder(
    decoder: str | Decoder, channels: tuple[str, ...], latent_dim: int, options: dict[str, Any]
) -> Decoder:
    """The decoder of that name, or the one given if it fits ``channels`` and ``latent_dim``."""
    kinds: dict[str, type[Decoder]] = {
        "rbf": RBFDecoder,
        "siren": SirenDecoder,
        "atoms": AtomDecoder,
        "structure_factors": StructureFactorDecoder,
    }
    if isinstance(decoder, str):
        if decoder not in kinds:
            raise ValueError(f"decoder is {decoder!r}: give 'rbf', 'siren', 'atoms', 'structure_factors' or a Decoder")
        known = inspect.signature(kinds[decoder]).parameters
        check_option_names(decoder, options, [name for name in known if name not in ("channels", "latent_dim")])
        return kinds[decoder](channels, latent_dim, **options)
    if decoder.channels != channels or decoder.latent_dim != latent_dim:
        raise ValueError(
            f"decoder has channels {decoder.channels} and latent_dim {decoder.latent_dim}: "
            f"make it for {channels} and {latent_dim}"
        )
    return decoder
