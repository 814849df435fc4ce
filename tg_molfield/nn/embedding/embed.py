"""Codes of many molecules, batch by batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import check_integers
from tg_molfield.files import shortened
from tg_molfield.nn.domain import OutOfDomainWarning
from tg_molfield.nn.embedding.encodable import Encodable

_ATOMS_AT_ONCE = 2**13
_REMEDIES = ("do not trust their codes", "compare decoded fields with the molecules' own", "add them first")
"""What to do about molecules outside the domain, by reason; see `Domain.reasons`."""

Read = Callable[[Data], Encodable]
Encode = Callable[[Sequence[Encodable]], tuple[Tensor, Tensor]]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """The codes of M molecules, on the processor.

    Attributes:
        code: ``[M, D]``, see `Latent.code`.
        summary: ``[M, S]``, see `Latent.summary`.
        index: ``[M]`` int64, which of the given molecules each row is of, counted from 0.
        failed: why the other molecules have no code, by their index.
    """

    code: Tensor
    summary: Tensor
    index: Tensor
    failed: dict[int, str]

    def __len__(self) -> int:
        return len(self.index)


def embed(
    molecules: Data | Iterable[Data],
    read: Read,
    encode: Encode,
    batch_size: int,
    errors: str,
    progress: Callable[[int, int | None], None] | None,
) -> Embeddings:
    """See `FieldAutoEncoder.embed`.

    Args:
        molecules: the molecules.
        read: checks a molecule; raises a ValueError for one that has no code.
        encode: codes and summaries of a batch, ``[B, D]`` and ``[B, S]``; may raise a ValueError for some of it.
        batch_size: the most molecules in a batch.
        errors: ``"raise"`` or ``"skip"``.
        progress: called with the molecules done and all.
    """
    check_integers(batch_size=batch_size)
    if batch_size < 1:
        raise ValueError(f"batch_size: expected 1 or more, got {batch_size}; 256 is usual")
    if errors not in ("raise", "skip"):
        raise ValueError(f"errors: expected 'raise' or 'skip', got {errors!r}; choose one of them")
    listed = _listed(molecules)
    total = len(listed) if isinstance(listed, Sized) else None
    run = _Run(encode, errors == "raise")
    waiting: list[_Waiting] = []
    atoms = 0
    for index, data in enumerate(listed):
        _check_molecule(index, data)
        name = _name(index, data)
        try:
            molecule = read(data)
        except (ValueError, TypeError) as error:
            run.fail(index, name, error)
            continue
        if waiting and (len(waiting) == batch_size or atoms + len(molecule.z) > _ATOMS_AT_ONCE):
            run.take(waiting)
            waiting, atoms = [], 0
            if progress is not None:
                progress(index, total)
        waiting.append(_Waiting(index, name, molecule))
        atoms += len(molecule.z)
    run.take(waiting)
    found = run.result()
    if progress is not None:
        progress(len(found) + len(found.failed), total)
    return found


class _Waiting(NamedTuple):
    place: int
    name: str
    molecule: Encodable


@dataclass
class _Run:
    """What has been found so far.

    Attributes:
        encode: codes of a batch.
        strict: whether the first failure is raised.
        codes: of each batch, codes and summaries.
        index: the molecule of each row.
        failed: as in `Embeddings`.
        outside: of each reason to lie outside the domain, the first molecule with its reason, and their number.
    """

    encode: Encode
    strict: bool
    codes: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    outside: dict[int, tuple[str, int]] = field(default_factory=dict)

    def take(self, group: Sequence[_Waiting]) -> None:
        """Encode a batch; one by one if it cannot be encoded as a whole."""
        if not group:
            return
        try:
            code, summary = self.encode([one.molecule for one in group])
            if not bool(code.isfinite().all()):
                raise ValueError("code: expected finite numbers, got NaN or infinity; check the positions")
        except ValueError as error:
            if len(group) == 1:
                self.fail(group[0].place, group[0].name, error)
            else:
                for one in group:
                    self.take([one])
            return
        self.codes.append((code.cpu(), summary.cpu()))
        for one in group:
            self.index.append(one.place)
            for kind, reason in enumerate(one.molecule.outside):
                if reason:
                    first, count = self.outside.get(kind, (f"{one.name}: {reason}", 0))
                    self.outside[kind] = first, count + 1

    def fail(self, index: int, name: str, error: Exception) -> None:
        """Note or raise the failure of a molecule."""
        reason = str(error).removeprefix("molecule 0: ")
        if self.strict:
            raise ValueError(f"{name}: {reason}") from error
        self.failed[index] = reason

    def result(self) -> Embeddings:
        """The codes, after the warnings."""
        for kind, (first, count) in sorted(self.outside.items()):
            others = f" (and {count - 1} more)" if count > 1 else ""
            warnings.warn(f"{first}{others}; {_REMEDIES[kind]}", OutOfDomainWarning, stacklevel=4)
        if not self.codes:
            self.codes.append(self.encode([]))
        code, summary = (torch.cat(parts) for parts in zip(*self.codes, strict=True))
        return Embeddings(code, summary, torch.tensor(self.index, dtype=torch.int64), dict(sorted(self.failed.items())))


def _listed(molecules: Any) -> Iterable[Data]:
    if isinstance(molecules, Batch):
        return molecules.to_data_list()
    if isinstance(molecules, Data):
        return [molecules]
    if isinstance(molecules, Iterable) and not isinstance(molecules, str | bytes | dict):
        return molecules
    raise TypeError(
        f"molecules: expected Data, a Batch or a data set, got {type(molecules).__name__}; read a file with read(path)"
    )


def _check_molecule(index: int, data: Any) -> None:
    if not isinstance(data, Data):
        raise TypeError(f"molecules[{index}]: expected a Data, got {type(data).__name__}; give molecules")
    if isinstance(data, Batch) or getattr(data, "batch", None) is not None:
        raise TypeError(
            f"molecules[{index}]: expected one molecule, got a batch of several; give the list or data set that it is "
            "made of, or the Batch alone"
        )


def _name(index: int, data: Data) -> str:
    name = getattr(data, "name", None)
    return f"molecules[{index}] ({shortened(name, 80)!r})" if isinstance(name, str) and name else f"molecules[{index}]"
