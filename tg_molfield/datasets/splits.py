"""Splits of groups of molecules into training, validation and test sets."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import torch
from torch import Tensor

from tg_molfield.arguments import as_list, check_integers, check_number, require_integers

NAMES = ("train", "valid", "test")


def check_split(fractions: Sequence[float], by: str, seed: int, choices: Sequence[str]) -> tuple[float, ...]:
    """The fractions of a split, checked.

    Args:
        fractions: of the three parts.
        by: one of ``choices``.
        seed: of the order.
        choices: what ``by`` may be.

    Raises:
        TypeError: the fractions are no numbers.
        ValueError: there are not three of them with the sum 1, or another argument is out of range.
    """
    shares = as_list("fractions", fractions, "numbers")
    for share in shares:
        check_number("fractions", share)
    shares = [float(share) for share in shares]
    if len(shares) != len(NAMES) or not all(share >= 0 for share in shares) or not math.isclose(sum(shares), 1):
        raise ValueError(
            f"fractions: expected three numbers from 0 with the sum 1, got {str(shares)[:40]}; (0.8, 0.1, 0.1) is usual"
        )
    if by not in choices:
        known = f"{', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}"
        raise ValueError(f"by: expected {known}, got {str(by)[:40]!r}; choose one of them")
    check_integers(seed=seed)
    require_integers(seed=seed)
    if not 0 <= int(seed) < 2**63:
        raise ValueError(f"seed: expected 0 to 2⁶³ − 1, got {str(seed)[:40]}; give one in this range")
    return tuple(shares)


def split_groups(
    groups: Sequence[Hashable], fractions: Sequence[float], seed: int, large_first: bool
) -> dict[str, Tensor]:
    """Indices of three parts, none of which shares a group with another.

    Groups go, in random order, to the first part that they still fit into, or to the one that lacks most.

    Args:
        groups: of each molecule, its group.
        fractions: the shares of molecules in the parts.
        seed: of the order.
        large_first: begin with groups of more than half of the smallest part, the largest first.
    """
    members: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    found = list(members.values())
    order = torch.randperm(len(found), generator=torch.Generator().manual_seed(int(seed))).tolist()
    wanted = [share * len(groups) for share in fractions]
    if large_first:
        limit = min(size for size in wanted if size > 0) / 2
        order.sort(key=lambda row: -len(found[row]) if len(found[row]) > limit else 0)
    parts: list[list[int]] = [[] for _ in NAMES]
    for row in order:
        room = [size - len(part) for size, part in zip(wanted, parts, strict=True)]
        fitting = [number for number, free in enumerate(room) if len(found[row]) <= free + 0.5]
        parts[fitting[0] if fitting else room.index(max(room))] += found[row]
    return {name: torch.tensor(sorted(part), dtype=torch.long) for name, part in zip(NAMES, parts, strict=True)}


def split_blocks(
    groups: Sequence[Hashable], frames: Sequence[int], fractions: Sequence[float], gap: int
) -> dict[str, Tensor]:
    """Indices of three parts, which are blocks of frames that follow each other in every group, whatever their order.

    Args:
        groups: of each item, its group.
        frames: of each item, the number of its frame in the group.
        fractions: the shares of items in the blocks.
        gap: frames that are left out between blocks.

    Raises:
        ValueError: a block has no frames beside the gap.
    """
    members: dict[Hashable, list[int]] = {}
    for index in sorted(range(len(groups)), key=lambda index: frames[index]):
        members.setdefault(groups[index], []).append(index)
    parts: list[list[int]] = [[] for _ in NAMES]
    for rows in members.values():
        before = 0.0
        for part, share in zip(parts, fractions, strict=True):
            begin, end = round(before * len(rows)), round((before + share) * len(rows))
            before += share
            first = frames[rows[begin - 1]] + gap + 1 if begin else 0
            block = [row for row in rows[begin:end] if frames[row] >= first]
            if gap and end > begin and not block:
                raise ValueError(f"gap: expected less than the {end - begin} frames of a block, got {gap}; give fewer")
            part += block
    return {name: torch.tensor(sorted(part), dtype=torch.long) for name, part in zip(NAMES, parts, strict=True)}


def frame_ranks(groups: Sequence[Hashable], frames: Sequence[int]) -> list[int]:
    """Of each item, how many frames of its group come before its own; equal frames have one rank."""
    found: dict[Hashable, set[int]] = {}
    for group, frame in zip(groups, frames, strict=True):
        found.setdefault(group, set()).add(frame)
    ranks = {group: {frame: rank for rank, frame in enumerate(sorted(numbers))} for group, numbers in found.items()}
    return [ranks[group][frame] for group, frame in zip(groups, frames, strict=True)]
