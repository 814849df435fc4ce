"""Whether a channel can be negative, which decides on its colours."""

from __future__ import annotations

from typing import Any

from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.elements import ELEMENT_PROPERTIES, atomic_numbers
from tg_molfield.fields.channels import GROUPS
from tg_molfield.fields.definition import MolField
from tg_molfield.fields.kernels import KERNELS

NOISE = 0.05
"""Where a definition does not tell, a channel is signed if a value is below this fraction of the largest, with −."""

_SIGNED_PROPERTIES = frozenset({"partial_charge", "formal_charge", "logp"})


def is_signed(definition: Any, channel: str) -> bool | None:
    """Whether a channel can be negative by its definition; None where that does not tell.

    Potentials of charges, distances, displacements, vectors, and sums over charges or contributions to log P can be
    negative, also where no value is. Densities of atoms and of positive properties of elements cannot, also where a
    reconstruction is.

    Args:
        definition: a `MolField`, or anything else, which tells nothing.
        channel: name of the channel.
    """
    source = definition.channel_of(channel) if isinstance(definition, MolField) else None
    if source is None:
        return None
    if definition.aggregate in ("distance", "displacement") or source.vector:
        return True
    kernel = None if definition.form_factors is not None else definition.kernel
    if isinstance(definition.form_factors, CoulombGaussians) or (kernel is not None and kernel.name == "coulomb"):
        return True
    if source.weight in _SIGNED_PROPERTIES:
        return True
    counts = source.weight in GROUPS or source.weight in atomic_numbers() or source.weight in ELEMENT_PROPERTIES
    positive = kernel is None or KERNELS.get(kernel.name) == kernel
    return False if counts and positive and source.factor > 0 and definition.order == 1 else None
