"""Encoders and decoders by name: the one place that knows them all."""

from __future__ import annotations

import inspect
from typing import Any

from torch import nn

from tg_molfield.arguments import check_kind
from tg_molfield.fields import MolField
from tg_molfield.nn.checks import check_options
from tg_molfield.nn.decoders.atoms import AtomDecoder
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.decoders.flow.decoder import FlowDecoder
from tg_molfield.nn.decoders.rbf import RBFDecoder
from tg_molfield.nn.decoders.siren import SirenDecoder
from tg_molfield.nn.decoders.structure_factors.decoder import StructureFactorDecoder
from tg_molfield.nn.encoders.base import AppendProperties, AtomEncoder, ElementsOnly, ScalarEncoder
from tg_molfield.nn.encoders.painn import PaiNNEncoder
from tg_molfield.nn.encoders.pyg import atom_encoder_from, is_pyg_network
from tg_molfield.nn.latent.atom_features import FeatureSizes

ENCODERS: dict[str, type[AtomEncoder]] = {"painn": PaiNNEncoder}
DECODERS: dict[str, type[Decoder]] = {
    "rbf": RBFDecoder,
    "siren": SirenDecoder,
    "atoms": AtomDecoder,
    "structure_factors": StructureFactorDecoder,
    "flow": FlowDecoder,
}
FREE_CODE_DECODERS = tuple(name for name, made in DECODERS.items() if made.reads_free_codes)
"""The decoders whose codes can be fitted without an encoder."""
_GIVEN = ("channels", "latent_dim", "summary_channels", "sizes", "num_properties")


def resolve_encoder(
    encoder: str | nn.Module | None, options: dict[str, Any], num_properties: int, needed: bool
) -> AtomEncoder:
    """The encoder of that name, or the module given, as an `AtomEncoder`.

    Args:
        encoder: a name in `ENCODERS`, ``"painn"`` if None; an `AtomEncoder`; PyG's `SchNet`, `DimeNetPlusPlus` or
            `ViSNet`; or a module ``(z, pos, batch) -> [N, F]``.
        options: arguments of an encoder made by name.
        num_properties: how many per-atom properties the model reads; appended to the scalars of an encoder that reads
            none.
        needed: whether anything reads the atoms' features.

    Raises:
        TypeError: an option that the encoder does not have, options beside a module, or an encoder that nothing reads.
        ValueError: no such name, a module of another kind, or another number of properties.
    """
    if not needed:
        if encoder is not None or options:
            raise TypeError(
                "encoder: expected none, since codes of this decoder are made of elements and positions alone, got "
                f"{'an encoder' if encoder is not None else 'encoder_options'}; leave it out, or give summary_channels"
            )
        return ElementsOnly()
    if encoder is None or isinstance(encoder, str):
        made = _named("encoder", encoder or "painn", ENCODERS)
        check_options("encoder", made, options, _GIVEN)
        return made(num_properties=num_properties, **options)
    if options:
        raise TypeError(
            f"encoder_options: expected none beside a module, got {', '.join(options)}; give them to the module"
        )
    if is_pyg_network(encoder):
        encoder = atom_encoder_from(encoder)
    adapted = encoder if isinstance(encoder, AtomEncoder) else ScalarEncoder(encoder)
    sizes = getattr(adapted, "sizes", None)
    if not isinstance(sizes, FeatureSizes):
        raise ValueError(f"encoder: expected an AtomEncoder with FeatureSizes as sizes, got {sizes}; set self.sizes")
    if adapted.num_properties not in (0, num_properties):
        raise ValueError(
            f"properties: expected {adapted.num_properties} names, as many as the encoder reads, got {num_properties}; "
            "change properties or the encoder's num_properties"
        )
    return adapted if adapted.num_properties == num_properties else AppendProperties(adapted, num_properties)


def resolve_decoder(
    decoder: str | Decoder,
    channels: MolField | tuple[str, ...],
    latent_dim: int,
    summary_channels: int,
    sizes: FeatureSizes,
    options: dict[str, Any],
) -> Decoder:
    """The decoder of that name, or the one given if it fits.

    Args:
        decoder: a name in `DECODERS`, or a `Decoder`.
        channels: the definition of the field, or the names of its channels.
        latent_dim: the length of the codes.
        summary_channels: how many numbers at the end of a code are made for property models.
        sizes: of the atoms' features, for decoders that read atoms.
        options: arguments of a decoder made by name.

    Raises:
        TypeError: an option that the decoder does not have, or options beside a `Decoder`.
        ValueError: no such name, or a decoder for other channels or another length.
    """
    if isinstance(decoder, str):
        made = _named("decoder", decoder, DECODERS)
        check_options("decoder", made, options, _GIVEN)
        given = {"channels": channels, "latent_dim": latent_dim, "summary_channels": summary_channels, "sizes": sizes}
        known = inspect.signature(made).parameters
        return made(**{name: value for name, value in given.items() if name in known}, **options)
    if options:
        raise TypeError(
            f"decoder_options: expected none beside a Decoder, got {', '.join(options)}; give them to the decoder"
        )
    names = channels.channels if isinstance(channels, MolField) else channels
    expected = (names, latent_dim, summary_channels)
    got = (decoder.channels, decoder.latent_dim, decoder.summary_channels)
    if got != expected:
        raise ValueError(
            f"decoder: expected channels, latent_dim and summary_channels {expected}, got {got}; make it for these"
        )
    if isinstance(channels, MolField):
        decoder.set_mol_field(channels)
    return decoder


def needs_features(decoder: str | Decoder, summary_channels: int, encoder_given: bool) -> bool:
    """Whether the codes of a decoder are made of more than elements and positions.

    Args:
        decoder: a name in `DECODERS`, or a `Decoder`.
        summary_channels: how many numbers at the end of a code are made for property models.
        encoder_given: whether an encoder was asked for.

    Raises:
        TypeError: it is something else.
        ValueError: no such name.
    """
    check_kind("decoder", decoder, str | Decoder, "a name or a Decoder", f"give one of {', '.join(DECODERS)}")
    made = _named("decoder", decoder, DECODERS) if isinstance(decoder, str) else type(decoder)
    return made.needs_features(summary_channels) or (encoder_given and made.features_are_optional)


def _named(what: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        listed = ", ".join(map(repr, known))
        raise ValueError(f"{what}: expected {listed} or an instance, got {name!r}; choose one of these")
    return known[name]
