"""The descriptors of an interaction, and the definition of the fields that they are read from.

Every channel has one width σ, and every descriptor is a factor times the overlap of a channel of the ligand with a
channel of the protein. The factor is 1/(√π σ)³, so that a descriptor is Σ_ij w_i w_j exp(−d_ij²/4σ²) over ligand atoms
i and protein atoms j: pairs count by how close they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tg_molfield.arguments import as_list, check_finite, check_kind
from tg_molfield.fields import Channel, MolField

CORE, BOND, REACH = 0.7, 1.0, 1.4
"""σ in Å: of the part of an atom that others do not enter; of hydrogen bonding atoms; of all else, which is that of
carbon in the field of complexes of arXiv 2502.10848."""

INTERACTION_FIELD = MolField(
    [
        Channel("core", "heavy", CORE),
        Channel("shape", "heavy", REACH),
        Channel("charge", "partial_charge", REACH),
        Channel("donor", "donor", BOND),
        Channel("acceptor", "acceptor", BOND),
        Channel("lipophilicity", "logp", REACH),
    ],
    widths=REACH,
    width_scale=1.0,
)
"""The field of a molecule that `DESCRIPTORS` read. ``core`` and ``shape``: 1 for every heavy atom; ``charge``: partial
charges in e; ``donor``, ``acceptor``: 1 for atoms that are; ``lipophilicity``: contributions to log P."""


@dataclass(frozen=True)
class Descriptor:
    """``factor`` · ∫ l p d³r of a channel l of the ligand and a channel p of the protein.

    Attributes:
        name: of the descriptor.
        ligand: channel of the ligand's field.
        protein: channel of the protein's field.
        factor: from the overlap to the descriptor.
        unit: of the descriptor; empty where it is a number.
        meaning: in words.
    """

    name: str
    ligand: str
    protein: str
    factor: float = 1.0
    unit: str = ""
    meaning: str = ""

    def __post_init__(self) -> None:
        for name in ("name", "ligand", "protein", "unit", "meaning"):
            check_kind(name, getattr(self, name), str, "a string", "give text")
        check_finite("factor", self.factor)


def _of_one_width(
    name: str, ligand: str, protein: str, width: float, unit: str, meaning: str, sign: int = 1
) -> Descriptor:
    return Descriptor(name, ligand, protein, sign / (math.sqrt(math.pi) * width) ** 3, unit, meaning)


DESCRIPTORS = (
    _of_one_width("contact", "shape", "shape", REACH, "", "how many heavy atoms are near: 0.2 for a pair 3.5 Å apart"),
    _of_one_width("clash", "core", "core", CORE, "", "heavy atoms that are too close: 0.13 for 2 Å, 0.002 for 3.5 Å"),
    _of_one_width("charge", "charge", "charge", REACH, "e²", "positive where opposite charges are near each other", -1),
    _of_one_width("donor_acceptor", "donor", "acceptor", BOND, "", "hydrogen bonds given by the ligand"),
    _of_one_width("acceptor_donor", "acceptor", "donor", BOND, "", "hydrogen bonds given by the protein"),
    _of_one_width("lipophilic", "lipophilicity", "lipophilicity", REACH, "", "positive where alike meets alike"),
)
"""What `interaction` computes unless told otherwise."""

_BY_NAME = {descriptor.name: descriptor for descriptor in DESCRIPTORS}


def as_descriptors(by: str | Descriptor | Sequence[str | Descriptor] | None) -> tuple[Descriptor, ...]:
    """Descriptors by name, or as they are; all of `DESCRIPTORS` for None.

    Raises:
        TypeError: something else is given.
        ValueError: an unknown name, none, or two of one name.
    """
    given = DESCRIPTORS if by is None else [by] if isinstance(by, str | Descriptor) else as_list("by", by, "names")
    found = []
    for one in given:
        if not isinstance(one, str | Descriptor):
            raise TypeError(f"by: expected names or Descriptors, got {type(one).__name__}; give for example 'contact'")
        if isinstance(one, str) and one not in _BY_NAME:
            raise ValueError(f"by: expected some of {', '.join(_BY_NAME)}, got {one[:40]!r}; correct the name")
        found.append(_BY_NAME[one] if isinstance(one, str) else one)
    names = [one.name for one in found]
    if not found or len(set(names)) < len(names):
        raise ValueError(
            f"by: expected descriptors of different names, got {', '.join(names) or 'none'}; name each once"
        )
    return tuple(found)


def field_of(mol_field: MolField, channels: set[str]) -> MolField:
    """The definition without the channels that read attributes of atoms and are not among those named."""
    kept = [
        channel
        for channel in mol_field.specification
        if set(channel.names) & channels or not MolField([channel]).attributes
    ]
    options = {name: getattr(mol_field, name) for name in list(MolField.__dataclass_fields__)[1:]}
    return mol_field if len(kept) == len(mol_field.specification) or not kept else MolField(kept, **options)
