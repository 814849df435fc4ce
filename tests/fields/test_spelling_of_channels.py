"""Names of channels in other letters are refused with the name that is meant."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import MolField

DATA = Data(z=torch.tensor([6, 17]), pos=torch.tensor([[0.0, 0, 0], [1.8, 0, 0]]), Charge=torch.tensor([0.1, -0.1]))


@pytest.mark.parametrize(
    ("written", "meant"), [("CL", "Cl"), ("n", "N"), ("Heavy", "heavy"), ("MASS", "mass"), ("charge", "Charge")]
)
def test_the_name_that_is_meant_is_told(written, meant):
    with pytest.raises(ValueError, match=f"got {written!r}; write {meant!r}"):
        MolField(written)(DATA)
    assert MolField(meant)(DATA).channels == (meant,)


def test_names_that_nothing_is_like():
    with pytest.raises(ValueError, match="got 'carbon'; correct it or add it to the data"):
        MolField("carbon")(DATA)
    with pytest.raises(ValueError, match=r"widths: expected a number in Å, .* got 'CL'; correct it"):
        MolField("C", widths="CL")(DATA)
