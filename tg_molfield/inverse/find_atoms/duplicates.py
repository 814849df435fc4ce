"""Atoms that are in several channels of a field, such as ``C`` and ``ligand.C``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from torch import Tensor

from tg_molfield.inverse.find_atoms.channels import ElementChannel
from tg_molfield.inverse.find_atoms.refine import ChannelAtoms

_SAME_PLACE = 0.3
"""Å within which two atoms of an element are one; no bond is as short."""

_EDGE = 1e-9
"""The part of a period that is rounded to a whole one."""


@dataclass(frozen=True)
class PlacedAtoms:
    """Atoms of one element.

    Attributes:
        z: the atomic number.
        part: 0 ligand, 1 protein; None where nothing tells.
        pos: [N, 3] in Å.
    """

    z: int
    part: int | None
    pos: Tensor


def merged(
    channels: Sequence[ElementChannel], found: Sequence[ChannelAtoms], cell: Tensor, periodic: Sequence[bool]
) -> list[PlacedAtoms]:
    """The atoms of each channel without those that another channel of their element gives, too.

    Channels that name a part come first, and give atoms the part. What a channel without a part has besides belongs to
    the other part where one alone is named, since the channel holds all atoms of its element.

    Args:
        channels: of elements.
        found: their atoms.
        cell: [3, 3] in Å, of the grid.
        periodic: along which of its vectors the field repeats.
    """
    placed: dict[int, PlacedAtoms] = {}
    for index in sorted(range(len(channels)), key=lambda index: channels[index].part is None):
        channel, pos = channels[index], found[index].pos
        same = [one for one in placed.values() if one.z == channel.z and channel.part in (None, one.part)]
        if same:
            pos = pos[~_taken(pos, torch.cat([one.pos for one in same]), cell, periodic)]
        parts = {one.part for one in same if one.part is not None}
        part = 1 - parts.pop() if channel.part is None and len(parts) == 1 else channel.part
        placed[index] = PlacedAtoms(channel.z, part, pos)
    return [placed[index] for index in range(len(channels))]


def _taken(pos: Tensor, others: Tensor, cell: Tensor, periodic: Sequence[bool]) -> Tensor:
    """Which of ``pos`` [N, 3] are also among ``others`` [M, 3], each of which stands for one."""
    vectors = cell.cpu().double().numpy()
    inverse = np.linalg.inv(vectors)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    repeats = np.array(periodic)

    def placed(points: Tensor) -> NDArray[np.float64]:
        fractions = points.cpu().double().numpy() @ inverse
        inside = fractions % 1.0
        return np.where(repeats, np.where(inside < 1 - _EDGE, inside, 0.0), fractions) * heights

    first, second = placed(pos), placed(others)
    box = np.where(repeats, heights, 0)
    near = cKDTree(first, boxsize=box).query_ball_tree(cKDTree(second, boxsize=box), _SAME_PLACE, p=np.inf)
    rows = np.repeat(np.arange(len(near)), [len(one) for one in near])
    columns = np.concatenate([np.array(one, dtype=np.int64) for one in near]) if len(near) else rows
    steps = (first[rows] - second[columns]) / heights
    distance = np.linalg.norm((steps - np.round(steps) * repeats) @ vectors, axis=1)
    taken, used = np.zeros(len(pos), dtype=bool), set[int]()
    for pair in distance.argsort(kind="stable").tolist():
        row, column = int(rows[pair]), int(columns[pair])
        if distance[pair] < _SAME_PLACE and not taken[row] and column not in used:
            taken[row] = True
            used.add(column)
    return torch.from_numpy(taken).to(pos.device)
