"""How far a training is, in words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from tg_molfield.progress import duration

if TYPE_CHECKING:
    from tg_molfield.training.report import TrainingReport

Show = Callable[["TrainingReport", float], None]

_RECENT = 50
"""Steps whose mean loss is shown."""


def described(report: TrainingReport, share: float) -> tuple[str, float]:
    """The step, the recent loss, the last validation and the time left in a line, and the share that is spent."""
    recent = report.losses[-_RECENT:]
    text = f"step {report.steps}"
    if recent:
        text += f", loss {sum(recent) / len(recent):.4g}"
    if report.validations:
        last = report.validations[-1]
        quality = f"loss {last.loss:.4g}" if math.isnan(last.psnr) else f"{last.psnr:.1f} dB"
        text += f", validation {quality}"
    if 0 < share < 1:
        text += f", {duration(report.seconds * (1 - share) / share)} left"
    return text, share
