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
_COMPACT, _FEW = 0.7, 16
"""Pairs at rest are taken out when fewer than this share of them moves, and when there are more than a few."""


class Poses(NamedTuple):
    """Poses u = R x + t.

    Attributes:
        rotation: R [P, S, 3, 3].
        translation: t [P, S, 3].
    """

    rotation: Tensor
    translation: Tensor


class Move(NamedTuple):
    """A step of all poses, not yet taken.

    Attributes:
        poses: where it leads.
        gain: what the quadratic model promises [P, S].
        length: of the step [P, S].
    """

    poses: Poses
    gain: Tensor
    length: Tensor

    def part(self, rows: Tensor) -> Move:
        """That of some pairs."""
        return Move(Poses(*(one[rows] for one in self.poses)), self.gain[rows], self.length[rows])


class Summits(NamedTuple):
    """Poses at rest, with their scores.

    Attributes:
        poses: S for each of P pairs.
        value: [P, S].
        by_term: [P, S, K].
    """

    poses: Poses
    value: Tensor
    by_term: Tensor


def climb(start: Ascent, max_iter: int, tolerance: float) -> Summits:
    """Poses of a greater score.

    Derivatives are not evaluated after the last step, only scores: of all pairs together.

    Args:
        start: poses of P pairs, which set out with the first radius again; it is changed.
        max_iter: the most steps.
        tolerance: a pose rests when its quadratic model promises less than this before its last step.
    """
    state = start
    start.renew()
    ends = Poses(*(one.clone() for one in start.poses))
    pairs = torch.arange(len(start.slopes.value), device=start.slopes.value.device)
    for _ in range(max_iter):
        move = state.proposed()
        active = (move.gain >= tolerance).any(1)
        moving = int(active.sum())
        if not moving or (len(active) > _FEW and moving < _COMPACT * len(active)):
            start.replace(pairs, state)
            _put(ends, pairs, move.poses)
            if not moving:
                break
            rows = active.nonzero()[:, 0]
            pairs, state, move = pairs[rows], state.pairs(rows), move.part(rows)
        state.take(move)
    else:
        start.replace(pairs, state)
        _put(ends, pairs, state.poses)
    return start.better_of(ends)


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
        """The poses of each pair that promise most: their score, and what 0.3 Å along the gradient would add.

        That of the highest score is among them, at a maximum already though others may promise more.
        """
        promise = self.slopes.value + _AHEAD * (self.slopes.gradient / self._scale[:, None]).norm(dim=2)
        promise = promise.scatter(1, self.slopes.value.argmax(1, keepdim=True), torch.inf)
        index = promise.topk(min(count, promise.shape[1]), 1).indices
        poses = Poses(*(_gathered(one, index) for one in self.poses))
        slopes = Slopes(*(_gathered(one, index) for one in self.slopes))
        return Ascent(self._objective, poses, slopes, self._scale, _gathered(self._radius, index))

    def proposed(self) -> Move:
        """The best step of every pose within its radius."""
        value, gradient, curvature, _ = self.slopes
        scale = self._scale[:, None]
        step, gain = best_step(
            (gradient / scale).flatten(0, 1),
            (curvature / (scale[..., None] * scale[..., None, :])).flatten(0, 1),
            self._radius.flatten(),
        )
        step = step.view_as(gradient)
        motion = step / scale
        turn = rotation_of(motion[..., :3])
        moved = Poses(turn @ self.poses.rotation, (turn @ self.poses.translation[..., None])[..., 0] + motion[..., 3:])
        return Move(moved, gain.view_as(value), step.norm(dim=2))

    def take(self, move: Move) -> None:
        """Make a step; poses that it makes worse stay."""
        moved, gain, length = move
        new = self._objective.slopes(*moved)
        change = new.value - self.slopes.value
        noise = _noise(change)
        better, settled = change >= -noise, gain < noise
        longer = (change > 0.5 * gain) & (length > 0.99 * self._radius) & ~settled
        failed = ~better | ((change < 0.25 * gain) & ~settled)
        self._radius = torch.where(failed, 0.4 * length, torch.where(longer, 2 * self._radius, self._radius))
        worse = (~better).nonzero(as_tuple=True)
        if len(worse[0]):
            for mine, old in zip((*moved, *new), (*self.poses, *self.slopes), strict=True):
                mine[worse] = old[worse]
        self.poses, self.slopes = moved, new

    def better_of(self, ends: Poses) -> Summits:
        """Other poses with their scores, or those from here where they are no worse."""
        value, by_term = self._objective.values(*ends)
        worse = (value - self.slopes.value < -_noise(value)).nonzero(as_tuple=True)
        for mine, old in zip(
            (*ends, value, by_term), (*self.poses, self.slopes.value, self.slopes.by_term), strict=True
        ):
            mine[worse] = old[worse]
        return Summits(ends, value, by_term)


def _put(whole: Poses, rows: Tensor, poses: Poses) -> None:
    for mine, theirs in zip(whole, poses, strict=True):
        mine[rows] = theirs


def _noise(value: Tensor) -> float:
    """How much a score may change by rounding."""
    return 8 * torch.finfo(value.dtype).eps


def _gathered(values: Tensor, index: Tensor) -> Tensor:
    """The rows [P, K, …] of [P, S, …] that an index [P, K] names."""
    return values.gather(1, index[(..., *[None] * (values.ndim - 2))].expand(*index.shape, *values.shape[2:]))
