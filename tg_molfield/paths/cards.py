"""Paths in a notebook."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tg_molfield.display.atoms_svg import atoms_picture
from tg_molfield.display.card import card


def path_card(path: Any, ends: Sequence[Any]) -> str:
    """The card of a `FieldPath`, with its first and its last molecule.

    Args:
        path: the path.
        ends: the molecules.
    """
    times = path.times.tolist()
    moving, leaving, arriving = len(path.matched), *map(len, path.unmatched)
    fading = f"{moving:,} move, {leaving:,} fade out, {arriving:,} fade in, matched by {path.match}"
    smooth = f"{path.roughness:.2g} (0 uniform motion, 1 a random walk)" if math.isfinite(path.roughness) else None
    facts = {
        "frames": f"{len(times):,}",
        "times": f"{times[0]:g} to {times[-1]:g}".replace("-", "−"),
        "atoms": fading if path.is_morph else f"{len(path.z):,}",
        "kind": path.kind,
        "roughness": smooth,
        "definition": repr(path.mol_field),
    }
    pictures = [
        picture
        for time, end in zip((times[0], times[-1]), ends, strict=True)
        for picture in atoms_picture(end, f"at {time:g}".replace("-", "−"))
    ]
    return card("FieldPath", facts, pictures)


def path_metrics_card(metrics: Any) -> str:
    """The card of `PathMetrics`."""
    contact = metrics.shortest_contact
    facts = {
        "drift of integrals": f"{100 * metrics.integral_drift:.2g} %",
        "atoms found": "all" if metrics.atoms_found else "not all",
        "RMSD of the atoms found": f"{metrics.rmsd:.2g} Å" if metrics.atoms_found else None,
        "shortest contact": f"{contact:.3g} Å" if math.isfinite(contact) else "beyond 4 Å",
        "drift of bond lengths": f"{metrics.bond_drift:.2g} Å",
    }
    return card("PathMetrics", facts)
