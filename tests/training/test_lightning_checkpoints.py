"""Checkpoints of a `FieldLightningModule` hold the model, the loss and the options."""

import io
import json

import numpy as np
import pytest
import torch
from lightning_runs import data, module, parameters, same, trainer
from small import FIELD

from tg_molfield.fields import FunctionKernel, MolField
from tg_molfield.nn import FieldAutoEncoder, RBFDecoder
from tg_molfield.training import FieldLoss, FlowLoss, InitialGuessLoss, MatchingLoss
from tg_molfield.training.loss_description import describe_loss, rebuild_loss

pytest.importorskip("lightning")

pytestmark = pytest.mark.filterwarnings("ignore")


def saved(folder, own, **options):
    """The checkpoint of a short run."""
    made = trainer(folder, max_steps=2, limit_val_batches=0, **options)
    made.fit(own, data())
    made.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt"


def own_loss(model, batch):
    return FieldLoss()(model, batch)


def test_a_training_is_loaded_without_arguments(tmp_path):
    from tg_molfield.training.lightning import FieldLightningModule

    own = module(MatchingLoss(FIELD, presence=3.0), lr=np.float64(3e-3), warmup=0.1, schedule="constant", ema=0.5)
    own.model = FieldAutoEncoder(
        FIELD, 32, "rbf", encoder_options={"out_channels": 8, "num_layers": 1}, pooling_options={"num_blocks": 0},
        decoder_options={"num_slots": 4, "width": 16, "num_tokens": 2},
    )  # fmt: skip
    own = FieldLightningModule(own.model, own.loss, **own.options)
    path = saved(tmp_path, own)
    loaded = FieldLightningModule.load_from_checkpoint(path)
    assert type(loaded) is FieldLightningModule
    assert same(parameters(loaded), parameters(own))
    assert loaded.model.mol_field == FIELD
    assert loaded.options == own.options
    assert (loaded.loss.mol_field, loaded.loss.presence) == (FIELD, 3.0)
    for options in ({"weights_only": True, "map_location": "cpu"}, {"channels": FIELD}, {"lr": 1.0, "loss": own_loss}):
        again = FieldLightningModule.load_from_checkpoint(io.BytesIO(path.read_bytes()), **options)
        assert same(parameters(again), parameters(own))
    assert (again.lr, again.loss) == (1.0, own_loss)
    content = torch.load(path, weights_only=True)
    assert content["hyper_parameters"]["lr"] == 3e-3


def test_what_cannot_be_rebuilt_is_asked_for_by_name(tmp_path):
    from tg_molfield.training.lightning import FieldLightningModule

    load = FieldLightningModule.load_from_checkpoint
    torch.manual_seed(0)
    decoder = RBFDecoder(FIELD.channels, 16, num_slots=3, width=8, num_tokens=2)
    made = FieldAutoEncoder(FIELD, 16, decoder, encoder_options={"out_channels": 8, "num_layers": 1})
    path = saved(tmp_path, FieldLightningModule(made))
    with pytest.raises(ValueError, match=r"last.ckpt: modules: expected decoder=, as the model was built with"):
        load(path)
    again = load(path, decoder=RBFDecoder(FIELD.channels, 16, num_slots=3, width=8, num_tokens=2))
    assert same(parameters(again), made.state_dict())
    trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(module(own_loss), data(transform=FIELD))
    made = trainer(tmp_path, max_steps=1, limit_val_batches=0)
    made.fit(module(own_loss), data(transform=FIELD))
    made.save_checkpoint(path)
    with pytest.raises(ValueError, match=r"last.ckpt: loss: expected own_loss, .*got none; give loss="):
        load(path)
    assert load(path, loss=own_loss).loss is own_loss


def test_other_files_and_other_models_are_refused(tmp_path):
    from tg_molfield.training.lightning import FieldLightningModule

    load = FieldLightningModule.load_from_checkpoint
    path = saved(tmp_path, module())
    with pytest.raises(ValueError, match=r"last.ckpt: channels: expected C N, got a model of H C O"):
        load(path, channels="C N")
    with pytest.raises(ValueError, match="weights_only: expected True, got False"):
        load(path, weights_only=False)
    with pytest.raises(FileNotFoundError, match="expected an existing file, got none"):
        load(tmp_path / "none.ckpt")
    content = torch.load(path, weights_only=True)
    content["tg_molfield"] |= {"format": 2, "version": "0.9"}
    torch.save(content, tmp_path / "new.ckpt")
    newer = "expected format ≤ 1, got 2 written by tg_molfield 0.9; update the package"
    with pytest.raises(ValueError, match=rf"new.ckpt: {newer}"):
        load(tmp_path / "new.ckpt")
    with pytest.raises(ValueError, match=rf"ckpt_path: {newer}"):
        trainer(tmp_path, max_steps=3).fit(module(), data(), ckpt_path=tmp_path / "new.ckpt")
    torch.save({"state_dict": {}}, tmp_path / "other.ckpt")
    torch.save({"model": torch.nn.Linear(1, 1)}, tmp_path / "unsafe.ckpt")
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for name in ("other", "unsafe", "text"):
        with pytest.raises(ValueError, match=rf"{name}.ckpt: expected a (checkpoint|file)"):
            load(tmp_path / f"{name}.ckpt")
    torch.manual_seed(0)
    other = FieldAutoEncoder("H C", 32, "siren", encoder_options={"out_channels": 8, "num_layers": 1})
    with pytest.raises(ValueError, match=r"ckpt_path: .*expected .*, as this model has, got"):
        trainer(tmp_path, max_steps=3).fit(FieldLightningModule(other), data(), ckpt_path=path)
    with pytest.raises(
        ValueError, match=r"ckpt_path: lr: expected 0.01, as in the checkpoint, .* got 0.1; begin a new"
    ):
        trainer(tmp_path, max_steps=3).fit(module(lr=0.1), data(), ckpt_path=path)
    trainer(tmp_path).validate(module(lr=0.1), data(), ckpt_path=path, verbose=False)


