"""The unit of a channel, where its definition tells."""

from __future__ import annotations

from typing import Any

from tg_molfield.chem.coulomb_gaussians import CoulombGaussians
from tg_molfield.chem.elements import atomic_numbers
from tg_molfield.chem.form_factors import FormFactors
from tg_molfield.fields.channels import GROUPS

COULOMB = 14.399645
"""The potential of a charge e at a distance of 1 Å, in V."""


def unit_of(definition: Any, channel: str) -> str:
    """``"e/Å³"`` for electron densities, ``"V"`` for potentials, ``"Å"`` for distances, else an empty string.

    Args:
        definition: a `MolField` or None.
        channel: the name of one of its channels.
    """
    found = None if definition is None else definition.channel_of(channel)
    if found is None or definition.normalize_grid_size is not None:
        return ""
    if definition.aggregate in ("distance", "displacement"):
        return "Å"
    counts_atoms = found.weight in GROUPS or found.weight in atomic_numbers()
    if isinstance(definition.form_factors, FormFactors):
        return "e/Å³" if counts_atoms and found.factor == 1 else ""
    height = found.factor
    if definition.form_factors is None and definition.kernel.name == "coulomb":
        width = found.width if found.width is not None else definition.widths
        scale = found.width_scale if found.width is not None else definition.width_scale
        height = found.factor * width * scale if isinstance(width, int | float) else 0.0
    elif not isinstance(definition.form_factors, CoulombGaussians):
        return ""
    return "V" if not counts_atoms and abs(height / COULOMB - 1) < 1e-6 else ""
