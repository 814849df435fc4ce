import csv
import math

import numpy as np
import pytest
import torch
from small import FIELD, model, molecules
from torch_geometric.data import Batch
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import Compose

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import AugmentedMolecules, FieldLoss, MatchingLoss, fit
from tg_molfield.training.optimization import Optimization
from tg_molfield.transforms import MolFieldTransform

pytestmark = pytest.mark.usefixtures("seeded")


def test_validation_measures_what_the_model_does(tmp_path):
    own, valid = model(), molecules(5)
    report = fit(own, molecules(), valid=valid, batch_size=4, max_epochs=2, ema=0.5, folder=tmp_path)
    assert [one.step for one in report.validations] == [2, 4]
    best = report.best
    from tg_molfield.training.drawn import DrawnMolecules
    from tg_molfield.training.order import Share

    batch = DrawnMolecules(valid, MolFieldTransform(FIELD))[Share(-1, 0, torch.arange(5), 1.0)]
    latent = own.encode(batch)
    quality = own.test(latent, batch.query_pos, batch.field, batch.query_batch)
    assert best.psnr == pytest.approx(quality["psnr"], rel=1e-5)
    assert best.psnr_occupied == pytest.approx(quality["psnr_occupied"], rel=1e-5)
    loss = float(own.recon_loss(latent, batch.query_pos, batch.field, batch.query_batch).detach())
    assert best.loss == pytest.approx(loss, rel=1e-5)
    saved = FieldAutoEncoder.from_pretrained(tmp_path)
    assert torch.equal(saved.encode(molecules()[3]).code, own.encode(molecules()[3]).code)
    with open(tmp_path / "log.csv") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["psnr"]) for row in rows] == pytest.approx([one.psnr for one in report.validations], rel=1e-6)
    assert [float(row["epoch"]) for row in rows] == [1, 2]


def test_the_model_keeps_what_was_best_and_patience_ends_a_run():
    losses = iter([3.0, 1.0, 2.0, 2.5, 0.5])
    own = model()
    seen = []

    def loss(model, batch):
        if model.training:
            return model.recon_loss(model.encode(batch), batch.query_pos, batch.field, batch.query_batch)
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return torch.tensor(next(losses))

    items = [MolFieldTransform(FIELD, 8)(data) for data in molecules(4)]
    report = fit(own, items, loss, valid=items, batch_size=4, max_epochs=50, patience=2)
    assert (report.ended, report.steps, report.best.loss) == ("patience", 4, 1.0)
    assert all(torch.equal(value, seen[1][name]) for name, value in own.state_dict().items())


def test_averages_of_parameters_lag_behind():
    steps = 30
    own, averaged = model(), model()
    fit(own, molecules(), max_steps=steps, batch_size=4, schedule="constant")
    fit(averaged, molecules(), max_steps=steps, batch_size=4, schedule="constant", ema=0.95)
    start = dict(model().named_parameters())
    moved = [float((p - start[name]).detach().norm()) for name, p in own.named_parameters()]
    lagged = [float((p - start[name]).detach().norm()) for name, p in averaged.named_parameters()]
    assert sum(lagged) < 0.95 * sum(moved)
    assert sum(lagged) > 0.1 * sum(moved)


def test_mixed_precision_trains_in_full_parameters():
    own = model()
    report = fit(own, molecules(), max_steps=4, batch_size=4, precision="bfloat16")
    full = fit(model(), molecules(), max_steps=4, batch_size=4)
    assert all(p.dtype == torch.float32 for p in own.parameters())
    assert report.losses != full.losses
    assert report.losses == pytest.approx(full.losses, rel=0.05)


def test_learning_rates():
    cosine, constant = Optimization(lr=2.0, warmup=0.1), Optimization(lr=2.0, warmup=0.1, schedule="constant")
    assert cosine.lr_at(0.1) == constant.lr_at(0.1) == constant.lr_at(1.0) == 2.0
    assert cosine.lr_at(0.55) == pytest.approx(1.0)
    assert cosine.lr_at(1.0) == pytest.approx(0.0)
    assert 0 < cosine.lr_at(0.0) < cosine.lr_at(0.05) < 2.0


def test_pictures_and_events(tmp_path):
    pytest.importorskip("tensorboardX")
    fit(model(), molecules(), valid=molecules(2), max_epochs=2, folder=tmp_path, pictures=1, tensorboard=True)
    assert [path.name for path in sorted((tmp_path / "pictures").iterdir())] == [
        "step-00000001-molecule-0.png",
        "step-00000002-molecule-0.png",
    ]
    assert list(tmp_path.glob("events.*"))


def test_points_come_from_the_definition_or_are_taken_as_they_are():
    losses = fit(model(), molecules(), max_steps=2, batch_size=4).losses
    assert losses == fit(model(), molecules(), max_steps=2, batch_size=4, transform=MolFieldTransform(FIELD)).losses
    items = [MolFieldTransform(FIELD, 8)(data) for data in molecules()]
    assert fit(model(), items, max_steps=2, batch_size=4).losses != losses
    fit(model(), AugmentedMolecules(molecules(), 4), max_steps=1)


