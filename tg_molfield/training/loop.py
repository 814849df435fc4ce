"""A plain training loop with a budget of steps or seconds."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch_geometric.data import Data

from tg_molfield.arguments import check_integers, check_kind
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.random_stream import RandomStream
from tg_molfield.training.losses import FieldLoss

Model = TypeVar("Model", bound=nn.Module)


@dataclass
class TrainingReport:
    """The course of a training run.

    Attributes:
        losses: the loss of every step.
        seconds: the wall time.
    """

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.losses)


def fit(
    model: Model,
    batches: Iterable[Data],
    loss: Callable[[Model, Data], Tensor] | None = None,
    *,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    lr: float = 1e-3,
    weight_decay: float = 1e-4,
    clip: float = 1.0,
    warmup: float = 0.02,
    seed: int = 0,
    progress: Callable[[TrainingReport, float], None] | None = None,
) -> TrainingReport:
    """Train ``model`` in place with AdamW and leave it in evaluation mode.

    The learning rate rises linearly during the first ``warmup`` of the budget and then falls to 0 along a cosine. If
    both budgets are given, training ends when the first is spent. A run limited by steps is reproducible from
    ``seed``, also where several run in threads. The global state of torch's generator is not changed.

    Args:
        model: a `FieldAutoEncoder`, or another module together with a loss for it.
        batches: a `DataLoader` or another iterable of batches on the model's device, repeated as often as needed.
        loss: a differentiable function of the model and a batch; `FieldLoss` by default.
        max_steps: the budget in steps.
        max_seconds: the budget in seconds.
        lr: the maximum learning rate.
        weight_decay: the weight decay of AdamW.
        clip: the maximum norm of the gradient.
        warmup: the fraction of the budget for the warm-up.
        seed: the seed of shuffling, sampling and random frames.
        progress: called after each step with the report so far and the fraction of the budget spent.

    Raises:
        ValueError: no budget is given or one is negative, or there are no batches.
        TypeError: ``loss`` is None and ``model`` is not a `FieldAutoEncoder`.
        FloatingPointError: the loss is not finite.
    """
    if max_steps is None and max_seconds is None:
        raise ValueError("max_steps, max_seconds: expected at least one budget, got None for both; give one")
    check_integers(max_steps=max_steps, seed=seed)
    for name, budget in (("max_steps", max_steps), ("max_seconds", max_seconds)):
        if budget is not None and not budget >= 0:
            raise ValueError(f"{name}: expected 0 or more, got {budget}; give a budget")
    check_kind("model", model, nn.Module, "a model", "give a FieldAutoEncoder")
    if loss is not None and not callable(loss):
        raise TypeError(
            f"loss: expected a function of a model and a batch, got {type(loss).__name__}; leave it out, or give for "
            "example FieldLoss()"
        )
    if loss is None and not isinstance(model, FieldAutoEncoder):
        raise TypeError(
            f"loss: expected a function for a {type(model).__name__}, got None; give one or train a FieldAutoEncoder"
        )
    measure: Callable[[Any, Data], Tensor] = FieldLoss() if loss is None else loss
    report = TrainingReport()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=weight_decay, betas=(0.9, 0.98), fused=True)
    random = RandomStream(seed)
    model.train()
    begin = time.perf_counter()
    stream = _endless(batches)
    spent = 1.0 if max_steps == 0 or max_seconds == 0 else 0.0
    while spent < 1:
        for group in optimizer.param_groups:
            group["lr"] = lr * _schedule(spent, warmup)
        optimizer.zero_grad(set_to_none=True)
        with random.active():
            value = measure(model, next(stream))
        if not math.isfinite(float(value.detach())):
            raise FloatingPointError(
                f"loss: expected a finite number, got {float(value.detach())} at step {report.steps}; "
                f"use lr below {lr} or check the data"
            )
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        report.losses.append(float(value.detach()))
        report.seconds = time.perf_counter() - begin
        spent = max(
            report.steps / max_steps if max_steps else 0.0, report.seconds / max_seconds if max_seconds else 0.0
        )
        if progress is not None:
            progress(report, min(spent, 1.0))
    model.eval()
    return report


def _schedule(spent: float, warmup: float) -> float:
    if spent < warmup:
        return (spent + 0.1 * warmup) / (1.1 * warmup)
    return 0.5 * (1 + math.cos(math.pi * (spent - warmup) / (1 - warmup)))


def _endless(batches: Iterable[Data]) -> Iterator[Data]:
    while True:
        empty = True
        for batch in batches:
            empty = False
            yield batch
        if empty:
            raise ValueError(
                "batches: expected at least one batch, got none; give a list or a DataLoader, not an iterator"
            )
