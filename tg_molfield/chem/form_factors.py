"""Electron densities of spherical atoms as sums of Gaussians, from X-ray form factors."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import torch
from torch import Tensor

from tg_molfield.arguments import check_number
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.elements import looked_up
from tg_molfield.devices import widest_type


@dataclass(frozen=True)
class FormFactors:
    """Spherical atoms from X-ray form factors f(s) = Σ a exp(−b s²) + c, s = sin θ/λ.

    The density of an atom is Σ a (4π/(b + B))^(3/2) exp(−4π² d²/(b + B)), where c is a term with b = 0. It integrates
    to the number of electrons. Source: International Tables for Crystallography C (1992), table 6.1.1.4; elements 1–98.

    Args:
        blur: isotropic displacement parameter B of every atom in Å², positive; it smooths the peak at the nucleus.

    Raises:
        ValueError: ``blur`` is not positive.
    """

    blur: float = 5.0

    def __post_init__(self) -> None:
        check_number("blur", self.blur)
        if not (math.isfinite(self.blur) and self.blur > 0):
            raise ValueError(f"blur: expected a positive, finite number in Å², got {self.blur}; try 5.0")

    def gaussians(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The Gaussians of the elements ``z`` [N].

        Returns:
            Heights in e/Å³ and widths σ in Å, both [N, 5], float64.

        Raises:
            ValueError: an element has no form factors; on devices they are NaN, see `checked_on_devices`.
        """
        table = _table(z.device, widest_type(z.device))
        known = len(table) - 2
        if numbers_are_checked(z) and len(z) and int(z.max()) > known:
            raise ValueError(
                f"z: expected elements with form factors, 1 to {known}, got {int(z.max())}; remove the atoms"
            )
        a, b = looked_up(table, z).unbind(1)
        spread = b + self.blur
        return a * (4 * math.pi / spread) ** 1.5, (spread / (8 * math.pi**2)).sqrt()


@lru_cache(maxsize=8)
def _table(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Coefficients by element [100, 2, 5]: a with c as the fifth, b with 0 as the fifth; NaN at both ends."""
    with resources.files(__package__).joinpath("form_factors.csv").open() as stream:
        rows = [
            [
                [float(row[f"a{i}"]) for i in range(1, 5)] + [float(row["c"])],
                [float(row[f"b{i}"]) for i in range(1, 5)] + [0.0],
            ]
            for row in csv.DictReader(stream)
        ]
    none = [[math.nan] * 5] * 2
    return torch.tensor([none, *rows, none], dtype=dtype, device=device)
