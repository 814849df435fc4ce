"""Options of `fit_rbf` that have no effect on what is optimised are refused."""

import pytest
import torch

from tg_molfield import RBFField, fit_rbf

CENTERS = torch.tensor([[0.0, 0, 0], [1.5, 0, 0]], dtype=torch.float64)
FIELD = RBFField(CENTERS, torch.ones(2, 1, dtype=torch.float64), 0.8, "gaussian", ["C"])
POINTS = 2 * torch.randn(200, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
SHAPE = {"optimize": ("widths",), "weights": FIELD.weights}


@pytest.mark.parametrize(
    ("options", "name", "using"),
    [
        ({**SHAPE, "regularization": 0.1}, "regularization", "weights"),
        ({**SHAPE, "solver": "sparse"}, "solver", "weights"),
        ({"max_steps": 5}, "max_steps", "widths or centers"),
        ({"tolerance": 1e-3}, "tolerance", "widths or centers"),
    ],
)
def test_options_that_nothing_uses_are_refused(options, name, using):
    with pytest.raises(ValueError, match=rf"^{name}: expected {using} to be optimised with it, got optimize="):
        fit_rbf(FIELD, CENTERS, 0.7, points=POINTS, **options)


def test_options_that_something_uses_are_taken():
    options = {"regularization": 1e-9, "solver": "dense", "max_steps": 50, "tolerance": 1e-12}
    found, _ = fit_rbf(FIELD, CENTERS, 0.7, points=POINTS, optimize=("weights", "widths"), **options)
    assert torch.allclose(found.widths, FIELD.widths, atol=1e-4)
