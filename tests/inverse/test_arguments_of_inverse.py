"""Arguments of fits and searches that are refused by their names before any work."""

import math

import pytest
import torch
from house_errors import assert_refused
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, find_atoms, fit_rbf, superresolve

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
FIELD = MolField("H O")(WATER)
VOLUME = FIELD.on(Grid.around(WATER.pos, 0.8, 2.0))
POINTS, VALUES = torch.randn(8, 3, generator=torch.Generator().manual_seed(0)), torch.ones(8, 1)


def fit(target=VALUES, centers=WATER.pos, points=POINTS, **options):
    return lambda: fit_rbf(target, centers, points=points, **options)


def found(**options):
    return lambda: find_atoms(VOLUME, **options)


def resolved(method="auto", **options):
    return lambda: superresolve(VOLUME, method, **options)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("mol_field", found(mol_field="C")),
        *(("tolerance", found(tolerance=value)) for value in (None, -1, math.nan, math.inf)),
        ("progress", found(progress="x")),
        ("errors", found(errors=[])),
        ("grid", found(grid="x")),
        ("centers", fit(centers=None)),
        ("centers", fit(centers=WATER.pos.tolist())),
        ("target", fit(VALUES.to("meta"))),
        *(("points", fit(points=points)) for points in (POINTS.tolist(), POINTS.numpy(), POINTS.to("meta"))),
        ("points", fit(FIELD, points=POINTS.tolist())),
        ("points", fit(FIELD, points=POINTS[:, :2])),
        ("importance", fit(importance=[1.0] * 8)),
        ("weights", fit(weights=[1.0] * 3, optimize=["widths"])),
        ("optimize", fit(optimize=None)),
        ("solver", fit(solver=[])),
        ("missing", fit(missing=None)),
        ("channels", fit(channels=3)),
        *((name, fit(**{name: v})) for name in ("regularization", "max_steps", "tolerance") for v in (None, "x")),
        *(("max_steps", fit(max_steps=value, optimize=["weights", "widths"])) for value in (2.5, math.nan, -1)),
        ("method", resolved([])),
        ("progress", resolved(progress="x")),
        *(("max_bytes", resolved("spline", max_bytes=value)) for value in ("x", math.nan, -1)),
        *(("widths", resolved("gaussians", widths=value)) for value in (1.5, "ab", [0.5, True])),
        ("checkpoint", resolved("gaussians", widths=[0.5, 0.5], checkpoint=3)),
        ("checkpoint", resolved(checkpoint=3)),
        ("weights", resolved("known_atoms", atoms=FIELD, weights=[])),
        ("ridge", resolved("known_atoms", atoms=FIELD, weights="free", ridge="x")),
    ],
)
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)
