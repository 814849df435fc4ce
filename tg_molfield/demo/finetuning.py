"""Enthalpies of formation from the pretrained encoder: read from its frozen code, fine-tuned, and from scratch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.demo.enthalpies import ORGANIC, Enthalpies, with_enthalpies
from tg_molfield.demo.linear import counts, least_squares, ridge
from tg_molfield.demo.pretrained import NAME
from tg_molfield.demo.training import one_thread
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import PropertyLoss

COUNTS = "counts of elements, least squares"
FROZEN = "frozen code, ridge"
TUNED = "encoder, fine-tuned"
FRESH = "encoder, from scratch"
RUNS = 3
_EPOCHS = 40
_SHAKE = 0.03


def learn_enthalpies(
    train: Sequence[Data], test: Sequence[Data], minutes: float, seed: int, done: Callable[[], None] = lambda: None
) -> Enthalpies:
    """Fit four models to the enthalpies of ``train`` and predict those of ``test``.

    Trained encoders learn what least squares on the counts of elements leave over, and their predictions are the mean
    of `RUNS` runs, which differ in the head's first weights and the order of molecules, and from scratch in the
    encoder's first weights too. These choices were made by
    cross-validation over the training molecules of the default split.

    Args:
        train: molecules with ``name``; of these, those that `with_enthalpies` keeps.
        test: likewise. There are no names and predictions if either has none.
        minutes: 3 or more give all epochs of training, less give fewer.
        seed: of the runs.
        done: called after each of the ``2 * RUNS`` runs.
    """
    known, asked = with_enthalpies(train), with_enthalpies(test)
    if not known or not asked:
        return Enthalpies([], [], {}, len(known))
    epochs = max(1, round(_EPOCHS * min(minutes / 3, 1.0)))
    y = torch.cat([data.y for data in known]).double()
    x, x_new = counts(known, ORGANIC), counts(asked, ORGANIC)
    base = least_squares(x, y, x_new)
    rest = y - least_squares(x, y, x)
    found = {COUNTS: base, FROZEN: _from_frozen_code(known, y, asked)}
    for name, make in ((TUNED, _pretrained), (FRESH, _from_scratch)):
        runs = []
        for run in range(RUNS):
            runs.append(_trained(make, known, rest, asked, epochs, seed + run))
            done()
        found[name] = base + torch.stack(runs).mean(0)
    return Enthalpies(
        [data.name for data in asked],
        [float(data.y) for data in asked],
        {name: values.squeeze(1).tolist() for name, values in found.items()},
        len(known),
    )


def _from_frozen_code(known: Sequence[Data], y: Tensor, asked: Sequence[Data]) -> Tensor:
    with torch.random.fork_rng(), torch.no_grad():
        model = _pretrained()
        return ridge(_summaries(model, known).double(), y, _summaries(model, asked).double())


def _pretrained() -> FieldAutoEncoder:
    return FieldAutoEncoder.from_pretrained(NAME)


def _from_scratch() -> FieldAutoEncoder:
    model = _pretrained()
    model.reset_parameters()
    return model


def _trained(
    make: Callable[[], FieldAutoEncoder],
    known: Sequence[Data],
    target: Tensor,
    asked: Sequence[Data],
    epochs: int,
    seed: int,
) -> Tensor:
    """``[K, 1]`` of the molecules ``asked`` by an encoder that was trained with a linear head on ``target [M, 1]``."""
    items = [
        Data(z=data.z, pos=data.pos, rest=row.to(data.pos)) for data, row in zip(known, target.split(1), strict=True)
    ]
    with torch.random.fork_rng(), one_thread():
        torch.manual_seed(seed)
        model = make().train()
        loss = PropertyLoss(model.summary_channels, target, key="rest")
        loader = DataLoader(items, batch_size=16, shuffle=True)
        parameters = [*model.parameters(), *loss.parameters()]
        optimizer = torch.optim.AdamW(parameters, lr=2e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, epochs * len(loader), pct_start=0.1)
        for _ in range(epochs):
            for batch in loader:
                batch.pos += _SHAKE * torch.randn_like(batch.pos)
                optimizer.zero_grad()
                loss(_summary(model, batch), batch).backward()
                torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                optimizer.step()
                schedule.step()
        with torch.no_grad():
            return loss.predict(_summaries(model.eval(), asked)).double()


def _summaries(model: FieldAutoEncoder, molecules: Sequence[Data]) -> Tensor:
    return _summary(model, Batch.from_data_list(list(molecules)))


def _summary(model: FieldAutoEncoder, batch: Batch) -> Tensor:
    return model.encode(batch.z, batch.pos, batch.batch).summary
