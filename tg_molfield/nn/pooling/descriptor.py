"""Molecules to a short invariant vector that carries chemistry and shape."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from tg_molfield.chem.elements import element_property
from tg_molfield.nn.checks import MAX_Z, check_atoms
from tg_molfield.nn.encoders.painn import PaiNNEncoder
from tg_molfield.nn.ops.gyration import NUM_SHAPE, shape_invariants
from tg_molfield.nn.serialization import fill_model, read_model, save_model


class DescriptorPooling(nn.Module):
    """A molecule's summary from the features of its atoms; see `MoleculeDescriptor`.

    Args:
        in_channels: F, scalars per atom.
        vector_channels: V, vectors per atom, and as many learned dipoles.
        out_channels: the length of the summary.
        global_channels: how many of these are not additive, 1 to ``out_channels - 1``.
    """

    def __init__(
        self, in_channels: int = 64, vector_channels: int = 8, out_channels: int = 64, global_channels: int = 24
    ) -> None:
        super().__init__()
        if not 1 <= global_channels < out_channels or vector_channels < 1:
            raise ValueError(
                f"out_channels={out_channels}, global_channels={global_channels}, vector_channels={vector_channels}: "
                "give 1 to out_channels - 1 global channels and atoms with at least 1 vector"
            )
        self.out_channels = out_channels
        hidden = in_channels
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

    def forward(self, z: Tensor, pos: Tensor, scalars: Tensor, vectors: Tensor, batch: Tensor, size: int) -> Tensor:
        """The summaries ``[B, out_channels]``.

        Args:
            z: ``[N]`` int64 atomic numbers.
            pos: ``[N, 3]`` Å from the mean position of each molecule's atoms.
            scalars: ``[N, F]``.
            vectors: ``[N, V, 3]``.
            batch: ``[N]`` int64, sorted.
            size: the number B of molecules.
        """
        additive = scatter(self.additive(scalars), batch, dim=0, dim_size=size, reduce="sum")
        return torch.cat([additive, self._whole(scalars, vectors, self.mass[z], pos, batch, size)], dim=1)

    def _whole(self, scalars: Tensor, vectors: Tensor, mass: Tensor, pos: Tensor, batch: Tensor, size: int) -> Tensor:
        mean = scatter(scalars, batch, dim=0, dim_size=size, reduce="mean")
        count = torch.bincount(batch, minlength=size).to(pos.dtype).log().unsqueeze(1)
        shape = torch.cat(
            [shape_invariants(weight, pos, batch, size) for weight in (torch.ones_like(mass), mass)], dim=1
        )
        arms = self.charges(scalars).unsqueeze(2) * pos.unsqueeze(1)
        dipoles = scatter(torch.cat([arms, vectors], dim=1), batch, dim=0, dim_size=size, reduce="sum").square().sum(2)
        hidden = self.whole(torch.cat([mean, count, shape, (dipoles + 1e-2).log()], dim=1))
        return self.whole_out(torch.cat([hidden, shape], dim=1))

    @torch.no_grad()
    def rescale(self, factors: Tensor) -> None:
        """Multiply the outputs by ``factors [out_channels]`` from now on, through the last layers."""
        additive, whole = factors.split([self.out_channels - self.whole_out.out_features, self.whole_out.out_features])
        for layer, factor in ((self.additive[-1], additive), (self.whole_out, whole)):
            assert isinstance(layer, nn.Linear)
            layer.weight.mul_(factor.unsqueeze(1))
            layer.bias.mul_(factor)


class MoleculeDescriptor(nn.Module):
    """A molecule in a few numbers that do not change with its place, orientation, mirror image or order of atoms.

    The first are sums over atoms of what message passing makes of each, so that properties to which atoms and
    groups contribute (Crippen & Wildman 1999) are linear in them, and two molecules far apart give the sum of both.
    The last ``global_channels`` are not additive: they come from the mean of the atoms' features, their number, the
    shape of the molecule (see `shape_invariants`) and the lengths of dipoles of learned charges.

    Elements that were not in the training data have features that nothing was learned for; the result is finite.

    Args:
        out_channels: the length of the summary.
        global_channels: how many of these are not additive, 1 to ``out_channels - 1``.
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
        self.readout = DescriptorPooling(hidden, vector_channels, out_channels, global_channels)

    def forward(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> Tensor:
        """The summaries ``[B, out_channels]`` of atoms ``z [N]`` at ``pos [N, 3]`` Å; ``batch [N]`` int64, sorted."""
        return self.summary_and_atoms(z, pos, batch)[0]

    def summary_and_atoms(self, z: Tensor, pos: Tensor, batch: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The summaries ``[B, out_channels]`` and the invariant features ``[N, atom_channels]`` of the atoms.

        Raises:
            ValueError: an argument is not as said; the message gives the remedy.
        """
        batch, size = check_atoms(z, pos, batch)
        center = scatter(pos.double(), batch, dim=0, dim_size=size, reduce="mean")
        pos = (pos.double() - center[batch]).to(pos.dtype)
        scalars, vectors = self.encoder.scalars_and_vectors(z, pos, batch)
        return self.readout(z, pos, scalars, vectors, batch, size), scalars

    def save(self, path: str | Path) -> None:
        """Write the parameters and hyper-parameters as a safetensors file."""
        save_model(path, self, self.hyper_parameters)

    @classmethod
    def load(cls, path: str | Path) -> MoleculeDescriptor:
        """What :meth:`save` wrote, in evaluation mode.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds something else.
        """
        options, tensors = read_model(path, cls.__name__)
        model = cls(**options)
        fill_model(path, model, tensors)
        return model.eval()
