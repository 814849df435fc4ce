"""Newton's method with a trust region, for many poses of many pairs at once."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.compare.alignment.objective import Objective, Slopes
from tg_molfield.compare.alignment.rigid_motion import rotation_of
from tg_molfield.compare.alignment.trust_region import best_step

RADIUS = 1.5
"""Å: how far the atoms at one radius of gyration may move in the first step."""


_AHEAD = 0.3
_COMPACT = 0.7
"""Poses at rest are taken out when fewer than this share of the pairs moves."""


class Poses(NamedTuple):
    """Poses u = R x + t.

    Attributes:
        rotation: R [P, S, 3, 3].
        translation: t [P, S, 3].
    """

    rotation: Tensor
    translation: Tensor


def climb(start: Ascent, max_iter: int, tolerance: float) -> Ascent:
    """Poses of a greater score.

    Args:
        start: poses of P pairs, which set out with the first radius again; it is changed.
        max_iter: the most steps.
        tolerance: a pose rests when its quadratic model promised less than this before its last step.
    """
    whole = state = start
    start.renew()
    pairs = torch.arange(len(start.slopes.value), device=start.slopes.value.device)
    for _ in range(max_iter):
        active = state.advance(tolerance)
        if int(active.sum()) < _COMPACT * len(active):
            whole.replace(pairs, state)
            rows = active.nonzero()[:, 0]
            if not len(rows):
                break
            pairs, state = pairs[rows], state.pairs(rows)
    whole.replace(pairs, state)
    return whole


class Ascent:
    """Poses on their way up: derivatives, scales of the six parameters [P, 6] and trust radii [P, S]."""

    def __init__(self, objective: Objective, poses: Poses, slopes: Slopes, scale: Tensor, radius: Tensor) -> None:
        self._objective, self.poses, self.slopes, self._scale, self._radius = objective, poses, slopes, scale, radius

    @classmethod
    def at(cls, objective: Objective, poses: Poses, size: Tensor) -> Ascent:
        """Poses before their first step.

        Args:
            objective: of P pairs.
            poses: S for each pair.
            size: the radius of gyration of the moved molecules [P] in Å, which makes angles lengths.
        """
        slopes = objective.slopes(*poses)
        scale = torch.stack([size, size, size, *[torch.ones_like(size)] * 3], 1)
        return cls(objective, poses, slopes, scale, torch.full_like(slopes.value, RADIUS))

    def pairs(self, rows: Tensor) -> Ascent:
        """Some of the pairs."""
        poses, slopes = Poses(*(one[rows] for one in self.poses)), Slopes(*(one[rows] for one in self.slopes))
        return Ascent(self._objective.part(rows), poses, slopes, self._scale[rows], self._radius[rows])

    def replace(self, rows: Tensor, other: Ascent) -> None:
        """Put the poses of another ascent in place of those of some pairs."""
        if other is self:
            return
        for mine, theirs in zip((*self.poses, *self.slopes), (*other.poses, *other.slopes), strict=True):
            mine[rows] = theirs

    def renew(self) -> None:
        """Let the next step be as long as the first; a radius that has shrunk would pass for a pose at rest."""
        self._radius = torch.full_like(self._radius, RADIUS)

    def best(self, count: int) -> Ascent:
        """The poses of each pair that promise most: their score, and what 0.3 Å along the gradient would add."""
        promise = self.slopes.value + _AHEAD * (self.slopes.gradient / self._scale[:, None]).norm(dim=2)
        index = promise.topk(min(count, promise.shape[1]), 1).indices
        poses = Poses(*(_gathered(one, index) for one in self.poses))
        slopes = Slopes(*(_gathered(one, index) for one in self.slopes))
        return Ascent(self._objective, poses, slopes, self._scale, _gathered(self._radius, index))

    def advance(self, tolerance: float) -> Tensor:
        """One step of all poses; which pairs [P] are still to move."""
        value, gradient, curvature, _ = self.slopes
        scale, radius = self._scale[:, None], self._radius
        step, gain = best_step(
            (gradient / scale).flatten(0, 1),
            (curvature / (scale[..., None] * scale[..., None, :])).flatten(0, 1),
            radius.flatten(),
        )
        step, gain = step.view_as(gradient), gain.view_as(value)
        motion = step / scale
        turn = rotation_of(motion[..., :3])
        moved = Poses(turn @ self.poses.rotation, (turn @ self.poses.translation[..., None])[..., 0] + motion[..., 3:])
        new = self._objective.slopes(*moved)
        change, length = new.value - value, step.norm(dim=2)
        noise = 8 * torch.finfo(value.dtype).eps
        better, settled = change >= -noise, gain < noise
        longer = (change > 0.5 * gain) & (length > 0.99 * radius) & ~settled
        failed = ~better | ((change < 0.25 * gain) & ~settled)
        self._radius = torch.where(failed, 0.4 * length, torch.where(longer, 2 * radius, radius))
        worse = (~better).nonzero(as_tuple=True)
        if len(worse[0]):
            for mine, old in zip((*moved, *new), (*self.poses, *self.slopes), strict=True):
                mine[worse] = old[worse]
        self.poses, self.slopes = moved, new
        return (gain >= tolerance).any(1)


def _gathered(values: Tensor, index: Tensor) -> Tensor:
    """The rows [P, K, …] of [P, S, …] that an index [P, K] names."""
    return values.gather(1, index[(..., *[None] * (values.ndim - 2))].expand(*index.shape, *values.shape[2:]))
