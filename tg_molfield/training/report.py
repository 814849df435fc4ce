"""`TrainingReport`: the course of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

from tg_molfield.display.card import Picture, card
from tg_molfield.display.curve import curve
from tg_molfield.training.validation import Validation


@dataclass
class TrainingReport:
    """The course of a training.

    Attributes:
        losses: the loss of every step; of several ranks, the mean over all their molecules.
        seconds: the wall time, that before an interruption included.
        validations: in order.
        ended: ``"budget"``; ``"patience"`` where the validation did not improve any more; or ``"seconds"`` where
            ``max_seconds`` beside another budget ended this part; empty while it goes on.
    """

    losses: list[float] = field(default_factory=list, repr=False)
    seconds: float = 0.0
    validations: list[Validation] = field(default_factory=list)
    ended: str = ""

    def _repr_html_(self) -> str:
        best = self.best
        facts = {
            "steps": f"{self.steps:,}" + (f", ended by {self.ended}" if self.ended else ""),
            "time": f"{self.seconds:.0f} s",
            "last loss": self.losses[-1] if self.losses else None,
            "best validation": best and f"loss {best.loss:.4g} after step {best.step:,}",
        }
        courses = {"loss": self.losses, "validation loss": [one.loss for one in self.validations]}
        pictures = [
            Picture(curve(losses, logarithmic=True), f"{name}, logarithmic: from {losses[0]:.3g} to {losses[-1]:.3g}")
            for name, losses in courses.items()
            if losses
        ]
        return card("TrainingReport", facts, pictures)

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.losses)

    @property
    def best(self) -> Validation | None:
        """The validation with the least loss, the first of equals; None without any."""
        return min(self.validations, key=lambda one: one.loss, default=None)
