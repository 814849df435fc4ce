"""The widths of the functions in each channel, where a field definition determines them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from tg_molfield.chem.elements import ELEMENT_PROPERTIES, atomic_numbers, element_property
from tg_molfield.fields import MolField
from tg_molfield.inverse.superres.checks import check_widths


def is_sum_of_gaussians(mol_field: MolField) -> bool:
    """Whether the field has one Gaussian for each atom."""
    return mol_field.kernel.name == "gaussian" and mol_field.is_one_term_an_atom


def channel_widths(mol_field: MolField) -> tuple[float | None, ...]:
    """The width σ in Å of each channel of ``mol_field``; None for channels whose functions differ in width.

    A channel of one element has one width, and so do all channels of a definition with a constant width.

    Raises:
        ValueError: the field is not a sum of Gaussians.
    """
    if not is_sum_of_gaussians(mol_field):
        raise ValueError(
            f"mol_field: expected a sum of Gaussians, one for each atom, got {mol_field}; give widths as numbers"
        )
    numbers, widths = atomic_numbers(), []
    for channel in mol_field.specification:
        kind = mol_field.widths if channel.width is None else channel.width
        scale = mol_field.width_scale if channel.width is None else channel.width_scale
        if not isinstance(kind, str):
            width = kind * scale
        elif kind in ELEMENT_PROPERTIES and channel.weight in numbers:
            width = float(element_property(kind, torch.tensor([numbers[channel.weight]]))) * scale
        else:
            width = None
        widths += [width] * len(channel.names)
    return tuple(widths * (2 if mol_field.split_parts else 1))


def resolve_widths(
    channels: tuple[str, ...], widths: MolField | Sequence[float | None] | None
) -> tuple[float | None, ...]:
    """The width of each channel: from a `MolField` by name, from a sequence in order, or None where unknown.

    Raises:
        ValueError: the `MolField` lacks a channel, or the widths do not fit.
    """
    if widths is None:
        return (None,) * len(channels)
    if isinstance(widths, MolField):
        named = dict(zip(widths.channels, channel_widths(widths), strict=True))
        missing = [name for name in channels if name not in named]
        if missing:
            raise ValueError(
                f"widths: expected a MolField with the channels of the volume, got one with {', '.join(named)} and "
                f"without {', '.join(missing)}; give its definition"
            )
        widths = [named[name] for name in channels]
    return check_widths(widths, channels)
