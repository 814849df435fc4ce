"""Molecules that the decoder of a model has no room for."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict

import torch

from tg_molfield.cli.terminal import progress
from tg_molfield.datasets import MoleculeFields
from tg_molfield.nn import Decoder, FieldAutoEncoder
from tg_molfield.structures import StructureWarning

_LOOKED_AT = 20_000
"""Molecules at most whose sizes are looked at."""
_NAMED = 4
"""How many of the differing ends of one reason are told at most."""


def with_room(model: FieldAutoEncoder, molecules: MoleculeFields) -> MoleculeFields:
    """The molecules whose codes have room for them, or all where the decoder refuses none.

    Args:
        model: the model.
        molecules: of a data set.

    Warns:
        StructureWarning: molecules are left out, or larger than the decoder can show.
    """
    decoder = model.decoder
    if type(decoder).check_atoms is not Decoder.check_atoms:
        return _kept(model, molecules)
    if decoder.max_atoms is not None:
        _warn_of_large(decoder.max_atoms, molecules)
    return molecules


def _kept(model: FieldAutoEncoder, molecules: MoleculeFields) -> MoleculeFields:
    kept, reasons = [], defaultdict[tuple[str, str], Counter[str]](Counter)
    with progress("looking at the molecules") as show:
        for index in range(len(molecules)):
            z = molecules[index].z
            try:
                model.decoder.check_atoms(z, torch.zeros_like(z), 1)
                kept.append(index)
            except ValueError as error:
                expected, _, rest = str(error).removeprefix("molecule 0: ").partition(", got ")
                got, _, remedy = rest.partition("; ")
                reasons[expected, remedy][got] += 1
            show(f"looking at {len(molecules):,} molecules", (index + 1) / len(molecules))
    for (expected, remedy), found in reasons.items():
        named = [got for got, _ in found.most_common(_NAMED)]
        got = " / ".join(named) + " …" * (len(found) > _NAMED)
        warnings.warn(
            f"{found.total():,} of {len(molecules):,} molecules are left out: {expected}, got {got}; {remedy}",
            StructureWarning,
            stacklevel=3,
        )
    return molecules if len(kept) == len(molecules) else molecules[kept]


def _warn_of_large(room: int, molecules: MoleculeFields) -> None:
    step = -(-len(molecules) // _LOOKED_AT)
    sizes = [len(molecules[index].z) for index in range(0, len(molecules), step)]
    large = sum(size > room for size in sizes)
    if large:
        warnings.warn(
            f"source: expected molecules of at most {room} atoms, one for each Gaussian of the decoder, got {large:,} "
            f"of {len(sizes):,} with more; their fields are blurred, give --decoder-options num_slots={max(sizes)}",
            StructureWarning,
            stacklevel=3,
        )