def test_progress_is_told_in_a_terminal(capsys):
    fit(model(), molecules(), valid=molecules(2), max_steps=2, progress=True)
    text = capsys.readouterr().err
    assert "step 2, loss" in text
    assert "dB" in text
    fit(model(), molecules(), max_steps=2)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 3}, "patience: expected valid with it"),
        ({"validate_every": 3}, "validate_every: expected valid with it"),
        ({"valid": molecules(2), "pictures": 1}, "pictures: expected a folder for it"),
        ({"tensorboard": True}, "tensorboard: expected a folder for it"),
        ({"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        ({"workers": -1}, "workers: expected at least 0, got -1"),
        ({"ema": 1.0}, "ema: expected a decay of at least 0 and below 1"),
        ({"warmup": 1.0}, "warmup: expected a share"),
        ({"lr": -1.0}, "lr: expected 0 or more"),
        ({"schedule": "step"}, "schedule: expected 'cosine' or 'constant', got 'step'"),
        ({"precision": "float16"}, "precision: expected 'float32' or 'bfloat16', got 'float16'"),
        ({"checkpoint_seconds": math.nan}, "checkpoint_seconds: expected at least 0"),
        ({"valid": []}, "valid: expected at least one molecule"),
    ],
)
def test_options_out_of_range_or_without_effect_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        fit(model(), molecules(), max_steps=1, **options)


def test_options_that_batches_cannot_follow_are_refused(tmp_path):
    items = [MolFieldTransform(FIELD, 8)(data) for data in molecules()]
    loader = DataLoader(items, batch_size=2)
    with pytest.raises(ValueError, match="transform: expected None for batches that are ready"):
        fit(model(), loader, max_steps=1, transform=MolFieldTransform(FIELD))
    with pytest.raises(ValueError, match="workers: expected 0 for data that is no data set"):
        fit(model(), loader, max_steps=1, workers=2)
    for ready in (loader, AugmentedMolecules(molecules(), 4)):
        with pytest.raises(ValueError, match=r"batch_size: expected 64, .* which makes its own batches, got 2"):
            fit(model(), ready, max_steps=1, batch_size=2)
    with pytest.raises(ValueError, match="max_epochs: expected None for data without epochs"):
        fit(model(), loader, max_epochs=1)
    with pytest.raises(ValueError, match="pictures: expected 0 for batches that are ready"):
        fit(model(), loader, max_steps=1, valid=loader, pictures=1, folder=tmp_path)
    with pytest.raises(TypeError, match="data: expected several molecules, got a Data"):
        fit(model(), items[0], max_steps=1)
    with pytest.raises(TypeError, match="data: expected a data set, a list of Data or an iterable"):
        fit(model(), 3, max_steps=1)
    with pytest.raises(ValueError, match=r"batch.query_pos: expected a tensor"):
        fit(model(), [Batch.from_data_list(molecules())], max_steps=1)
    with pytest.raises(TypeError, match="progress: expected a function, True, False or None"):
        fit(model(), items, max_steps=1, progress=3)
    assert math.isnan(fit(model(), items, valid=loader, max_steps=1, batch_size=7).validations[0].psnr) is False
    with pytest.raises(TypeError, match="expected an RBFDecoder"):
        fit(model(), molecules(), MatchingLoss(FIELD), max_steps=1)


def test_a_validation_that_is_not_finite_ends_the_run():
    valid = [MolFieldTransform(FIELD, 8)(data) for data in molecules(4)]
    valid[2].field[3] = math.nan
    with pytest.raises(FloatingPointError, match="valid: expected a finite loss after step 2, got nan"):
        fit(model(), molecules(), valid=valid, batch_size=4, max_epochs=2)


def test_numbers_of_numpy_and_torch_are_options(tmp_path):
    options = {"lr": np.float32(1e-3), "weight_decay": torch.tensor(1e-4), "ema": np.float64(0.5)}
    report = fit(model(), molecules(), valid=molecules(3), batch_size=4, max_epochs=1, folder=tmp_path, **options)
    assert report.steps == 2
    assert (tmp_path / "checkpoint.safetensors").exists()


