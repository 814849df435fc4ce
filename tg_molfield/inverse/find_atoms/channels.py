"""Which channels of a field stand for elements, and the function of an atom in each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.devices import in_double
from tg_molfield.fields import Channel, Field, Kernel, MolField, RBFField
from tg_molfield.fields.channels import split_part

NAMELESS = "other"

_NO_WEIGHT = 1e-6
_SAME = 1e-4


@dataclass(frozen=True)
class ElementChannel:
    """A channel whose atoms are all of one element.

    Args:
        name: of the channel.
        z: the atomic number.
        part: 0 ligand, 1 protein; None where the channel names no part.
        kernel: φ.
        width: σ in Å.
        is_assumed: whether nothing says that the field has this kernel and width.
        widths: the least and the greatest σ of the channel's centres, where the field has several.
        weight: of each atom; None where nothing tells it.
        is_weighed: whether the field's centres have that weight, so that a greater one is several atoms.
    """

    name: str
    z: int
    part: int | None
    kernel: Kernel
    width: float
    is_assumed: bool = False
    widths: tuple[float, float] | None = None
    weight: float | None = None
    is_weighed: bool = False


def element_channels(field: Field, definition: MolField | None) -> list[ElementChannel]:
    """The channels of ``field`` that are elements, in its order.

    A channel is one that ``definition`` weights by an element, or one named after an element, each also with
    ``ligand.`` or ``protein.`` before it. Without a definition an `RBFField` has kernel, widths and weights of its own,
    and any other field is assumed to follow ``MolField()``.

    Raises:
        ValueError: there are none, or ``definition`` is not a sum of one function an atom, or takes σ from an
            attribute of the atoms sought.
    """
    if definition is None:
        assumed = [replace(channel, is_assumed=True) for channel in element_channels(field, MolField())]
        return [_of_centers(field, channel) for channel in assumed] if isinstance(field, RBFField) else assumed
    if not definition.is_one_term_an_atom:
        raise ValueError(
            f"mol_field: expected a sum of one function an atom, got {definition!r}; give a definition with "
            "aggregate='sum', order=1 and centers='atoms', and without form_factors"
        )
    own = definition.normalize_grid_size is None and field.mol_field == definition
    found = []
    for name in field.channels:
        part, plain = split_part(name)
        channel = definition.channel_of(name) or Channel(plain)
        if channel.weight in atomic_numbers():
            z = atomic_numbers()[channel.weight]
            width, weight = _width(definition, channel, z), 1.0 if own else None
            is_weighed = isinstance(field, RBFField) and _weight_of_centers(field, name) == 1
            found.append(
                ElementChannel(name, z, part, definition.kernel, width, weight=weight, is_weighed=is_weighed)
            )  # fmt: skip
    if not found:
        raise ValueError(
            f"field: expected channels named after elements, such as 'C' or 'ligand.C', got "
            f"{', '.join(field.channels)}; rename them, or give the definition of the field as mol_field"
        )
    return found


def _of_centers(field: RBFField, channel: ElementChannel) -> ElementChannel:
    """The channel with the kernel of ``field``, and width and weight of its centres or the range of their widths."""
    index = field.channels.index(channel.name)
    used = _used(field.weights[:, index].detach())
    widths = (field.widths if field.widths.ndim == 1 else field.widths[:, index]).detach()[used]
    if not len(widths):
        return channel
    low, high = float(widths.min()), float(widths.max())
    if high > low * (1 + _SAME):
        return replace(channel, widths=(low, high))
    weight = _weight_of_centers(field, channel.name)
    return replace(
        channel,
        kernel=field.kernel,
        width=float(in_double(widths).mean()),
        is_assumed=False,
        weight=weight,
        is_weighed=weight is not None,
    )


def _weight_of_centers(field: RBFField, name: str) -> float | None:
    """The weight that all centres of a channel have; None where they differ or there are none."""
    weights = field.weights[:, field.channels.index(name)].detach()
    weights = weights[_used(weights)]
    if not len(weights):
        return None
    least, most = float(weights.min()), float(weights.max())
    return least if 0 < most <= least * (1 + _SAME) else None


def _used(weights: Tensor) -> Tensor:
    return weights.abs() > _NO_WEIGHT * weights.abs().max() if len(weights) else weights > 0


def nameless_channels(field: Field) -> list[str]:
    """The channels whose atoms are of elements that the field does not name."""
    return [name for name in field.channels if split_part(name)[1] == NAMELESS]


def _width(definition: MolField, channel: Channel, z: int) -> float:
    alone = MolField([channel], definition.kernel, definition.widths, definition.width_scale)
    atom = Data(z=torch.tensor([z]), pos=torch.zeros(1, 3, dtype=torch.float64))
    try:
        field = alone(atom)
    except ValueError as error:
        raise ValueError(
            f"mol_field: expected a σ of channel {channel.name!r} that the element decides, got {error}; give a "
            "constant or an element property"
        ) from error
    assert isinstance(field, RBFField)
    return float(field.widths.flatten()[0])
