"""Where the batches of a training come from: a data set, augmented molecules, or whatever gives batches."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset
from torch_geometric.data import Batch, Data

from tg_molfield.random_draws import draw_seeds
from tg_molfield.random_stream import RandomStream
from tg_molfield.training.augmentation import AugmentedMolecules
from tg_molfield.training.drawn import BatchTransform, DrawnMolecules, is_batch, weighted
from tg_molfield.training.fingerprint import fingerprint
from tg_molfield.training.order import BatchOrder, Share
from tg_molfield.training.transform_parts import parts_of, told


class Batches(ABC):
    """Batches of one rank, of one epoch after the other.

    Attributes:
        per_epoch: how many make an epoch; None where there are no epochs.
        resumable: whether those of a step can be had without those before it.
    """

    per_epoch: int | None = None
    resumable: bool = True

    @abstractmethod
    def from_step(self, step: int) -> Iterator[Data]:
        """The batches from a step on, from 0, without end."""

    def described(self) -> dict[str, Any]:
        """What they depend on besides the content of the data, as JSON values."""
        return {}


def is_data_set(data: Any) -> bool:
    """Whether ``data`` is a data set or a list of molecules, from which batches are drawn."""
    if isinstance(data, Dataset):
        return not isinstance(data, IterableDataset)
    if not isinstance(data, (list, tuple)):
        return False
    return not data or (isinstance(data[0], Data) and not is_batch(data[0]) and "z" in data[0])


def check_molecules(name: str, data: Any) -> None:
    """Raise a TypeError for data of which no batches can be had: anything but what `batches_of` takes."""
    if isinstance(data, Data):
        raise TypeError(f"{name}: expected several molecules, got a {type(data).__name__}; give a list [data]")
    if isinstance(data, str | bytes | Mapping) or not isinstance(data, Iterable | Dataset):
        raise TypeError(
            f"{name}: expected a data set, a list of Data or an iterable of batches, got {type(data).__name__}; give "
            "for example a MoleculeFields"
        )
    if isinstance(data, list | tuple):
        for index, item in enumerate(data):
            if not isinstance(item, Data):
                raise TypeError(f"{name}[{index}]: expected a Data, got {type(item).__name__}; leave it out")


def batches_of(
    data: Any, transform: BatchTransform | None, points: BatchTransform | None, batch_size: int, seed: int, workers: int
) -> Batches:
    """The batches of a data set or list of ``Data``, of `AugmentedMolecules`, or of an iterable of batches.

    Args:
        data: one of these.
        transform: applied to whole batches of molecules.
        points: the transform where there is none and molecules have no ``query_pos``.
        batch_size: molecules in a batch of a data set, of all ranks together.
        seed: of all draws.
        workers: processes that load a data set.

    Raises:
        TypeError: ``data`` is nothing of these.
        ValueError: it is empty, or an argument has no effect on it.
    """
    check_molecules("data", data)
    if is_data_set(data):
        return DatasetBatches(DrawnMolecules(data, transform, seed, points), batch_size, workers)
    if workers:
        raise ValueError(f"workers: expected 0 for data that is no data set, got {workers}; leave it out")
    if isinstance(data, AugmentedMolecules):
        return AugmentedBatches(data, transform, points, seed)
    if transform is not None:
        raise ValueError(
            "transform: expected None for batches that are ready, got one; apply it in the loader, or give the data set"
        )
    return GivenBatches(data)


class DatasetBatches(Batches):
    """Batches of a data set in random order, each molecule once an epoch."""

    def __init__(self, molecules: DrawnMolecules, batch_size: int, workers: int = 0) -> None:
        self._order = _EpochAfterEpoch(len(molecules), batch_size, molecules.seed)
        self._molecules, self._workers = molecules, workers
        self.per_epoch = len(self._order)

    def from_step(self, step: int) -> Iterator[Data]:
        self._order.epoch, self._order.first = divmod(step, len(self._order))
        loader = DataLoader(
            self._molecules,
            batch_size=None,
            sampler=self._order,
            num_workers=self._workers,
            worker_init_fn=_leave_signals,
            generator=torch.Generator(),
        )
        return iter(loader)

    def described(self) -> dict[str, Any]:
        order = self._order
        return {**self._molecules.described(), "batch_size": order.batch_size, "seed": order.seed}


class AugmentedBatches(Batches):
    """Batches of `AugmentedMolecules`, each a function of the seed and the step; ranks share their molecules."""

    def __init__(
        self, source: AugmentedMolecules, transform: BatchTransform | None, points: BatchTransform | None, seed: int
    ) -> None:
        self._order = BatchOrder(source.batch_size, source.batch_size, seed, shuffle=False)
        self._source, self._transform, self._points, self._seed = source, transform, points, seed
        self.per_epoch = source.num_batches

    def from_step(self, step: int) -> Iterator[Data]:
        while True:
            seeds = draw_seeds(self._seed, step, torch.arange(self._source.batch_size))
            share = next(iter(self._order))
            with RandomStream(int(seeds[0])).active():
                batch = self._source.sample()
                batch.draw_seed = seeds
                batch = batch if self._order.num_replicas == 1 else _selected(batch, share)
                transform = self._transform or (None if "query_pos" in batch else self._points)
                batch = batch if transform is None else transform(batch)
            yield batch
            step += 1

    def described(self) -> dict[str, Any]:
        source = self._source
        return {
            "molecules": len(source.count),
            "fingerprint of molecules": fingerprint([Data(z=source.z, pos=source.pos)]),
            "transforms": told(parts_of(self._transform)),
            "seed": self._seed,
            **source.described(),
        }


class GivenBatches(Batches):
    """Batches of an iterable, such as a PyG ``DataLoader``, repeated."""

    resumable = False

    def __init__(self, batches: Iterable[Data]) -> None:
        self._batches = batches

    def from_step(self, step: int) -> Iterator[Data]:
        while True:
            empty = True
            for batch in self._batches:
                empty = False
                yield batch
            if empty:
                raise ValueError(
                    "data: expected at least one batch, got none; give a data set or a DataLoader, not an iterator"
                )


class _EpochAfterEpoch(BatchOrder):
    """The shares of all epochs, so that workers read ahead across their borders."""

    def __iter__(self) -> Iterator[Share]:
        while True:
            yield from super().__iter__()
            self.epoch += 1


def _selected(batch: Batch, share: Share) -> Batch:
    """The molecules of a share.

    Raises:
        ValueError: an attribute belongs neither to atoms nor to molecules.
    """
    kept = torch.zeros(batch.num_graphs, dtype=torch.bool)
    kept[share.items] = True
    atoms = kept[batch.batch]
    values = {}
    for name, value in batch.to_dict().items():
        if name in ("batch", "ptr"):
            continue
        if not isinstance(value, Tensor) or len(value) not in (len(atoms), len(kept)):
            raise ValueError(f"{name}: expected a row for each atom or molecule, got others; train in one process")
        values[name] = value[atoms if len(value) == len(atoms) else kept]
    owner = (kept.cumsum(0) - 1)[batch.batch[atoms]]
    ptr = torch.nn.functional.pad(torch.bincount(owner, minlength=int(kept.sum())).cumsum(0), (1, 0))
    return weighted(Batch(batch=owner, ptr=ptr, **values), share)


def _leave_signals(worker: int) -> None:
    """Leave Ctrl-C and SIGTERM to the training process, which ends its workers.

    A terminal, ``timeout``, Slurm and systemd send them to all processes.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
