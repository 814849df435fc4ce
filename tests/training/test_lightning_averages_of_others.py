"""Averages of a run are not put back into a model that got other parameters afterwards."""

import pytest
import torch
from lightning_runs import data, module, trainer

pytest.importorskip("lightning")

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("seeded")]


def started(own, folder, **options):
    """The parameters that a run begins with."""
    from lightning.pytorch.callbacks import LambdaCallback

    found = []

    def note(trainer, module, batch, index):
        if index == 0:
            found.extend(parameter.detach().clone() for parameter in module.model.parameters())

    callbacks = [LambdaCallback(on_train_batch_start=note)]
    trainer(folder, max_epochs=1, callbacks=callbacks, **options).fit(own, data())
    return found


@pytest.mark.parametrize("checks", [0, 1])
def test_loaded_weights_are_trained(checks, tmp_path):
    own = module(ema=0.5)
    begin = {name: tensor.clone() for name, tensor in own.model.state_dict().items()}
    started(own, tmp_path)
    own.model.load_state_dict(begin)
    found = started(own, tmp_path, num_sanity_val_steps=checks)
    assert all(
        torch.equal(one, begin[name]) for one, (name, _) in zip(found, own.model.named_parameters(), strict=True)
    )


@pytest.mark.parametrize("checks", [0, 1])
def test_a_second_run_goes_on_from_the_last_step(checks, tmp_path):
    from lightning.pytorch.callbacks import LambdaCallback

    own, last = module(ema=0.5), []

    def note(trainer, module):
        last[:] = [parameter.detach().clone() for parameter in module.model.parameters()]

    watched = LambdaCallback(on_train_epoch_end=note)
    trainer(tmp_path, max_epochs=1, callbacks=[watched]).fit(own, data())
    found = started(own, tmp_path, num_sanity_val_steps=checks)
    assert all(torch.equal(one, other) for one, other in zip(found, last, strict=True))


@pytest.mark.parametrize("ema", [None, 0.5])
def test_looking_for_a_learning_rate_leaves_nothing(ema, tmp_path):
    from lightning.pytorch.tuner import Tuner

    own = module(ema=ema)
    begin = [parameter.detach().clone() for parameter in own.model.parameters()]
    looking = trainer(tmp_path, max_epochs=1)
    Tuner(looking).lr_find(own, datamodule=data(), num_training=4, update_attr=False)
    found = started(own, tmp_path, num_sanity_val_steps=1)
    assert all(torch.equal(one, other) for one, other in zip(found, begin, strict=True))
