"""Decoders that find atoms have the Gaussians of their definition, which no loss changes."""

import pytest
import torch
from small import FIELD, molecules

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import FieldLoss, InitialGuessLoss, fit

ELEMENTS = ("H", "C", "O")
FLOW = {"elements": ELEMENTS, "width": 16, "num_layers": 1, "heads": 2, "num_tokens": 4, "num_steps": 2}
MODELS = {
    "structure_factors": {"elements": ELEMENTS, "width": 8, "num_rounds": 2, "num_searches": 0},
    "flow": FLOW,
}


def made(decoder: str) -> FieldAutoEncoder:
    torch.manual_seed(0)
    options = {"pooling_options": {"width": 16, "num_layers": 1, "heads": 2}} if decoder == "flow" else {}
    return FieldAutoEncoder(FIELD, 128, decoder, decoder_options=MODELS[decoder], **options)


def gaussians(model: FieldAutoEncoder) -> list[torch.Tensor]:
    return [model.decoder.weights.detach().clone(), model.decoder.log_widths.detach().clone()]


@pytest.mark.parametrize(("decoder", "loss"), [("flow", FieldLoss()), ("structure_factors", InitialGuessLoss())])
def test_training_leaves_them(decoder, loss):
    model = made(decoder)
    before = gaussians(model)
    fit(model, molecules(4), loss, max_steps=3, lr=0.1)
    assert all(map(torch.equal, gaussians(model), before))


def test_the_field_loss_has_nothing_to_train_where_the_atoms_are_solved_for():
    model = made("structure_factors")
    before = gaussians(model)
    with pytest.raises(ValueError, match=r"loss: expected a function of the model's parameters, .* InitialGuessLoss"):
        fit(model, molecules(4), max_steps=3, lr=0.1)
    assert all(map(torch.equal, gaussians(model), before))


def test_they_can_be_trained_on_request():
    model = made("structure_factors")
    before = gaussians(model)
    model.decoder.log_widths.requires_grad_(True)
    fit(model, molecules(4), max_steps=3, lr=0.1)
    weights, log_widths = map(torch.equal, gaussians(model), before)
    assert (weights, log_widths) == (True, False)


@pytest.mark.filterwarnings("ignore")
def test_lightning_refuses_a_loss_without_gradient(tmp_path):
    pytest.importorskip("lightning")
    from lightning_runs import data, trainer

    from tg_molfield.training.lightning import FieldLightningModule

    with pytest.raises(ValueError, match="loss: expected a function of the model's parameters, got a number without"):
        trainer(tmp_path, max_steps=1).fit(FieldLightningModule(made("structure_factors")), data())
