"""`PaiNNEncoder`: message passing with scalars, vectors and, on request, rank-2 tensors."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import zip_longest
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import check_counts, check_integers
from tg_molfield.chem.elements import MAX_Z
from tg_molfield.chem.validation import check_atoms
from tg_molfield.nn.checks import check_properties
from tg_molfield.nn.encoders.base import AtomEncoder
from tg_molfield.nn.encoders.tensor_layer import Bonds, TensorLayer
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.ops.neighbors import radius_pairs
from tg_molfield.nn.ops.pieces import Piece, pieces_of, run_pieces
from tg_molfield.nn.ops.tensors import matrices, traceless_square


class PaiNNLayer(MessagePassing):
    """The message and update blocks of PaiNN (Schütt, Unke & Gastegger 2021, arXiv 2102.03150, figure 2).

    Args:
        width: the number F of scalars per atom.
        vectors: the number V of vectors per atom, at most F.
        num_radial: radial functions of the distance.
    """

    def __init__(self, width: int, vectors: int, num_radial: int) -> None:
        super().__init__(aggr="add")
        self.width = width
        self.vectors = vectors
        self.filter = nn.Linear(num_radial, width + 2 * vectors, bias=False)
        self.sender = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width + 2 * vectors))
        self.mix = nn.Linear(vectors, 2 * vectors, bias=False)
        self.combine = nn.Sequential(
            nn.Linear(width + vectors, width), nn.SiLU(), nn.Linear(width, width + 2 * vectors)
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in (self.filter, self.sender, self.mix, self.combine):
            reset(child)

    def forward(
        self, s: Tensor, v: Tensor, sent: Tensor, vectors: Tensor, edge_index: Tensor, bonds: Bonds
    ) -> tuple[Tensor, Tensor]:
        """Scalars ``[n, F]`` and vectors ``[n, 3, V]`` of n receiving atoms after the messages and the update.

        Args:
            s: ``[n, F]``.
            v: ``[n, 3, V]``.
            sent: ``[N, F + 2V]``, what `sender` gives for all atoms.
            vectors: ``[N, 3V]``, those of all atoms.
            edge_index: ``[2, E]``, source among all atoms and target among those that receive.
            bonds: the geometry of the edges.
        """
        size = (sent.size(0), s.size(0))
        total = self.propagate(
            edge_index, size=size, sent=(sent, None), vectors=(vectors, None), gates=self.filter(bonds.radial),
            direction=bonds.direction,
        )  # fmt: skip
        return self.update_atoms(s + total[:, : self.width], v + total[:, self.width :].view_as(v))

    def message(self, sent_j: Tensor, vectors_j: Tensor, gates: Tensor, direction: Tensor) -> Tensor:
        """What each of E bonds carries ``[E, F + 3V]``: F scalars, then V vectors."""
        scalar, along, carried = (sent_j * gates).split([self.width, self.vectors, self.vectors], dim=1)
        vectors = vectors_j.view(carried.size(0), 3, carried.size(1))
        vectors = carried.unsqueeze(1) * vectors + along.unsqueeze(1) * direction.unsqueeze(2)
        return torch.cat([scalar, vectors.flatten(1)], dim=1)

    def update_atoms(self, s: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """The update block on each atom; inner products of vectors go to the first V scalars."""
        left, right = self.mix(v).chunk(2, dim=2)
        norm = (left.square().sum(1) + 1e-8).sqrt()
        scalar, product, gate = self.combine(torch.cat([s, norm], dim=1)).split(
            [s.size(1), self.vectors, self.vectors], dim=1
        )
        inner = F.pad(product * (left * right).sum(1), (0, s.size(1) - self.vectors))
        return s + scalar + inner, v + gate.unsqueeze(1) * right


class PaiNNEncoder(AtomEncoder):
    """Invariant scalars, equivariant vectors and, on request, rank-2 tensors of each atom, from its neighbours.

    Scalars and vectors exchange messages as in PaiNN, see `PaiNNLayer`; symmetric traceless tensors join them as in
    TensorNet (Simeon & De Fabritiis 2023, arXiv 2306.06482), see `TensorLayer`.

    Args:
        out_channels: the number F of scalars per atom.
        num_layers: rounds of messages; with 0 only the element and the properties are known.
        cutoff: Å.
        num_radial: radial functions of the distance.
        vector_channels: the number V of vectors per atom, at most F; F if None. Fewer are faster.
        tensor_channels: the number T of tensors per atom, at most F.
        num_properties: the number P of per-atom properties, added to the element's embedding by a linear map.

    Raises:
        ValueError: a number is out of range.
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
        super().__init__()
        check_counts(1, out_channels=out_channels, num_radial=num_radial)
        check_counts(0, num_layers=num_layers, num_properties=num_properties)
        if not cutoff > 0:
            raise ValueError(f"cutoff: expected a positive distance in Å, got {cutoff}; give one such as 4.0")
        check_integers(vector_channels=vector_channels, tensor_channels=tensor_channels)
        vectors = out_channels if vector_channels is None else vector_channels
        if not 1 <= vectors <= out_channels:
            raise ValueError(f"vector_channels: expected 1 to {out_channels}, got {vectors}; raise out_channels")
        if not 0 <= tensor_channels <= out_channels:
            raise ValueError(
                f"tensor_channels: expected 0 to {out_channels}, got {tensor_channels}; raise out_channels"
            )
        self.vector_channels = vectors
        self.tensor_channels = tensor_channels
        self.num_properties = num_properties
        self.sizes = FeatureSizes(out_channels, vectors if num_layers else 0, tensor_channels if num_layers else 0)
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

    def forward(
        self,
        z: Tensor,
        pos: Tensor,
        batch: Tensor | None = None,
        num_graphs: int | None = None,
        properties: Tensor | None = None,
    ) -> AtomFeatures:
        """See :meth:`AtomEncoder.forward`."""
        batch, num_graphs = check_atoms(z, pos, batch, num_graphs)
        check_properties(properties, self.num_properties, pos)
        s = self.embedding(z)
        if self.properties is not None:
            s = s + self.properties(properties)
        v = s.new_zeros(s.size(0), 3, self.vector_channels)
        t = s.new_zeros(s.size(0), 5, self.tensor_channels)
        if len(self.layers):
            edge_index = radius_pairs(pos, batch, self.cutoff)
            pieces = pieces_of(edge_index, batch)
            bonds = self._bonds(pos, edge_index) if len(pieces) == 1 else None
            for layer, joined in zip_longest(self.layers, self.tensor_layers):
                s, v, t = _round(
                    cast("PaiNNLayer", layer), cast("TensorLayer | None", joined), s, v, t, edge_index, pieces,
                    lambda edges: bonds or self._bonds(pos, edge_index[:, edges]),
                )  # fmt: skip
        vectors, components = (x.transpose(1, 2)[:, :size] for x, size in zip((v, t), self.sizes[1:], strict=True))
        return AtomFeatures(z, pos, batch, num_graphs, self.norm(s), vectors, matrices(components))

    def _bonds(self, pos: Tensor, edge_index: Tensor) -> Bonds:
        offset = pos[edge_index[0]] - pos[edge_index[1]]
        distance = (offset.square().sum(1, keepdim=True) + 1e-12).sqrt()
        direction = offset / distance
        squares = traceless_square(direction) if self.tensor_channels else direction
        return Bonds(self._radial(distance), direction, squares)

    def _radial(self, distance: Tensor) -> Tensor:
        """Sine functions of ``distance [E, 1]`` under a cosine cutoff, ``[E, num_radial]`` (PaiNN, section 3.3)."""
        order = torch.arange(1, self.num_radial + 1, dtype=distance.dtype, device=distance.device)
        scaled = distance * (math.pi / self.cutoff)
        return torch.sin(order * scaled) / distance.clamp(min=0.2) * (0.5 * (scaled.cos() + 1))


