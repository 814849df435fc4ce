"""`ElementKinds`: the elements that a model knows, and their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tg_molfield.chem.elements import atomic_numbers, symbols
from tg_molfield.nn.ops.meaningful_state import MeaningfulState


class ElementKinds(MeaningfulState):
    """From atomic numbers to indices into a list of elements, and back.

    Args:
        elements: the symbols of the T elements.

    Raises:
        ValueError: unknown elements, one twice, or none.
    """

    def __init__(self, elements: Sequence[str]) -> None:
        super().__init__()
        self.elements = tuple(elements)
        known = atomic_numbers()
        if not set(self.elements) <= set(known) or not self.elements or len(set(self.elements)) != len(self.elements):
            raise ValueError(
                f"elements: expected symbols of elements, none twice, got {list(elements)}; such as ['H', 'C']"
            )
        numbers = torch.tensor([known[name] for name in self.elements])
        kinds = torch.full((len(symbols()),), -1)
        kinds[numbers] = torch.arange(len(numbers))
        self.register_buffer("numbers", numbers, persistent=False)
        self.register_buffer("_kinds", kinds, persistent=False)
        self.numbers: Tensor
        self._kinds: Tensor

    def _state_meaning(self) -> dict[str, Any]:
        """The elements, in the order of their indices."""
        return {"elements": self.elements}

    def forward(self, z: Tensor) -> Tensor:
        """The index of each of ``z [N]``.

        Raises:
            ValueError: an element is not among them.
        """
        kinds = self._kinds[z]
        if bool((kinds < 0).any()):
            missing = sorted({symbols()[int(number)] for number in z[kinds < 0]})
            raise ValueError(
                f"z: expected elements that this model knows ({', '.join(self.elements)}), got {', '.join(missing)}; "
                "remove these atoms, or build a model with other elements"
            )
        return kinds
