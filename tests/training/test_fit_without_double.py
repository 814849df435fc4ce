"""`fit` on a device without double precision."""

from contextlib import nullcontext

import pytest
import torch
from emulated_device import emulated_device
from small import model, molecules

from tg_molfield import MolFieldTransform
from tg_molfield.training import PropertyLoss, fit
from tg_molfield.training.optimization import Optimization


def plain_optimizer(self, model):
    return torch.optim.AdamW(model.parameters(), lr=self.lr, foreach=False)


def test_a_model_is_fitted_and_validated(monkeypatch):
    monkeypatch.setattr(Optimization, "optimizer", plain_optimizer)  # PyTorch has no fused one for such a device,
    monkeypatch.setattr(Optimization, "autocast", lambda self, device: nullcontext())  # and no mixed precision
    options = {"valid": molecules(3), "max_steps": 3, "batch_size": 2, "progress": False}
    host = fit(model(), molecules(), **options)
    with emulated_device(double=False) as device:
        far = fit(model().to(device), molecules(), **options)
    assert far.losses == pytest.approx(host.losses, rel=1e-3)
    assert far.validations[-1].loss == pytest.approx(host.validations[-1].loss, rel=1e-3)
    assert far.validations[-1].psnr == pytest.approx(host.validations[-1].psnr, abs=0.05)


def test_properties_may_be_on_the_device():
    values = torch.tensor([[1.0, 2.0], [3.0, float("nan")], [5.0, 7.0]])
    host = PropertyLoss(4, values)
    with emulated_device(double=False) as device:
        far = PropertyLoss(4, values.to(device))
    assert far.mean.equal(host.mean)
    assert far.spread.equal(host.spread)


def test_points_are_drawn_on_the_device():
    with emulated_device(double=False) as device:
        drawn = MolFieldTransform(model().mol_field, num_queries=8)(molecules(4)[3].to(device))
        assert drawn.field.dtype == torch.float32
