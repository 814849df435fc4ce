"""`Budget`: how long a training goes on."""

from __future__ import annotations

from dataclasses import dataclass

from tg_molfield.arguments import check_integers, check_number


@dataclass(frozen=True)
class Budget:
    """How long a training goes on; the first limit that is reached ends it.

    Attributes:
        max_epochs: passes through the data.
        max_steps: steps of the optimizer.
        max_seconds: alone, the seconds of the training, those before an interruption counted; beside another limit, the
            seconds of this part of it, after which it can go on.

    Raises:
        TypeError: a limit is no number.
        ValueError: there is none, or one is negative.
    """

    max_epochs: int | None = None
    max_steps: int | None = None
    max_seconds: float | None = None

    def __post_init__(self) -> None:
        check_integers(max_epochs=self.max_epochs, max_steps=self.max_steps)
        limits = {"max_epochs": self.max_epochs, "max_steps": self.max_steps, "max_seconds": self.max_seconds}
        if all(limit is None for limit in limits.values()):
            raise ValueError(f"{', '.join(limits)}: expected at least one budget, got None for all; give one")
        for name, limit in limits.items():
            if limit is None:
                continue
            check_number(name, limit)
            if not limit >= 0:
                raise ValueError(f"{name}: expected 0 or more, got {limit}; give a budget")
            object.__setattr__(self, name, float(limit) if name == "max_seconds" else int(limit))

    def steps(self, per_epoch: int | None) -> int | None:
        """The steps to take, where epochs or steps are limited.

        Raises:
            ValueError: epochs are limited of data that has none.
        """
        if self.max_epochs is None:
            return self.max_steps
        if per_epoch is None:
            raise ValueError(
                f"max_epochs: expected None for data without epochs, got {self.max_epochs}; give max_steps"
            )
        epochs = self.max_epochs * per_epoch
        return epochs if self.max_steps is None else min(epochs, self.max_steps)

    def share(self, steps: int, seconds: float, per_epoch: int | None) -> float:
        """The share of the budget that is spent, from 0 to 1: of the steps, where limited, else of the seconds.

        The learning rate follows it, so that it does not depend on the clock where there are steps to count.
        """
        total = self.steps(per_epoch)
        limit, spent = (self.max_seconds, seconds) if total is None else (total, steps)
        assert limit is not None
        return min(spent / limit, 1.0) if limit else 1.0

    def is_late(self, seconds: float) -> bool:
        """Whether a part of the training that has taken so long ends before the rest of it."""
        parts = self.max_epochs is not None or self.max_steps is not None
        return parts and self.max_seconds is not None and seconds >= self.max_seconds
