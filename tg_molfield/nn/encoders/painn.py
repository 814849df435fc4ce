"""Atoms to features: message passing with scalars, vectors and tensors."""

from __future__ import annotations

import math
from itertools import zip_longest

import torch
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from tg_molfield.nn.checks import MAX_Z, check_atoms, check_properties
from tg_molfield.nn.encoders.atom_layer import PaiNNLayer
from tg_molfield.nn.encoders.tensor_layer import TensorLayer
from tg_molfield.nn.ops.neighbors import radius_pairs
from tg_molfield.nn.ops.tensors import matrices, traceless_square


class PaiNNEncoder(MessagePassing):
    """Invariant scalars, equivariant vectors and, on request, rank-2 tensors for each atom, from its neighbours.

    Scalar and vector channels exchange gated messages along bonds and mix on each atom, the scheme of PaiNN
    (Schütt, Unke & Gastegger 2021, arXiv 2102.03150); symmetric traceless tensors join them as in TensorNet (Simeon &
    De Fabritiis 2023, arXiv 2306.06482), see `TensorLayer`. Scalars do not change when the molecule moves; vectors and
    tensors turn with it, and with its mirror image: v → R v, T → R T Rᵀ.

    Args:
        out_channels: the number F of scalars per atom.
        num_layers: rounds of messages; with 0 only the element is known.
        cutoff: Å.
        num_radial: radial functions of the distance.
        vector_channels: the number V of vectors per atom, at most F; F if None. Few are quicker.
        tensor_channels: the number T of tensors per atom, at most F.
        num_properties: the number P of properties per atom, which are added to the element by a linear map.
    """

    def __init__(
        self,
        out_channels: int = 64,
        num_layers: int = 2,
        cutoff: float = 4.0,
        num_radial: int = 16,
        vector_channels: int | None = None,
        tensor_channels: int = 0,
        num_properties: int = 0,
    ) -> None:
        if out_channels < 1 or num_layers < 0 or num_radial < 1 or not cutoff > 0:
            raise ValueError(
                f"out_channels={out_channels}, num_layers={num_layers}, num_radial={num_radial}, cutoff={cutoff}: "
                "give at least 1 channel, 0 layers, 1 radial function and a positive cutoff in Å"
            )
        vectors = out_channels if vector_channels is None else vector_channels
        if not 1 <= vectors <= out_channels:
            raise ValueError(f"vector_channels is {vectors}: give 1 to {out_channels}, at most out_channels")
        if not 0 <= tensor_channels <= out_channels:
            raise ValueError(f"tensor_channels is {tensor_channels}: give 0 to {out_channels}, at most out_channels")
        if num_properties < 0:
            raise ValueError(f"num_properties is {num_properties}: give 0 or more")
        super().__init__(aggr="add")
        self.out_channels = out_channels
        self.vector_channels = vectors
        self.tensor_channels = tensor_channels
        self.num_properties = num_properties
        self.cutoff = cutoff
        self.num_radial = num_radial
        self.embedding = nn.Embedding(MAX_Z + 1, out_channels)
        self.layers = nn.ModuleList(PaiNNLayer(out_channels, vectors, num_radial) for _ in range(num_layers))
        self.norm = nn.LayerNorm(out_channels)
        rounds = num_layers if tensor_channels else 0
        self.tensor_layers = nn.ModuleList(
            TensorLayer(out_channels, vectors, tensor_channels, num_radial) for _ in range(rounds)
        )
        self.properties = nn.Linear(num_properties, out_channels, bias=False) if num_properties else None

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None, properties: Tensor | None = None) -> Tensor:
        """The scalars ``[N, F]`` of atoms ``z [N]`` at ``pos [N, 3]`` Å with ``properties [N, P]``.

        ``batch [N]`` is int64 and sorted; ``properties`` are of the type of ``pos``, None where P is 0.

        Raises:
            ValueError: an argument is not as said; the message gives the remedy.
        """
        return self.scalars_vectors_tensors(z, pos, batch, properties)[0]

    def scalars_and_vectors(
        self, z: Tensor, pos: Tensor, batch: Tensor | None = None, properties: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Scalars ``[N, F]`` and vectors ``[N, V, 3]``."""
        return self.scalars_vectors_tensors(z, pos, batch, properties)[:2]

    def scalars_vectors_tensors(
        self, z: Tensor, pos: Tensor, batch: Tensor | None = None, properties: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Scalars ``[N, F]``, vectors ``[N, V, 3]`` and symmetric traceless tensors ``[N, T, 3, 3]``."""
        batch, _ = check_atoms(z, pos, batch)
        check_properties(properties, self.num_properties, pos)
        s = self.embedding(z)
        if self.properties is not None:
            s = s + self.properties(properties)
        v = s.new_zeros(s.size(0), 3, self.vector_channels)
        t = s.new_zeros(s.size(0), 5, self.tensor_channels)
        if len(self.layers):
            edge_index = radius_pairs(pos, batch, self.cutoff)
            offset = pos[edge_index[0]] - pos[edge_index[1]]
            distance = (offset.square().sum(1, keepdim=True) + 1e-12).sqrt()
            direction = offset / distance
            radial = self._radial(distance)
            squares = traceless_square(direction) if self.tensor_channels else direction
            for layer, tensors in zip_longest(self.layers, self.tensor_layers):
                assert isinstance(layer, PaiNNLayer)
                sent, gates = layer.sender(s), layer.filter(radial)
                total = self.propagate(edge_index, sent=sent, vectors=v.flatten(1), gates=gates, direction=direction)
                if isinstance(tensors, TensorLayer):
                    t = t + tensors.heard(edge_index, s, t, radial, squares)
                s, v = layer(s + total[:, : self.out_channels], v + total[:, self.out_channels :].view_as(v))
                if isinstance(tensors, TensorLayer):
                    s, v, t = tensors(s, v, t)
        return self.norm(s), v.transpose(1, 2), matrices(t.transpose(1, 2))

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
