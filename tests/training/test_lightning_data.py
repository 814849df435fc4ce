"""Batches, validation, logs and pictures of a `FieldDataModule` and a `FieldLightningModule`."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning_runs import data, module, parameters, recorder, trainer
from small import FIELD, model, molecules
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, MatchingLoss
from tg_molfield.transforms import MolFieldTransform

pytest.importorskip("lightning")

pytestmark = pytest.mark.filterwarnings("ignore")


def logged(folder, *names):
    """The values of each name in the log of a `CSVLogger`."""
    with open(folder / "metrics.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [[float(row[name]) for row in rows if row[name]] for name in names]


def test_data_sets_are_split_and_parts_are_taken_as_they_are():
    from tg_molfield.training.lightning import FieldDataModule

    found = molecules(20)
    by_seed = [FieldDataModule(found, seed=seed).parts for seed in (0, 0, 1)]
    sizes = [{name: len(part) for name, part in parts.items()} for parts in by_seed]
    assert sizes == [{"train": 16, "valid": 2, "test": 2}] * 3
    assert all(a is b for name in sizes[0] for a, b in zip(by_seed[0][name], by_seed[1][name], strict=True))
    assert any(a is not b for a, b in zip(by_seed[0]["train"], by_seed[2]["train"], strict=True))
    assert sorted(id(one) for part in by_seed[2].values() for one in part) == sorted(map(id, found))
    assert FieldDataModule(found, split=(1.0, 0.0, 0.0)).parts.keys() == {"train"}
    told = "FieldDataModule(train 16 molecules, valid 2 molecules, test 2 molecules, batch_size=64)"
    assert repr(FieldDataModule(found)) == told
    chosen = FieldDataModule(found, split={"train": torch.tensor([4, 2]), "test": [7]}).parts
    assert [id(one) for one in chosen["train"]] == [id(found[4]), id(found[2])]
    assert [id(one) for one in chosen["test"]] == [id(found[7])]
    mask = torch.arange(20) % 2 == 0
    masked = FieldDataModule(found, split={"train": mask, "valid": ~mask, "test": torch.zeros(20, dtype=torch.bool)})
    assert [id(one) for one in masked.parts["valid"]] == [id(one) for one in found[1::2]]
    assert masked.parts.keys() == {"train", "valid"}
    other = FieldDataModule(torch.utils.data.ConcatDataset([found[:4], found[4:]]), split=(0.5, 0.5, 0.0)).parts
    assert len(other["train"]) == len(other["valid"]) == 10


class Fields(list):
    """A list of molecules that splits itself, as `MoleculeFields` does."""

    def split_idx(self, fractions=(0.8, 0.1, 0.1), by="random", seed=0):
        return {"train": torch.tensor([seed]), "valid": torch.tensor([1]), "test": torch.tensor([], dtype=torch.long)}


def test_a_data_set_splits_itself():
    from tg_molfield.training.lightning import FieldDataModule

    found = Fields(molecules(5))
    parts = FieldDataModule(found, seed=3).parts
    assert parts["train"] == [found[3]]
    assert parts.keys() == {"train", "valid"}


def test_what_is_no_data_is_refused():
    from tg_molfield.training.lightning import FieldDataModule

    found = molecules(4)
    for given, options, kind, message in (
        (DataLoader(found), {}, TypeError, "data: expected a data set, a list of Data or a mapping of parts, got Data"),
        ({"train": DataLoader(found)}, {}, TypeError, r"data\['train'\]: expected a data set .*give loaders"),
        ({"valid": found}, {}, ValueError, "data: expected the part 'train', got none"),
        ({"train": found, "val": found}, {}, ValueError, "data: expected the parts train, valid, test, got 'val'"),
        ({"train": found, "test": []}, {}, ValueError, r"data\['test'\]: expected at least one molecule, got none"),
        ({"train": found}, {"split": (1, 0, 0)}, ValueError, "split: expected None for data that is in parts"),
        ([], {}, ValueError, "data: expected the part 'train', got none"),
        (found, {"split": (0.5, 0.1, 0.1)}, ValueError, "split: expected three numbers from 0 with the sum 1"),
        (found, {"split": (0.5, "x", 0.1)}, TypeError, "split: expected a number, got str"),
        (found, {"batch_size": 0}, ValueError, "batch_size: expected at least 1, got 0"),
        (found, {"num_workers": -1}, ValueError, "num_workers: expected at least 0, got -1"),
        (found, {"transform": 3}, TypeError, "transform: expected a MolField or a transform of batches, got int"),
    ):
        with pytest.raises(kind, match=message):
            FieldDataModule(given, **options)
    with pytest.raises(ValueError, match="trainer: expected a Trainer"):
        FieldDataModule(found).train_dataloader()


@pytest.mark.parametrize(
    ("split", "kind", "message"),
    [
        ({"train": torch.ones(3, dtype=torch.bool)}, ValueError, "expected a mask of the 5 molecules, got one of 3"),
        ({"train": [True, False]}, ValueError, r"split\['train'\]: expected a mask of the 5 molecules, got one of 2"),
        (
            {"train": [0, 1], "test": [2, 1]},
            ValueError,
            r"split\['test'\]: .* got that of index 1 in 'train' too; leave",
        ),
        ({"train": torch.arange(5) < 3, "test": [2]}, ValueError, "got that of index 2 in 'train' too"),
        ({"train": [0, 3, 0]}, ValueError, "got that of index 0 twice"),
        ({"train": [0, 5]}, ValueError, r"split\['train'\]: expected indices from 0 to 4, got 5; take those of this"),
        ({"train": [-1]}, ValueError, "expected indices from 0 to 4, got -1"),
        ({"train": None}, TypeError, r"split\['train'\]: expected indices or a mask, got NoneType; give a tensor"),
        ({"train": 3}, TypeError, "expected indices or a mask, got int; give a tensor"),
        ({"train": "all"}, TypeError, "expected indices or a mask, got str; give a tensor"),
        ({"train": [0.0, 1.0]}, TypeError, r"expected indices or a mask, got float32 \[2\]; give a tensor"),
        ({"train": [[0], [1]]}, TypeError, r"expected indices or a mask, got int64 \[2, 1\]; give a tensor"),
        ({"train": torch.tensor(1)}, TypeError, r"expected indices or a mask, got int64 \[\]; give a tensor"),
        ({"train": torch.tensor([0, 1], dtype=torch.uint8)}, TypeError, "expected indices or a mask, got uint8"),
        ({"train": [0], "val": []}, ValueError, "split: expected the parts train, valid, test, got 'val'; rename it"),
        ({"train": []}, ValueError, "expected the part 'train', got none"),
    ],
)
def test_parts_that_cannot_be_are_refused(split, kind, message):
    from tg_molfield.training.lightning import FieldDataModule

    with pytest.raises(kind, match=message):
        FieldDataModule(molecules(5), split=split)


def test_parts_are_lists_arrays_and_ranges():
    from tg_molfield.training.lightning import FieldDataModule

    found = molecules(5)
    split = {"train": range(2), "valid": np.array([4, 3], dtype=np.int32), "test": np.arange(5) == 2}
    parts = FieldDataModule(found, split=split).parts
    order = [id(one) for part in parts.values() for one in part]
    assert order == [id(found[index]) for index in (0, 1, 4, 3, 2)]


def test_streams_without_end_are_refused(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule

    endless = FieldDataModule({"train": AugmentedMolecules(molecules(), 4)})
    with pytest.raises(ValueError, match=r"data: expected AugmentedMolecules with an end, .* give them num_batches"):
        trainer(tmp_path, max_steps=2).fit(module(), endless)


def test_validation_and_test_are_means_over_molecules(tmp_path):
    """Seven molecules in batches of three: the last batch has one."""
    from tg_molfield.training.lightning import FieldDataModule

    found = molecules(7)
    ready = [MolFieldTransform(FIELD, 20, seed=0)(one.clone()) for one in found]
    own, source = module(), FieldDataModule({"train": found, "valid": ready, "test": ready}, batch_size=3)
    made = trainer(tmp_path)
    valid = made.validate(own, source, verbose=False)[0]
    test = made.test(own, source, verbose=False)[0]
    quality, losses = [], []
    for one in ready:
        batch = Batch.from_data_list([one])
        quality.append(own.model.eval().test(own.model.encode(batch), batch.query_pos, batch.field))
        losses.append(float(own.loss(own.model, batch)))
    for name in ("psnr", "psnr_occupied"):
        known = [one[name] for one in quality if not math.isnan(one[name])]
        assert valid[f"val_{name}"] == pytest.approx(sum(known) / len(known), abs=1e-4)
        assert test[f"test_{name}"] == valid[f"val_{name}"]
    assert valid["val_loss"] == pytest.approx(sum(losses) / 7, rel=1e-5)
    again = made.validate(own, FieldDataModule({"train": found, "valid": found}), verbose=False)[0]
    assert again == made.validate(own, FieldDataModule({"train": found, "valid": found}), verbose=False)[0]


def test_a_run_logs_stops_early_and_draws(tmp_path):
    from lightning.pytorch.callbacks import EarlyStopping
    from lightning.pytorch.loggers import CSVLogger

    from tg_molfield.training.lightning import ReconstructionPictures

    logger = CSVLogger(tmp_path, "runs", 0)
    callbacks = [EarlyStopping("val_psnr", mode="max", min_delta=1e3, patience=2), ReconstructionPictures(1, 2)]
    made = trainer(tmp_path, max_epochs=9, logger=logger, callbacks=callbacks, log_every_n_steps=1)
    made.fit(module(), data())
    folder = Path(logger.log_dir)
    losses, psnr, valid = logged(folder, "train_loss", "val_psnr", "val_loss")
    assert made.current_epoch == len(psnr) == len(valid) == 3
    assert len(losses) == 9
    assert sum(losses[6:]) < sum(losses[:3])
    pictures = sorted(path.name for path in (folder / "pictures").iterdir())
    assert pictures == ["step-00000006-molecule-0.png"]
    assert (folder / "hparams.yaml").read_text().count("lr: 0.01") == 1


def test_tensorboard_has_losses_and_pictures(tmp_path):
    pytest.importorskip("tensorboardX", reason="tensorboardX, of the extra train, is not installed")
    from lightning.pytorch.loggers import TensorBoardLogger

    from tg_molfield.training.lightning import ReconstructionPictures

    logger = TensorBoardLogger(tmp_path, "runs", 0)
    drawn = ReconstructionPictures(molecules(1))
    made = trainer(tmp_path, max_epochs=1, logger=logger, callbacks=[drawn], log_every_n_steps=1, limit_val_batches=0)
    made.fit(module(), data())
    events = b"".join(path.read_bytes() for path in (tmp_path / "runs").rglob("events.out*"))
    assert all(name in events for name in (b"train_loss", b"reconstruction/0"))


def test_pictures_need_molecules_and_a_definition(tmp_path):
    from tg_molfield.training.lightning import FieldDataModule, FieldLightningModule, ReconstructionPictures

    for arguments, message in (((0,), "molecules: expected at least 1"), ((2, 0), "every_n_epochs: expected at least")):
        with pytest.raises(ValueError, match=message):
            ReconstructionPictures(*arguments)
    only = FieldDataModule({"train": molecules(2)})
    with pytest.raises(ValueError, match="molecules: expected a FieldDataModule with molecules to validate with"):
        trainer(tmp_path, max_steps=1, callbacks=[ReconstructionPictures()]).fit(module(), only)
    bare = FieldLightningModule(FieldAutoEncoder("H C O", 16, "siren", encoder_options={"num_layers": 1}))
    with pytest.raises(ValueError, match="mol_field: expected a definition, got a model of channels alone"):
        trainer(tmp_path, max_steps=1, callbacks=[ReconstructionPictures(molecules(1))]).fit(bare, only)


def test_mixed_precision_clipping_and_accumulation_train(tmp_path):
    recorded, own = recorder(), module()
    made = trainer(
        tmp_path, max_epochs=3, precision="bf16-mixed", gradient_clip_val=1.0, accumulate_grad_batches=2,
        callbacks=[recorded],
    )  # fmt: skip
    made.fit(own, data())
    assert made.global_step == 6
    assert all(tensor.dtype == torch.float32 for _, tensor in own.model.named_parameters())
    assert all(math.isfinite(loss) for loss in recorded.losses.values())


def test_loaded_models_are_trained_and_losses_that_are_not_finite_end_a_run(tmp_path):
    from tg_molfield.training.lightning import FieldLightningModule

    own = FieldLightningModule(model().eval())
    trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(own, data())
    assert own.model.domain.max_atoms == 4
    before = parameters(own)
    own.loss = lambda model, batch: model.encode(batch).code.sum() * float("nan")
    with pytest.raises(FloatingPointError, match="train_loss: expected a finite number, got nan at step 0; use lr"):
        trainer(tmp_path, max_steps=1, limit_val_batches=0).fit(own, data())
    assert all(torch.equal(before[name], tensor) for name, tensor in parameters(own).items())


class Headed(torch.nn.Module):
    """A loss with a parameter of its own."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(1.0))

    def forward(self, model, batch):
        return (model.encode(batch).code.square().mean() - self.scale).square()


