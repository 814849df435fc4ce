"""Atoms' features to values at points: messages from the atoms around each point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tg_molfield.nn.decoders.atom_field import AtomField
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.neighbors import atoms_near
from tg_molfield.nn.ops.tensors import components, traceless_square


class AtomDecoder(Decoder):
    """A field that every point reads from the atoms around it, for fields that are not sums over atoms.

    Each atom sends its scalars, and its vectors' and tensors' components along the way to the point, gated by the
    distance; their sum passes through a network (probe messages as in DeepDFT, Jørgensen & Bhowmik 2022, arXiv
    2112.00652, with atoms as the anchors of an equivariant neural field, Wessels et al. 2024, arXiv 2406.05753). The
    code is added to the atoms' scalars, so that what is far away is known too. The decoded field turns with the atoms
    exactly, is smooth everywhere, and is 0 where no atom is nearer than the cutoff.

    It reads the latent's anchors and not its frames: a code alone, without atoms, cannot be decoded.

    Args:
        channels: the names of the C channels.
        latent_dim: the length of the codes.
        in_channels: F, scalars per atom.
        vector_channels: V, vectors per atom.
        width: the size of a message.
        cutoff: Å; how far an atom is heard.
        num_radial: radial functions of the distance.
        tensor_channels: T, symmetric traceless tensors per atom.
    """

    def __init__(
        self,
        channels: Sequence[str],
        latent_dim: int = 512,
        in_channels: int = 64,
        vector_channels: int = 64,
        width: int = 64,
        cutoff: float = 5.0,
        num_radial: int = 16,
        tensor_channels: int = 0,
    ) -> None:
        super().__init__(channels, latent_dim)
        if width < 1 or num_radial < 1 or not cutoff > 0:
            raise ValueError(
                f"width={width}, num_radial={num_radial}, cutoff={cutoff}: "
                "give at least 1 channel, 1 radial function and a positive cutoff in Å"
            )
        self.cutoff = cutoff
        self.num_radial = num_radial
        self.scalars = nn.Linear(in_channels, width)
        self.context = nn.Linear(latent_dim, width, bias=False)
        self.vectors = nn.Linear(vector_channels, width, bias=False) if vector_channels else None
        self.tensors = nn.Linear(tensor_channels, width, bias=False) if tensor_channels else None
        kinds = 1 + (vector_channels > 0) + (tensor_channels > 0)
        self.gates = nn.Linear(num_radial, kinds * width, bias=False)
        self.mix = nn.Sequential(nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width), nn.SiLU())
        self.out = nn.Linear(width, len(self.channels))
        nn.init.zeros_(self.context.weight)

    def field(self, latent: Latent) -> AtomField:
        """The fields of ``B`` latents, with this decoder's parameters.

        Raises:
            ValueError: the latent has no anchors, or its anchors lack tensors that this decoder reads.
        """
        return AtomField(self, latent)

    def values(self, latent: Latent, pos: Tensor, batch: Tensor) -> Tensor:
        """The values ``[Q, C]`` at ``pos [Q, 3]`` Å of the molecules ``batch [Q]``."""
        anchors = latent.anchors
        assert anchors is not None
        atom, point = atoms_near(pos, batch, anchors.pos, anchors.batch, self.cutoff)
        way = pos[point] - anchors.pos[atom]
        distance = (way.square().sum(1, keepdim=True) + 1e-12).sqrt()
        envelope = 0.5 * (torch.cos(math.pi * distance / self.cutoff) + 1)
        order = torch.arange(1, self.num_radial + 1, dtype=pos.dtype, device=pos.device)
        gates = self.gates(torch.sinc(order * distance / self.cutoff) * order * envelope)
        sent = self.scalars(anchors.scalars) + self.context(latent.code)[anchors.batch]
        width = sent.size(1)
        message = sent[atom] * gates[:, :width]
        if self.vectors is not None:
            vectors = self.vectors(anchors.vectors.transpose(1, 2))
            message = message + torch.einsum("eiw,ei->ew", vectors[atom], way) * gates[:, width : 2 * width]
        if self.tensors is not None:
            assert anchors.tensors is not None
            tensors = self.tensors(components(anchors.tensors).transpose(1, 2))
            square = traceless_square(way) / (1 + distance.square())
            message = message + torch.einsum("ekw,ek->ew", tensors[atom], square) * gates[:, -width:]
        heard = message.new_zeros(pos.size(0), width).index_add(0, point, message)
        near = message.new_zeros(pos.size(0), 1).index_add(0, point, envelope.square())
        return self.out(self.mix(heard)) * torch.tanh(4 * near)
