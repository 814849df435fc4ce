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


def multiplicity(ratio: float) -> int:
    """How many atoms a function is that has ``ratio`` times the weight of one; 1 where that is no whole number."""
    count = round(ratio)
    return count if count > 1 and abs(ratio - count) <= _WHOLE * count else 1


def repeated(found: Explanation, weight: float) -> Explanation:
    """The explanation with each atom as often as atoms of a known ``weight`` are in its place."""
    atoms = found.atoms
    count = multiplicity(atoms.scale / weight)
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
