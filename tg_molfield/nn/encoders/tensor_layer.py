"""`TensorLayer`: one round of messages and mixing with rank-2 tensors on atoms."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.inits import reset

from tg_molfield.nn.ops.tensors import matrices, traceless_square


class Bonds(NamedTuple):
    """The geometry of E edges.

    Attributes:
        radial: ``[E, num_radial]``, functions of the distance.
        direction: ``[E, 3]`` unit vectors from target to source.
        squares: ``[E, 5]``, the traceless squares of the directions, for layers with tensors.
    """

    radial: Tensor
    direction: Tensor
    squares: Tensor


class TensorLayer(MessagePassing):
    """Symmetric traceless tensors that join a `PaiNNLayer`.

    Messages hold the traceless squares of the bonds' directions and the neighbours' tensors, both gated by distance and
    sender. On each atom, norms and inner products of tensors go to the scalars, tensors times vectors to the vectors,
    and traceless squares of vectors to the tensors: products of irreducible Cartesian tensors as in TensorNet (Simeon &
    De Fabritiis 2023, arXiv 2306.06482). Products are damped so that they grow at most linearly.

    Args:
        width: the number F of scalars per atom.
        vectors: the number V of vectors per atom.
        tensors: the number T of tensors per atom, at most F.
        num_radial: radial functions of the distance.
    """

    def __init__(self, width: int, vectors: int, tensors: int, num_radial: int) -> None:
        super().__init__(aggr="add")
        self.sizes = [width, tensors, tensors, tensors, vectors]
        self.filter = nn.Linear(num_radial, 2 * tensors, bias=False)
        self.sender = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 2 * tensors))
        self.mix = nn.Linear(tensors, 2 * tensors, bias=False)
        self.from_vectors = nn.Linear(vectors, tensors, bias=False)
        self.to_vectors = nn.Linear(tensors, vectors, bias=False)
        self.combine = nn.Sequential(nn.Linear(width + tensors, width), nn.SiLU(), nn.Linear(width, sum(self.sizes)))

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in (self.filter, self.sender, self.mix, self.from_vectors, self.to_vectors, self.combine):
            reset(child)

    def received(self, edge_index: Tensor, sent: Tensor, t: Tensor, own: Tensor, bonds: Bonds) -> Tensor:
        """The sum of the messages to each of n atoms, ``[n, 5, T]``.

        Args:
            edge_index: ``[2, E]``, source among all N atoms and target among those that receive.
            sent: ``[N, 2T]``, what `sender` gives for all atoms.
            t: ``[N, 5, T]`` components of the tensors of all atoms.
            own: ``[n, 5, T]``, those of the receiving atoms.
            bonds: the geometry of the edges.
        """
        total = self.propagate(
            edge_index, size=(len(t), len(own)), sent=(sent, None), tensors=(t.flatten(1), None),
            gates=self.filter(bonds.radial), squares=bonds.squares,
        )  # fmt: skip
        return total.view_as(own)

    def message(self, sent_j: Tensor, tensors_j: Tensor, gates: Tensor, squares: Tensor) -> Tensor:
        """What each of E bonds carries, ``[E, 5T]``."""
        made, carried = (sent_j * gates).unsqueeze(1).chunk(2, dim=2)
        tensors = tensors_j.view(carried.size(0), 5, carried.size(2))
        return (carried * tensors + made * squares.unsqueeze(2)).flatten(1)

    def forward(self, s: Tensor, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scalars ``[N, F]``, vectors ``[N, 3, V]`` and tensors ``[N, 5, T]`` mixed on each atom."""
        left, right = self.mix(t).chunk(2, dim=2)
        norm = _norm(left)
        scalar, product, gate, make, turn = self.combine(torch.cat([s, norm], dim=1)).split(self.sizes, dim=1)
        inner = F.pad(product * _damped(left * right, norm).sum(1), (0, s.size(1) - norm.size(1)))
        seed, lever = self.from_vectors(v), self.to_vectors(t)
        squares = traceless_square(seed.transpose(1, 2)).transpose(1, 2)
        turned = torch.einsum("nvij,njv->niv", matrices(lever.transpose(1, 2)), v)
        return (
            s + scalar + inner,
            v + turn.unsqueeze(1) * _damped(turned, _norm(lever)),
            t + gate.unsqueeze(1) * right + make.unsqueeze(1) * _damped(squares, _norm(seed)),
        )


def _norm(x: Tensor) -> Tensor:
    """The norms ``[N, K]`` of ``[N, ..., K]`` over the middle, with a gradient also at zero."""
    return x.square().sum(1).add(1e-8).sqrt()


def _damped(product: Tensor, size: Tensor) -> Tensor:
    """Products ``[N, ..., K]`` that grow no faster than one factor where the other has ``size [N, K]``."""
    return product / (1 + size).unsqueeze(1)
