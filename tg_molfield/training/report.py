"""`TrainingReport`: the course of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from tg_molfield.training.validation import Validation


@dataclass
class TrainingReport:
    """The course of a training.

    Attributes:
        losses: the loss of every step; of several ranks, the mean over all their molecules.
        seconds: the wall time, that before an interruption included.
        validations: in order.
        ended: ``"budget"``, or ``"patience"`` where the validation did not improve any more; empty while it goes on.
    """

    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    validations: list[Validation] = field(default_factory=list)
    ended: str = ""

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.losses)

    @property
    def best(self) -> Validation | None:
        """The validation with the least loss, the first of equals; None without any."""
        return min(self.validations, key=lambda one: one.loss, default=None)
