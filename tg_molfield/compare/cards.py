"""Comparisons in a notebook."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import Tensor

from tg_molfield.display.atoms_svg import atoms_picture
from tg_molfield.display.card import Picture, card
from tg_molfield.display.thumbnail import is_signed, thumbnail

_MOST_ROWS = 20
_MOST_CELLS = 100
_SIDE = 160


def alignment_card(alignment: Any, facts: dict[str, object] | None = None, kind: str = "Alignment") -> str:
    """The card of an `Alignment`: how alike the two are, how the mobile one is moved, and where it lies then.

    Args:
        alignment: the alignment.
        facts: what comes before.
        kind: what it is.
    """
    told = {
        **(facts or {}),
        "score": f"{alignment.score:.4f}",
        "turned by": f"{_angle(alignment.rotation):.1f}°",
        "shift": _vector(alignment.translation),
    }
    terms = [(name, f"{value:.4f}") for name, value in alignment.by_term.items()]
    return card(kind, told, atoms_picture(alignment.moved, "moved"), table=(("term", "likeness"), terms))


def alignments_card(alignments: Any) -> str:
    """The card of `Alignments`: the best of them, and all scores as colours where there are rows and columns."""
    score = alignments.score.detach().cpu()
    of_pairs = score.ndim == 1
    best = score.nan_to_num(-math.inf).flatten().topk(min(_MOST_ROWS, score.numel())).indices.tolist()
    listed = alignments.names if len(alignments.names) > 1 else ()
    terms = alignments.by_term.detach().cpu().flatten(0, -2)[:, : len(listed)]
    rows = []
    for place in best:
        which = (place,) if of_pairs else divmod(place, score.size(1))
        rows.append((*which, *(f"{value:.4f}" for value in (float(score.flatten()[place]), *terms[place].tolist()))))
    names = ("pair",) if of_pairs else ("mobile", "fixed")
    facts = {
        "alignments": f"{len(score):,} pairs" if of_pairs else f"{score.size(0):,} mobile with {score.size(1):,} fixed",
        "compared": ", ".join(alignments.names),
        "scores": _range(score),
    }
    table = ((*names, "score", *listed), rows) if rows else None
    return card("Alignments", facts, _matrix(score, "scores", "mobile", "fixed"), table=table)


def similarity_card(similarity: Any) -> str:
    """The card of a `Similarity`: numbers of two molecules, colours of many."""
    total = similarity.total.detach().cpu()
    facts = {
        "molecules": " with ".join(f"{size:,}" for size in total.shape) or None,
        "all channels": f"{float(total):.4f}" if total.ndim == 0 else _range(total),
        "error": f"{similarity.error:.1g}" if similarity.error else "exact to rounding",
    }
    by_channel = similarity.by_channel.detach().cpu()
    rows = [
        (name, f"{float(values):.4f}" if total.ndim == 0 else _range(values))
        for name, values in zip(similarity.channels, by_channel.movedim(-1, 0), strict=True)
    ]
    return card("Similarity", facts, _matrix(total, "all channels", "f", "g"), table=(("channel", "likeness"), rows))


def interaction_card(interaction: Any) -> str:
    """The card of an `Interaction`: the descriptors with their units and meanings."""
    values, error = interaction.values.detach().cpu(), interaction.error.detach().cpu()
    shares = interaction.per_atom
    counts = [f"{size:,}" for size in values.shape[:-1]]
    facts = {
        "pairs": f"{counts[0]} ligands with {counts[1]} proteins" if len(counts) == 2 else "".join(counts) or "1",
        "by atom": None if shares is None else f"the shares of {len(shares):,} atoms",
        "error": f"up to {float(error.max()):.1g}" if bool(error.any()) else "exact to rounding",
    }
    rows = []
    for descriptor, one in zip(interaction.descriptors, values.movedim(-1, 0), strict=True):
        shown = f"{float(one):.4g}".replace("-", "−") if one.ndim == 0 else _range(one)
        rows.append((descriptor.name, f"{shown} {descriptor.unit}".rstrip(), descriptor.meaning))
    return card("Interaction", facts, table=(("descriptor", "value", "meaning"), rows))


def pair_overlaps_card(overlaps: Any) -> str:
    """The card of `PairOverlaps`: the overlaps of the first two functions as a table."""
    values, error = overlaps.values.detach().cpu(), overlaps.error.detach().cpu()
    facts = {
        "values": " × ".join(map(str, values.shape)) + " by f, g, channel of f, channel of g",
        "error": f"up to {float(error.max()):.1g}" if bool(error.any()) else "exact to rounding",
    }
    table = None
    if values.numel() and 0 < values[0, 0].numel() <= _MOST_CELLS:
        columns = [f"g, channel {number}" for number in range(values.size(3))]
        rows = [(f"f, channel {number}", *row) for number, row in enumerate(values[0, 0].double().tolist())]
        table = (("" if values[..., 0, 0].numel() == 1 else "the first pair", *columns), rows)
    return card("PairOverlaps", facts, table=table)


def _matrix(values: Tensor, name: str, down: str, across: str) -> list[Picture]:
    """A matrix as colours, its first row at the top."""
    if values.ndim != 2 or values.numel() < 2:
        return []
    shown = values[:_MOST_CELLS, :_MOST_CELLS].double().numpy()[::-1]
    peak = float(np.abs(np.nan_to_num(shown)).max())
    reach = f"−{peak:.3g} to {peak:.3g}" if is_signed(np.nan_to_num(shown)) else f"0 to {peak:.3g}"
    first = f", the first {' × '.join(map(str, shown.shape))}" if values.numel() > shown.size else ""
    side = f"{down} downwards, {across} to the right"
    enlarged = shown.repeat(_SIDE // max(shown.shape) + 1, 0).repeat(_SIDE // max(shown.shape) + 1, 1)
    return [Picture(thumbnail(enlarged, _SIDE, _SIDE), f"{name}: {side}{first}; {reach}")]


def _range(values: Tensor) -> str:
    finite = values[values.isfinite()]
    broken = "" if finite.numel() == values.numel() else ", not all finite"
    if not finite.numel():
        return "none" + broken
    low, high = f"{float(finite.min()):.4g}", f"{float(finite.max()):.4g}"
    return (low if low == high else f"{low} to {high}").replace("-", "−") + broken


def _angle(rotation: Tensor) -> float:
    """Degrees."""
    return math.degrees(math.acos(max(-1.0, min(1.0, (float(rotation.diagonal().sum()) - 1) / 2))))


def _vector(values: Tensor | Sequence[float]) -> str:
    numbers = values.detach().tolist() if isinstance(values, Tensor) else values
    return f"({', '.join(f'{round(value, 3) + 0.0:g}' for value in numbers)}) Å".replace("-", "−")
