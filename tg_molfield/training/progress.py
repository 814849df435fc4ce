"""How far a training is, in a terminal, a notebook or a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tg_molfield.training.report import TrainingReport

Show = Callable[["TrainingReport", float], None]

_RECENT = 50
"""Steps whose mean loss is shown."""


@contextmanager
def shown(progress: Show | bool | None) -> Iterator[Show]:
    """What to call after every step with the report so far and the share of the budget that is spent.

    Args:
        progress: a function, None for a bar in a terminal or notebook; True and False for one or none anywhere.

    Raises:
        TypeError: it is something else.
    """
    if not (progress is None or isinstance(progress, bool) or callable(progress)):
        raise TypeError(
            f"progress: expected a function, True, False or None, got {type(progress).__name__}; give True for a bar"
        )
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    if callable(progress):
        yield progress
    elif progress or (progress is None and (console.is_terminal or console.is_jupyter)):
        columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task("step 0", total=1.0)

            def show(report: TrainingReport, spent: float) -> None:
                bar.update(task, description=sentence(report), completed=spent)

            yield show
    else:
        yield lambda report, spent: None


def sentence(report: TrainingReport) -> str:
    """The step, the recent loss and the last validation in a line."""
    recent = report.losses[-_RECENT:]
    text = f"step {report.steps}"
    if recent:
        text += f", loss {sum(recent) / len(recent):.4g}"
    if report.validations:
        last = report.validations[-1]
        quality = f"loss {last.loss:.4g}" if math.isnan(last.psnr) else f"{last.psnr:.1f} dB"
        text += f", validation {quality}"
    return text
