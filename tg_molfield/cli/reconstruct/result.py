"""`Reconstructed`: a reconstructed field and the one that it is compared with."""

from __future__ import annotations

from typing import NamedTuple

from tg_molfield.fields import Volume

FITTED = ("SuperresField", "FieldAutoDecoder")
"""What files hold that were fitted to volumes."""


class Reconstructed(NamedTuple):
    """A reconstructed field on a grid.

    Attributes:
        volume: the field.
        title: what it is of.
        compared: the field on the grid of the truth.
        truth: the field that it is compared with; None where that is not known.
        against: what the truth is called.
        note: what to say before the comparison, may be empty.
    """

    volume: Volume
    title: str
    compared: Volume
    truth: Volume | None
    against: str
    note: str = ""
