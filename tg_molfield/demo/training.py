"""The model of the demonstration and how it is trained, with a progress bar."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch_geometric.data import Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import FitReport, MatchingLoss, MoleculeSampler, fit


def train_model(
    molecules: Sequence[Data], mol_field: MolField, seconds: float, seed: int, console: Console
) -> tuple[FieldAutoEncoder, FitReport]:
    """A `FieldAutoEncoder` trained on ``molecules`` for so many seconds."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = FieldAutoEncoder(channels=mol_field.channels)
    bar = Progress(
        TextColumn("training"),
        BarColumn(),
        TextColumn("step {task.fields[step]}  loss {task.fields[loss]:.3f}  left"),
        TimeRemainingColumn(),
        console=console,
    )
    with bar:
        task = bar.add_task("training", total=1.0, step=0, loss=float("nan"))

        def show(report: FitReport, spent: float) -> None:
            recent = report.losses[-50:]
            bar.update(task, completed=spent, step=report.steps, loss=sum(recent) / len(recent))

        report = fit(
            model,
            MoleculeSampler(molecules),
            MatchingLoss(mol_field),
            max_seconds=seconds,
            seed=seed,
            progress=show,
        )
    return model, report
