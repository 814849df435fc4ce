"""A molecule laid on itself has the score 1, also where its mirror images and turns are almost as alike."""

import pytest
import torch
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from tg_molfield import align, from_smiles
from tg_molfield.compare import align_many
from tg_molfield.structures import read

SALT = Data(z=torch.tensor([11, 17]), pos=torch.tensor([[0.0, 0, 0], [2.4, 0, 0]], dtype=torch.float64))
HYDROGEN_CYANIDE = Data(
    z=torch.tensor([1, 6, 7]), pos=torch.tensor([[-1.06, 0, 0], [0, 0, 0], [1.16, 0, 0]], dtype=torch.float64)
)
PYRIDINE = from_smiles("c1ccncc1", dtype=torch.float64)


@pytest.mark.parametrize("search", ["fast", "normal", "thorough"])
@pytest.mark.parametrize("data", [SALT, HYDROGEN_CYANIDE, PYRIDINE], ids=["salt", "HCN", "pyridine"])
def test_nearly_symmetric_molecules(data, search):
    for seed in range(3):
        turned = data.clone()
        turned.pos = data.pos @ torch.tensor(Rotation.random(random_state=seed).as_matrix()).T + 3
        assert align(turned, data, search=search).score == pytest.approx(1, abs=1e-6)


def test_molecules_of_freesolv(data_dir):
    molecules = read(data_dir / "smallmol" / "freesolv.sdf.gz")
    score = align_many(molecules, molecules, "shape", paired=True).score
    assert float(score.min()) > 1 - 1e-5
