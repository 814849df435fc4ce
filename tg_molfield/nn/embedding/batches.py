"""Molecules encoded batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.nn.embedding.encodable import Encodable
from tg_molfield.parallel import one_thread

_ATOMS_AT_ONCE = 2**13

Encode = Callable[[Sequence[Encodable]], tuple[Tensor, Tensor]]
"""Codes and summaries of a batch, ``[B, D]`` and ``[B, S]``; may raise a ValueError for some of it."""


class Named(NamedTuple):
    """A molecule that waits for its code.

    Attributes:
        place: its number among all, from 0.
        name: what it is called in messages.
        molecule: its atoms.
    """

    place: int
    name: str
    molecule: Encodable


Group = list[Named]


class Encoded(NamedTuple):
    """What becomes of a batch.

    Attributes:
        rows: the molecules that have a code, as rows of the batch.
        code: of these, ``[R, D]``, on the processor.
        summary: ``[R, S]``.
        failed: why the others have none, by row.
    """

    rows: list[int]
    code: Tensor
    summary: Tensor
    failed: dict[int, str]


@dataclass(frozen=True)
class BatchEncoder:
    """Encodes a batch, and its molecules one by one where that fails.

    Attributes:
        encode: the model.
        one_thread: whether torch uses one thread, as where other processes encode at the same time.
    """

    encode: Encode
    one_thread: bool = False

    @torch.no_grad()
    def __call__(self, group: Group) -> Encoded:
        """The codes of a batch."""
        with one_thread() if self.one_thread else nullcontext():
            return self._encoded(group)

    def _encoded(self, group: Group) -> Encoded:
        try:
            code, summary = self._finite([one.molecule for one in group])
            return Encoded([*range(len(group))], code, summary, {})
        except ValueError:
            rows, codes, failed = [], [self.encode([])], {}
        for row, one in enumerate(group):
            try:
                codes.append(self._finite([one.molecule]))
                rows.append(row)
            except ValueError as error:
                failed[row] = reason_of(error)
        code, summary = (torch.cat([part.cpu() for part in parts]) for parts in zip(*codes, strict=True))
        return Encoded(rows, code, summary, failed)

    def _finite(self, molecules: Sequence[Encodable]) -> tuple[Tensor, Tensor]:
        code, summary = self.encode(molecules)
        if not bool(code.isfinite().all()):
            raise ValueError("code: expected finite numbers, got NaN or infinity; check the positions")
        return code.cpu(), summary.cpu()


def batched(molecules: Iterable[Named], batch_size: int) -> Iterator[Group]:
    """Molecules in batches, of fewer than ``batch_size`` where they are large."""
    group: Group = []
    atoms = 0
    for one in molecules:
        if group and (len(group) == batch_size or atoms + len(one.molecule.z) > _ATOMS_AT_ONCE):
            yield group
            group, atoms = [], 0
        group.append(one)
        atoms += len(one.molecule.z)
    if group:
        yield group


def place(group: Group) -> str:
    """What a batch is called in messages."""
    return f"molecules[{group[0].place}] to molecules[{group[-1].place}]"


def reason_of(error: Exception) -> str:
    """Why a molecule has no code."""
    return str(error).removeprefix("molecule 0: ")