def test_parameters_of_a_loss_are_trained(tmp_path):
    own = module(Headed(), schedule="constant", warmup=0.0)
    trainer(tmp_path, max_epochs=2, max_steps=4, limit_val_batches=0).fit(own, data())
    assert float(own.loss.scale) != 1.0


def test_learning_rates_rise_and_fall(tmp_path):
    from lightning.pytorch.callbacks import LambdaCallback

    rates = []
    noted = LambdaCallback(
        on_train_batch_start=lambda trainer, *_: rates.append(trainer.optimizers[0].param_groups[0]["lr"])
    )
    trainer(tmp_path, max_steps=12, callbacks=[noted], limit_val_batches=0).fit(module(warmup=0.25), data())
    assert rates[0] == pytest.approx(0.01 * 0.1 / 1.1)
    assert max(rates) == rates[3] == pytest.approx(0.01)
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] < 0.001
    with pytest.raises(ValueError, match="schedule: expected a Trainer that knows its number of steps"):
        trainer(tmp_path, max_epochs=-1).fit(module(), data())
    for options, message in (
        ({"lr": -1.0}, "lr: expected 0 or more"),
        ({"warmup": 1.0}, "warmup: expected a share"),
        ({"schedule": "steps"}, "schedule: expected 'cosine' or 'constant'"),
        ({"ema": 1.0}, "ema: expected a decay of at least 0 and below 1, got 1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            module(**options)
    with pytest.raises(TypeError, match="loss: expected a function of a model and a batch, got str"):
        module("mse")


def test_overfitting_repeats_the_same_batches(tmp_path):
    from lightning.pytorch.callbacks import LambdaCallback

    seen = []
    noted = LambdaCallback(on_train_batch_start=lambda trainer, module, batch, index: seen.append(batch.query_pos))
    trainer(tmp_path, max_epochs=2, overfit_batches=2, callbacks=[noted], limit_val_batches=0).fit(module(), data())
    assert len(seen) == 4
    assert all(torch.equal(first, second) for first, second in zip(seen[:2], seen[2:], strict=True))
    assert seen[0].shape != seen[1].shape or not torch.equal(seen[0], seen[1])


def test_a_definition_in_the_data_and_a_loss_without_points(tmp_path):
    """Points are drawn where the loss or the validation reads them."""
    from lightning.pytorch.callbacks import LambdaCallback

    from tg_molfield.training.lightning import FieldLightningModule

    seen = []
    noted = LambdaCallback(
        on_train_batch_start=lambda trainer, module, batch, index: seen.append("query_pos" in batch),
        on_validation_batch_start=lambda trainer, module, batch, index, *_: seen.append("query_pos" in batch),
    )
    options = {"num_slots": 4, "width": 16, "num_tokens": 2}
    own = FieldAutoEncoder(FIELD, 32, "rbf", encoder_options={"num_layers": 1}, decoder_options=options)
    made = trainer(tmp_path, max_epochs=1, limit_train_batches=1, callbacks=[noted])
    made.fit(FieldLightningModule(own, MatchingLoss(FIELD)), data())
    assert seen == [False, True]
    assert data(transform=FIELD).transform.mol_field == FIELD


def test_values_of_another_definition_are_refused(tmp_path):
    other = MolField("O H C")
    with pytest.raises(ValueError, match="transform: expected values of the model's MolField"):
        trainer(tmp_path, max_steps=1).fit(module(), data(transform=other))


def test_gradients_that_are_not_finite_end_a_run(tmp_path):
    def loss(model, batch):
        return model.encode(batch).code.square().mean() + (0 * next(model.parameters()).flatten()[0]).abs().sqrt()

    own = module(loss)
    before = [parameter.detach().clone() for parameter in own.parameters()]
    with pytest.raises(FloatingPointError, match="gradient of train_loss: expected a finite number, got nan at step 0"):
        trainer(tmp_path, max_steps=2, limit_val_batches=0).fit(own, data())
    assert all(torch.equal(one, two) for one, two in zip(before, own.parameters(), strict=True))


def test_other_molecules_have_another_state():
    from tg_molfield.training.lightning import FieldDataModule

    moved = [Data(z=one.z, pos=1.1 * one.pos) for one in molecules(11)]
    states = [FieldDataModule({"train": found}, batch_size=4).state_dict() for found in (molecules(11), moved)]
    differing = [name for name, value in states[0].items() if states[1][name] != value]
    assert differing == ["fingerprint of molecules"]
