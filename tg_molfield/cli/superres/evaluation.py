"""Reconstructions and interpolations compared with the true field."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from tg_molfield.cli.superres.problem import Problem
from tg_molfield.fields import Field, Grid, Volume
from tg_molfield.metrics import PSNR

BASELINES = ("zero", "trilinear", "cubic spline")
TOGETHER = "together"
"""The entry for all channels together in a table of channels."""


@dataclass(frozen=True)
class Row:
    """The PSNR of one method in one channel, or in all together, by the name of the reference."""

    method: str
    channel: str
    ratios: dict[str, PSNR]


def baselines(samples: Volume) -> dict[str, Field]:
    """The zero field and interpolations of the samples, in the order of `BASELINES`."""
    return dict(zip(BASELINES, (0.0 * samples, samples, samples.interpolated("cubic")), strict=True))


@torch.no_grad()
def evaluate(problem: Problem, fields: dict[str, Field]) -> tuple[list[Row], dict[str, Volume]]:
    """The PSNR of each field against each reference, and the fields on the finest grid."""
    ratios: dict[tuple[str, str], dict[str, PSNR]] = {}
    finest: dict[str, Volume] = {}
    for method, field in fields.items():
        on: dict[Grid, Volume] = {}
        for label, reference in problem.references.items():
            grid = reference.truth.grid
            on[grid] = field.on(grid)
            for channel in (None, *reference.truth.channels):
                ratio = reference.psnr(on[grid], channel)
                ratios.setdefault((method, TOGETHER if channel is None else channel), {})[label] = ratio
        finest[method] = on[problem.finest] if problem.finest in on else field.on(problem.finest)
    return [Row(method, channel, found) for (method, channel), found in ratios.items()], finest
