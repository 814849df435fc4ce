"""What ``tg-molfield interpolate --match`` writes of atoms that fade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from tg_molfield.paths import FieldPath
    from tg_molfield.viz import Page

Row = tuple[object, ...]

HEADERS = ("step", "weight of atoms that fade out", "weight of atoms that fade in", "integral drift")
ATOM_HEADERS = ("fate", "atom of the first", "atom of the last")
MEANINGS = {"mcs": "by their maximum common substructure", "field": "where their fields overlap most"}

_SHOWN = 60
_EMPTY = 1e-9


def fates(path: FieldPath) -> list[tuple[str, list[tuple[str, str]]]]:
    """What becomes of the atoms, and for each fate the atoms in the first and the last molecule, counted from 1."""
    from tg_molfield.chem.elements import symbols

    leaving, arriving = path.unmatched
    table = symbols()
    names, others = (
        [f"{table[number]}{atom}" for atom, number in enumerate(path.data(time).z.tolist(), 1)]
        for time in path.times.tolist()
    )
    return [
        ("move", [(names[i], others[j]) for i, j in path.matched.tolist()]),
        ("fade out", [(names[i], "") for i in leaving.tolist()]),
        ("fade in", [("", others[j]) for j in arriving.tolist()]),
    ]


def atom_rows(path: FieldPath) -> list[Row]:
    """What becomes of every atom, in the order of the headers."""
    return [(fate, *pair) for fate, pairs in fates(path) for pair in pairs]


def tell_of_atoms(page: Page, path: FieldPath) -> None:
    """Say on a page which atoms move, which fade, and what that means."""
    page.heading("Atoms that move and atoms that fade", "numbered as in the files, from 1")
    page.text(
        f"The last molecule was laid on the first {MEANINGS[str(path.match)]}. Atoms in both molecules move. The "
        "weights of the others go linearly to 0, or from 0: in between, the field is that of no molecule."
    )
    page.text("\n".join(f"- **{len(pairs)} {fate}:** {_listed(pairs)}" for fate, pairs in fates(path) if pairs))


def _listed(pairs: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(" → ".join(name for name in pair if name) for pair in pairs[:_SHOWN])
    return shown + (f" and {len(pairs) - _SHOWN} more, see atoms.csv" if len(pairs) > _SHOWN else "")


def morph_rows(labels: Sequence[str], integrals: Sequence[Tensor], fractions: Sequence[float]) -> list[Row]:
    """One row for each step, in the order of the headers.

    Args:
        labels: the names of the steps.
        integrals: those of the channels [C] at each step.
        fractions: where the steps are, from 0 to 1.
    """
    return [
        (label, round(1 - fraction, 6), round(fraction, 6), f"{drift:.1e}")
        for label, fraction, drift in zip(labels, fractions, _drifts(integrals, fractions), strict=True)
    ]


def _drifts(integrals: Sequence[Tensor], fractions: Sequence[float]) -> list[float]:
    """How far integrals are from the straight line between those at the ends, over the larger of these."""
    import torch

    values = torch.stack([one.double() for one in integrals])
    first, last = values[0], values[-1]
    largest = torch.maximum(first.abs(), last.abs())
    occupied = largest > _EMPTY * largest.max()
    expected = torch.lerp(first, last, torch.tensor(fractions, dtype=torch.float64)[:, None])
    drift = ((values - expected).abs() / largest)[:, occupied]
    return [float(value) for value in drift.amax(1)]