def test_a_model_that_checkpoints_cannot_hold_is_refused_before_training(tmp_path):
    from lightning.pytorch.callbacks import ModelCheckpoint

    from tg_molfield.training.lightning import FieldLightningModule

    definition = MolField("H C O", kernel=FunctionKernel(lambda u: torch.exp(-u.square()), radius=4.0))
    own = FieldLightningModule(FieldAutoEncoder(definition, 32, "siren", encoder_options={"num_layers": 1}))
    with pytest.raises(ValueError, match="mol_field: expected a kernel known by name"):
        trainer(tmp_path, max_steps=1, callbacks=[ModelCheckpoint(tmp_path)]).fit(own, data())


@pytest.mark.parametrize(
    "loss",
    [
        FieldLoss(),
        InitialGuessLoss(0.5, np.int64(5)),
        MatchingLoss(FIELD, 4.0, 3.0, 0.5, 0.25, 0.125),
        FlowLoss(0.5, 0.125, np.float32(0.25), 0.0),
    ],
)
def test_losses_are_rebuilt_from_their_description(loss):
    again = rebuild_loss(json.loads(json.dumps(describe_loss(loss))))
    assert type(again) is type(loss)
    assert vars(again) == vars(loss)


def test_losses_of_others_have_no_description():
    class Own(FieldLoss):
        pass

    for loss, name in ((own_loss, "own_loss"), (MatchingLoss(lambda batch: None), "MatchingLoss"), (Own(), "Own")):
        description = describe_loss(loss)
        assert description["loss"].endswith(name)
        with pytest.raises(ValueError, match=rf"loss: expected .*{name}, which the model was trained with"):
            rebuild_loss(description)


def test_averaged_parameters_are_validated_saved_and_left(tmp_path):
    from lightning.pytorch.callbacks import LambdaCallback, ModelCheckpoint

    from tg_molfield.training.lightning import FieldLightningModule

    own, stepped, validated = module(ema=0.5), [], []
    name = next(name for name, _ in own.model.named_parameters() if name.startswith("decoder."))

    def of(module):
        return parameters(module)[name]

    start = of(own)
    watched = LambdaCallback(
        on_train_batch_end=lambda trainer, module, *_: stepped.append(of(module)),
        on_validation_batch_end=lambda trainer, module, *_: validated.append(of(module)),
    )
    callbacks = [watched, ModelCheckpoint(tmp_path, filename="end")]
    trainer(tmp_path, max_epochs=2, callbacks=callbacks, limit_val_batches=1).fit(own, data())
    average, expected = start, []
    for step, values in enumerate(stepped, 1):
        average = average.lerp(values, 1 - min(0.5, (1 + step) / (10 + step)))
        expected.append(average)
    assert len(stepped) == 6
    assert torch.allclose(validated[0], expected[2], atol=1e-7)
    assert torch.allclose(validated[1], expected[5], atol=1e-7)
    assert torch.equal(of(own), validated[1])
    assert not torch.allclose(of(own), stepped[-1], atol=1e-4)
    loaded = FieldLightningModule.load_from_checkpoint(tmp_path / "end.ckpt")
    assert torch.equal(of(loaded), of(own))


def test_tied_parameters_are_averaged_and_kept_under_each_name():
    from tg_molfield.training.lightning.averaging import AveragedWeights

    tied = torch.nn.ModuleDict({"a": torch.nn.Linear(2, 2), "b": torch.nn.Linear(2, 2)})
    tied["b"].weight = tied["a"].weight
    averaged = AveragedWeights(tied, 0.5)
    averaged.begin()
    begin = tied["a"].weight.detach().clone()
    with torch.no_grad():
        tied["a"].weight += 1.0
    averaged.update(1)
    state = {f"model.{name}": tensor.clone() for name, tensor in tied.state_dict().items()}
    own = averaged.save(state, "model.")
    for name in ("a.weight", "b.weight"):
        assert torch.equal(own[name], tied["a"].weight)
        assert torch.allclose(state[f"model.{name}"], begin + 1 - 2 / 11)


def test_a_definition_that_a_model_took_over_is_in_the_checkpoint(tmp_path):
    from tg_molfield.training.lightning import FieldLightningModule

    def bare():
        torch.manual_seed(0)
        options = {"num_slots": 4, "width": 16, "num_tokens": 2}
        made = FieldAutoEncoder("H C O", 32, "rbf", encoder_options={"num_layers": 1}, decoder_options=options)
        return FieldLightningModule(made, MatchingLoss(FIELD))

    path = saved(tmp_path, bare())
    own = bare()
    trainer(tmp_path, max_steps=3, limit_val_batches=0).fit(own, data(), ckpt_path=path)
    assert own.model.mol_field == FIELD
    other = FieldAutoEncoder("H C", 32, "rbf", encoder_options={"num_layers": 1})
    with pytest.raises(ValueError, match=r"ckpt_path: .*: expected .*, as this model has, got"):
        trainer(tmp_path, max_steps=3).fit(FieldLightningModule(other), data(), ckpt_path=path)
