"""`DescriptorPooling` and `MoleculeDescriptor`: molecules to a short invariant vector of chemistry and shape."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch_geometric.utils import degree, scatter

from tg_molfield.arguments import check_integers
from tg_molfield.chem.elements import MAX_Z, element_property
from tg_molfield.devices import in_widest_type
from tg_molfield.nn.checks import check_filled, check_like, check_molecules
from tg_molfield.nn.encoders.painn import PaiNNEncoder
from tg_molfield.nn.latent.atom_features import AtomFeatures, FeatureSizes
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.gyration import NUM_SHAPE, shape_invariants
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.serialization import Serializable


class DescriptorPooling(Pooling):
    """A descriptor of a molecule that does not depend on its frame, from the features of its atoms.

    The first numbers are sums over atoms, in which additive properties are linear (Crippen & Wildman 1999). The last
    ``global_channels`` come from the mean features, the number of atoms, the shape (see `shape_invariants`) and the
    lengths of dipoles of learned charges.

    Args:
        sizes: of the atoms' features, with at least one vector; there are as many learned dipoles.
        out_channels: the length of the descriptor.
        global_channels: how many of its numbers are not additive, 1 to ``out_channels - 1``; half of them, at most 24,
            if None.

    Raises:
        ValueError: a number is out of range, or atoms have no vectors.
    """

    def __init__(self, sizes: FeatureSizes, out_channels: int = 64, global_channels: int | None = None) -> None:
        super().__init__()
        check_integers(out_channels=out_channels, global_channels=global_channels)
        if out_channels < 2:
            raise ValueError(f"out_channels: expected at least 2, got {out_channels}; raise summary_channels")
        global_channels = min(out_channels // 2, 24) if global_channels is None else global_channels
        if not 1 <= global_channels < out_channels:
            raise ValueError(f"global_channels: expected 1 to {out_channels - 1}, got {global_channels}; give fewer")
        if not sizes.vectors:
            raise ValueError("sizes: expected atoms with vectors, got none; take a PaiNNEncoder with layers")
        self.out_channels = out_channels
        hidden, vector_channels = sizes.scalars, sizes.vectors
        self.additive = nn.Sequential(
            nn.Linear(hidden, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, out_channels - global_channels)
        )
        self.charges = nn.Linear(hidden, vector_channels)
        size = hidden + 1 + 2 * NUM_SHAPE + 2 * vector_channels
        self.whole = nn.Sequential(nn.Linear(size, 2 * hidden), nn.SiLU(), nn.Linear(2 * hidden, hidden), nn.SiLU())
        self.whole_out = nn.Linear(hidden + 2 * NUM_SHAPE, global_channels)
        mass = element_property("mass", torch.arange(1, MAX_Z + 1))
        self.register_buffer("mass", torch.cat([mass.new_zeros(1), mass]).float(), persistent=False)
        self.mass: Tensor

    def forward(self, atoms: AtomFeatures, pose: Pose | None = None) -> Tensor:
        """The descriptors ``[B, out_channels]``; ``pose`` is not read.

        Raises:
            ValueError: a molecule has no atoms.
        """
        check_filled(atoms.batch, atoms.num_graphs)
        mass = self.mass[atoms.z]
        pos = atoms.pos.to(mass)
        additive = self.additive(atoms.scalars).to(pos.dtype)
        additive = scatter(additive, atoms.batch, dim=0, dim_size=atoms.num_graphs, reduce="sum")
        return torch.cat([additive, self._whole(atoms, mass, pos)], dim=1)

    def _whole(self, atoms: AtomFeatures, mass: Tensor, pos: Tensor) -> Tensor:
        batch, size = atoms.batch, atoms.num_graphs
        mean = scatter(atoms.scalars, batch, dim=0, dim_size=size, reduce="mean")
        count = degree(batch, size, dtype=torch.int64).to(pos.dtype).log().unsqueeze(1)
        shape = torch.cat(
            [shape_invariants(weight, pos, batch, size) for weight in (torch.ones_like(mass), mass)], dim=1
        )
        arms = self.charges(atoms.scalars).unsqueeze(2) * pos.unsqueeze(1)
        dipoles = scatter(torch.cat([arms, atoms.vectors], dim=1), batch, dim=0, dim_size=size, reduce="sum")
        hidden = self.whole(torch.cat([mean, count, shape, (dipoles.square().sum(2) + 1e-2).log()], dim=1))
        return self.whole_out(torch.cat([hidden, shape], dim=1))

    @torch.no_grad()
    def rescale(self, factors: Tensor) -> None:
        """Multiply the outputs by ``factors [out_channels]`` from now on, through the last layers."""
        additive, whole = factors.split([self.out_channels - self.whole_out.out_features, self.whole_out.out_features])
        for layer, factor in ((self.additive[-1], additive), (self.whole_out, whole)):
            assert isinstance(layer, nn.Linear)
            layer.weight.mul_(factor.unsqueeze(1))
            layer.bias.mul_(factor)


class MoleculeDescriptor(Serializable, nn.Module):
    """Molecules to numbers that do not depend on place, orientation, mirror images and order of atoms.

    An encoder and a `DescriptorPooling`, whose parameters can start those of a `FieldAutoEncoder` with
    ``summary_channels``. Elements missing from the training data have untrained features; the result is finite.

    Args:
        out_channels: the length of the descriptor.
        global_channels: how many of its numbers are not additive, 1 to ``out_channels - 1``.
        hidden: features per atom.
        num_layers: rounds of messages.
        cutoff: Å.
        vector_channels: vectors per atom, and as many learned dipoles.
    """

    def __init__(
        self,
        out_channels: int = 64,
        global_channels: int = 24,
        hidden: int = 64,
        num_layers: int = 3,
        cutoff: float = 3.0,
        vector_channels: int = 8,
    ) -> None:
        super().__init__()
        self.hyper_parameters = {
            "out_channels": out_channels,
            "global_channels": global_channels,
            "hidden": hidden,
            "num_layers": num_layers,
            "cutoff": cutoff,
            "vector_channels": vector_channels,
        }
        self.out_channels = out_channels
        self.atom_channels = hidden
        self.encoder = PaiNNEncoder(hidden, num_layers, cutoff, vector_channels=vector_channels)
        self.pooling = DescriptorPooling(self.encoder.sizes, out_channels, global_channels)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None, num_graphs: int | None = None) -> Tensor:
        """The descriptors ``[B, out_channels]`` of atoms ``z [N]`` at ``pos [N, 3]`` Å; ``batch [N]`` int64, sorted."""
        return self.pooling(self.encode_atoms(z, pos, batch, num_graphs))

    def encode_atoms(
        self, z: Tensor, pos: Tensor, batch: Tensor | None = None, num_graphs: int | None = None
    ) -> AtomFeatures:
        """The features of the atoms, positions relative to the mean of each molecule.

        Raises:
            ValueError: an argument is not as described for `forward`.
        """
        batch, size = check_molecules(z, pos, batch, num_graphs)
        check_like("pos", pos, next(self.parameters()))
        center = scatter(in_widest_type(pos), batch, dim=0, dim_size=size, reduce="mean")
        return self.encoder(z, (pos.to(center) - center[batch]).to(pos.dtype), batch, size)
