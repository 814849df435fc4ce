"""Modules given as encoders whose features do not depend on the molecule alone are told."""

import pytest
import torch
from torch import nn

from tg_molfield.nn import EncoderWarning, FieldAutoEncoder


class Network(nn.Module):
    """Features of elements and of what ``read`` makes of positions and the batch vector."""

    def __init__(self, read):
        super().__init__()
        self.linear = nn.Linear(1, 5)
        self.read = read

    def forward(self, z, pos, batch):
        return self.linear(self.read(pos, batch) + z.unsqueeze(1).to(pos))


def distances(pos):
    return (pos.unsqueeze(0) - pos.unsqueeze(1)).norm(dim=2)


def within_molecules(pos, batch):
    return (distances(pos) * (batch.unsqueeze(0) == batch.unsqueeze(1))).sum(1, keepdim=True)


DEPENDENT = {
    "rotated and moved": lambda pos, batch: (pos - pos.mean(0))[:, :1],
    "another molecule is in the batch": lambda pos, batch: distances(pos).sum(1, keepdim=True),
}


@pytest.mark.parametrize("why", DEPENDENT)
def test_features_that_depend_on_more_are_told(why):
    with pytest.warns(EncoderWarning, match=rf"encoder: .* got others from Network where .*{why}, and so will"):
        FieldAutoEncoder("C", 16, "siren", Network(DEPENDENT[why]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.filterwarnings("error")
def test_others_are_not(dtype):
    FieldAutoEncoder("C", 16, "siren", Network(within_molecules).to(dtype))


def test_the_warning_is_about_the_line_of_the_caller():
    with pytest.warns(EncoderWarning) as record:
        FieldAutoEncoder("C", 16, "siren", Network(DEPENDENT["rotated and moved"]))
    assert record[0].filename == __file__


def test_modules_without_memory_are_not_tried():
    with torch.device("meta"):
        model = FieldAutoEncoder("C", 16, "siren", Network(within_molecules))
    assert model.encoder.module.linear.weight.is_meta
