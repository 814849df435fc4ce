"""Lists of molecules of which some have attributes that others lack."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import FieldAutoEncoder, MolField, from_smiles
from tg_molfield.structures import with_bonds
from tg_molfield.training import fit

BONDS = r"got no bond_order, edge_index; use with_bonds for all, or delete them from data\[{}\] and its like"


def small_model() -> FieldAutoEncoder:
    return FieldAutoEncoder(MolField("H C N O"), 32, decoder_options={"num_slots": 8})


def plain(smiles: str, **attributes: object) -> Data:
    data = from_smiles(smiles, properties=())
    return Data(z=data.z, pos=data.pos, **attributes)


@pytest.mark.parametrize("lacking", [0, 1])
def test_molecules_with_and_without_bonds_are_named(lacking):
    molecules = [with_bonds(plain("CN")), plain("CO")][:: -1 if lacking == 0 else 1]
    told = rf"data\[{lacking}\]: expected the attributes of data\[{1 - lacking}\], " + BONDS.format(1 - lacking)
    with pytest.raises(ValueError, match=told):
        fit(small_model(), molecules, max_steps=1)
    with pytest.raises(ValueError, match=told):
        fit(small_model(), [plain("CC")], valid=molecules, max_steps=1)


def test_labels_of_some_molecules_alone_are_named():
    molecules = [plain("CN"), plain("CO", energy=torch.tensor([1.0])), plain("CC")]
    with pytest.raises(ValueError, match=r"data\[[02]\]: .* data\[1\], got no energy; give all molecules the same, or"):
        fit(small_model(), molecules, max_steps=1)


def test_molecules_of_a_kind_are_trained_on():
    for molecules in ([with_bonds(plain("CN")), with_bonds(plain("CO"))], [plain("CN"), plain("CO")]):
        assert fit(small_model(), molecules, max_steps=1).steps == 1
