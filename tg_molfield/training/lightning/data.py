"""`FieldDataModule`: molecules for a `FieldLightningModule`, in batches that are functions of (seed, epoch, index)."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import IO, TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils.data import Subset, random_split
from torch_geometric.data import Data, Dataset
from typing_extensions import Self

from tg_molfield.arguments import as_list, check_counts, check_number, check_seed
from tg_molfield.fields import MolField
from tg_molfield.optional import require
from tg_molfield.training.augmentation import AugmentedMolecules
from tg_molfield.training.batches import batches_of, is_data_set
from tg_molfield.training.drawn import BatchTransform, DrawnMolecules
from tg_molfield.training.lightning.checkpoint import read_data_state
from tg_molfield.training.lightning.loaders import EvaluationLoader, TrainingLoader
from tg_molfield.training.lightning.part_indices import part_indices
from tg_molfield.training.losses import FieldLoss
from tg_molfield.training.transform_parts import check_definition, parts_of, transforms_of
from tg_molfield.transforms import MolFieldTransform

if TYPE_CHECKING:
    from lightning import LightningDataModule
else:
    LightningDataModule = require("lightning", "train").LightningDataModule

_PARTS = ("train", "valid", "test")
_FRACTIONS = (0.8, 0.1, 0.1)


class ResumeWarning(UserWarning):
    """Training goes on in another way than it would have without an interruption."""


class FieldDataModule(LightningDataModule):
    """Training, validation and test batches of data sets of molecules.

    Every random number, of the order, the query points, the frames and the augmentation, is a function of the seed, the
    epoch and the molecule. A run that was killed anywhere and goes on from a checkpoint gives the losses of an unbroken
    one, also with other numbers of workers, or of processes with the same ``batch_size``: to the bit on a processor
    with one thread and as many processes. `fit` gives the same batches for the same seed. ``use_distributed_sampler``
    of the Trainer has no effect on them.

    Args:
        data: a data set, such as a `MoleculeFields`, or a list of ``Data``, which is split; or the parts, by the names
            ``"train"``, ``"valid"`` and ``"test"``, of which the first is needed. ``"train"`` may also be
            `AugmentedMolecules` with ``num_batches``.
        transform: applied to whole batches: a `MolField`, of which a `MolFieldTransform` is made, or a transform. By
            default a `MolFieldTransform` of the model's definition, where molecules have no ``query_pos``.
        batch_size: molecules in a batch, of all processes together.
        split: the shares of the parts, 0.8, 0.1 and 0.1 by default, drawn at random with ``seed``; or the indices or
            masks of the parts, such as ``dataset.split_idx(by="scaffold")`` gives, with no molecule in two of them.
        num_workers: processes that load data, for each training process.
        seed: of all random numbers.

    Raises:
        TypeError: an argument is of another kind.
        ValueError: a part is missing, empty or unknown, or an option is out of range or without effect.
    """

    def __init__(
        self,
        data: Any,
        transform: MolField | BatchTransform | None = None,
        *,
        batch_size: int = 64,
        split: Sequence[float] | Mapping[str, Tensor] | None = None,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_seed(seed)
        check_counts(1, batch_size=batch_size)
        check_counts(0, num_workers=num_workers)
        self.batch_size, self.num_workers, self.seed = int(batch_size), int(num_workers), int(seed)
        self.parts = _given(data, split) if isinstance(data, Mapping) else _split(data, split, seed)
        self.transform = MolFieldTransform(transform) if isinstance(transform, MolField) else transform
        if self.transform is not None and not callable(self.transform):
            raise TypeError(
                f"transform: expected a MolField or a transform of batches, got {type(transform).__name__}; give for "
                "example MolField('C N O')"
            )
        self._training: TrainingLoader | None = None

    def __repr__(self) -> str:
        parts = (
            f"{name} {part if isinstance(part, AugmentedMolecules) else f'{len(part)} molecules'}"
            for name, part in self.parts.items()
        )
        given = "" if self.transform is None else f", {self.transform!r}"
        return f"FieldDataModule({', '.join(parts)}, batch_size={self.batch_size}{given})"

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls,
        checkpoint_path: str | PathLike[str] | IO[bytes],
        data: Any = None,
        transform: MolField | BatchTransform | None = None,
        *,
        split: Sequence[float] | Mapping[str, Tensor] | None = None,
        num_workers: int = 0,
    ) -> Self:
        """Molecules with the seed and the batch size of a checkpoint, which holds no molecules.

        Args:
            checkpoint_path: a file that the Trainer saved, or a stream.
            data: the molecules, as for the class.
            transform: as for the class, and so are the others.
            split: of the molecules.
            num_workers: processes that load data.

        Raises:
            OSError: the file cannot be read.
            TypeError: an argument is of another kind.
            ValueError: the file is something else, or was written by a newer version of the package; or no molecules.

        Warns:
            ResumeWarning: the batches of training are others than those of the checkpoint.
        """
        state = read_data_state(checkpoint_path, cls.__qualname__)
        if data is None:
            raise ValueError("data: expected molecules, which checkpoints do not hold, got none; give data=")
        drawn = {name: state[name] for name in ("batch_size", "seed")}
        found = cls(data, transform, split=split, num_workers=num_workers, **drawn)
        found._compare(state)
        return found

    def molecules(self, part: str, count: int) -> list[Data]:
        """The first molecules of a part, at most ``count``, without query points; none where there is no such part."""
        if part not in self.parts:
            return []
        return DrawnMolecules(self.parts[part], None, self.seed).molecules(count)

    def train_dataloader(self) -> TrainingLoader:
        """The batches to train on, from where the Trainer is."""
        trainer = self._attached()
        points = None
        if isinstance(getattr(trainer.lightning_module, "loss", None), FieldLoss):
            points = self._points()
            definition = None if points is None else points.mol_field
            check_definition("transform", parts_of(self.transform), definition)
            check_definition("data.transform", transforms_of(self.parts["train"]), definition)
        batches = batches_of(self.parts["train"], self.transform, points, self.batch_size, self.seed, self.num_workers)
        if batches.per_epoch is None:
            raise ValueError("data: expected AugmentedMolecules with an end, got some without; give them num_batches")
        repeated = _count(trainer.overfit_batches, batches.per_epoch)
        progress = trainer.fit_loop.epoch_loop.batch_progress.total

        def taken() -> int:
            return progress.processed % repeated if repeated else progress.processed

        self._training = TrainingLoader(batches, taken)
        return self._training

    def val_dataloader(self) -> list[EvaluationLoader]:
        """The batches to validate on; none without the part ``"valid"``."""
        return self._evaluated("valid")

    def test_dataloader(self) -> list[EvaluationLoader]:
        """The batches to test on; none without the part ``"test"``."""
        return self._evaluated("test")

    def teardown(self, stage: str) -> None:
        """End the processes that load data."""
        if self._training is not None:
            self._training.close()
            self._training = None

    def state_dict(self) -> dict[str, Any]:
        """What the batches of training depend on; of the molecules how many there are, and a few of them."""
        train = self.parts["train"]
        batches = batches_of(train, self.transform, None, self.batch_size, self.seed, 0)
        return {"seed": self.seed, "batch_size": self.batch_size, **batches.described()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Compare the state of a checkpoint with this one.

        Warns:
            ResumeWarning: training goes on with other batches.
        """
        if self.trainer is not None and self.trainer.training:
            self._compare(state_dict)

    def _compare(self, before: dict[str, Any]) -> None:
        for name, value in self.state_dict().items():
            if before.get(name) != value:
                warnings.warn(
                    f"{name}: expected {before.get(name)}, as in the checkpoint, got {value}; the run differs from "
                    "one that was not interrupted",
                    ResumeWarning,
                    stacklevel=3,
                )

    def _evaluated(self, part: str) -> list[EvaluationLoader]:
        if part not in self.parts:
            return []
        molecules = DrawnMolecules(self.parts[part], self.transform, self.seed, self._points())
        return [EvaluationLoader(molecules, self.batch_size, self.num_workers)]

    def _points(self) -> MolFieldTransform | None:
        """The query points that a model is trained with by default."""
        mol_field = getattr(getattr(self._attached().lightning_module, "model", None), "mol_field", None)
        return MolFieldTransform(mol_field) if isinstance(mol_field, MolField) else None

    def _attached(self) -> Any:
        if self.trainer is None:
            raise ValueError("trainer: expected a Trainer, which the batches depend on, got none; give this to fit()")
        return self.trainer


