"""The search for the best pose of pairs of molecules: many starts, blurred fields first, few poses to the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.alignment.ascent import Ascent, Poses, climb
from tg_molfield.compare.alignment.objective import Objective
from tg_molfield.compare.alignment.self_overlap import blurred
from tg_molfield.compare.alignment.sides import Side, single
from tg_molfield.compare.alignment.starts import start_rotations
from tg_molfield.compare.metrics import Metric


class Stage(NamedTuple):
    """A part of the search.

    Attributes:
        blur: Å², added to the variance of every Gaussian; it removes local maxima.
        steps: the steps that every pose makes.
        keep: how many of the most promising poses go on.
    """

    blur: float
    steps: int
    keep: int


class Plan(NamedTuple):
    """Where a search starts and how it narrows down; its last poses climb to their maxima.

    Attributes:
        starts: the number of poses to start from.
        stages: its parts.
    """

    starts: int
    stages: tuple[Stage, ...]


PLANS = {
    "fast": Plan(4, (Stage(0.5, 2, 3), Stage(0.0, 2, 2))),
    "normal": Plan(24, (Stage(0.5, 0, 16), Stage(0.5, 1, 10), Stage(0.5, 1, 6), Stage(0.0, 2, 3))),
    "thorough": Plan(56, (Stage(0.5, 2, 36), Stage(0.0, 3, 12))),
}
BLURS = tuple(sorted({0.0} | {stage.blur for plan in PLANS.values() for stage in plan.stages}))
_SEARCH_TOLERANCE, _TOLERANCE = 1e-4, 1e-10
"""Of the score, promised before the last step, which is Newton's: what remains is about the square."""

_MAX_ITER = 60


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
def best_poses(mobile: Side, fixed: Side, weights: Sequence[float], metric: Metric, plan: Plan) -> Found:
    """The best pose of each pair of molecules.

    The search is in single precision; the best pose is carried to the maximum in double.

    Args:
        mobile: the molecules to move, one a pair.
        fixed: the molecules that stay, one a pair.
        weights: of the terms.
        metric: the measure of likeness.
        plan: of the search.
    """
    radius = mobile.frames.radius
    size = radius.float()
    blurs = {0.0, *(stage.blur for stage in plan.stages)}
    objectives = {blur: _rough(mobile, fixed, weights, metric, blur) for blur in blurs}
    found = climb(_narrowed(objectives, size, plan), _MAX_ITER, _SEARCH_TOLERANCE)
    first = found.value.argmax(1)[:, None, None]
    rotation = found.poses.rotation.gather(1, first[..., None].expand(-1, 1, 3, 3)).double()
    best = Poses(_orthogonal(rotation), found.poses.translation.gather(1, first.expand(-1, 1, 3)).double())
    exact = Objective(mobile.terms, fixed.terms, list(zip(mobile.own, fixed.own, strict=True)), weights, metric)
    found = climb(Ascent.at(exact, best, radius), _MAX_ITER, _TOLERANCE)
    rotation, translation = found.poses.rotation[:, 0], found.poses.translation[:, 0]
    back = fixed.frames.axes.transpose(1, 2)
    whole = back @ rotation @ mobile.frames.axes
    shift = fixed.frames.center + _applied(back, translation) - _applied(whole, mobile.frames.center)
    return Found(found.value[:, 0], found.by_term[:, 0], whole, shift)


def _narrowed(objectives: Mapping[float, Objective], size: Tensor, plan: Plan) -> Ascent:
    """The poses that go through all stages, and climb without blur."""
    rotations = start_rotations(plan.starts).to(size).expand(len(size), -1, 3, 3).contiguous()
    poses = Poses(rotations, size.new_zeros(len(size), plan.starts, 3))
    blur = plan.stages[0].blur
    ascent = Ascent.at(objectives[blur], poses, size)
    for stage in plan.stages:
        if stage.blur != blur:
            blur, ascent = stage.blur, Ascent.at(objectives[stage.blur], ascent.poses, size)
        for _ in range(stage.steps):
            ascent.take(ascent.proposed())
        ascent = ascent.best(stage.keep)
    return ascent if blur == 0 else Ascent.at(objectives[0.0], ascent.poses, size)


def _rough(mobile: Side, fixed: Side, weights: Sequence[float], metric: Metric, blur: float) -> Objective:
    """The score that poses are searched with, in single precision."""
    moved, still = ([blurred(single(terms), blur) for terms in side.rough] for side in (mobile, fixed))
    own = list(zip(mobile.rough_own[blur], fixed.rough_own[blur], strict=True))
    return Objective(moved, still, own, weights, metric)


def _applied(rotation: Tensor, vector: Tensor) -> Tensor:
    return (rotation @ vector[..., None])[..., 0]


def _orthogonal(rotation: Tensor) -> Tensor:
    """The nearest rotations, without what rounding in many steps has added up to."""
    u, _, v = torch.linalg.svd(rotation)
    return u @ v
