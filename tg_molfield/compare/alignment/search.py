"""The search for the best pose of pairs of molecules: many starts, blurred fields first, few poses to the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.alignment.ascent import Poses, climb
from tg_molfield.compare.alignment.objective import Objective
from tg_molfield.compare.alignment.sides import Side, blurred
from tg_molfield.compare.alignment.starts import axis_rotations
from tg_molfield.compare.metrics import Metric
from tg_molfield.compare.terms import Terms


class Stage(NamedTuple):
    """A part of the search.

    Attributes:
        blur: Å², added to the variance of every Gaussian; it removes local maxima.
        max_iter: the most steps.
        keep: how many poses go on.
    """

    blur: float
    max_iter: int
    keep: int


STAGES = (Stage(0.5, 2, 10), Stage(0.0, 3, 4), Stage(0.0, 60, 1))
BLURS = tuple(sorted({stage.blur for stage in STAGES}))
PAIRS_AT_ONCE = 2**24
"""Pairs of Gaussians of all poses that are held at once."""

_SEARCH_TOLERANCE, _TOLERANCE = 1e-6, 1e-14
_POLISHING = 20


class Found(NamedTuple):
    """The best pose of P pairs, x ↦ R x + t, and its scores.

    Attributes:
        score: [P].
        by_term: [P, K].
        rotation: R [P, 3, 3].
        translation: t [P, 3] in Å.
    """

    score: Tensor
    by_term: Tensor
    rotation: Tensor
    translation: Tensor


@torch.no_grad()
def best_poses(mobile: Side, fixed: Side, weights: Sequence[float], metric: Metric, starts: int) -> Found:
    """The best pose of each pair of molecules.

    The search is in single precision; the best pose is carried to the maximum in double.

    Args:
        mobile: the molecules to move, one a pair.
        fixed: the molecules that stay, one a pair.
        weights: of the terms.
        metric: the measure of likeness.
        starts: the number of poses to start from.
    """
    radius = mobile.frames.radius
    size = radius.float()
    rotations = axis_rotations(starts).to(size)
    poses = Poses(rotations.expand(len(size), -1, 3, 3).contiguous(), size.new_zeros(len(size), starts, 3))
    objectives = {blur: _objective(mobile, fixed, weights, metric, blur, torch.float32) for blur in BLURS}
    for stage in STAGES:
        poses, value = _climbed(objectives[stage.blur], poses, size, stage.max_iter)
        if stage.blur:
            value = torch.cat([objectives[0.0].value(*some) for some in _groups(objectives[0.0], poses)], 1)
        poses = poses.chosen(value.topk(min(value.shape[1], stage.keep), 1).indices)
    exact = _objective(mobile, fixed, weights, metric, 0.0, torch.float64)
    best, score = climb(exact, Poses(*(one.double() for one in poses)), radius, _POLISHING, _TOLERANCE)
    rotation, translation = _orthogonal(best.rotation[:, 0]), best.translation[:, 0]
    back = fixed.frames.axes.transpose(1, 2)
    whole = back @ rotation @ mobile.frames.axes
    shift = fixed.frames.center + _applied(back, translation) - _applied(whole, mobile.frames.center)
    return Found(score[:, 0], exact.by_term(*best)[:, 0], whole, shift)


def _climbed(objective: Objective, poses: Poses, size: Tensor, max_iter: int) -> tuple[Poses, Tensor]:
    found = [climb(objective, some, size, max_iter, _SEARCH_TOLERANCE) for some in _groups(objective, poses)]
    parts, values = zip(*found, strict=True)
    return Poses(*(torch.cat(one, 1) for one in zip(*parts, strict=True))), torch.cat(values, 1)


def _groups(objective: Objective, poses: Poses) -> list[Poses]:
    """The poses in groups that fit in memory together."""
    count = max(1, PAIRS_AT_ONCE // max(1, objective.pairs))
    return [Poses(*some) for some in zip(*(one.split(count, 1) for one in poses), strict=True)]


def _objective(
    mobile: Side, fixed: Side, weights: Sequence[float], metric: Metric, blur: float, dtype: torch.dtype
) -> Objective:
    moved, still = (
        [blurred(Terms(*(one.to(dtype) for one in f)), blur) for f in side.terms] for side in (mobile, fixed)
    )
    own = [(f.to(dtype), g.to(dtype)) for f, g in zip(mobile.own[blur], fixed.own[blur], strict=True)]
    return Objective(moved, still, own, weights, metric)


def _applied(rotation: Tensor, vector: Tensor) -> Tensor:
    return (rotation @ vector[..., None])[..., 0]


def _orthogonal(rotation: Tensor) -> Tensor:
    """The nearest rotation, against what rounding in many steps adds up to."""
    u, _, v = torch.linalg.svd(rotation)
    return u @ v
