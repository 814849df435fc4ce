"""`PaiNNEncoder`: message passing with scalars, vectors and, on request, rank-2 tensors."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import check_integers, check_number, require_counts, require_integers
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

    compiled_methods = ("_exchanged",)

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
        require_counts(1, out_channels=out_channels, num_radial=num_radial)
        require_counts(0, num_layers=num_layers, num_properties=num_properties)
        check_number("cutoff", cutoff)
        if not 0 < cutoff < math.inf:
            raise ValueError(f"cutoff: expected a positive distance in Å, got {cutoff}; give one such as 4.0")
        check_integers(vector_channels=vector_channels)
        require_integers(tensor_channels=tensor_channels)
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
        if not len(self.layers):
            return AtomFeatures.of_scalars(z, pos, batch, num_graphs, self.norm(s))
        edge_index = radius_pairs(pos, batch, self.cutoff)
        pieces = pieces_of(edge_index, batch)
        if len(pieces) == 1:
            found = self._exchanged(s, pos, edge_index)
        else:
            found = self._exchanged_in_pieces(s, pos, edge_index, pieces)
        return AtomFeatures(z, pos, batch, num_graphs, *found)

    def _exchanged(self, s: Tensor, pos: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The features ``[N, F]``, ``[N, V, 3]`` and ``[N, T, 3, 3]`` after all rounds of messages."""
        bonds = self._bonds(pos, edge_index)
        known = self._start(s)
        for layer, joined in self._rounds():
            known = _received(layer, joined, known, edge_index, bonds, _sent(layer, joined, known))
        return self._features(known)

    def _exchanged_in_pieces(
        self, s: Tensor, pos: Tensor, edge_index: Tensor, pieces: list[Piece]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The same, a piece of the atoms at a time, so that memory stays small."""
        known = self._start(s)
        for layer, joined in self._rounds():
            known = self._round_in_pieces(layer, joined, known, pos, edge_index, pieces)
        return self._features(known)

    def _round_in_pieces(
        self,
        layer: PaiNNLayer,
        joined: TensorLayer | None,
        known: _Known,
        pos: Tensor,
        edge_index: Tensor,
        pieces: list[Piece],
    ) -> _Known:
        sent = _sent(layer, joined, known)

        def receive(piece: Piece) -> _Known:
            atoms, edges = piece
            own = edge_index[:, edges] - edge_index.new_tensor([[0], [atoms.start]])
            bonds = self._bonds(pos, edge_index[:, edges])
            return _received(layer, joined, _Known(*(part[atoms] for part in known)), own, bonds, sent)

        return _Known(*(torch.cat(part) for part in zip(*run_pieces(receive, pieces), strict=True)))

    def _start(self, s: Tensor) -> _Known:
        none = s.new_zeros(s.size(0), 5, self.tensor_channels)
        return _Known(s, s.new_zeros(s.size(0), 3, self.vector_channels), none)

    def _rounds(self) -> list[tuple[PaiNNLayer, TensorLayer | None]]:
        """The layer of each round, and the one of tensors that joins it."""
        joined: list[nn.Module | None] = [*self.tensor_layers] or [None] * len(self.layers)
        pairs = zip(self.layers, joined, strict=True)
        return [(cast("PaiNNLayer", layer), cast("TensorLayer | None", other)) for layer, other in pairs]

    def _features(self, known: _Known) -> tuple[Tensor, Tensor, Tensor]:
        return self.norm(known.s), known.v.transpose(1, 2), matrices(known.t.transpose(1, 2))

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


class _Known(NamedTuple):
    """Scalars ``[N, F]``, vectors ``[N, 3, V]`` and tensors ``[N, 5, T]`` of atoms."""

    s: Tensor
    v: Tensor
    t: Tensor


class _Sent(NamedTuple):
    """What all N atoms send: of scalars ``[N, F + 2V]``, vectors ``[N, 3V]``, of tensors ``[N, 2T]``, and tensors."""

    scalars: Tensor
    vectors: Tensor
    of_tensors: Tensor
    tensors: Tensor


def _sent(layer: PaiNNLayer, joined: TensorLayer | None, known: _Known) -> _Sent:
    of_tensors = known.t if joined is None else joined.sender(known.s)
    return _Sent(layer.sender(known.s), known.v.flatten(1), of_tensors, known.t)


def _received(
    layer: PaiNNLayer, joined: TensorLayer | None, own: _Known, edge_index: Tensor, bonds: Bonds, sent: _Sent
) -> _Known:
    """What n atoms know after a round of messages.

    Args:
        layer: of scalars and vectors.
        joined: of tensors, if there are any.
        own: what the n atoms knew.
        edge_index: ``[2, E]``, source among all atoms and target among the n.
        bonds: the geometry of the edges.
        sent: by all atoms.
    """
    t = own.t
    if joined is not None:
        t = t + joined.received(edge_index, sent.of_tensors, sent.tensors, t, bonds)
    s, v = layer(own.s, own.v, sent.scalars, sent.vectors, edge_index, bonds)
    return _Known(s, v, t) if joined is None else _Known(*joined(s, v, t))
