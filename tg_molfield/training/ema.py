"""`ExponentialMovingAverage` of a model's parameters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tg_molfield.arguments import check_number


class ExponentialMovingAverage:
    """Averages of the parameters of a model over its last steps, which often generalise better than the last ones.

    The decay grows as (1 + t) / (10 + t) with the number t of steps, up to ``decay``, so that the start is forgotten.

    Args:
        model: the model; averages begin with its parameters.
        decay: the weight of the average so far, below 1; about 1 / (1 - decay) steps count.

    Raises:
        ValueError: ``decay`` is not between 0 and 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        check_decay(decay)
        self.decay = decay
        self._parameters = dict(model.named_parameters())
        self.averages = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the parameters in after step number ``step``, from 1."""
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.averages.values()), list(self._parameters.values()), weight)

    @torch.no_grad()
    def load(self, averages: dict[str, Tensor]) -> None:
        """Go on from averages of another process."""
        for name, average in self.averages.items():
            average.copy_(averages[name])

    @contextmanager
    @torch.no_grad()
    def swapped(self) -> Iterator[None]:
        """Within, the model has the averages for parameters."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Give the averages to the model and keep its parameters in their place."""
        for name, parameter in self._parameters.items():
            kept = parameter.detach().clone()
            parameter.data.copy_(self.averages[name])
            self.averages[name].copy_(kept)


def check_decay(decay: float) -> None:
    """Raise a TypeError unless the decay of an average is a number, a ValueError unless it is in range."""
    check_number("ema", decay)
    if not 0 <= decay < 1:
        raise ValueError(f"ema: expected a decay of at least 0 and below 1, got {decay}; give for example 0.999")
