"""The potential of a point charge as a sum of Gaussians, so that potentials overlap in closed form.

Good, Hodgkin and Richards, J. Chem. Inf. Comput. Sci. 32, 188 (1992), did this with two and three Gaussians.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tg_molfield.arguments import check_integers
from tg_molfield.devices import widest_type

_FITS: dict[int, tuple[tuple[float, ...], tuple[float, ...]]] = {
    2: ((0.788971, 0.218494), (1.56463, 8.09825)),
    3: ((0.942873, 0.327677, 0.171498), (0.8939, 2.57576, 9.7554)),
    4: ((0.79661, 0.414578, 0.206908, 0.145456), (0.69862, 1.497, 3.33185, 11.2546)),
    5: ((0.611162, 0.443431, 0.248824, 0.158092, 0.128261), (0.617354, 1.08446, 1.99737, 3.93137, 12.6369)),
    6: (
        (0.460046, 0.431242, 0.276362, 0.17898, 0.132396, 0.115727),
        (0.576283, 0.88162, 1.43879, 2.40375, 4.44284, 13.9321),
    ),
}
"""Heights in Å⁻¹ and widths σ in Å by the number of terms.

Least squares over the ball of 12 Å (errors weighted by r²) against erf(r/√2 0.5 Å)/r, the potential of a Gaussian
charge of width 0.5 Å, which is 1/r to 0.3 % from 1.5 Å on.
"""


@dataclass(frozen=True)
class CoulombGaussians:
    """1/r, softened near the charge, as a sum of Gaussians fitted up to 12 Å.

    Errors relative to 1/r from 1.5 to 12 Å, in percent:

    ========  =====  =====  =====  =====  =====
    terms     2      3      4      5      6
    ========  =====  =====  =====  =====  =====
    greatest  13     3.5    0.8    0.35   0.27
    RMS       6.9    1.6    0.33   0.07   0.03
    ========  =====  =====  =====  =====  =====

    Nearer, the sum goes over into the potential of a Gaussian charge of width 0.5 Å, which is 1.6 Å⁻¹ at its centre
    (1.44 for 3 terms, 1.01 for 2). Beyond 12 Å it falls to 0 faster than 1/r.

    Args:
        terms: the number of Gaussians, 2 to 6.

    Raises:
        ValueError: ``terms`` is out of range.
    """

    terms: int = 3

    def __post_init__(self) -> None:
        check_integers(terms=self.terms)
        if self.terms not in _FITS:
            raise ValueError(f"terms: expected 2 to {max(_FITS)}, got {self.terms}; try 3")

    def gaussians(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The Gaussians of unit charges at atoms of elements ``z`` [N], which all have the same.

        Returns:
            Heights in Å⁻¹ and widths σ in Å, both [N, T], float64.
        """
        heights, widths = torch.tensor(_FITS[self.terms], dtype=widest_type(z.device), device=z.device)
        return heights.expand(len(z), -1), widths.expand(len(z), -1)
