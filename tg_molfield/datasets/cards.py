"""Data sets in a notebook."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

from torch import Tensor

from tg_molfield.display.atoms_svg import atoms_picture
from tg_molfield.display.card import Picture, card

_MOST_LABELS = 40
_MOST_PICTURES = 4
_LONGEST_NAME = 24


def dataset_card(dataset: Any) -> str:
    """The card of a data set: how many molecules it has, what each of them holds, and the first of them.

    ``transform`` is not applied.
    """
    chosen, count = len(dataset), dataset.len()
    failed = len(dataset.failed)
    facts = {
        "molecules": f"{chosen:,}" + (f" of {count:,}" if chosen != count else ""),
        "failed records": f"{failed:,}, listed in failed" if failed else None,
        "labels y": _names(dataset.labels),
        "transform": dataset.transform and repr(dataset.transform),
        "folder": Path(dataset.root),
    }
    molecules = [dataset.get(index) for index in islice(dataset.indices(), _MOST_PICTURES)]
    rows = [(name, *_described(value)) for name, value in molecules[0].items()] if molecules else []
    pictures: list[Picture] = []
    for data in molecules:
        pictures += atoms_picture(data, _short(getattr(data, "name", None) or ""))
    table = (("attribute", "kind", "of the first molecule"), rows) if rows else None
    return card(type(dataset).__name__, facts, pictures, table=table)


def _described(value: Any) -> tuple[str, str]:
    if not isinstance(value, Tensor):
        return type(value).__name__, _short(str(value))
    kind = f"{str(value.dtype).removeprefix('torch.')} [{', '.join(map(str, value.shape))}]"
    shown = [f"{number:.4g}" for number in value.detach().flatten()[:4].tolist()]
    return kind, ", ".join(shown) + (", …" if value.numel() > 4 else "")


def _names(names: tuple[str, ...]) -> str:
    rest = len(names) - _MOST_LABELS
    return ", ".join(names[:_MOST_LABELS]) + (f" and {rest} more" if rest > 0 else "")


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_NAME else text[:_LONGEST_NAME] + "…"
