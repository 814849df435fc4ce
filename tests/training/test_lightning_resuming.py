"""A run that is killed and resumed with Lightning is the unbroken one."""

import pytest
import torch
from lightning_runs import data, module, parameters, recorder, same, trainer
from small import FIELD, molecules

from tg_molfield.training import AugmentedMolecules, fit
from tg_molfield.transforms import MolFieldTransform

pytest.importorskip("lightning")

pytestmark = pytest.mark.filterwarnings("ignore")


def run(folder, source, made=None, checkpoint=None, saving=True, **options):
    """Losses and parameters of a run that writes a checkpoint after every step, validation and epoch."""
    from lightning.pytorch.callbacks import ModelCheckpoint

    every_step = ModelCheckpoint(folder, save_top_k=-1, filename="{step}", every_n_train_steps=1)
    every_epoch = ModelCheckpoint(folder, save_top_k=-1, filename="end-{step}", save_on_train_epoch_end=True)
    validated = ModelCheckpoint(folder, "valid-{step}", "val_loss", save_top_k=-1, save_on_train_epoch_end=False)
    recorded, own = recorder(), made or module()
    callbacks = [recorded, *([every_step, every_epoch, validated] if saving else [])]
    trainer(folder, callbacks=callbacks, **options).fit(own, source, ckpt_path=checkpoint)
    return recorded.losses, parameters(own)


KINDS = {
    "epochs": ({"max_epochs": 2}, {}, ("step=3", "end-step=3")),
    "steps": ({"max_steps": 5}, {}, ("step=3", "end-step=3")),
    "steps without validation": ({"max_steps": 5, "limit_val_batches": 0}, {}, ("end-step=3",)),
    "several validations an epoch": ({"max_epochs": 2, "val_check_interval": 2}, {}, ("step=2",)),
    "averaged and clipped": (
        {"max_epochs": 2, "gradient_clip_val": 0.1},
        {"ema": 0.9},
        ("step=2", "valid-step=3", "end-step=6"),
    ),
    "part of an epoch": ({"max_epochs": 3, "limit_train_batches": 2}, {"schedule": "constant"}, ("end-step=4",)),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_run_resumed_from_any_checkpoint_is_the_unbroken_one(name, tmp_path):
    options, training, checkpoints = KINDS[name]
    whole, state = run(tmp_path / "whole", data(), module(**training), **options)
    assert list(whole) == list(range(1, len(whole) + 1))
    for stem in checkpoints:
        step, path = int(stem.split("=")[1]), tmp_path / "whole" / f"{stem}.ckpt"
        torch.manual_seed(step)
        losses, end = run(tmp_path / "again", data(), module(**training), path, saving=False, **options)
        assert losses == {key: value for key, value in whole.items() if key > step}, stem
        assert same(end, state)


def test_validation_alone_does_not_change_the_losses(tmp_path):
    plain, _ = run(tmp_path / "plain", data(), saving=False, max_epochs=2, limit_val_batches=0)
    validated, _ = run(tmp_path / "validated", data(), saving=False, max_epochs=2, val_check_interval=1)
    assert plain == validated


def test_the_batches_are_those_of_fit(tmp_path):
    seen = []

    def loss(model, batch):
        seen.append((batch.z, batch.pos, batch.query_pos, batch.draw_seed))
        return model(batch.z, batch.pos, batch.query_pos, batch.batch, batch.query_batch).square().mean()

    trainer(tmp_path, max_epochs=2, limit_val_batches=0).fit(module(loss), data(transform=FIELD))
    fit(module().model, molecules(11), loss, transform=MolFieldTransform(FIELD), batch_size=4, max_epochs=2)
    first, second = seen[:6], seen[6:]
    assert len(second) == 6
    for one, two in zip(first, second, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_augmented_molecules_are_resumed_within_an_epoch(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule

    def source():
        return FieldDataModule({"train": AugmentedMolecules(molecules(), 4, num_batches=3)}, seed=5)

    whole, _ = run(tmp_path / "whole", source(), max_epochs=2)
    losses, _ = run(tmp_path / "again", source(), None, tmp_path / "whole" / "step=2.ckpt", saving=False, max_epochs=2)
    assert losses == {step: loss for step, loss in whole.items() if step > 2}
    assert len(whole) == 6


def test_other_workers_and_other_batches(tmp_path):
    from tg_molfield.training.lightning import ResumeWarning

    options = {"max_epochs": 2, "limit_val_batches": 0}
    whole, _ = run(tmp_path / "whole", data(), **options)
    checkpoint = tmp_path / "whole" / "step=4.ckpt"
    losses, _ = run(tmp_path / "again", data(num_workers=1), None, checkpoint, saving=False, **options)
    assert losses == {step: loss for step, loss in whole.items() if step > 4}
    with pytest.warns(ResumeWarning, match="batch_size: expected 4, as in the checkpoint, got 5; the run differs"):
        run(tmp_path / "again", data(batch_size=5), None, checkpoint, saving=False, **options)


@pytest.mark.parametrize("within", [False, True])
def test_a_run_is_resumed_again_and_again(within, tmp_path):
    """Stopped between steps or within one; also after the last step of an epoch, of which there are three in each."""
    from lightning.pytorch.callbacks import LambdaCallback, OnExceptionCheckpoint

    class Stopped(RuntimeError):
        pass

    options = {"max_epochs": 3, "limit_val_batches": 1}
    whole, state = run(tmp_path / "whole", data(), module(ema=0.9), saving=False, **options)
    found, checkpoint = {}, None
    for stop in (2, 3, 5, 7, None):

        def stopping(trainer, *_, stop=stop):
            if trainer.global_step == stop:
                raise Stopped

        own, recorded = module(ema=0.9), recorder()
        hook = "on_before_backward" if within else "on_train_batch_start"
        kept = OnExceptionCheckpoint(tmp_path, filename=f"stopped-{stop}")
        made = trainer(tmp_path, callbacks=[recorded, LambdaCallback(**{hook: stopping}), kept], **options)
        if stop is None:
            made.fit(own, data(), ckpt_path=checkpoint)
        else:
            with pytest.raises(Stopped):
                made.fit(own, data(), ckpt_path=checkpoint)
        assert not recorded.losses.keys() & found.keys()
        found |= recorded.losses
        checkpoint = tmp_path / f"stopped-{stop}.ckpt"
    assert found == whole
    assert same(parameters(own), state)


def test_a_run_resumed_at_the_end_of_an_epoch_is_resumed_again(tmp_path):
    whole, state = run(tmp_path / "whole", data(), max_epochs=3)
    run(tmp_path / "once", data(), None, tmp_path / "whole" / "step=3.ckpt", max_epochs=3)
    checkpoint = tmp_path / "once" / "step=5.ckpt"
    losses, end = run(tmp_path / "twice", data(), None, checkpoint, saving=False, max_epochs=3)
    assert losses == {step: loss for step, loss in whole.items() if step > 5}
    assert same(end, state)
