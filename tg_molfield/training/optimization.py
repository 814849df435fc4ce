"""`Optimization`: the steps of AdamW on one or several ranks."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tg_molfield.arguments import check_number
from tg_molfield.precision import PRECISIONS

SCHEDULES = ("cosine", "constant")
BETAS = (0.9, 0.98)
"""Of AdamW: the memory of squared gradients is short, as these models need."""


@dataclass(frozen=True)
class Optimization:
    """How a model is trained by AdamW.

    Attributes:
        lr: the maximum learning rate.
        weight_decay: of AdamW.
        clip: the maximum norm of the gradient; infinite for no clipping.
        warmup: the share of the budget in which the learning rate rises linearly.
        schedule: ``"cosine"`` lets it fall to 0 afterwards, ``"constant"`` keeps it.
        ema: the decay of an average of the parameters that takes their place in the end; none if None.
        precision: ``"bfloat16"`` computes the losses in mixed precision, by torch's autocast.

    Raises:
        TypeError: an option is no number.
        ValueError: an option is out of range.
    """

    lr: float = 1e-3
    weight_decay: float = 1e-4
    clip: float = 1.0
    warmup: float = 0.02
    schedule: str = "cosine"
    ema: float | None = None
    precision: str = "float32"

    def __post_init__(self) -> None:
        for name, value in (("lr", self.lr), ("weight_decay", self.weight_decay)):
            check_number(name, value)
            if not 0 <= value < math.inf:
                raise ValueError(f"{name}: expected 0 or more, got {value}; give a positive number")
        check_number("clip", self.clip)
        if not self.clip > 0:
            raise ValueError(f"clip: expected more than 0, got {self.clip}; give float('inf') for no clipping")
        check_number("warmup", self.warmup)
        if not 0 <= self.warmup < 1:
            raise ValueError(
                f"warmup: expected a share of at least 0 and below 1, got {self.warmup}; give for example 0.02"
            )
        for name, text, known in (("schedule", self.schedule, SCHEDULES), ("precision", self.precision, PRECISIONS)):
            if text not in known:
                raise ValueError(
                    f"{name}: expected {' or '.join(map(repr, known))}, got {str(text)[:40]!r}; choose one"
                )

    def described(self) -> dict[str, Any]:
        """The options as JSON values."""
        return {name: value if isinstance(value, str | None) else float(value) for name, value in asdict(self).items()}

    def optimizer(self, model: nn.Module) -> torch.optim.AdamW:
        """AdamW for a model."""
        return torch.optim.AdamW(
            model.parameters(), lr=self.lr, weight_decay=self.weight_decay, betas=BETAS, fused=True
        )

    def lr_at(self, spent: float) -> float:
        """The learning rate when a share of the budget is spent."""
        if spent < self.warmup:
            return self.lr * (spent + 0.1 * self.warmup) / (1.1 * self.warmup)
        if self.schedule == "constant":
            return self.lr
        return self.lr * 0.5 * (1 + math.cos(math.pi * (spent - self.warmup) / (1 - self.warmup)))

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context in which losses are computed."""
        return torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16")


def optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module) -> dict[str, Tensor]:
    """The state of an optimizer, by parameter and name."""
    return {
        f"{name}.{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def set_optimizer_tensors(optimizer: torch.optim.Optimizer, model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Set what :func:`optimizer_tensors` gave."""
    parameters = dict(model.named_parameters())
    for full, value in tensors.items():
        name, key = full.rsplit(".", 1)
        optimizer.state[parameters[name]][key] = value.to(parameters[name].device)