def _round(
    layer: PaiNNLayer,
    tensors: TensorLayer | None,
    s: Tensor,
    v: Tensor,
    t: Tensor,
    edge_index: Tensor,
    pieces: list[Piece],
    bonds_of: Callable[[slice], Bonds],
) -> tuple[Tensor, Tensor, Tensor]:
    """Scalars ``[N, F]``, vectors ``[N, 3, V]`` and tensors ``[N, 5, T]`` after a round of messages, piece by piece."""
    sent, vectors = layer.sender(s), v.flatten(1)
    tensors_sent = s if tensors is None else tensors.sender(s)

    def receive(piece: Piece) -> tuple[Tensor, Tensor, Tensor]:
        atoms, edges = piece
        bonds, own = bonds_of(edges), edge_index[:, edges] - edge_index.new_tensor([[0], [atoms.start]])
        t_own = t[atoms]
        if tensors is not None:
            t_own = t_own + tensors.received(own, tensors_sent, t, t_own, bonds)
        s_own, v_own = layer(s[atoms], v[atoms], sent, vectors, own, bonds)
        return (s_own, v_own, t_own) if tensors is None else tensors(s_own, v_own, t_own)

    parts = run_pieces(receive, pieces)
    if len(parts) == 1:
        return parts[0]
    joined = [torch.cat(part) for part in zip(*parts, strict=True)]
    return joined[0], joined[1], joined[2]
