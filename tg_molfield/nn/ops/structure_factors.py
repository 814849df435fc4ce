"""`StructureFactors`: the Fourier coefficients of a molecule's atoms, which determine them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.utils import degree, scatter

from tg_molfield.devices import in_double
from tg_molfield.nn.ops.element_kinds import ElementKinds
from tg_molfield.nn.ops.short_products import phases
from tg_molfield.precision import full_precision

ORGANIC_ELEMENTS = ("H", "B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Se", "Br", "I")
"""The elements of organic molecules."""
_MOMENTS = 6


class StructureFactors(nn.Module):
    """Element counts, second moments and structure factors of a molecule, all sums over its atoms.

    The structure factors at W wave vectors k are Σ_i exp(i (k · r_i + φ_k,e(i))) with the position r and the element e
    of atom i and random phases φ: random Fourier features (Rahimi & Recht 2007) of position and element together. Few
    suffice to tell atoms apart (compressed sensing, Candès, Romberg & Tao 2006, arXiv math/0409186). A share of the
    wave vectors has no phases and sees all elements alike. Wave vectors fill a ball evenly, so the coefficients are
    also a picture of the molecule with a resolution of about half the shortest wavelength.

    Args:
        size: the length of the result: a count for each element, 6 moments, twice W; at most one 0 follows.
        elements: the symbols of the elements that it knows.
        longest: Å, the longest wavelength.
        shortest: Å, the shortest.
        shared: the share of the wave vectors without phases.

    Raises:
        ValueError: unknown elements, ``size`` too small, or wavelengths out of order.
    """

    def __init__(
        self,
        size: int,
        elements: Sequence[str] = ORGANIC_ELEMENTS,
        longest: float = 21.0,
        shortest: float = 2.5,
        shared: float = 0.4,
    ) -> None:
        super().__init__()
        self.element_kinds = ElementKinds(elements)
        self.elements = self.element_kinds.elements
        self.num_waves = self._waves_of(size)
        if self.num_waves < 1:
            raise ValueError(
                f"size: expected at least {len(self.elements) + _MOMENTS + 2} for {len(self.elements)} elements, "
                f"got {size}; raise latent_dim or give fewer elements"
            )
        if not 0 < shortest <= longest:
            raise ValueError(
                f"shortest, longest: expected 0 < shortest <= longest in Å, got {shortest}, {longest}; swap them"
            )
        self.size, self.longest, self.shortest, self.shared = size, longest, shortest, shared
        self.numbers = self.element_kinds.numbers.tolist()
        vectors, phases = self._drawn(self.num_waves, seed=0)
        self.register_buffer("wave_vectors", vectors)
        self.register_buffer("phases", phases)
        self.wave_vectors: Tensor
        self.phases: Tensor

    def _waves_of(self, size: int) -> int:
        return (size - len(self.elements) - _MOMENTS) // 2

    def _drawn(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """``count`` wave vectors ``[3, count]`` and phases of the elements ``[T, count]``."""
        vectors = _ball(count, 2 * math.pi / self.longest, 2 * math.pi / self.shortest, seed)
        generator = torch.Generator().manual_seed(seed + 1)
        phases = 2 * math.pi * torch.rand(len(self.elements), count, generator=generator)
        alike = torch.rand(count, generator=generator) < self.shared
        return vectors, phases.masked_fill(alike, 0.0)

    def lengthen(self, size: int) -> Tensor:
        """Add wave vectors for a result of length ``size``, at least as long as now; returns where those before are."""
        added = self._waves_of(size) - self.num_waves
        vectors, phases = (part.to(self.phases) for part in self._drawn(added, seed=self.num_waves))
        vectors, phases = torch.cat([self.wave_vectors, vectors], 1), torch.cat([self.phases, phases], 1)
        order = in_double(vectors).norm(dim=0).argsort(stable=True).to(vectors.device)
        self.wave_vectors, self.phases = vectors[:, order], phases[:, order]
        kept = order.argsort()[: self.num_waves]
        self.size, self.num_waves = size, self.num_waves + added
        return kept

    @property
    def max_atoms(self) -> int:
        """The number of atoms with as many coordinates as there are real and imaginary parts."""
        return 2 * self.num_waves // 3

    def kinds(self, z: Tensor) -> Tensor:
        """The index of each of ``z [N]`` among the elements.

        Raises:
            ValueError: an element is not among them.
        """
        return self.element_kinds(z)

    def check(self, z: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """The index of each of ``z [N]`` among the elements, of molecules that are not too large.

        Raises:
            ValueError: an element is unknown, or a molecule has more than `max_atoms` atoms.
        """
        count = degree(batch, num_graphs, dtype=torch.int64)
        if int(count.max()) > self.max_atoms:
            raise ValueError(
                f"molecule {int(count.argmax())}: expected at most {self.max_atoms} atoms, as many as {self.size} "
                f"numbers can hold, got {int(count.max())}; take a larger latent_dim, or cut the molecule"
            )
        return self.kinds(z)

    @full_precision
    def forward(self, z: Tensor, local: Tensor, batch: Tensor, num_graphs: int) -> Tensor:
        """The coefficients ``[B, size]`` of atoms ``z [N]`` at ``local [N, 3]`` Å in their molecules' frames.

        Raises:
            ValueError: an element is unknown, or a molecule has more than `max_atoms` atoms.
        """
        kinds = self.check(z, batch, num_graphs)
        moments = torch.cat([local.square(), local * local.roll(-1, 1)], dim=1)
        terms = [F.one_hot(kinds, len(self.elements)).to(local), moments, self.of_atoms(local, kinds)]
        sums = scatter(torch.cat(terms, dim=1), batch, dim=0, dim_size=num_graphs, reduce="sum")
        return F.pad(sums, (0, self.size - sums.size(1)))

    @full_precision
    def of_atoms(self, local: Tensor, kinds: Tensor) -> Tensor:
        """Real, then imaginary parts ``[..., 2 W]`` of each atom of ``kinds [...]`` at ``local [..., 3]``."""
        phase = phases(local, self.wave_vectors) + self.phases[kinds]
        return torch.cat([phase.cos(), phase.sin()], dim=-1)

    def split(self, coefficients: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Counts ``[B, T]``, moments ``[B, 6]`` (xx, yy, zz, xy, yz, zx) and structure factors ``[B, 2 W]``."""
        sizes = [len(self.elements), _MOMENTS, 2 * self.num_waves]
        counts, moments, factors = coefficients[:, : sum(sizes)].split(sizes, dim=1)
        return counts, moments, factors


def _ball(count: int, smallest: float, largest: float, seed: int) -> Tensor:
    """``[3, count]`` wave vectors, from the shortest to the longest, evenly spread in direction and in length²."""
    step = (torch.arange(count, dtype=torch.float64) + 0.5) / max(count, 1)
    length = (smallest**2 + step * (largest**2 - smallest**2)).sqrt()
    generator = torch.Generator().manual_seed(seed)
    direction = F.normalize(torch.randn(3, count, dtype=torch.float64, generator=generator), dim=0)
    return (direction * length).to(torch.get_default_dtype())