class WithHead(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(32, 1)

    def forward(self, model, batch):
        return self.head(model.encode(batch).code).square().mean()


def steep(model, batch):
    return FieldLoss()(model, batch) + (0 * next(model.parameters()).flatten()[0]).abs().sqrt()


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"data": "esol"}, TypeError, "data: expected a data set, a list of Data or an iterable of batches, got str"),
        ({"data": [None]}, TypeError, r"data\[0\]: expected a Data, got NoneType"),
        ({"valid": "valid"}, TypeError, "valid: expected a data set, a list of Data or an iterable of batches, got"),
        ({"valid": 0.1}, TypeError, "valid: expected a data set, a list of Data or an iterable of batches, got float"),
        ({"valid": molecules(1)[0]}, TypeError, "valid: expected several molecules, got a Data"),
        ({"valid": [molecules(1)[0], 3]}, TypeError, r"valid\[1\]: expected a Data, got int"),
        ({"valid": AugmentedMolecules(molecules())}, ValueError, "valid: expected num_batches, got an endless stream"),
        ({"loss": WithHead()}, ValueError, "loss: expected a function without parameters of its own, got WithHead"),
        ({"loss": lambda model, batch: None}, TypeError, "loss: expected a tensor with one number, got NoneType"),
        ({"loss": lambda model, batch: model.encode(batch).code}, ValueError, "loss: expected one number, got shape"),
        ({"loss": lambda model, batch: torch.tensor(1.0)}, ValueError, "loss: expected a function of the model's"),
        (
            {"loss": steep, "transform": FIELD},
            FloatingPointError,
            "gradient of the loss: expected a finite number, got nan at step 0",
        ),
        ({"transform": "x"}, TypeError, "transform: expected a function of a batch, got str"),
        (
            {"transform": MolFieldTransform(MolField("O H C", widths=0.5))},
            ValueError,
            "transform: expected values of the model's MolField",
        ),
        ({"transform": MolField("O H C")}, ValueError, "transform: expected values of the model's MolField"),
        ({"batch_size": None}, ValueError, "batch_size: expected an integer, got None"),
        ({"workers": None}, ValueError, "workers: expected an integer, got None"),
        ({"seed": None}, ValueError, "seed: expected an integer, got None"),
        ({"seed": 2**64}, ValueError, "seed: expected an integer of 64 bits"),
        ({"max_seconds": "10"}, TypeError, "max_seconds: expected a number, got str"),
        ({"lr": math.inf}, ValueError, "lr: expected 0 or more, got inf"),
        ({"clip": 0}, ValueError, "clip: expected more than 0, got 0"),
        ({"folder": __file__}, ValueError, "folder: expected a folder, got the file"),
    ],
)
def test_what_a_training_cannot_be_made_of_is_refused_before_it_begins(options, kind, message):
    own = model()
    before = [parameter.clone() for parameter in own.parameters()]
    with pytest.raises(kind, match=message):
        fit(own, options.pop("data", molecules()), options.pop("loss", None), max_steps=2, **options)
    assert all(torch.equal(one, two) for one, two in zip(before, own.parameters(), strict=True))


def test_data_sets_of_another_definition_or_with_generators_are_refused_in_parts_too():
    class Set(torch.utils.data.Dataset):
        def __init__(self, transform):
            self.transform = transform

        def __len__(self):
            return 4

        def __getitem__(self, index):
            return self.transform(molecules()[index])

    seeded = Set(MolFieldTransform(FIELD, 8, seed=1))
    other = Set(Compose([MolFieldTransform(MolField("O H C"), 8)]))
    joined = torch.utils.data.ConcatDataset([other, other])
    for data, message in (
        (torch.utils.data.Subset(seeded, [0, 1]), "data.transform: expected no seed or generator"),
        (torch.utils.data.Subset(other, [0, 1]), "data.transform: expected values of the model's"),
        (joined, "data.transform: expected values of the model's"),
    ):
        with pytest.raises(ValueError, match=message):
            fit(model(), data, max_steps=1)
    with pytest.raises(ValueError, match=r"valid.transform: expected values of the model's"):
        fit(model(), molecules(), valid=other, max_steps=1)
    assert fit(model(), joined, InitialGuessLossLike(), max_steps=1).steps == 1


class InitialGuessLossLike:
    """A loss that reads no field."""

    def __call__(self, model, batch):
        return model.encode(batch).code.square().mean()


def test_a_definition_is_a_transform():
    one, two = (model() for _ in range(2))
    fit(one, molecules(), transform=FIELD, max_steps=1)
    fit(two, molecules(), transform=MolFieldTransform(FIELD), max_steps=1)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_leaves_the_best_parameters(tmp_path):
    calls = []

    def loss(model, batch):
        calls.append(model.training)
        return steep(model, batch) if model.training and sum(calls) == 4 else FieldLoss()(model, batch)

    own = model()
    options = {"valid": molecules(3), "transform": FIELD, "validate_every": 1, "max_steps": 9, "folder": tmp_path}
    with pytest.raises(FloatingPointError, match="gradient of the loss: expected a finite number, got nan at step 3"):
        fit(own, molecules(), loss, **options)
    best = FieldAutoEncoder.from_pretrained(tmp_path)
    assert not own.training
    assert all(torch.equal(a, b) for a, b in zip(own.parameters(), best.parameters(), strict=True))
    assert fit(model(), molecules(), loss, **options).steps == 9
