"""Corrections of how Lightning (2.5 and 2.6) counts steps and epochs of runs that are resumed more than once."""

from __future__ import annotations

from typing import Any


def drop_unfinished_step(loops: dict[str, Any]) -> None:
    """Count a step that failed as not begun, in the ``"loops"`` of a checkpoint.

    Lightning takes the step up again but leaves it in the totals, and from then on takes each checkpoint for one
    within a step.
    """
    progress = loops["fit_loop"]["epoch_loop.batch_progress"]
    open_steps = progress["current"]["processed"] - progress["current"]["completed"]
    for count in progress["current"], progress["total"]:
        count |= {"ready": count["processed"], "started": count["processed"]}
        count["completed"] = count["processed"] - open_steps


def begin_epoch(fit_loop: Any) -> None:
    """Count the epoch that begins where a run is resumed from a checkpoint after the last step of an epoch.

    Lightning does not, and later takes the checkpoints of this epoch for those of one that has ended.
    """
    progress = fit_loop.epoch_progress
    if fit_loop.restarted_mid_epoch and progress.current.ready == progress.current.processed:
        progress.increment_ready()
        progress.increment_started()
