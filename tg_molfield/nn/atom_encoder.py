"""Atoms to features: message passing with scalars and vectors."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from tg_molfield.nn.checks import MAX_Z, check_atoms
from tg_molfield.nn.neighbors import radius_pairs


class AtomEncoder(MessagePassing):
    """Invariant scalars and equivariant vectors for each atom, from its neighbours within a cutoff.

    Scalar and vector channels exchange gated messages along bonds and mix on each atom, the scheme of PaiNN
    (Schütt, Unke & Gastegger 2021, arXiv 2102.03150). Scalars do not change when the molecule moves; vectors turn
    with it, and with its mirror image.

    Args:
        out_channels: the number F of scalars per atom.
        num_layers: rounds of messages; with 0 only the element is known.
        cutoff: Å.
        num_radial: radial functions of the distance.
        vector_channels: the number V of vectors per atom, at most F; F if None. Few are quicker.
    """

    def __init__(
        self,
        out_channels: int = 64,
        num_layers: int = 2,
        cutoff: float = 4.0,
        num_radial: int = 16,
        vector_channels: int | None = None,
    ) -> None:
        if out_channels < 1 or num_layers < 0 or num_radial < 1 or not cutoff > 0:
            raise ValueError(
                f"out_channels={out_channels}, num_layers={num_layers}, num_radial={num_radial}, cutoff={cutoff}: "
                "give at least 1 channel, 0 layers, 1 radial function and a positive cutoff in Å"
            )
        vectors = out_channels if vector_channels is None else vector_channels
        if not 1 <= vectors <= out_channels:
            raise ValueError(f"vector_channels is {vectors}: give 1 to {out_channels}, at most out_channels")
        super().__init__(aggr="add")
        self.out_channels = out_channels
        self.vector_channels = vectors
        self.cutoff = cutoff
        self.num_radial = num_radial
        self.embedding = nn.Embedding(MAX_Z + 1, out_channels)
        self.layers = nn.ModuleList(_Layer(out_channels, vectors, num_radial) for _ in range(num_layers))
        self.norm = nn.LayerNorm(out_channels)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The scalars ``[N, F]`` of atoms ``z [N]`` at ``pos [N, 3]`` Å; ``batch [N]`` is int64 and sorted."""
        return self.scalars_and_vectors(z, pos, batch)[0]

    def scalars_and_vectors(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scalars ``[N, F]`` and vectors ``[N, V, 3]``."""
        batch, _ = check_atoms(z, pos, batch)
        s = self.embedding(z)
        v = s.new_zeros(s.size(0), 3, self.vector_channels)
        if len(self.layers):
            edge_index = radius_pairs(pos, batch, self.cutoff)
            offset = pos[edge_index[0]] - pos[edge_index[1]]
            distance = (offset.square().sum(1, keepdim=True) + 1e-12).sqrt()
            direction = offset / distance
            radial = self._radial(distance)
            for layer in self.layers:
                assert isinstance(layer, _Layer)
                sent, gates = layer.sender(s), layer.filter(radial)
                total = self.propagate(edge_index, sent=sent, vectors=v.flatten(1), gates=gates, direction=direction)
                s, v = layer(s + total[:, : self.out_channels], v + total[:, self.out_channels :].view_as(v))
        return self.norm(s), v.transpose(1, 2)

    def _radial(self, distance: Tensor) -> Tensor:
        order = torch.arange(1, self.num_radial + 1, dtype=distance.dtype, device=distance.device)
        scaled = distance * (math.pi / self.cutoff)
        return torch.sin(order * scaled) / distance.clamp(min=0.2) * (0.5 * (scaled.cos() + 1))

    def message(self, sent_j: Tensor, vectors_j: Tensor, gates: Tensor, direction: Tensor) -> Tensor:
        """What each of E bonds carries ``[E, F + 3V]``: F scalars, then V vectors."""
        sizes = [self.out_channels, self.vector_channels, self.vector_channels]
        scalar, along, carried = (sent_j * gates).split(sizes, dim=1)
        vectors = vectors_j.view(carried.size(0), 3, carried.size(1))
        vectors = carried.unsqueeze(1) * vectors + along.unsqueeze(1) * direction.unsqueeze(2)
        return torch.cat([scalar, vectors.flatten(1)], dim=1)


class _Layer(nn.Module):
    """The weights of one round: of its messages, and of the mixing on each atom that follows."""

    def __init__(self, width: int, vectors: int, num_radial: int) -> None:
        super().__init__()
        self.vectors = vectors
        self.filter = nn.Linear(num_radial, width + 2 * vectors, bias=False)
        self.sender = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width + 2 * vectors))
        self.mix = nn.Linear(vectors, 2 * vectors, bias=False)
        self.combine = nn.Sequential(
            nn.Linear(width + vectors, width), nn.SiLU(), nn.Linear(width, width + 2 * vectors)
        )

    def forward(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Scalars ``[N, F]`` and vectors ``[N, 3, V]`` mixed; inner products go to the first V scalars."""
        left, right = self.mix(v).chunk(2, dim=2)
        norm = (left.square().sum(1) + 1e-8).sqrt()
        scalar, product, gate = self.combine(torch.cat([s, norm], dim=1)).split(
            [s.size(1), self.vectors, self.vectors], dim=1
        )
        inner = F.pad(product * (left * right).sum(1), (0, s.size(1) - self.vectors))
        return s + scalar + inner, v + gate.unsqueeze(1) * right
