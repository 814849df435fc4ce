"""Arguments of losses and transforms that are refused by their names."""

import math

import pytest
import torch
from house_errors import assert_refused

from tg_molfield import MolField, MolFieldTransform
from tg_molfield.training import FlowLoss, InitialGuessLoss, MatchingLoss, PropertyLoss

VALUES = torch.tensor([[1.0, 2.0], [3.0, 5.0]])


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sampler", lambda: MolFieldTransform(sampler="uniform")),
        ("generator", lambda: MolFieldTransform(generator=0)),
        ("mol_field", lambda: MatchingLoss(None)),
        ("mol_field", lambda: MatchingLoss("C N")),
        ("blur", lambda: MatchingLoss(MolField("C"), blur=None)),
        ("scale", lambda: MatchingLoss(MolField("C"), scale=0)),
        ("kinds", lambda: FlowLoss(kinds=None)),
        ("number", lambda: FlowLoss(number=-1)),
        ("own_prediction", lambda: FlowLoss(own_prediction=2)),
        ("scale", lambda: InitialGuessLoss(None)),
        ("repeats", lambda: InitialGuessLoss(repeats=-1)),
        ("repeats", lambda: InitialGuessLoss(repeats=1.5)),
        ("values", lambda: PropertyLoss(16, [1.0, 2.0])),
        ("in_channels", lambda: PropertyLoss(None, VALUES)),
        ("key", lambda: PropertyLoss(16, VALUES, key=None)),
        ("clip", lambda: PropertyLoss(16, VALUES, clip=0)),
        *(
            ("weights", lambda w=w: PropertyLoss(16, VALUES, weights=w))
            for w in ([1.0, 1.0], torch.ones(3), torch.tensor([1.0, math.nan]), torch.tensor([1.0, -1]), torch.zeros(2))
        ),
    ],
)
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)
