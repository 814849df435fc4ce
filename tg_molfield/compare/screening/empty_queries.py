"""Queries that have nothing of what they are compared by."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from torch import Tensor

from tg_molfield.structures import StructureWarning


def warn_of_empty_queries(names: Sequence[str], own: Sequence[Tensor]) -> None:
    """Warn where fields of queries are 0 everywhere, as colour is without features.

    Args:
        names: of the terms.
        own: for each term, the overlaps ``[B]`` of the fields with themselves.

    Warns:
        StructureWarning: they are.
    """
    for name, overlaps in zip(names, own, strict=True):
        empty = (overlaps == 0).nonzero()[:, 0].tolist()
        if empty:
            warnings.warn(
                f"query: expected molecules with {name} to compare, got none in molecule {empty[0]} "
                f"({len(empty)} of {len(overlaps)}); in {name} it is like all that have none, and unlike all others: "
                f"leave {name} out of by",
                StructureWarning,
                stacklevel=3,
            )
