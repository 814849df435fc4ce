"""Arguments of comparisons that are refused by their names before any work."""

import math

import pytest
import torch
from house_errors import assert_refused
from torch_geometric.data import Data

from tg_molfield import MolField, align
from tg_molfield.compare import Descriptor, Metric, Scoring, interaction, pair_overlaps, screen, similarity

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
SEVERAL = Data(z=WATER.z, pos=WATER.pos, batch=torch.tensor([0, 1, 1]))
FIELD = MolField("H O")(WATER)
ONE = torch.ones(1)
HITS = screen(WATER, [WATER], top=1, progress=False)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("overlap", lambda: Metric()(None, ONE, ONE)),
        ("g", lambda: Metric("carbo")(ONE, ONE, [1.0])),
        ("metric", lambda: Metric([])),
        ("alpha", lambda: Metric("tversky", alpha=True)),
        ("channels", lambda: similarity(FIELD, FIELD, channels=[])),
        ("grid", lambda: similarity(FIELD, FIELD, grid="nonsense")),
        ("grid", lambda: pair_overlaps(FIELD, FIELD, grid="nonsense")),
        ("grid", lambda: interaction(WATER, WATER, "contact", grid="nonsense")),
        ("per_center", lambda: pair_overlaps(FIELD, FIELD, per_center="no")),
        ("per_atom", lambda: interaction(WATER, WATER, "contact", per_atom="no")),
        ("mol_field", lambda: interaction(WATER, WATER, "contact", mol_field="C", per_atom=True)),
        ("factor", lambda: Descriptor("a", "shape", "shape", math.nan)),
        ("ligand", lambda: Descriptor("a", None, "shape")),
        ("molecules", lambda: Scoring.of("shape").fields(None)),
        ("molecules", lambda: Scoring.of("shape").fields([])),
        ("molecules[0]", lambda: Scoring.of("shape").fields([FIELD])),
        ("molecules[0]", lambda: align(SEVERAL, WATER)),
        ("molecules[0]", lambda: align(WATER, SEVERAL)),
        ("data", lambda: Scoring.of("shape").prepared("x")),
        ("top", lambda: screen(WATER, [WATER], top=None)),
        ("workers", lambda: screen(WATER, [WATER], workers=None)),
        ("library", lambda: screen(WATER, torch.tensor(1))),
        ("search", lambda: screen(WATER, [WATER], search=[])),
        ("errors", lambda: screen(WATER, [WATER], errors=None)),
        ("progress", lambda: screen(WATER, [WATER], progress="x")),
        ("each_conformer", lambda: screen(WATER, [WATER], each_conformer="no")),
        ("index", lambda: HITS[None]),
        ("index", lambda: HITS["a"]),
    ],
)
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)


def test_hits_are_indexed_by_integers_and_slices():
    assert HITS[torch.tensor(0)] is HITS[0] is HITS[-1]
    assert HITS[:2] == HITS.hits
