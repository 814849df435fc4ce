"""The widths of the functions in each channel, as far as a definition fixes them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tg_molfield.chem.elements import ELEMENT_PROPERTIES, atomic_numbers, element_property
from tg_molfield.fields import MolField
from tg_molfield.inverse.superres.checks import check_widths


def channel_widths(definition: MolField) -> tuple[float | None, ...]:
    """For each channel of ``definition`` the width σ in Å that all its functions have; None where they differ.

    A channel of one element has one width; so has every channel of a definition with constant widths.

    Raises:
        ValueError: the definition is no sum of Gaussians.
    """
    if definition.kernel.name != "gaussian" or definition.aggregate != "sum" or definition.form_factors is not None:
        raise ValueError(
            f"definition={definition}: is no sum of one Gaussian an atom; give the widths, or none of them"
        )
    numbers, widths = atomic_numbers(), []
    for channel in definition.specification:
        kind = definition.widths if channel.width is None else channel.width
        scale = definition.width_scale if channel.width is None else channel.width_scale
        if not isinstance(kind, str):
            width = kind * scale
        elif kind in ELEMENT_PROPERTIES and channel.weight in numbers:
            width = float(element_property(kind, torch.tensor([numbers[channel.weight]]))) * scale
        else:
            width = None
        widths += [width] * len(channel.names)
    return tuple(widths * (2 if definition.split_parts else 1))


def widths_of(channels: tuple[str, ...], widths: MolField | Sequence[float | None] | None) -> tuple[float | None, ...]:
    """The width of each of ``channels``, from a definition by their names, from a sequence in their order, or unknown.

    Raises:
        ValueError: a channel is not in the definition, or the widths do not fit.
    """
    if widths is None:
        return (None,) * len(channels)
    if isinstance(widths, MolField):
        named = dict(zip(widths.channels, channel_widths(widths), strict=True))
        missing = [name for name in channels if name not in named]
        if missing:
            raise ValueError(f"widths: {widths} has no channel {', '.join(missing)}; it has {', '.join(named)}")
        widths = [named[name] for name in channels]
    return check_widths(widths, channels)
