import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Data

from tg_molfield.structures import from_ase, from_smiles, read, to_rdkit
from tg_molfield.structures.hydrogens import hydrogens_got


def heavy(data: Data) -> Data:
    return Data(z=data.z[data.z > 1], pos=data.pos[data.z > 1])


@pytest.mark.parametrize("name", ["CO2", "CCl4", "C60", "C2F4", "CO", "CH4", "C2Cl4", "CF3CN", "H2O", "C6H6"])
def test_complete_molecules(name):
    assert not hydrogens_got(from_ase(molecule(name)))


@pytest.mark.parametrize("smiles", ["N#CC#N", "O=C=C=C=O", "FC(F)(F)C(F)(F)F", "O=C(Cl)Cl", "[O-]C(=O)C(=O)[O-]"])
def test_other_molecules_without_hydrogen(smiles):
    assert not hydrogens_got(from_smiles(smiles))


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "CC(C)C", "NCC(=O)O", "C1CC1"])
def test_stripped_molecules(smiles):
    assert not hydrogens_got(from_smiles(smiles))
    assert hydrogens_got(heavy(from_smiles(smiles)))


@pytest.mark.parametrize("smiles", ["CCO", "CC(C)O", "NCC(=O)O", "Oc1ccccc1"])
def test_molecules_with_polar_hydrogens_alone(smiles):
    mol = to_rdkit(from_smiles(smiles))
    polar = [atom.GetAtomicNum() > 1 or atom.GetNeighbors()[0].GetAtomicNum() != 6 for atom in mol.GetAtoms()]
    data = from_smiles(smiles)
    assert hydrogens_got(Data(z=data.z[polar], pos=data.pos[polar]))


@pytest.mark.parametrize("smiles", ["OC(=O)C(=O)O", "NC(N)=O", "OC(=O)C(F)(F)F", "OC(=O)C#CC(=O)O"])
def test_molecules_whose_hydrogens_are_all_polar(smiles):
    assert not hydrogens_got(from_smiles(smiles))


@pytest.mark.parametrize("name", ["CH3OCH3", "isobutane", "CH3CN", "HCOOCH3"])
def test_carbon_with_one_neighbour(name):
    assert hydrogens_got(heavy(from_ase(molecule(name))))


@pytest.mark.parametrize("smiles", ["[C-]#[N+]C(F)(F)F", "[C-]#[N+]O"])
def test_carbon_of_isocyanides(smiles):
    assert not hydrogens_got(from_smiles(smiles))


def test_small_fullerene_is_no_saturated_carbon():
    golden = (1 + 5**0.5) / 2
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 2)
    edges = torch.stack([torch.zeros(4), signs[:, 0] / golden, signs[:, 1] * golden], dim=1)
    cube = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)
    pos = torch.cat([cube, *(edges.roll(shift, 1) for shift in range(3))]) * golden / 2
    z = torch.full((20,), 6)
    assert not hydrogens_got(Data(z=z, pos=1.45 * pos))
    assert hydrogens_got(Data(z=z, pos=1.54 * pos))  # dodecahedrane without its hydrogens


def test_protein_without_hydrogens_and_crystal(data_dir):
    protein = read(data_dir / "complexes" / "184l_protein.pdb.gz")[0]
    assert hydrogens_got(heavy(protein))
    crystal = Data(z=torch.tensor([6, 6, 6]), pos=torch.tensor([[0.0, 0, 0], [1.5, 0, 0], [0, 1.5, 0]]))
    assert hydrogens_got(crystal)
    crystal.pbc = torch.tensor([[True, True, True]])
    assert not hydrogens_got(crystal)
