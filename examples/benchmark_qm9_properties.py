"""Property models on QM9: μ, α, the gap and U0 from frozen codes, a fine-tuned encoder, one from scratch, and SchNet.

    python examples/benchmark_qm9_properties.py FOLDER --seconds 1800
    python examples/benchmark_qm9_properties.py FOLDER --seconds 1800 --sitting 600

Every method predicts all targets with one network and has the same split (110,000 molecules to train on, 10,000 to
validate with, the others to test), batches, optimizer, early stopping and processor time; frozen codes share theirs
among the parts of the code, of which the validation part chooses one. Least squares on the counts of elements in the
training part is subtracted from the extensive targets, α and U0, and the mean from the others, for all methods alike.
The test part is read once, after that. Killed at any time, or after the seconds of a ``--sitting``, the same command
goes on. Tables are written to FOLDER as Markdown and CSV.
Data: the folder ``qm9`` in TG_MOLFIELD_DATA.
"""

from __future__ import annotations

import csv
import os
import platform
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from benchmark_qm9_codes import CODE_PARTS, learned, network, read_codes, ridge
from benchmark_qm9_data import TRAIN, UNITS, Residuals, Task, read_task
from benchmark_qm9_networks import EncoderNetwork, LatentNetwork, SchNetNetwork
from benchmark_qm9_training import (
    WATCHED,
    Sitting,
    SittingOverError,
    Training,
    predictions,
    read_json,
    write_json,
)
from torch import Tensor, nn

from tg_molfield import FieldAutoEncoder

CODE_BATCH = 256
SCHNETS = {"SchNet, 128 channels, 6 interactions": 128, "SchNet, 64 channels, 3 interactions": 64}
FROZEN, TUNED, FRESH = "frozen code, small network", "encoder fine-tuned", "the same network from scratch"
RIDGE, COUNTS = "frozen code, ridge regression", "counts of elements; the mean"
LATENTS = {"encoder of qm9-latent, fine-tuned": False, "encoder of qm9-latent, from scratch": True}
METHODS = (COUNTS, RIDGE, FROZEN, TUNED, FRESH, *LATENTS, *SCHNETS)


