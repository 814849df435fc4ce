"""Train a `MoleculeDescriptor` on descriptors computed by RDKit, and write it to a file.

    python examples/pretrain_summary.py summary.safetensors

No measured property is used, and no molecule with the connectivity of one of FreeSolv, ``gdb1k`` or the ligands.
Data: the folder ``smallmol`` in TG_MOLFIELD_DATA, for the parents of the molecules and the excluded molecules.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import torch
import typer
from benchmark_data import data_folder
from pretrain_molecules import children, conformers, evaluation_keys, freesolv
from pretrain_targets import PROBED, property_names, with_targets
from rdkit import RDLogger
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.nn import MoleculeDescriptor
from tg_molfield.training import PropertyLoss, TrainingReport, fit

DISPLACEMENT = 0.03
ATOM_WEIGHT = 0.5
HELD_OUT = 500
WEIGHTS = {**dict.fromkeys(PROBED, 4.0), "NumRotatableBonds": 20.0}


class Pretraining(nn.Module):
    """A summary with heads for molecular properties, from the summary, and atomic properties, from atom features."""

    def __init__(self, summary: MoleculeDescriptor, molecules: list[Data]) -> None:
        super().__init__()
        self.summary = summary
        names = property_names()
        weights = torch.tensor([WEIGHTS.get(name, 1.0) for name in names])
        values = torch.cat([data.properties for data in molecules])
        self.molecule_loss = PropertyLoss(summary.out_channels, values, "properties", weights)
        values = torch.cat([data.atom_properties for data in molecules])
        self.atom_loss = PropertyLoss(summary.atom_channels, values, "atom_properties")

    def loss(self, batch: Data) -> Tensor:
        pos = batch.pos + DISPLACEMENT * torch.randn_like(batch.pos)
        atoms = self.summary.encode_atoms(batch.z, pos, batch.batch)
        descriptors = self.summary.pooling(atoms)
        return self.molecule_loss(descriptors, batch) + ATOM_WEIGHT * self.atom_loss(atoms.scalars, batch)


def make_molecules(folder: Path, count: int, seed: int) -> list[Data]:
    stream = children(freesolv(folder, (1, 2, 3, 4)), seed, evaluation_keys(folder))
    found: list[Data] = []
    while len(found) < count:
        mol = conformers(next(stream), 1, seed + 1)
        if mol is not None:
            found.append(with_targets(mol))
            if len(found) % 1000 == 0:
                print(f"{len(found)} molecules", flush=True)
    return found


@torch.no_grad()
def summaries(summary: MoleculeDescriptor, molecules: Iterable[Data]) -> Tensor:
    batches = (Batch.from_data_list(part) for part in torch.utils.data.DataLoader(molecules, 100, collate_fn=list))
    return torch.cat([summary(batch.z, batch.pos, batch.batch) for batch in batches])


def determination(model: Pretraining, molecules: list[Data]) -> dict[str, float]:
    """R² of the heads for each property, on held-out molecules."""
    found = model.molecule_loss.predict(summaries(model.summary, molecules))
    true = torch.cat([data.properties for data in molecules])
    share = (found - true).square().nanmean(0) / (true - true.nanmean(0)).square().nanmean(0)
    return dict(zip(property_names(), (1 - share).tolist(), strict=True))


def main(
    path: Path,
    molecules: Annotated[int, typer.Option(help="the number of new molecules for training")] = 12_000,
    steps: Annotated[int, typer.Option(help="training steps with 32 molecules each")] = 16_000,
    seed: int = 0,
) -> None:
    RDLogger.DisableLog("rdApp.*")
    torch.manual_seed(seed)
    folder = data_folder()
    found = make_molecules(folder, molecules + HELD_OUT, seed)
    train(path, found[:-HELD_OUT], found[-HELD_OUT:], steps, seed)


def train(path: Path, molecules: list[Data], held_out: list[Data], steps: int, seed: int) -> None:
    model = Pretraining(MoleculeDescriptor(), molecules)
    loader = DataLoader(molecules, batch_size=32, shuffle=True)

    def print_progress(report: TrainingReport, spent: float) -> None:
        if report.steps % 500 == 0:
            recent = sum(report.losses[-500:]) / 500
            print(f"{report.seconds / 60:.1f} min, {report.steps} steps, loss {recent:.4f}", flush=True)

    fit(
        model,
        loader,
        lambda model, batch: model.loss(batch),
        max_steps=steps,
        lr=2e-3,
        seed=seed,
        progress=print_progress,
    )
    for name, value in determination(model, held_out).items():
        if name in PROBED:
            print(f"{name}: R² {value:.4f} on {len(held_out)} held-out molecules")
    model.summary.pooling.rescale(1 / summaries(model.summary, molecules).std(0))
    model.summary.save(path)


if __name__ == "__main__":
    typer.run(main)