def _given(data: Mapping[str, Any], split: Any) -> dict[str, Any]:
    """The parts of a mapping, checked."""
    if split is not None:
        raise ValueError("split: expected None for data that is in parts, got one; leave it out")
    _check_names("data", data)
    for name, part in data.items():
        if not (is_data_set(part) or (name == "train" and isinstance(part, AugmentedMolecules))):
            raise TypeError(
                f"data[{name!r}]: expected a data set or a list of Data, got {type(part).__name__}; give loaders to "
                "the Trainer itself"
            )
    if "train" not in data:
        raise ValueError("data: expected the part 'train', got none; give molecules to train on")
    for name, part in data.items():
        if is_data_set(part) and not len(part):
            raise ValueError(f"data[{name!r}]: expected at least one molecule, got none; leave the part out")
    return dict(data)


def _check_names(name: str, parts: Mapping[str, Any]) -> None:
    for part in parts:
        if part not in _PARTS:
            raise ValueError(f"{name}: expected the parts {', '.join(_PARTS)}, got {str(part)[:40]!r}; rename it")


def _split(data: Any, split: Any, seed: int) -> dict[str, Any]:
    """The parts that ``data`` is split into; empty ones are left out."""
    if not is_data_set(data):
        raise TypeError(
            f"data: expected a data set, a list of Data or a mapping of parts, got {type(data).__name__}; give for "
            "example a MoleculeFields"
        )
    if isinstance(split, Mapping):
        indices = split
    elif hasattr(data, "split_idx"):
        indices = data.split_idx(_FRACTIONS if split is None else split, seed=seed)
    else:
        shares = as_list("split", _FRACTIONS if split is None else split, "numbers")
        for share in shares:
            check_number("split", share)
        if len(shares) != len(_PARTS) or min(shares) < 0 or not math.isclose(sum(shares), 1):
            raise ValueError(
                f"split: expected three numbers from 0 with the sum 1, got {str(shares)[:40]}; {_FRACTIONS} is usual"
            )
        drawn: Any = random_split(range(len(data)), shares, torch.Generator().manual_seed(int(seed)))  # type: ignore[arg-type]
        indices = {name: sorted(part.indices) for name, part in zip(_PARTS, drawn, strict=True)}
    _check_names("split", indices)
    parts = {name: _selected(data, index) for name, index in part_indices(indices, len(data)).items()}
    return _given({name: part for name, part in parts.items() if len(part)}, None)


def _count(share: int | float, total: int) -> int:
    """The number of batches that ``overfit_batches`` of a Trainer stands for."""
    return min(share, total) if isinstance(share, int) else int(share * total)


def _selected(data: Any, indices: list[int]) -> Any:
    """The items at ``indices``."""
    if isinstance(data, (list, tuple)):
        return [data[i] for i in indices]
    return data[torch.tensor(indices, dtype=torch.long)] if isinstance(data, Dataset) else Subset(data, indices)
