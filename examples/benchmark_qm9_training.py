"""Training for the benchmark on QM9, within a budget of processor time that is spent in any number of sittings."""

from __future__ import annotations

import copy
import itertools
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader

from tg_molfield.training import TrainingReport, fit

LR = 1e-3
PATIENCE = 3
WATCHED = 1000
"""Molecules of the validation part that are watched while a network is trained."""
TIMED, WARM_UP = 20, 4


class SittingOverError(Exception):
    """The time of this call is over; the next one goes on."""


@dataclass
class Sitting:
    """The time of this call.

    Attributes:
        end: on the clock of ``time.monotonic``; None for no end.
    """

    end: float | None

    def left(self) -> float | None:
        """The seconds left; none are refused.

        Raises:
            SittingOverError: the time is over.
        """
        if self.end is None:
            return None
        if (seconds := self.end - time.monotonic()) <= 0:
            raise SittingOverError
        return seconds


@dataclass
class Training:
    """How networks are trained.

    Attributes:
        seconds: of processor time.
        batch_size: molecules in a batch.
        seed: of parameters, order and frames.
        sitting: the time of this call.
        plans: the folder that keeps how many steps fit into the budget.
    """

    seconds: float
    batch_size: int
    seed: int
    sitting: Sitting
    plans: Path

    def run(
        self, kind: str, make: Callable[[], nn.Module], train: Any, valid: Any, transform: Any, folder: Path
    ) -> tuple[nn.Module, dict[str, Any]]:
        """A network trained by `fit`, and what it took: ``steps``, ``cpu_seconds`` and ``epochs``.

        The first training of a ``kind`` of network turns the seconds into steps by timing some, so that the course of
        a training does not depend on the clock, and networks alike have as many steps. The processor time that is
        told is measured, validation included.

        Raises:
            SittingOverError: the training is not done yet.
        """
        self.sitting.left()
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(self.seed)
        network = make()
        plan = self.plans / f"{kind}.json"
        if not plan.exists():
            plan.parent.mkdir(parents=True, exist_ok=True)
            write_json(plan, {"steps": self._steps(network, train, transform)})
        steps = read_json(plan)["steps"]
        meter = Meter(folder / "spent.json")
        report = fit(
            network,
            train,
            absolute_error,
            valid=valid,
            transform=transform,
            batch_size=self.batch_size,
            max_steps=steps,
            max_seconds=self.sitting.left(),
            lr=LR,
            validate_every=max(1, steps // 8),
            patience=PATIENCE,
            folder=folder,
            checkpoint_seconds=30.0,
            seed=self.seed,
            progress=meter,
        )
        if report.ended == "seconds":
            raise SittingOverError
        meter.write()
        epochs = report.steps * self.batch_size / len(train)
        return network, {"steps": report.steps, "cpu_seconds": meter.seconds, "epochs": epochs}

    def _steps(self, network: nn.Module, train: Any, transform: Any) -> int:
        """How many steps fit into the budget."""
        clock: list[float] = []
        trial = copy.deepcopy(network)
        fit(
            trial,
            train,
            absolute_error,
            transform=transform,
            batch_size=self.batch_size,
            max_steps=TIMED + WARM_UP,
            seed=self.seed,
            progress=lambda report, share: clock.append(time.process_time()),
        )
        each = [after - before for before, after in itertools.pairwise(clock[WARM_UP - 1 :])]
        return max(1, round(self.seconds / statistics.median(each)))


class Meter:
    """Adds up the processor time of a training, over interruptions, too.

    Args:
        path: where it is kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = read_json(path)["cpu_seconds"] if path.exists() else 0.0
        self._start = self._written = time.process_time()

    @property
    def seconds(self) -> float:
        return self._before + time.process_time() - self._start

    def __call__(self, report: TrainingReport, share: float) -> None:
        if time.process_time() - self._written > 5:
            self.write()
            recent = sum(report.losses[-50:]) / len(report.losses[-50:])
            print(f"{self._path.parent.name}: {share:.0%}, step {report.steps}, loss {recent:.4f}", flush=True)

    def write(self) -> None:
        self._written = time.process_time()
        write_json(self._path, {"cpu_seconds": self.seconds})


def absolute_error(network: nn.Module, batch: Batch) -> Tensor:
    """The mean absolute error in standard deviations."""
    return nn.functional.l1_loss(network(batch), batch.target)


@torch.no_grad()
def predictions(network: nn.Module, dataset: Any, transform: Callable[[Batch], Batch]) -> Tensor:
    """What a network predicts, in standard deviations [M, T]."""
    return torch.cat([network(transform(batch)) for batch in DataLoader(dataset, batch_size=256)])


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def write_json(path: Path, value: dict[str, Any]) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(value, indent=1) + "\n")
    os.replace(partial, path)
