import numpy as np
import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.datasets.ensemble_building import FirstFrame
from tg_molfield.structures import from_ase, from_smiles, to_rdkit
from tg_molfield.structures.added_properties import with_color, with_properties
from tg_molfield.structures.library import Recipe
from tg_molfield.structures.whole_molecule import canonical_smiles

SIDE = 8.0
PERIODIC = {"cell": SIDE * torch.eye(3)[None], "pbc": torch.ones(1, 3, dtype=torch.bool)}


def wrapped(smiles, atom=0, **values):
    """A molecule of which an atom lies at the corner of the cell."""
    data = from_smiles(smiles, properties=(), dtype=torch.float64)
    return Data(z=data.z, pos=(data.pos - data.pos[atom] - 0.01) % SIDE, **values)


@pytest.mark.parametrize("values", [PERIODIC, {"cell": PERIODIC["cell"]}, {**PERIODIC, "cell": SIDE * torch.eye(3)}])
@pytest.mark.parametrize("smiles", ["CO", "Oc1ccccc1", "CO.O"])
def test_molecules_at_the_edge_of_the_cell_are_made_whole(smiles, values):
    mol = to_rdkit(wrapped(smiles, **values))
    assert canonical_smiles(mol) == Chem.CanonSmiles(smiles)
    bonds = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()])
    pos = mol.GetConformer().GetPositions()
    assert np.linalg.norm(pos[bonds[:, 0]] - pos[bonds[:, 1]], axis=1).max() < 1.6


def test_features_of_periodic_molecules_are_those_of_whole_ones():
    data = wrapped("Oc1ccccc1", **PERIODIC)
    whole = from_smiles("Oc1ccccc1", properties=(), dtype=torch.float64)
    whole = Data(z=whole.z, pos=whole.pos - whole.pos[0] + data.pos[0])
    found, expected = with_color(data), with_color(whole)
    torch.testing.assert_close(found.color_pos, expected.color_pos)
    assert found.color_type.tolist() == expected.color_type.tolist()
    torch.testing.assert_close(found.pos, data.pos)
    assert with_properties(data, ["aromatic"]).aromatic.sum() == 6


def test_crystals_have_no_bonds():
    from ase.build import bulk

    with pytest.raises(ValueError, match=r"bonds across all cells .*cut out a molecule"):
        to_rdkit(from_ase(bulk("C", cubic=True)))
    chain = Data(z=torch.tensor([6, 1, 1]), pos=torch.tensor([[0.0, 0, 0], [0, 1, 0], [0, 0, 1]]), **PERIODIC)
    chain.cell = torch.diag(torch.tensor([1.5, 9.0, 9.0]))[None]
    with pytest.raises(ValueError, match="bonds across all cells"):
        to_rdkit(chain)
    chain.pbc = torch.tensor([[False, True, True]])
    assert to_rdkit(chain).GetNumBonds() == 2


def test_cells_that_are_none_are_told_or_left():
    whole = {**from_smiles("O", properties=()).to_dict(), **PERIODIC}
    for none in ({"cell": torch.zeros(1, 3, 3)}, {"cell": None}, {"pbc": ~PERIODIC["pbc"]}):
        assert to_rdkit(Data.from_dict({**whole, **none})).GetNumBonds() == 2
    with pytest.raises(ValueError, match="cell: expected independent periodic vectors"):
        to_rdkit(wrapped("CO", cell=torch.ones(1, 3, 3), pbc=PERIODIC["pbc"]))


def test_hydrogen_ions_alone_are_refused():
    methanol = from_smiles("CO", properties=())
    methanol.pos[5] += 5
    with pytest.raises(ValueError, match=r"got H\+1 alone for atom 5; give a whole molecule, with cell and pbc"):
        to_rdkit(methanol)
    proton = Data(z=torch.tensor([1]), pos=torch.zeros(1, 3))
    assert Chem.MolToSmiles(to_rdkit(proton, charge=1)) == "[H+]"
    acid = Data(z=torch.tensor([17, 1]), pos=torch.tensor([[0.0, 0, 0], [5, 0, 0]]))
    acid.formal_charge = torch.tensor([-1.0, 1.0])
    assert Chem.MolToSmiles(to_rdkit(acid)) == "[Cl-].[H+]"


@pytest.mark.parametrize("whole", [True, False])
def test_features_of_frames_are_those_of_whole_molecules(whole):
    data = wrapped("Oc1ccccc1", **PERIODIC)
    recipe = Recipe(color=True)
    frame = FirstFrame(data, recipe, whole).completed(data.clone())
    torch.testing.assert_close(frame.color_pos, with_color(data).color_pos)
