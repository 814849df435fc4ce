"""Electron densities of spherical atoms as sums of Gaussians."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import torch
from torch import Tensor


@dataclass(frozen=True)
class FormFactors:
    """Spherical atoms from X-ray form factors f(s) = Σ a exp(−b s²) + c, s = sin θ/λ.

    The density of an atom is Σ a (4π/(b + B))^(3/2) exp(−4π² d²/(b + B)), the term c having b = 0; it integrates to
    the number of electrons. Source: International Tables for Crystallography C (1992), table 6.1.1.4; elements 1–98.

    Args:
        blur: B in Å², the displacement that every atom has; it smooths the nucleus and must be positive.

    Raises:
        ValueError: ``blur`` is not positive.
    """

    blur: float = 5.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.blur) and self.blur > 0):
            raise ValueError(f"blur={self.blur}: must be positive and finite, in Å²")

    def terms(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The Gaussians of the elements ``z`` [N].

        Returns:
            Heights in e/Å³ and widths σ in Å, both [N, 5] in double precision.

        Raises:
            ValueError: there are no form factors for an element.
        """
        table = _table().to(z.device)
        if len(z) and int(z.max()) >= len(table):
            raise ValueError(f"z={int(z.max())}: form factors are known up to element {len(table) - 1}")
        a, b = table[z].unbind(1)
        spread = b + self.blur
        return a * (4 * math.pi / spread) ** 1.5, (spread / (8 * math.pi**2)).sqrt()


@lru_cache(maxsize=1)
def _table() -> Tensor:
    """Coefficients by element [99, 2, 5]: a with c as the fifth, b with 0 as the fifth."""
    with resources.files(__package__).joinpath("form_factors.csv").open() as stream:
        rows = [
            [
                [float(row[f"a{i}"]) for i in range(1, 5)] + [float(row["c"])],
                [float(row[f"b{i}"]) for i in range(1, 5)] + [0.0],
            ]
            for row in csv.DictReader(stream)
        ]
    return torch.tensor([[[0.0] * 5] * 2, *rows], dtype=torch.float64)
