"""`fit`: training of a model in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset
from torch_geometric.data import Data

from tg_molfield.arguments import as_path, check_kind, check_seed, require_counts
from tg_molfield.fields import MolField
from tg_molfield.progress import shown
from tg_molfield.training.augmentation import AugmentedMolecules
from tg_molfield.training.batches import batches_of, check_molecules, is_data_set
from tg_molfield.training.budget import Budget
from tg_molfield.training.drawn import BatchTransform, DrawnMolecules
from tg_molfield.training.folder_lock import only_training
from tg_molfield.training.loss_checks import loss_for
from tg_molfield.training.losses import FieldLoss
from tg_molfield.training.optimization import Optimization
from tg_molfield.training.progress import Show, described
from tg_molfield.training.ranks import joined_ranks
from tg_molfield.training.report import TrainingReport
from tg_molfield.training.run import Habits, Run
from tg_molfield.training.transform_parts import check_definition, parts_of, transforms_of
from tg_molfield.training.validation import Validator
from tg_molfield.transforms import MolFieldTransform

Model = TypeVar("Model", bound=nn.Module)
_BATCH_SIZE = 64


def fit(
    model: Model,
    data: Any,
    loss: Callable[[Model, Data], Tensor] | None = None,
    *,
    valid: Any = None,
    transform: BatchTransform | None = None,
    batch_size: int = _BATCH_SIZE,
    max_epochs: int | None = None,
    max_steps: int | None = None,
    max_seconds: float | None = None,
    lr: float = 1e-3,
    weight_decay: float = 1e-4,
    clip: float = 1.0,
    warmup: float = 0.02,
    schedule: str = "cosine",
    ema: float | None = None,
    precision: str = "float32",
    validate_every: int | None = None,
    patience: int | None = None,
    folder: str | Path | None = None,
    resume: bool = True,
    checkpoint_seconds: float = 300.0,
    tensorboard: bool = False,
    pictures: int = 0,
    workers: int = 0,
    seed: int = 0,
    progress: Show | bool | None = None,
) -> TrainingReport:
    """Train ``model`` in place with AdamW and leave it in evaluation mode.

    The learning rate rises linearly during the first ``warmup`` of the budget and then falls to 0 along a cosine.

    Of a data set or `AugmentedMolecules` every random number, of the order, the points, the frames and the
    augmentation, is a function of the seed, the epoch and the molecule. With a ``folder`` a run that was killed
    anywhere goes on from its last checkpoint when it is called again, and ends as if it had not been interrupted: to
    the bit on a processor with one thread and as many ranks. Batches of a loader come as they are; a run on them is
    reproducible from ``seed`` if the loader draws from torch's generator, and cannot be resumed.

    Started by ``torchrun`` or within an initialised ``torch.distributed``, the processes share each batch; the losses
    are those of one process where a loss is a mean over molecules, as `FieldLoss` is. Ctrl-C and SIGTERM end a run
    after the step that is under way, with a checkpoint. The global state of the random generators is not changed.

    Args:
        model: a `FieldAutoEncoder`, or another module together with a loss for it.
        data: molecules to train on: a PyG data set, such as a `MoleculeFields`, a list of ``Data``, or
            `AugmentedMolecules`; or a ``DataLoader`` or another iterable of batches, repeated as often as needed.
        loss: a differentiable function of the model and a batch; `FieldLoss` by default.
        valid: molecules or batches to validate with, likewise; the model is left with the parameters that had the
            least loss there. By default the last parameters.
        transform: applied to whole batches of molecules; by default a `MolFieldTransform` of the model's definition,
            where molecules have no ``query_pos`` and the loss is a `FieldLoss`.
        batch_size: molecules in a batch that is drawn from a data set or a list, of all ranks together.
        max_epochs: the budget in passes through the data.
        max_steps: the budget in steps.
        max_seconds: the budget in seconds; beside another budget, the seconds of this call, after which the run can be
            resumed.
        lr: the maximum learning rate.
        weight_decay: the weight decay of AdamW.
        clip: the maximum norm of the gradient; infinite for no clipping.
        warmup: the share of the budget for the warm-up.
        schedule: ``"cosine"``, or ``"constant"`` after the warm-up.
        ema: the decay of an average of the parameters, such as 0.999, that is validated and left in their place.
        precision: ``"float32"``, or ``"bfloat16"`` for mixed precision.
        validate_every: steps from one validation to the next; by default an epoch.
        patience: how many validations without a smaller loss end the run.
        folder: where ``checkpoint.safetensors``, the best ``model.safetensors``, ``log.csv`` and pictures are written.
        resume: False removes a checkpoint in the folder and begins anew.
        checkpoint_seconds: from one checkpoint in ``folder`` to the next; there is one after each validation, too.
        tensorboard: write the log for TensorBoard, too (extra ``train``).
        pictures: how many molecules of ``valid`` are drawn at each validation, with their reconstruction.
        workers: processes that load data.
        seed: of order, points, frames and augmentation.
        progress: a function that is called after each step with the report so far and the share of the budget that is
            spent, True or False; by default there is a bar in a terminal and in a notebook.

    Raises:
        ValueError: no budget is given, an option is out of range or has no effect, there are no molecules, or the
            checkpoint in ``folder`` is of another run.
        BlockingIOError: another process trains in ``folder``.
        TypeError: an argument is of another kind, or ``loss`` is None and ``model`` is not a `FieldAutoEncoder`.
        FloatingPointError: the loss or its gradient is not finite; the model has its best parameters so far.
        KeyboardInterrupt: the run was interrupted; the model has its best parameters so far.

    Warns:
        FieldValuesWarning: molecules bring field values that are not those of their atoms by the model's definition.
    """
    check_kind("model", model, nn.Module, "a model", "give a FieldAutoEncoder")
    device = _device_of(model)
    check_seed(seed)
    require_counts(1, batch_size=batch_size)
    require_counts(0, workers=workers)
    seed, batch_size, workers = int(seed), int(batch_size), int(workers)
    budget = Budget(max_epochs, max_steps, max_seconds)
    optimization = Optimization(lr, weight_decay, clip, warmup, schedule, ema, precision)
    where = None if folder is None else as_path(folder, "folder")
    habits = Habits(where, validate_every, patience, checkpoint_seconds, pictures, tensorboard)
    measure = loss_for(model, loss)
    if isinstance(transform, MolField):
        transform = MolFieldTransform(transform)
    if transform is not None and not callable(transform):
        raise TypeError(f"transform: expected a function of a batch, got {type(transform).__name__}; leave it out")
    _check_valid(valid)
    if batch_size != _BATCH_SIZE and not is_data_set(data) and not is_data_set(valid):
        check_molecules("data", data)
        raise ValueError(
            f"batch_size: expected {_BATCH_SIZE}, the default, for {type(data).__name__}, which makes its own batches, "
            f"got {batch_size}; give it there"
        )
    definition = getattr(model, "mol_field", None)
    if isinstance(measure, FieldLoss):
        check_definition("transform", parts_of(transform), definition)
        check_definition("data.transform", transforms_of(data), definition)
        check_definition("valid.transform", transforms_of(valid), definition)
    points = MolFieldTransform(definition) if isinstance(definition, MolField) else None
    with (
        joined_ranks(device) as ranks,
        shown(progress if ranks.is_first else False, described, stays=True) as show,
    ):
        own = points if isinstance(measure, FieldLoss) else None
        batches = batches_of(data, transform, own, batch_size, seed, workers)
        validator = None
        if valid is not None:
            valid = DrawnMolecules(valid, transform, seed, points) if is_data_set(valid) else valid
            validator = Validator(valid, measure, batch_size, seed)
        run = Run(model, measure, batches, validator, budget, optimization, habits, ranks, seed)
        with only_training(where if ranks.is_first else None):
            if resume:
                run.resume()
            else:
                run.begin_anew()
            return run.go_on(show)


def _device_of(model: nn.Module) -> torch.device:
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ValueError(f"model: expected parameters, got none in {type(model).__name__}; there is nothing to train")
    return parameter.device


def _check_valid(valid: Any) -> None:
    if valid is None:
        return
    check_molecules("valid", valid)
    if isinstance(valid, AugmentedMolecules) and valid.num_batches is None:
        raise ValueError("valid: expected num_batches, got an endless stream; give num_batches, or the molecules")
    if isinstance(valid, Iterator):
        raise TypeError(
            f"valid: expected batches to be gone through at each validation, got a {type(valid).__name__}, which can "
            "be gone through once; give a list or a DataLoader"
        )
    stream = isinstance(valid, DataLoader) and isinstance(valid.dataset, IterableDataset)
    if (is_data_set(valid) or isinstance(valid, DataLoader)) and not stream and not len(valid):
        raise ValueError("valid: expected at least one molecule, got none; leave it out or give some")
