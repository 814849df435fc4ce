"""Codes of many molecules, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield.arguments import check_callable, check_choice, require_counts
from tg_molfield.files import shortened
from tg_molfield.nn.cards import embeddings_card
from tg_molfield.nn.embedding.batches import BatchEncoder, Encode, Encoded, Group, Named, batched, place, reason_of
from tg_molfield.nn.embedding.encodable import Encodable
from tg_molfield.nn.embedding.outside import OutsideDomain
from tg_molfield.parallel import check_workers, in_order

Read = Callable[[Data], Encodable]


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings:
    """The codes of M molecules, on the processor.

    Attributes:
        code: ``[M, D]``, see `Latent.code`.
        summary: ``[M, S]``, see `Latent.summary`.
        index: ``[M]`` int64, which of the given molecules each row is of, counted from 0.
        failed: why the other molecules have no code, by their index.
        outside: why molecules lie outside the domain of the model, by their index: what is wrong with their elements,
            their size and their hydrogens, empty where nothing is.
    """

    code: Tensor
    summary: Tensor
    index: Tensor
    failed: dict[int, str]
    outside: dict[int, tuple[str, ...]]

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} without" if self.failed else ""
        return f"Embeddings({len(self)} codes of {self.code.size(1)} numbers{failed})"

    def _repr_html_(self) -> str:
        return embeddings_card(self)

    def __len__(self) -> int:
        return len(self.index)


def embed(
    molecules: Data | Iterable[Data],
    read: Read,
    encode: Encode,
    batch_size: int,
    errors: str,
    progress: Callable[[int, int | None], None] | None,
    workers: int,
    cluster: Any,
) -> Embeddings:
    """See `FieldAutoEncoder.embed`.

    Args:
        molecules: the molecules.
        read: checks a molecule; raises a ValueError for one that has no code.
        encode: codes and summaries of a batch.
        batch_size: the most molecules in a batch.
        errors: ``"raise"`` or ``"skip"``.
        progress: called with the molecules done and all.
        workers: processes that encode.
        cluster: a Dask cluster that does.
    """
    require_counts(1, batch_size=batch_size)
    check_choice("errors", errors, ("raise", "skip"))
    check_callable("progress", progress)
    check_workers(workers, cluster)
    listed = _listed(molecules)
    total = len(listed) if isinstance(listed, Sized) else None
    run = _Run(read, errors == "raise")
    work = BatchEncoder(encode, one_thread=bool(workers) or cluster is not None)
    for group, encoded in in_order(batched(run.read(listed), batch_size), work, place, workers, cluster):
        run.take(group, encoded)
        if progress is not None:
            progress(group[-1].place + 1, total)
    found = run.result(encode)
    run.outside.warn(stacklevel=4)
    if progress is not None:
        progress(len(found) + len(found.failed), total)
    return found


class _Run:
    """What has been found so far.

    Args:
        read: checks a molecule.
        strict: whether the first failure is raised.
    """

    def __init__(self, read: Read, strict: bool) -> None:
        self.outside = OutsideDomain()
        self._read = read
        self._strict = strict
        self._codes: list[tuple[Tensor, Tensor]] = []
        self._index: list[int] = []
        self._failed: dict[int, str] = {}
        self._outside: dict[int, tuple[str, ...]] = {}

    def read(self, molecules: Iterable[Data]) -> Iterator[Named]:
        """Those that can be read."""
        for index, data in enumerate(molecules):
            _check_molecule(index, data)
            name = _name(index, data)
            try:
                molecule = self._read(data)
            except (ValueError, TypeError) as error:
                self._fail(index, name, reason_of(error))
                continue
            yield Named(index, name, molecule)

    def take(self, group: Group, encoded: Encoded) -> None:
        """Take what becomes of a batch."""
        for row, reason in encoded.failed.items():
            self._fail(group[row].place, group[row].name, reason)
        self._codes.append((encoded.code, encoded.summary))
        for row in encoded.rows:
            index, name, molecule = group[row]
            self._index.append(index)
            self.outside.note(name, molecule.outside)
            if any(molecule.outside):
                self._outside[index] = molecule.outside

    def result(self, encode: Encode) -> Embeddings:
        """The codes."""
        code, summary = (torch.cat(parts) for parts in zip(*(self._codes or [encode([])]), strict=True))
        index = torch.tensor(self._index, dtype=torch.int64)
        return Embeddings(code.cpu(), summary.cpu(), index, dict(sorted(self._failed.items())), self._outside)

    def _fail(self, index: int, name: str, reason: str) -> None:
        if self._strict:
            raise ValueError(f"{name}: {reason}")
        self._failed[index] = reason


def _listed(molecules: Any) -> Iterable[Data]:
    if isinstance(molecules, Batch):
        return molecules.to_data_list()
    if isinstance(molecules, Data):
        return [molecules]
    if isinstance(molecules, Iterable) and not isinstance(molecules, str | bytes | dict | Tensor):
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
