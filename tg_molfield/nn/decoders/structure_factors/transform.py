"""The sum over a molecule's atoms that determines them: the code of a `StructureFactorDecoder`."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.utils import scatter

from tg_molfield.chem.elements import atomic_numbers, symbols

ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")
"""The elements of organic molecules."""
_MOMENTS = 6


class StructureFactors(nn.Module):
    """How often each element occurs, the second moments, and the amplitudes of W waves, each a sum over atoms.

    The waves are Σ_i exp(i (k_w · r_i + φ_w,e(i))) with the position r and the element e of atom i: random Fourier
    features (Rahimi & Recht 2007) of position and element together, of which few are enough to tell atoms apart
    (compressed sensing, Candès, Romberg & Tao 2006, arXiv math/0409186). A share of the waves has no phases and sees
    all elements alike. Wave vectors fill a ball evenly, so that the sketch is also a picture of the molecule, of a
    resolution of about half the shortest wavelength.

    Args:
        size: the length of the sketch: the elements, 6 moments, twice the number of waves, the variant.
        elements: the symbols of the elements that it knows.
        longest: Å, the longest wavelength.
        shortest: Å.
        shared: the share of the waves without phases.

    Attributes:
        variant: where in the sketch the number of the search for its atoms stands (see `search`); `forward` gives 0.
    """

    def __init__(
        self,
        size: int,
        elements: Sequence[str] = ELEMENTS,
        longest: float = 21.0,
        shortest: float = 2.5,
        shared: float = 0.4,
    ) -> None:
        super().__init__()
        self.elements = tuple(elements)
        known = atomic_numbers()
        unknown = [name for name in self.elements if name not in known]
        if unknown or not self.elements or len(set(self.elements)) != len(self.elements):
            raise ValueError(f"elements is {list(elements)}: give symbols of elements, none twice")
        self.num_waves = (size - len(self.elements) - _MOMENTS - 1) // 2
        if self.num_waves < 1:
            raise ValueError(
                f"size is {size}: {len(self.elements)} elements need at least {len(self.elements) + _MOMENTS + 3}"
            )
        if not 0 < shortest <= longest:
            raise ValueError(f"shortest is {shortest} and longest {longest}: give 0 < shortest <= longest, in Å")
        self.size = size
        self.variant = len(self.elements) + _MOMENTS + 2 * self.num_waves
        self.numbers = [known[name] for name in self.elements]
        self.register_buffer("waves", _ball_of_waves(self.num_waves, 2 * math.pi / longest, 2 * math.pi / shortest))
        generator = torch.Generator().manual_seed(1)
        phases = 2 * math.pi * torch.rand(len(self.elements), self.num_waves, generator=generator)
        alike = torch.rand(self.num_waves, generator=generator) < shared
        self.register_buffer("phases", phases.masked_fill(alike, 0.0))
        kinds = torch.full((len(symbols()),), -1)
        kinds[self.numbers] = torch.arange(len(self.numbers))
        self.register_buffer("_kinds", kinds, persistent=False)
        self.waves: Tensor
        self.phases: Tensor
        self._kinds: Tensor

    @property
    def max_atoms(self) -> int:
        """The number of atoms with as many coordinates as the waves have numbers."""
        return 2 * self.num_waves // 3

    def kinds(self, z: Tensor) -> Tensor:
        """The place of each of ``z [N]`` among the elements.

        Raises:
            ValueError: an element is not among them.
        """
        kinds = self._kinds[z]
        if bool((kinds < 0).any()):
            missing = sorted({symbols()[int(number)] for number in z[kinds < 0]})
            raise ValueError(
                f"z: this model does not know {', '.join(missing)}; its elements are {', '.join(self.elements)}: "
                "remove these atoms, or build the model with them among elements"
            )
        return kinds

    def forward(self, z: Tensor, local: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """The sketches ``[B, size]`` of atoms ``z [N]`` at ``local [N, 3]`` Å in their molecules' frames."""
        kinds = self.kinds(z)
        moments = torch.cat([local.square(), local * local.roll(-1, 1)], dim=1)
        parts = torch.cat([F.one_hot(kinds, len(self.elements)).to(local), moments, self.amplitudes(local, kinds)], 1)
        return F.pad(scatter(parts, batch, dim=0, dim_size=num_graphs, reduce="sum"), (0, self.size - self.variant))

    def amplitudes(self, local: Tensor, kinds: Tensor) -> Tensor:
        """Cosines, then sines, of atoms of ``kinds [...]`` at ``local [..., 3]``: ``[..., 2 W]``."""
        phase = local @ self.waves + self.phases[kinds]
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    def parts(self, sketch: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Counts ``[B, T]``, moments ``[B, 6]`` (xx, yy, zz, xy, yz, zx) and waves ``[B, 2 W]`` of ``[B, size]``."""
        counts, moments, waves = sketch[:, : self.variant].split(
            [len(self.elements), _MOMENTS, 2 * self.num_waves], dim=1
        )
        return counts, moments, waves


def _ball_of_waves(count: int, smallest: float, largest: float) -> Tensor:
    """``[3, count]`` wave vectors, from the shortest to the longest, evenly spread in direction and in length²."""
    step = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    length = (smallest**2 + step * (largest**2 - smallest**2)).sqrt()
    generator = torch.Generator().manual_seed(0)
    direction = F.normalize(torch.randn(3, count, dtype=torch.float64, generator=generator), dim=0)
    return (direction * length).to(torch.get_default_dtype())
