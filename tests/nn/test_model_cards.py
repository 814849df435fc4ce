import re

import torch
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField
from tg_molfield.inverse.fitting import fit_rbf
from tg_molfield.inverse.superres import superresolve
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder
from tg_molfield.training.report import TrainingReport
from tg_molfield.training.validation import Validation

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.5], [0, -0.76, -0.5]]))


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def test_a_latent_is_short():
    model = FieldAutoEncoder("C H O", latent_dim=8, encoder_options={"num_layers": 1}, summary_channels=3).eval()
    latent = model.encode(WATER)
    assert repr(latent) == "Latent(1 × 8 numbers, the last 3 the summary)"
    assert re.fullmatch(r"Pose\(1 × \d+ frames\)", repr(latent.pose))
    told = text(latent._repr_html_())
    assert "molecules 1" in told
    assert "8 numbers each, the last 3 the summary" in told
    assert latent[:0]._repr_html_()
    assert "<img" in latent._repr_html_()


def test_models_tell_what_they_are():
    model = FieldAutoEncoder("C H O", latent_dim=8, encoder_options={"num_layers": 1})
    told = text(model._repr_html_())
    assert "PaiNNEncoder" in told
    assert "trained on nothing yet" in told
    assert "training mode" in told
    model.encode(WATER)
    assert "H, O; up to 3 atoms" in text(model._repr_html_())
    assert "SirenDecoder" in text(FieldAutoDecoder("C O", latent_dim=4)._repr_html_())


def test_reports_are_tables():
    volume = MolField("H O")(WATER).on(Grid.around(WATER.pos, 1.0, 2.0))
    fit = fit_rbf(volume, WATER.pos, 0.8)[1]
    assert "relative error" in fit._repr_html_()
    found = superresolve(volume, method="known_atoms", atoms=MolField("H O")(WATER))[1]
    assert "PSNR at nodes" in found._repr_html_()
    course = TrainingReport([4.0, 2.0, 1.0], 3.0, [Validation(1, 0.5), Validation(3, 0.25)], "budget")
    told = text(course._repr_html_())
    assert "3, ended by budget" in told
    assert "loss 0.25 after step 3" in told
    assert course._repr_html_().count("<polyline") == 2
    assert "steps 0" in text(TrainingReport()._repr_html_())
