"""Which channels of a field show elements, and what function an atom is in each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch_geometric.data import Data

from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.fields import Channel, Field, Kernel, MolField, RBFField

PARTS = ("ligand", "protein")
NAMELESS = "other"


@dataclass(frozen=True)
class ElementChannel:
    """A channel whose atoms are all of one element.

    Args:
        name: of the channel.
        z: the atomic number.
        part: 0 ligand, 1 protein; None where the channel says nothing of parts.
        kernel: φ.
        width: σ in Å.
    """

    name: str
    z: int
    part: int | None
    kernel: Kernel
    width: float


def element_channels(field: Field, definition: MolField) -> list[ElementChannel]:
    """The channels of ``field`` that are elements, in its order.

    A channel is one that ``definition`` weights by an element, or one named after an element, each also with
    ``ligand.`` or ``protein.`` before it.

    Raises:
        ValueError: there are none, or ``definition`` is not a sum of one function an atom, or takes σ from an
            attribute of the atoms sought.
    """
    if definition.aggregate != "sum" or definition.form_factors is not None:
        raise ValueError(
            f"mol_field={definition!r}: atoms are sought in sums of one function an atom; give aggregate='sum' and no "
            "form_factors"
        )
    known = {channel.name: channel for channel in definition.specification}
    found = []
    for name in field.channels:
        part, plain = split_part(name)
        channel = known.get(plain, Channel(plain))
        if channel.weight in atomic_numbers():
            z = atomic_numbers()[channel.weight]
            found.append(ElementChannel(name, z, part, definition.kernel, _width(definition, channel, z)))
    if not found:
        raise ValueError(
            f"field: none of its channels ({', '.join(field.channels)}) is named after an element, such as 'C' or "
            "'ligand.C'; rename them, or give the definition of the field as mol_field"
        )
    return found


def nameless_channels(field: Field) -> list[str]:
    """The channels whose atoms are of elements that the field does not tell."""
    return [name for name in field.channels if split_part(name)[1] == NAMELESS]


def split_part(name: str) -> tuple[int | None, str]:
    """The part (0, 1 or None) and the rest of a channel's name."""
    for index, part in enumerate(PARTS):
        if name.startswith(part + "."):
            return index, name[len(part) + 1 :]
    return None, name


def _width(definition: MolField, channel: Channel, z: int) -> float:
    alone = MolField([channel], definition.kernel, definition.widths, definition.width_scale)
    atom = Data(z=torch.tensor([z]), pos=torch.zeros(1, 3, dtype=torch.float64))
    try:
        field = alone(atom)
    except ValueError as error:
        raise ValueError(f"mol_field: σ of channel {channel.name!r} is not that of an element: {error}") from error
    assert isinstance(field, RBFField)
    return float(field.widths.flatten()[0])
