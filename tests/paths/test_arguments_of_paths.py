"""Arguments of paths that are refused by their names before any work."""

import pytest
import torch
from house_errors import assert_refused
from torch_geometric.data import Data

from tg_molfield import FieldPath, Grid, MolField
from tg_molfield.paths import path_metrics

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
DEFINITION = MolField("H O")
VOLUME = DEFINITION(WATER).on(Grid.around(WATER.pos, 0.5, 2.0))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("mol_field", lambda: FieldPath([WATER, WATER], "C")),
        ("times", lambda: FieldPath([WATER, WATER], times="abc")),
        ("times", lambda: FieldPath([WATER, WATER], times=torch.zeros(2, device="meta"))),
        ("kind", lambda: FieldPath([WATER, WATER], kind=[])),
        ("match", lambda: FieldPath([WATER, WATER], match=[])),
        ("data", lambda: path_metrics(None, [WATER, WATER], DEFINITION, VOLUME)),
        ("ends", lambda: path_metrics(WATER, [], DEFINITION, VOLUME)),
        ("ends", lambda: path_metrics(WATER, None, DEFINITION, VOLUME)),
        ("ends[1]", lambda: path_metrics(WATER, [WATER, "x"], DEFINITION, VOLUME)),
        ("mol_field", lambda: path_metrics(WATER, [WATER, WATER], "C", VOLUME)),
        ("volume", lambda: path_metrics(WATER, [WATER, WATER], DEFINITION, None)),
    ],
)
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)