@dataclass
class Benchmark:
    """One training size of the benchmark.

    Attributes:
        task: the molecules and their split.
        size: how many molecules there are to train on.
        training: how networks are trained.
        root: the folder of all results.
        folder: that of this size.
    """

    task: Task
    size: int
    training: Training
    root: Path
    folder: Path

    def row(self, method: str) -> dict[str, Any]:
        """The row of the table for a method, computed unless it is in the folder.

        Raises:
            SittingOverError: it is not done yet.
        """
        path = self.folder / file_name(method) / "result.json"
        if path.exists():
            return read_json(path)
        residuals = self.task.residuals(self.size)
        if method == COUNTS:
            zero = torch.zeros(len(self.task.parts["test"]), len(self.task.targets))
            found, took = {"test": zero}, {}
        elif method in (RIDGE, FROZEN):
            found, took = self._from_codes(method, residuals, path.parent)
        else:
            found, took = self._from_molecules(method, residuals, path.parent)
        error = self._errors(found["test"], "test", residuals)
        row = {"method": method, "molecules": self.size, **took, **dict(zip(self.task.targets, error, strict=True))}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, row)
        return row

    def _errors(self, found: Tensor, part: str, residuals: Residuals) -> list[float]:
        rows = self.task.parts[part]
        restored = residuals.restored(found, self.task.counts[rows])
        return (restored - self.task.y[rows]).abs().mean(0).tolist()

    def _from_codes(self, method: str, residuals: Residuals, folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Predictions from the part of the code that is best in validation."""
        task, parts_of_time = self.task, self.training.seconds / len(CODE_PARTS)
        model = FieldAutoEncoder.from_pretrained("organic-small")
        where = self.root / f"codes-{len(task.dataset)}-{task.seed}"
        codes, embedding = read_codes(task, self.size, model, where, self.training.sitting)
        training = replace(self.training, seconds=parts_of_time, batch_size=CODE_BATCH)
        true = learned(task, residuals, codes)["valid"]
        tried, spent = [], 0.0
        for label, columns in CODE_PARTS.items():
            start = time.process_time()
            part = {name: columns(model, whole) for name, whole in codes.items()}
            if method == RIDGE:
                found, took = ridge(task, residuals, part), {}
                spent += time.process_time() - start
            else:
                found, took = network(task, residuals, part, training, folder / label)
                spent += took["cpu_seconds"]
            tried.append((float((found["valid"] - true).abs().mean()), label, found, took))
        _, label, found, took = min(tried, key=lambda one: one[0])
        return found, {**took, "cpu_seconds": spent, "embedding_seconds": embedding, "part": label}

    def _from_molecules(
        self, method: str, residuals: Residuals, folder: Path
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        parts = {name: self.task.dataset[rows] for name, rows in self.task.parts.items()}
        trained, took = self.training.run(
            file_name(method) if method in SCHNETS else "latent" if method in LATENTS else "encoder",
            self._maker(method, residuals),
            parts["train"][: self.size],
            parts["valid"][:WATCHED],
            residuals,
            folder,
        )
        return {"test": predictions(trained, parts["test"], residuals)}, took

    def _maker(self, method: str, residuals: Residuals) -> Callable[[], nn.Module]:
        if method in SCHNETS:
            return lambda: SchNetNetwork(self.task, residuals, SCHNETS[method])
        if method in LATENTS:
            latent = FieldAutoEncoder.from_pretrained("qm9-latent")
            return lambda: LatentNetwork(self.task, latent, LATENTS[method])
        pretrained = FieldAutoEncoder.from_pretrained("organic-small") if method == TUNED else None
        return lambda: EncoderNetwork(self.task, pretrained)


def file_name(method: str) -> str:
    return re.sub(r"\W+", "_", method)


def markdown(rows: list[dict[str, Any]], targets: tuple[str, ...]) -> str:
    """The table; times in seconds of processor time."""
    names = [f"{name}, {UNITS[name][0]}" for name in targets]
    lines = [
        f"| method | molecules | {' | '.join(names)} | training, CPU s | steps (epochs) |",
        "|---|---|" + "---|" * (len(names) + 2),
    ]
    for row in rows:
        method = f"{row['method']} ({row['part']})" if "part" in row else row["method"]
        errors = " | ".join(f"{row[name]:.0f}" if row[name] >= 100 else f"{row[name]:.3g}" for name in targets)
        seconds = f"{row['cpu_seconds']:.0f}" if "cpu_seconds" in row else ""
        if "embedding_seconds" in row:
            seconds += f" + {row['embedding_seconds']:.0f} for codes"
        steps = f"{row['steps']} ({row['epochs']:.1f})" if "steps" in row else ""
        lines.append(f"| {method} | {row['molecules']:,} | {errors} | {seconds} | {steps} |")
    return "\n".join(lines) + "\n"


def write_csv(path: Path, rows: list[dict[str, Any]], targets: tuple[str, ...]) -> None:
    columns = ["method", "part", "molecules", *targets, "cpu_seconds", "embedding_seconds", "steps", "epochs"]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def hardware(threads: int) -> str:
    """The machine in words."""
    name, info = platform.machine(), Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores, {threads} thread{'s' if threads > 1 else ''}, torch {torch.__version__}"


def main(
    folder: Annotated[Path, typer.Argument(help="for the data set, codes, checkpoints and tables")],
    seconds: Annotated[float, typer.Option(help="processor time for each training")] = 1800,
    sitting: Annotated[float | None, typer.Option(help="seconds after which this call ends, to be repeated")] = None,
    sizes: Annotated[str, typer.Option(help="how many molecules to train on")] = f"10000,{TRAIN}",
    methods: Annotated[str, typer.Option(help="words of the methods to compare, such as frozen,SchNet")] = "",
    targets: Annotated[str, typer.Option(help="what one network predicts together")] = ",".join(UNITS),
    batch_size: int = 32,
    threads: int = 1,
    seed: int = 0,
    limit: Annotated[int | None, typer.Option(help="take so many molecules, for a try")] = None,
) -> None:
    torch.set_num_threads(threads)
    names = tuple(targets.split(","))
    if unknown := [name for name in names if name not in UNITS]:
        raise typer.BadParameter(f"targets: expected some of {', '.join(UNITS)}, got {unknown[0]}")
    words = [word.strip() for word in methods.split(",")]
    chosen = [method for method in METHODS if any(word in method for word in words)]
    session = Sitting(None if sitting is None else time.monotonic() + sitting)
    folder.mkdir(parents=True, exist_ok=True)
    task = read_task(folder, names, seed, limit)
    label = f"{len(task.dataset)}-{'-'.join(names)}-{seconds:g}s-{batch_size}-{threads}-{seed}"
    training = Training(seconds, batch_size, seed, session, folder / label / "plans")
    rows: list[dict[str, Any]] = []
    try:
        for size in dict.fromkeys(min(int(text), len(task.parts["train"])) for text in sizes.split(",")):
            benchmark = Benchmark(task, size, training, folder, folder / label / str(size))
            for method in chosen:
                rows.append(benchmark.row(method))
                print(f"{size} molecules: {method} is done", flush=True)
    except SittingOverError:
        print("the time of this call is over; repeat the command to go on")
    sizes_of_parts = ", ".join(f"{len(rows_):,} to {name}" for name, rows_ in task.parts.items())
    text = f"{hardware(threads)}; {sizes_of_parts}; mean absolute errors on the test part\n\n{markdown(rows, names)}"
    (folder / f"{label}.md").write_text(text)
    write_csv(folder / f"{label}.csv", rows, names)
    print(text)


if __name__ == "__main__":
    typer.run(main)
