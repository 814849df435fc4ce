"""QM9 for the benchmark of property models: the split, the targets, and what networks learn of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from benchmark_data import data_folder
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch_geometric.data import Batch
from torch_geometric.utils import scatter

from tg_molfield.datasets import QM9Fields

UNITS = {"mu": ("D", 1), "alpha": ("a₀³", 1), "gap": ("meV", 1000), "U0": ("meV", 1000)}
"""The unit of each target, and what one in the unit of `QM9Fields` is in it."""
EXTENSIVE = ("alpha", "U0")
ELEMENTS = (1, 6, 7, 8, 9)
TRAIN, VALID = 110_000, 10_000
ALL = 130_831


@dataclass
class Task:
    """QM9 with its split.

    Attributes:
        dataset: the M molecules, float64.
        targets: the names of the T properties to predict.
        columns: their columns in ``y`` of a molecule.
        y: these properties [M, T], in the units of `UNITS`.
        counts: of each molecule the atoms of each of the `ELEMENTS`, and 1: [M, 6].
        seed: of the split.
    """

    dataset: QM9Fields
    targets: tuple[str, ...]
    columns: list[int]
    y: Tensor
    counts: Tensor
    seed: int

    @cached_property
    def parts(self) -> dict[str, Tensor]:
        """The molecules of each part; those to train on in random order, so that fewer are a random choice."""
        shares = (TRAIN / ALL, VALID / ALL, 1 - (TRAIN + VALID) / ALL)
        parts = self.dataset.split_idx(shares, seed=self.seed)
        order = torch.randperm(len(parts["train"]), generator=torch.Generator().manual_seed(self.seed))
        return {**parts, "train": parts["train"][order]}

    def residuals(self, size: int) -> Residuals:
        """What is left to learn of the targets, when the first ``size`` molecules of the training part are known."""
        train = self.parts["train"][:size]
        counts, y = self.counts[train], self.y[train]
        weights = torch.zeros(counts.size(1), len(self.targets), dtype=torch.float64)
        weights[-1] = y.mean(0)
        extensive = [name in EXTENSIVE for name in self.targets]
        weights[:, extensive] = torch.linalg.lstsq(counts, y[:, extensive], driver="gelsd").solution
        scale = torch.tensor([UNITS[name][1] for name in self.targets], dtype=torch.float64)
        return Residuals(self.columns, scale, weights, (y - counts @ weights).std(0))


@dataclass
class Residuals:
    """What networks learn: targets minus what element counts or the mean tell of them, in standard deviations.

    Attributes:
        columns: of the T targets in ``y`` of a molecule.
        scale: from the units of ``y`` to those of the targets [T].
        weights: of the counts of elements, and a constant [6, T]; only the constant for targets that are not extensive.
        spread: the standard deviation of what is left [T].
    """

    columns: list[int]
    scale: Tensor
    weights: Tensor
    spread: Tensor

    def __call__(self, batch: Batch) -> Batch:
        """Give a batch its ``target`` [B, T] and positions in float32."""
        per_element = torch.zeros(max(ELEMENTS) + 1, len(self.columns), dtype=torch.float64)
        per_element[list(ELEMENTS)] = self.weights[:-1]
        base = scatter(per_element[batch.z], batch.batch, dim_size=batch.num_graphs) + self.weights[-1]
        batch.target = ((batch.y[:, self.columns] * self.scale - base) / self.spread).float()
        batch.pos = batch.pos.float()
        return batch

    def learned(self, y: Tensor, counts: Tensor) -> Tensor:
        """The same of many molecules at once: [M, T] float32."""
        return ((y - counts @ self.weights) / self.spread).float()

    def at_zero(self, column: int) -> float:
        """What a target of 0 that is not extensive is in standard deviations."""
        return float(-self.weights[-1, column] / self.spread[column])

    def restored(self, predicted: Tensor, counts: Tensor) -> Tensor:
        """Targets [M, T] from what a network predicts."""
        return counts @ self.weights + predicted.double() * self.spread


def read_task(folder: Path, targets: Sequence[str], seed: int, limit: int | None) -> Task:
    """QM9, built in ``folder`` when it is not there yet; of a ``limit`` only so many, evenly spread."""
    source = data_folder("qm9") if not QM9Fields.is_complete(folder / "qm9") else None
    dataset = QM9Fields(folder / "qm9", source, dtype=torch.float64)
    path = folder / "labels.safetensors"
    if not path.exists():
        y, counts = [], []
        for data in dataset:
            y.append(data.y)
            counts.append(torch.stack([(data.z == number).sum() for number in ELEMENTS]))
        save_file({"y": torch.cat(y), "counts": torch.stack(counts)}, path)
    labels = load_file(path)
    rows = torch.linspace(0, len(dataset) - 1, limit or len(dataset), dtype=torch.float64).long()
    dataset = dataset[rows]
    columns = [dataset.labels.index(name) for name in targets]
    scale = torch.tensor([UNITS[name][1] for name in targets], dtype=torch.float64)
    counts = labels["counts"][rows].double()
    counts = torch.cat([counts, torch.ones(len(counts), 1, dtype=torch.float64)], dim=1)
    return Task(dataset, tuple(targets), columns, labels["y"][rows][:, columns].double() * scale, counts, seed)
