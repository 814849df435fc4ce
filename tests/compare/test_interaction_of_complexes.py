"""A whole complex beside another molecule would count the other part as well."""

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import MolField
from tg_molfield.compare import Descriptor, interaction, pocket

BY = ["contact", "clash"]
COMPLEX = Data(
    z=torch.tensor([6, 8, 6, 7]),
    pos=torch.tensor([[0.0, 0, 0], [1.4, 0, 0], [0, 3.5, 0], [1.4, 3.5, 0]], dtype=torch.float64),
    part=torch.tensor([0, 0, 1, 1]),
)
LIGAND, PROTEIN = (COMPLEX.subgraph(COMPLEX.part == number) for number in (0, 1))


@pytest.mark.parametrize("whole", [COMPLEX, pocket(COMPLEX), Batch.from_data_list([COMPLEX, COMPLEX])])
def test_a_complex_beside_a_molecule_is_refused(whole):
    with pytest.raises(ValueError, match=r"^protein: expected the protein alone .* give its atoms of part 1"):
        interaction(LIGAND, whole, BY)
    with pytest.raises(ValueError, match=r"^ligand: expected the ligand alone .* give its atoms of part 0"):
        interaction(whole, PROTEIN, BY)


def test_parts_and_channels_of_parts_are_told_apart():
    expected = interaction(LIGAND, PROTEIN, BY).values
    assert torch.allclose(interaction(COMPLEX, by=BY).values, expected)
    definition = MolField("C N O", split_parts=True)
    one = Descriptor("carbon", "C", "N", 1.0, "", "")
    found = interaction(COMPLEX, COMPLEX, one, mol_field=definition).values
    assert torch.allclose(found, interaction(COMPLEX, by=one, mol_field=definition).values)
