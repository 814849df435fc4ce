"""Molecules unlike those of QM9 that its learned codes give back as others are told, and those that come back pass."""

import warnings

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, from_smiles
from tg_molfield.nn import UnsolvedCodeWarning


@pytest.fixture(scope="module")
def space() -> FieldAutoEncoder:
    return FieldAutoEncoder.from_pretrained("qm9-latent")


def decoded(space: FieldAutoEncoder, *molecules: Data) -> list[Data]:
    latent = space.encode(Batch.from_data_list([Data(z=one.z, pos=one.pos) for one in molecules]))
    return space.decoded(space.decoder.without_exact(latent)).molecules


@pytest.mark.parametrize("case", ["hydrogen atom", "CN"])
def test_other_elements_are_told(space, case):
    atom = Data(z=torch.tensor([1]), pos=torch.zeros(1, 3))
    data = atom if case == "hydrogen atom" else from_smiles(case)
    with pytest.warns(UnsolvedCodeWarning, match="molecule 0: expected atoms that have its learned code, got others"):
        found = decoded(space, data)
    assert sorted(found[0].z.tolist()) != sorted(data.z.tolist())


def test_right_atoms_are_not_warned_of(space):
    molecules = [
        from_smiles(smiles)
        for smiles in ("FC(F)(F)C(F)(F)F", "FC(F)C(F)F", "FC(F)=C(F)F", "OC1CCCC1", "CC(=O)NC", "O=C=O")
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decoded(space, *molecules)
    assert [sorted(one.z.tolist()) for one in found] == [sorted(one.z.tolist()) for one in molecules]
