"""`ClosedShell`: what is known of neutral molecules without unpaired electrons."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tg_molfield.nn.decoders.flow.parity import given_even_electrons, with_even_electrons
from tg_molfield.nn.decoders.flow.prediction import Prediction
from tg_molfield.nn.decoders.flow.valences import given_valences, valence_table
from tg_molfield.precision import widened


class ClosedShell(nn.Module):
    """Elements and hydrogens of predictions, given that the molecules are neutral and have no unpaired electrons.

    A network predicts those of each atom for itself, and can miss that they must fit together: the number of electrons
    is even, and where it predicts bonds, too, they should add up to a valence of each atom.

    Args:
        numbers: the atomic numbers ``[T]`` of the elements.
    """

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("odd", torch.tensor([number % 2 == 1 for number in numbers]), persistent=False)
        self.register_buffer("valences", valence_table(numbers), persistent=False)
        self.odd: Tensor
        self.valences: Tensor

    def even(self, prediction: Prediction, mask: Tensor, rows: Tensor) -> Prediction:
        """The prediction, given that the number of electrons of the molecules ``rows [B]`` bool is even.

        Args:
            prediction: of B molecules.
            mask: ``[B, n]``: where there are atoms.
            rows: the molecules that it is known of.
        """
        kinds, counts = widened(prediction.kinds), widened(prediction.counts)
        return _where(rows, prediction, *given_even_electrons(kinds, counts, self.odd, mask))

    def forward(self, prediction: Prediction, mask: Tensor, rows: Tensor) -> Prediction:
        """The same, and given that the bonds of each atom add up to one of its valences, if bonds are predicted."""
        if prediction.orders is not None:
            kinds, counts, orders = (widened(x) for x in (prediction.kinds, prediction.counts, prediction.orders))
            changed = given_valences(kinds, counts, orders, self.valences.to(orders.dtype), mask)
            prediction = _where(rows, prediction, *changed)
        return self.even(prediction, mask, rows)

    def rounded(self, kinds: Tensor, counts: Tensor, mask: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The parts ``[B, n, T]`` and ``[B, n, K]`` of a state, so that what they are nearest to has what is known."""
        changed = with_even_electrons(kinds, counts, self.odd, mask)
        rows = rows[:, None, None]
        return torch.where(rows, changed[0], kinds), torch.where(rows, changed[1], counts)


def _where(rows: Tensor, prediction: Prediction, kinds: Tensor, counts: Tensor) -> Prediction:
    rows = rows[:, None, None]
    return prediction._replace(
        kinds=torch.where(rows, kinds, prediction.kinds), counts=torch.where(rows, counts, prediction.counts)
    )
