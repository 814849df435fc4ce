"""`DrawnMolecules`: whole batches of a data set, whose random numbers are functions of (seed, epoch, index)."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset
from torch_geometric.data import Batch, Data

from tg_molfield.chem.validation import holds_several
from tg_molfield.random_draws import draw_seeds
from tg_molfield.random_stream import RandomStream
from tg_molfield.training.fingerprint import fingerprint
from tg_molfield.training.order import Share
from tg_molfield.training.transform_parts import check_no_generators, parts_of, told, transforms_of

BatchTransform = Callable[[Batch], Batch]

_OF_BONDS = {"bond_order", "edge_index"}


class DrawnMolecules(Dataset):
    """The batches of a data set by `Share`, for a `DataLoader` with a `BatchOrder` as its sampler.

    The data set's own transform draws from the global generators of torch, NumPy and Python, which start from a seed
    for each molecule and are given back as they were. Each molecule gets a ``draw_seed`` [1], of which the points of a
    `MolFieldTransform` and the frames of a `FieldAutoEncoder` are functions. Where the shares of ranks differ in size,
    a batch has ``rank_weight`` [1]: what its mean loss counts in the mean over ranks.

    Args:
        dataset: items are ``Data``, such as a PyG data set or a list.
        transform: applied to whole batches, such as a `MolFieldTransform`.
        seed: of all draws.
        points: the transform where there is none and molecules have no ``query_pos``.

    Raises:
        ValueError: a `MolFieldTransform` of the data set draws from a generator of its own.
    """

    def __init__(
        self,
        dataset: Sequence[Data] | Dataset,
        transform: BatchTransform | None = None,
        seed: int = 0,
        points: BatchTransform | None = None,
    ) -> None:
        check_no_generators(dataset)
        self.dataset: Any = dataset
        self.seed = seed
        self._draws = not isinstance(dataset, (list, tuple))
        if transform is None and points is not None and len(self) and "query_pos" not in self.molecules(1)[0]:
            transform = points
        self.transform = transform

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, share: Share) -> Batch:
        """The batch of a share.

        Raises:
            TypeError: an item of the data set is no ``Data``, or a batch.
            ValueError: one has other attributes than the first.
        """
        seeds = draw_seeds(self.seed, share.epoch, share.items)
        with _generators_kept():
            molecules = [self._item(*one) for one in zip(share.items.tolist(), seeds.tolist(), strict=True)]
            for data, seed in zip(molecules, seeds.split(1), strict=True):
                data.draw_seed = seed
            _check_attributes(molecules, share.items.tolist())
            batch = Batch.from_data_list(molecules)
            if self.transform is not None:
                _seed_all(int(seeds[0]))
                batch = self.transform(batch)
        return weighted(batch, share)

    def molecules(self, count: int) -> list[Data]:
        """The first molecules of the data set, at most ``count``, without the transform of batches."""
        return self._items(range(min(count, len(self))))

    def described(self) -> dict[str, Any]:
        """What tells the batches from others, as JSON values.

        How many molecules there are, which come first, half way and last, and the transforms that they pass through.
        """
        some = sorted({0, len(self) // 2, len(self) - 1}) if len(self) else []
        transforms = told([*transforms_of(self.dataset), *parts_of(self.transform)])
        known = {"fingerprint of molecules": fingerprint(self._items(some)), "transforms": transforms}
        return {"molecules": len(self), **known}

    def _items(self, indices: Iterable[int]) -> list[Data]:
        with _generators_kept():
            return [self._item(index, index) for index in indices]

    def _item(self, index: int, seed: int) -> Data:
        if self._draws:
            _seed_all(seed)
        data = self.dataset[index]
        if not isinstance(data, Data):
            raise TypeError(
                f"data[{index}]: expected a Data, got {type(data).__name__}; give a PyG data set or a list of Data"
            )
        if is_batch(data):
            raise TypeError(
                f"data[{index}]: expected one molecule, got a batch of several; give molecules one by one, or an "
                "iterable of batches"
            )
        return copy.copy(data)


def weighted(batch: Batch, share: Share) -> Batch:
    """The batch of a share with its weight, in the type of positions or finer, unless that is 1."""
    if share.weight != 1:
        pos = getattr(batch, "pos", None)
        kind = pos.dtype if isinstance(pos, Tensor) else torch.float32
        batch.rank_weight = torch.tensor([share.weight], dtype=torch.promote_types(kind, torch.float32))
    return batch


def is_batch(data: Data) -> bool:
    """Whether ``data`` is a ``Batch``, or holds several molecules by its ``batch`` vector."""
    return isinstance(data, Batch) or holds_several(data)


def _check_attributes(molecules: Sequence[Data], items: Sequence[int]) -> None:
    """Raise a ValueError unless all molecules have the same attributes; PyG drops some, or fails without a name."""
    first = set(molecules[0].keys()) if molecules else set()
    for data, item in zip(molecules, items, strict=True):
        keys = set(data.keys())
        if keys != first:
            lacking, having = (item, items[0]) if first - keys else (items[0], item)
            names = sorted(first - keys or keys - first)
            remedy = "use with_bonds for all" if _OF_BONDS.intersection(names) else "give all molecules the same"
            raise ValueError(
                f"data[{lacking}]: expected the attributes of data[{having}], got no {', '.join(names)}; {remedy}, or "
                f"delete them from data[{having}] and its like"
            )


@contextmanager
def _generators_kept() -> Iterator[None]:
    """Give the global generators of torch, NumPy and Python back as they were."""
    kept, kept_by_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with RandomStream(0).active():
            yield
    finally:
        random.setstate(kept)
        np.random.set_state(kept_by_numpy)  # noqa: NPY002


def _seed_all(seed: int) -> None:
    torch.default_generator.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
