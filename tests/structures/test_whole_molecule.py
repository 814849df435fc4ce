"""Which atoms are a molecule."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.structures import to_rdkit
from tg_molfield.structures.whole_molecule import canonical_smiles, whole_molecule

BRIDGED = {
    "[C]1[N-][F+]1": ([6, 7, 9], [[0, 0, 0], [1.4, 0, 0], [0.7, 1.1, 0]]),
    "[O-]N1O[F+]1": ([8, 7, 8, 9], [[-0.9, -0.9, 0], [0, 0, 0], [1.4, 0, 0], [0.7, 1.1, 0]]),
}


@pytest.mark.parametrize("smiles", BRIDGED)
def test_bridging_fluorine_is_in_none(smiles):
    z, pos = BRIDGED[smiles]
    data = Data(z=torch.tensor(z), pos=torch.tensor(pos, dtype=torch.float32))
    assert "[F+]" in canonical_smiles(to_rdkit(data))
    assert whole_molecule(data) is None


def test_one_piece_is_one():
    water = torch.tensor([[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]])
    one = Data(z=torch.tensor([8, 1, 1]), pos=water)
    assert canonical_smiles(whole_molecule(one)) == "O"
    assert whole_molecule(Data(z=one.z.repeat(2), pos=torch.cat([water, water + 4]))) is None
