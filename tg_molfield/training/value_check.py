"""Whether the field values of batches are those of the model's definition."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.precision import full_precision
from tg_molfield.training.losses import FieldLoss

_TOLERANCE = 0.01
"""Of the greatest value: above the rounding of 16 bits."""


class FieldValuesWarning(UserWarning):
    """Field values of batches are not those of the atoms by the model's definition."""


class ValueCheck:
    """Compares the field values of the first batch that it is called with to those of the model's definition.

    Args:
        loss: of the training; nothing is compared unless it is a `FieldLoss`.
        name: what the batches are, for the message.
    """

    def __init__(self, loss: Any, name: str) -> None:
        self._name, self._is_due = name, isinstance(loss, FieldLoss)

    def __call__(self, model: Any, batch: Data) -> None:
        """Compare, if the model knows its definition and the batch has what that reads.

        Warns:
            FieldValuesWarning: the values differ by more than 1 % of the greatest one.
        """
        definition = getattr(model, "mol_field", None)
        if not self._is_due or not isinstance(definition, MolField):
            return
        self._is_due = False
        pair = _given_and_expected(definition, batch)
        if pair is None:
            return
        given, expected = pair
        difference = float((given - expected).abs().max())
        greatest = float(torch.maximum(given.abs().max(), expected.abs().max()))
        if difference > _TOLERANCE * greatest:
            warnings.warn(
                f"{self._name}: expected field values of the atoms by the model's {definition!r}, got others "
                f"(difference {difference:.2g}, greatest value {greatest:.2g}); apply MolFieldTransform with this "
                "definition after transforms that move atoms",
                FieldValuesWarning,
                stacklevel=2,
            )


@torch.no_grad()
@full_precision
def _given_and_expected(definition: MolField, batch: Data) -> tuple[Tensor, Tensor] | None:
    """The values [Q, C] of a batch and those of a definition; None where they cannot be compared."""
    points, values = getattr(batch, "query_pos", None), getattr(batch, "field", None)
    if not isinstance(points, Tensor) or not isinstance(values, Tensor) or not len(points):
        return None
    try:
        expected = definition(batch)(points, getattr(batch, "query_batch", None))
    except (TypeError, ValueError):
        return None
    return (values.to(expected), expected) if values.shape == expected.shape else None
