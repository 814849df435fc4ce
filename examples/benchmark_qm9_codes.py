"""Frozen codes for the benchmark on QM9: all of them, kept in pieces, and what is learned from them."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from benchmark_qm9_data import Residuals, Task
from benchmark_qm9_networks import CodeNetwork
from benchmark_qm9_training import WATCHED, Sitting, Training, predictions, read_json, write_json
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder
from tg_molfield.nn import OutOfDomainWarning

PIECE = 4096
CODE_PARTS: dict[str, Callable[[FieldAutoEncoder, Tensor], Tensor]] = {
    "summary": lambda model, codes: codes[:, -model.summary_channels :],
    "structure factors": lambda model, codes: codes[:, : -model.summary_channels],
    "whole code": lambda model, codes: codes,
}
"""The parts of codes [M, D] that models may use."""
PENALTIES = 10.0 ** torch.arange(-2, 6, dtype=torch.float64)


class CodeDataset(Dataset):
    """Codes [M, D] with what is to be learned [M, T]."""

    def __init__(self, codes: Tensor, target: Tensor) -> None:
        self.codes, self.target = codes, target

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, index: int) -> Data:
        one = slice(index, index + 1)
        return Data(code=self.codes[one], target=self.target[one], num_nodes=1)


def read_codes(
    task: Task, size: int, model: FieldAutoEncoder, folder: Path, sitting: Sitting
) -> tuple[dict[str, Tensor], float]:
    """The codes [M, D] of each part, of which ``size`` to train on, and the processor time that they took.

    Raises:
        SittingOverError: they are not all there yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"test": task.parts["test"], "valid": task.parts["valid"], "train": task.parts["train"][:size]}
    pieces, seconds, begin = [], 0.0, 0
    for rows in torch.cat([*parts.values()]).split(PIECE):
        path = folder / f"{begin:06}-{len(rows)}.safetensors"
        told = path.with_suffix(".json")
        begin += len(rows)
        if not told.exists():
            sitting.left()
            start = time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", OutOfDomainWarning)
                codes = model.embed(task.dataset[rows]).code
            partial = path.with_suffix(".partial")
            save_file({"code": codes}, partial)
            os.replace(partial, path)
            write_json(told, {"cpu_seconds": time.process_time() - start})
        seconds += read_json(told)["cpu_seconds"]
        pieces.append(load_file(path)["code"])
    found = torch.cat(pieces).split([len(rows) for rows in parts.values()])
    return dict(zip(parts, found, strict=True)), seconds


def ridge(task: Task, residuals: Residuals, codes: dict[str, Tensor]) -> dict[str, Tensor]:
    """Ridge regression: predictions for the validation and the test part; the former choose the penalty."""
    true = learned(task, residuals, codes)
    train = codes["train"].double()
    center, scale = train.mean(0), train.std(0) + 1e-6
    target = true["train"].double()
    rows = (train - center) / scale
    values, vectors = torch.linalg.eigh(rows.T @ rows)
    moments = vectors.T @ (rows.T @ (target - target.mean(0)))
    held_out = {name: (codes[name].double() - center) / scale for name in ("valid", "test")}
    found: list[dict[str, Tensor]] = []
    for penalty in PENALTIES:
        solution = vectors @ (moments / (values + penalty).unsqueeze(1))
        found.append({name: new @ solution + target.mean(0) for name, new in held_out.items()})
    best = torch.stack([(one["valid"] - true["valid"]).abs().mean(0) for one in found]).argmin(0).tolist()
    return {
        name: torch.stack([found[row][name][:, column] for column, row in enumerate(best)], dim=1) for name in held_out
    }


def network(
    task: Task, residuals: Residuals, codes: dict[str, Tensor], training: Training, folder: Path
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """A small network: its predictions for the validation and the test part, and what it took."""
    true = learned(task, residuals, codes)
    data = {name: CodeDataset(codes[name], true[name]) for name in codes}
    watched = CodeDataset(codes["valid"][:WATCHED], true["valid"][:WATCHED])
    size = codes["train"].size(1)
    trained, took = training.run(
        f"codes-{size}",
        lambda: CodeNetwork(codes["train"], len(task.targets)),
        data["train"],
        watched,
        None,
        folder,
    )
    return {name: predictions(trained, data[name], as_it_is) for name in ("valid", "test")}, took


def learned(task: Task, residuals: Residuals, codes: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is to be learned of the molecules that have codes, in the same order."""
    rows = {name: task.parts[name][: len(part)] for name, part in codes.items()}
    return {name: residuals.learned(task.y[part], task.counts[part]) for name, part in rows.items()}


def as_it_is(batch: Batch) -> Batch:
    return batch
