"""The networks of the benchmark on QM9: each predicts the targets of a batch in standard deviations, [B, T].

All begin with predictions of 0, but for the dipole moment of SchNet.
"""

from __future__ import annotations

import torch
from benchmark_qm9_data import EXTENSIVE, Residuals, Task
from latent_tuning import LearnedCode
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.nn.models import SchNet
from torch_geometric.utils import scatter

from tg_molfield import FieldAutoEncoder
from tg_molfield.nn import MoleculeDescriptor, atom_encoder_from

HIDDEN = 128


class Head(nn.Module):
    """A linear map plus a small network."""

    def __init__(self, size: int, num_targets: int) -> None:
        super().__init__()
        self.linear = nn.Linear(size, num_targets)
        layers = [nn.Linear(size, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN), nn.SiLU()]
        self.network = nn.Sequential(*layers, nn.Linear(HIDDEN, num_targets))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.network[-1].weight)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(features) + self.network(features)


class CodeNetwork(nn.Module):
    """A small network on frozen codes [B, D], which are standardised by those of the training part."""

    def __init__(self, codes: Tensor, num_targets: int) -> None:
        super().__init__()
        self.register_buffer("center", codes.mean(0))
        self.register_buffer("scale", codes.std(0) + 1e-6)
        self.center: Tensor
        self.scale: Tensor
        self.head = Head(codes.size(1), num_targets)

    def forward(self, batch: Batch) -> Tensor:
        return self.head((batch.code - self.center) / self.scale)


class EncoderNetwork(nn.Module):
    """The trainable part of ``organic-small``: its encoder and the summary of its code, with a head.

    The rest of the code, structure factors of the atoms, is a fixed transform, which has nothing to train.
    """

    def __init__(self, task: Task, model: FieldAutoEncoder | None) -> None:
        super().__init__()
        self.descriptor = MoleculeDescriptor()
        if model is not None:
            self.descriptor.encoder.load_state_dict(model.encoder.state_dict())
            self.descriptor.pooling.load_state_dict(model.pooling.descriptor.state_dict())
        self.head = Head(self.descriptor.out_channels, len(task.targets))

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.descriptor(batch.z, batch.pos, batch.batch))


class LatentNetwork(nn.Module):
    """The encoder of the learned code of ``qm9-latent``, with a head; in random frames while it is trained.

    It was trained for atoms alone, on molecules of all parts of the split, and saw no property.
    """

    def __init__(self, task: Task, model: FieldAutoEncoder, anew: bool) -> None:
        super().__init__()
        self.encoder = LearnedCode(model, anew)
        self.head = Head(self.encoder.out_channels, len(task.targets))

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.encoder(batch.z, batch.pos, batch.batch))


class SchNetNetwork(nn.Module):
    """PyG's SchNet with a readout for each target: sums of atoms for extensive ones, else means.

    The dipole moment is the length of Σ qᵢ (rᵢ − r̄), as in ``SchNet(dipole=True)``, but from the mean of the atoms.
    """

    def __init__(self, task: Task, residuals: Residuals, size: int) -> None:
        super().__init__()
        names = task.targets
        schnet = SchNet(hidden_channels=size, num_filters=size, num_interactions=6 if size >= 128 else 3)
        self.atoms = atom_encoder_from(schnet)
        self.readout = nn.Sequential(schnet.lin1, schnet.act, nn.Linear(size // 2, len(names)))
        nn.init.zeros_(self.readout[-1].bias)
        self.extensive = [names.index(name) for name in names if name in EXTENSIVE]
        self.dipole = names.index("mu") if "mu" in names else None
        with torch.no_grad():
            self.readout[-1].weight[[name != "mu" for name in names]] = 0.0
        self.at_zero = 0.0 if self.dipole is None else residuals.at_zero(self.dipole)

    def forward(self, batch: Batch) -> Tensor:
        outputs = self.readout(self.atoms(batch.z, batch.pos, batch.batch))
        sizes = torch.bincount(batch.batch, minlength=batch.num_graphs).unsqueeze(1)
        sums = scatter(outputs, batch.batch, dim_size=batch.num_graphs)
        found = sums / sizes
        found[:, self.extensive] = sums[:, self.extensive]
        if self.dipole is not None:
            center = scatter(batch.pos, batch.batch, dim_size=batch.num_graphs) / sizes
            arms = outputs[:, self.dipole].unsqueeze(1) * (batch.pos - center[batch.batch])
            moment = scatter(arms, batch.batch, dim_size=batch.num_graphs)
            length = (moment.square().sum(1) + 1e-12).sqrt()
            found = found.index_copy(1, torch.tensor([self.dipole]), (length + self.at_zero).unsqueeze(1))
        return found
