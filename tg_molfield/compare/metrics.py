"""Measures of likeness as functions of the overlap of two fields, with their derivatives by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.arguments import check_choice, check_not_negative
from tg_molfield.chem.validation import check_tensor

METRICS = ("tanimoto", "carbo", "hodgkin", "tversky")
_ALPHA, _BETA = 0.95, 0.05


class Likeness(NamedTuple):
    """A measure and its first and second derivatives by the overlap."""

    value: Tensor
    slope: Tensor
    curvature: Tensor


@dataclass(frozen=True)
class Metric:
    """A measure of likeness of f and g from O = ∫ f g, A = ∫ f² and B = ∫ g²; 1 for equal fields.

    ``tanimoto``: O/(A + B − O); ``carbo``: O/√(A B), blind to the sizes of the fields (Carbó et al. 1980);
    ``hodgkin``: 2 O/(A + B) (Hodgkin and Richards 1987); ``tversky``: O/(O + α (A − O) + β (B − O)), which asks how
    much of f (α = 1, β = 0) or of g lies in the other. Two fields that are zero everywhere are equal: 1; one of them
    zero: 0.

    Args:
        name: one of the four.
        alpha: α of ``tversky``, 0.95 by default.
        beta: β of ``tversky``, 0.05 by default.

    Raises:
        ValueError: an unknown name; α or β is negative, not finite, or both are 0; or is given for another measure.
    """

    name: str = "tanimoto"
    alpha: float = _ALPHA
    beta: float = _BETA

    def __post_init__(self) -> None:
        check_choice("metric", self.name, METRICS)
        for name, value, usual in (("alpha", self.alpha, _ALPHA), ("beta", self.beta, _BETA)):
            check_not_negative(name, value, "0.95 and 0.05 are usual")
            if self.name != "tversky" and value != usual:
                raise ValueError(f"{name}: expected metric 'tversky' with it, got {self.name!r}; leave it out")
        if self.alpha + self.beta == 0:
            raise ValueError("alpha: expected alpha or beta above 0, got 0 for both; 0.95 and 0.05 are usual")

    def __call__(self, overlap: Tensor, f: Tensor, g: Tensor) -> Tensor:
        """The measure, broadcast over overlaps O and the fields' own A and B.

        Raises:
            TypeError: an argument is no tensor.
        """
        for name, value in (("overlap", overlap), ("f", f), ("g", g)):
            check_tensor(name, value)
        return self.likeness(overlap, f, g).value

    def likeness(self, overlap: Tensor, f: Tensor, g: Tensor) -> Likeness:
        """The measure with its derivatives by the overlap."""
        if self.name in ("carbo", "hodgkin"):
            scale = _root(f) * _root(g) if self.name == "carbo" else (f + g) / 2
            empty = scale <= 0
            inverse = torch.where(empty, 0.0, 1 / torch.where(empty, 1.0, scale))
            value = torch.where(_both_zero(f, g), 1.0, overlap * inverse)
            return Likeness(value, inverse.expand_as(value), torch.zeros_like(value))
        share = (1.0, 1.0) if self.name == "tanimoto" else (self.alpha, self.beta)
        fixed, factor = share[0] * f + share[1] * g, 1 - sum(share)
        total = fixed + factor * overlap
        empty = total.abs() <= torch.finfo(total.dtype).tiny
        inverse = torch.where(empty, 0.0, 1 / torch.where(empty, 1.0, total))
        value = torch.where(_both_zero(f, g), 1.0, overlap * inverse)
        slope = fixed * inverse.square()
        return Likeness(value, slope, -2 * factor * slope * inverse)


def as_metric(metric: str | Metric) -> Metric:
    """A measure by its name; a `Metric` is returned as it is.

    Raises:
        ValueError: there is no measure of that name.
    """
    return metric if isinstance(metric, Metric) else Metric(metric)


def _root(x: Tensor) -> Tensor:
    """The root of ``x``, and 0 with the slope 0 where it is not positive."""
    positive = x > 0
    return torch.where(positive, torch.where(positive, x, 1.0).sqrt(), 0.0)


def _both_zero(f: Tensor, g: Tensor) -> Tensor:
    return (f <= 0) & (g <= 0)
