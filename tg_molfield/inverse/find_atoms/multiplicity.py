"""Atoms in one place, which share a function: told by its weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tg_molfield.inverse.find_atoms.explain import Explanation
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms

_WHOLE = 0.02
"""How far from a whole number, relative to it, a ratio of weights may be."""
_MOST = 4
"""Higher ratios of weights that are not known are more likely other weights, such as atomic numbers or masses."""
_MOLECULE = 3
"""The number of places from which a field whose atoms all have a multiple of their weight was multiplied."""


def multiplicity(ratio: float) -> int:
    """How many atoms a function is that has ``ratio`` times the weight of one; 1 where that is no whole number."""
    count = round(ratio)
    return count if count > 1 and abs(ratio - count) <= _WHOLE * count else 1


def repeated(found: Sequence[Explanation]) -> list[Explanation]:
    """The explanations of all channels with each atom as often as atoms of a known weight are in its place.

    Atoms stay single where they are rather heavier than several: where all places of a field would hold equally many,
    or those of a channel more than are likely. Centres that have the weight of one atom leave no doubt.
    """
    counts = [1 if one.channel.weight is None else multiplicity(one.atoms.scale / one.channel.weight) for one in found]
    places = [count for one, count in zip(found, counts, strict=True) for _ in one.atoms.pos]
    is_scaled = len(places) >= _MOLECULE and len(set(places)) == 1
    return [
        _repeated(one, count) if one.channel.is_weighed or not (is_scaled or count > _MOST) else one
        for one, count in zip(found, counts, strict=True)
    ]


def _repeated(found: Explanation, count: int) -> Explanation:
    atoms = found.atoms
    return replace(found, atoms=ChannelAtoms(atoms.pos.repeat_interleave(count, 0), atoms.scale / count))


def suspected(found: Sequence[Explanation]) -> dict[str, int]:
    """How many atoms may be in each place of those channels whose atoms seem to be several.

    These are channels of atoms with two to four times the weight of 1 that a definition gives them, but where all
    atoms of a field have it, which is scaled then.

    Args:
        found: the atoms of every channel whose weight is not known.
    """
    scales = [one.atoms.scale for one in found for _ in one.atoms.pos]
    if len(scales) > 1 and max(scales) - min(scales) <= _WHOLE * max(scales):
        return {}
    counts = {one.channel.name: multiplicity(one.atoms.scale) for one in found if len(one.atoms.pos)}
    return {name: count for name, count in counts.items() if 1 < count <= _MOST}
