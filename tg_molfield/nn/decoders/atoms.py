"""`AtomDecoder`: atoms' features to values at points, by messages from the atoms around each point."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch_geometric.nn.inits import reset

from tg_molfield.arguments import check_number, require_counts
from tg_molfield.fields import MolField
from tg_molfield.nn.decoders.base import NeuralDecoder
from tg_molfield.nn.latent.atom_features import FeatureSizes
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.neighbors import atoms_near
from tg_molfield.nn.ops.tensors import components, traceless_square

_POINTS_AT_ONCE = 2**12
_DEFAULT_SIZES = FeatureSizes(64, 64)


class AtomDecoder(NeuralDecoder):
    """A field that every point reads from the atoms around it, for fields that are not sums over atoms.

    Each atom sends its scalars, and the components of its vectors and tensors along the way to the point, gated by the
    distance; their sum passes through a network (probe messages as in DeepDFT, Jørgensen & Bhowmik 2022, arXiv
    2112.00652, with atoms as the anchors of an equivariant neural field, Wessels et al. 2024, arXiv 2406.05753). The
    code is added to the atoms' scalars, so that distant atoms count too. The decoded field rotates with the atoms
    exactly, is smooth everywhere, and is 0 where no atom is nearer than the cutoff.

    It reads the latent's atoms and not its frames: a code alone, without atoms, cannot be decoded.

    Args:
        channels: the definition of the field, or the names of the C channels.
        latent_dim: the length of the codes.
        summary_channels: see `Decoder`.
        sizes: of the atoms' features.
        width: the size of a message.
        cutoff: Å; the range of an atom.
        num_radial: radial functions of the distance.

    Raises:
        ValueError: an option is out of range.
    """

    compiled_methods = ("_values_at",)
    needs_atoms = True
    reads_free_codes = False

    def __init__(
        self,
        channels: MolField | Sequence[str],
        latent_dim: int = 512,
        summary_channels: int = 0,
        sizes: FeatureSizes = _DEFAULT_SIZES,
        width: int = 64,
        cutoff: float = 5.0,
        num_radial: int = 16,
    ) -> None:
        super().__init__(channels, latent_dim, summary_channels)
        require_counts(1, width=width, num_radial=num_radial)
        check_number("cutoff", cutoff)
        if not 0 < cutoff < math.inf:
            raise ValueError(f"cutoff: expected a positive distance in Å, got {cutoff}; give one such as 5.0")
        in_channels, vector_channels, tensor_channels = self.sizes = FeatureSizes(*sizes)
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

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for child in self.children():
            reset(child)
        nn.init.zeros_(self.context.weight)

    def check_latent(self, latent: Latent) -> None:
        """Raise a ValueError unless the latent holds atoms with the features that this decoder reads."""
        if latent.atoms is None:
            raise ValueError("latent: expected atoms for an AtomDecoder, got none; encode with a model that has one")
        if latent.atoms.sizes != self.sizes:
            raise ValueError(
                f"latent: expected atoms with {self.sizes}, got {latent.atoms.sizes}; encode with the decoder's model"
            )

    def points_at_once(self, latent: Latent) -> int:
        """See :meth:`NeuralDecoder.points_at_once`."""
        return _POINTS_AT_ONCE

    def evaluate(self, latent: Latent, pos: Tensor, batch: Tensor) -> Tensor:
        """See :meth:`NeuralDecoder.evaluate`."""
        atoms = latent.atoms
        assert atoms is not None
        pos, places = pos - latent.origin[batch], atoms.pos.to(pos)
        pairs = atoms_near(pos, batch, places, atoms.batch, self.cutoff)
        sent = self.scalars(atoms.scalars) + self.context(latent.code)[atoms.batch]
        return self._values_at(pos, places, pairs, sent, atoms.vectors, atoms.tensors)

    def _values_at(
        self, pos: Tensor, places: Tensor, pairs: Tensor, sent: Tensor, vectors: Tensor, tensors: Tensor
    ) -> Tensor:
        """The values ``[Q, C]`` at Q points that N atoms send messages to.

        Args:
            pos: ``[Q, 3]`` Å.
            places: ``[N, 3]`` Å, of the atoms.
            pairs: ``[2, E]`` int64: an atom and a point near it.
            sent: ``[N, W]``, the scalars that the atoms send.
            vectors: ``[N, V, 3]``.
            tensors: ``[N, T, 3, 3]``.
        """
        atom, point = pairs
        way = pos[point] - places[atom]
        distance = (way.square().sum(1, keepdim=True) + 1e-12).sqrt()
        envelope = 0.5 * (torch.cos(math.pi * distance / self.cutoff) + 1)
        order = torch.arange(1, self.num_radial + 1, dtype=pos.dtype, device=pos.device)
        gates = self.gates(torch.sinc(order * distance / self.cutoff) * order * envelope)
        width = sent.size(1)
        message = sent[atom] * gates[:, :width]
        if self.vectors is not None:
            pointed = self.vectors(vectors.transpose(1, 2))
            message = message + torch.einsum("eiw,ei->ew", pointed[atom], way) * gates[:, width : 2 * width]
        if self.tensors is not None:
            bent = self.tensors(components(tensors).transpose(1, 2))
            square = traceless_square(way) / (1 + distance.square())
            message = message + torch.einsum("ekw,ek->ew", bent[atom], square) * gates[:, -width:]
        heard = pos.new_zeros(pos.size(0), width).index_add(0, point, message.to(pos.dtype))
        near = pos.new_zeros(pos.size(0), 1).index_add(0, point, envelope.square())
        return self.out(self.mix(heard)) * torch.tanh(4 * near)
