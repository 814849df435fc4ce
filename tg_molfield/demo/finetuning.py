"""Enthalpies of formation from the pretrained encoder: from its frozen code, fine-tuned, and from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.demo.enthalpies import ORGANIC, Enthalpies, with_enthalpies
from tg_molfield.demo.linear_models import element_counts, least_squares, ridge
from tg_molfield.demo.pretrained import NAME
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.parallel import one_thread
from tg_molfield.training import PropertyLoss

COUNTS = "counts of elements, least squares"
FROZEN = "frozen code, ridge"
TUNED = "encoder, fine-tuned"
FRESH = "encoder, from scratch"
RUNS = 3
_EPOCHS = 40
_DISPLACEMENT = 0.03


def learn_enthalpies(
    train: Sequence[Data], test: Sequence[Data], minutes: float, seed: int, progress: Callable[[], None] = lambda: None
) -> Enthalpies:
    """Fit four models to the enthalpies of ``train`` and predict those of ``test``.

    The encoders are trained on the residuals of least squares on the element counts. Their predictions are averaged
    over `RUNS` runs, which differ in the initial weights of the head and the order of the molecules and, when training
    from scratch, in the initial weights of the encoder. These choices were made by cross-validation over the training
    molecules of the default split.

    Args:
        train: molecules with ``name``; `with_enthalpies` selects the ones to use.
        test: molecules with ``name``, selected in the same way. The result is empty if none are left in either.
        minutes: the training time, which sets the number of epochs; all epochs are used from 3 minutes on.
        seed: the seed of the runs.
        progress: called after each of the ``2 * RUNS`` runs.
    """
    train, test = with_enthalpies(train), with_enthalpies(test)
    if not train or not test:
        return Enthalpies([], [], {}, len(train))
    epochs = max(1, round(_EPOCHS * min(minutes / 3, 1.0)))
    y = torch.cat([data.y for data in train]).double()
    x, x_new = element_counts(train, ORGANIC), element_counts(test, ORGANIC)
    base = least_squares(x, y, x_new)
    residual = y - least_squares(x, y, x)
    predicted = {COUNTS: base, FROZEN: _from_frozen_code(train, y, test)}
    for name, make in ((TUNED, _pretrained), (FRESH, _from_scratch)):
        runs = []
        for run in range(RUNS):
            runs.append(_trained(make, train, residual, test, epochs, seed + run))
            progress()
        predicted[name] = base + torch.stack(runs).mean(0)
    return Enthalpies(
        [data.name for data in test],
        [float(data.y) for data in test],
        {name: values.squeeze(1).tolist() for name, values in predicted.items()},
        len(train),
    )


def _from_frozen_code(train: Sequence[Data], y: Tensor, test: Sequence[Data]) -> Tensor:
    with torch.random.fork_rng(), torch.no_grad():
        model = _pretrained()
        return ridge(_summaries(model, train).double(), y, _summaries(model, test).double())


def _pretrained() -> FieldAutoEncoder:
    return FieldAutoEncoder.from_pretrained(NAME)


def _from_scratch() -> FieldAutoEncoder:
    model = _pretrained()
    model.reset_parameters()
    return model


def _trained(
    make: Callable[[], FieldAutoEncoder],
    train: Sequence[Data],
    target: Tensor,
    test: Sequence[Data],
    epochs: int,
    seed: int,
) -> Tensor:
    """Predictions ``[K, 1]`` for ``test`` by an encoder and a linear head trained on ``target [M, 1]`` of ``train``."""
    items = [
        Data(z=data.z, pos=data.pos, target=row.to(data.pos)) for data, row in zip(train, target.split(1), strict=True)
    ]
    with torch.random.fork_rng(), one_thread():
        torch.manual_seed(seed)
        model = make().train()
        loss = PropertyLoss(model.summary_channels, target, key="target")
        loader = DataLoader(items, batch_size=16, shuffle=True)
        parameters = [*model.parameters(), *loss.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=2e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, epochs * len(loader), pct_start=0.1)
        for _ in range(epochs):
            for batch in loader:
                batch.pos += _DISPLACEMENT * torch.randn_like(batch.pos)
                optimizer.zero_grad()
                loss(_summary(model, batch), batch).backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                schedule.step()
        with torch.no_grad():
            return loss.predict(_summaries(model.eval(), test)).double()


def _summaries(model: FieldAutoEncoder, molecules: Sequence[Data]) -> Tensor:
    return _summary(model, Batch.from_data_list(list(molecules)))


def _summary(model: FieldAutoEncoder, batch: Batch) -> Tensor:
    return model.encode(batch).summary
