"""Arguments of readers and makers of structures that are refused by their names before any work."""

import pytest
import torch
from house_errors import assert_refused
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield import from_rdkit, from_smiles, read, read_complex
from tg_molfield.structures import with_properties

CARBON = Data(z=torch.tensor([6]), pos=torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("color", lambda: read("none.sdf", color="no")),
        ("color", lambda: from_smiles("C", color="no")),
        ("color", lambda: from_rdkit(Chem.MolFromSmiles("C"), color="no")),
        ("conformer", lambda: from_rdkit(Chem.MolFromSmiles("C"), conformer="0")),
        ("conformer", lambda: from_rdkit(Chem.MolFromSmiles("C"), conformer=None)),
        ("color", lambda: with_properties(CARBON, ["logp"], color="no")),
        ("waters", lambda: read_complex("none.pdb", "none.sdf", waters="no")),
        ("hetero", lambda: read_complex("none.pdb", "none.sdf", hetero=1)),
        ("conformers", lambda: from_smiles("C", None)),
        ("seed", lambda: from_smiles("C", seed=None)),
    ],
)
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)
