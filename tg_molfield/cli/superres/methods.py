"""The fields that are compared: a fitted one, and what interpolation gives for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tg_molfield.cli.superres.problem import Problem
from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.metrics import PSNR
from tg_molfield.nn import AutoDecoderReport, FieldAutoDecoder
from tg_molfield.nn.autodecoder.model import CODED

BASELINES = ("zero", "trilinear", "cubic spline")
TOGETHER = "together"
"""What stands in a table of channels for all of them together."""

_PAPER = {"width": 256, "num_layers": 8}


@dataclass(frozen=True)
class Row:
    """How near one method came in one channel, or in all together: ratios by yardstick."""

    method: str
    channel: str
    ratios: dict[str, PSNR]


def fitted(
    problem: Problem,
    decoder: str,
    seed: int,
    max_steps: int | None,
    max_seconds: float | None,
    checkpoint: Path | None,
    progress: Callable[[str, float], None],
) -> tuple[FieldAutoDecoder, AutoDecoderReport]:
    """A `FieldAutoDecoder` fitted to the samples of ``problem``.

    Raises:
        ValueError: the decoder needs atoms that are not known, or an option does not go with it.
    """
    known: dict[str, dict[str, Any]] = {"mixture": {"widths": problem.widths}, "siren": _PAPER}
    budget = {"max_steps": max_steps, "max_seconds": max_seconds}
    if decoder == "anchored" and problem.atoms is None:
        raise ValueError("--decoder anchored: needs atoms; give a structure, or choose mixture or kriging")
    model = FieldAutoDecoder(
        problem.samples.channels, decoder=decoder, decoder_options=known.get(decoder, {}), seed=seed
    )
    report = model.fit(
        problem.samples,
        atoms=problem.atoms if decoder == "anchored" else None,
        seed=seed,
        checkpoint=checkpoint,
        progress=progress,
        **(budget if decoder in CODED or any(budget.values()) else {}),  # type: ignore[arg-type]
    )
    return model, report


def baselines(samples: Volume) -> dict[str, Field]:
    """What the samples give without a fit, in the order of `BASELINES`."""
    return dict(zip(BASELINES, (0.0 * samples, samples, samples.interpolated("cubic")), strict=True))


@torch.no_grad()
def judged(problem: Problem, fields: dict[str, Field]) -> tuple[list[Row], dict[str, Volume]]:
    """How near each field comes by each yardstick, and the fields on the finest grid."""
    ratios: dict[tuple[str, str], dict[str, PSNR]] = {}
    finest: dict[str, Volume] = {}
    for method, field in fields.items():
        on: dict[Grid, Volume] = {}
        for label, yardstick in problem.yardsticks.items():
            grid = yardstick.truth.grid
            on[grid] = field.on(grid)
            for channel in (None, *yardstick.truth.channels):
                ratio = yardstick.psnr(on[grid], channel)
                ratios.setdefault((method, TOGETHER if channel is None else channel), {})[label] = ratio
        finest[method] = on[problem.finest] if problem.finest in on else field.on(problem.finest)
    return [Row(method, channel, found) for (method, channel), found in ratios.items()], finest
