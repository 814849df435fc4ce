import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import from_smiles
from tg_molfield.compare import screen
from tg_molfield.datasets import MoleculeFields
from tg_molfield.tensor_files import raw_bytes, write_checkpoint

NUMBER = torch.tensor(5)
TENSORS = {
    "a matrix": torch.arange(6).view(2, 3),
    "transposed": torch.arange(6).view(2, 3).T,
    "every second": torch.arange(6.0)[::2],
    "one number": NUMBER,
    "one number repeated once": NUMBER.expand(1),
    "one number repeated": NUMBER.expand(3, 2),
    "an empty array": torch.as_tensor(np.array([], dtype=np.int64)),
    "an empty array with axes": torch.as_tensor(np.zeros((0, 3))),
    "booleans": torch.tensor([True, False]),
    "complex": torch.tensor([1 + 2j]).conj(),
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_bytes_are_those_of_numpy(tensor):
    assert bytes(raw_bytes(tensor)) == tensor.resolve_conj().numpy().tobytes()


def test_types_that_numpy_lacks_have_bytes():
    assert bytes(raw_bytes(torch.ones(2, dtype=torch.bfloat16))) == b"\x80\x3f" * 2


def test_checkpoints_hold_empty_arrays(tmp_path):
    write_checkpoint(tmp_path / "a.checkpoint", "x", {"none": TENSORS["an empty array"]}, {"records": 1})
    assert (tmp_path / "a.checkpoint").exists()


def test_molecules_without_features_are_screened_with_a_checkpoint(tmp_path):
    query = from_smiles("CCO", color=True)
    (tmp_path / "library.smi").write_text("C methane\nCO methanol\n")
    hits = screen(query, tmp_path / "library.smi", by="color", checkpoint=tmp_path / "screen.checkpoint")
    assert {hit.name for hit in hits} == {"methane", "methanol"}


def test_data_sets_of_molecules_with_empty_arrays_are_made_and_opened_again(tmp_path):
    methane = from_smiles("C")
    molecules = [Data(z=methane.z, pos=methane.pos, sites=torch.as_tensor(np.array([], dtype=np.int64)))]
    for _ in range(2):
        assert len(MoleculeFields(tmp_path / "set", molecules)) == 1
