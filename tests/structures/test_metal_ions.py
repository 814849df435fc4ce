"""Ions of metals beside what they are bound to by charge alone."""

import pytest
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.structures import StructureWarning, from_smiles, to_rdkit
from tg_molfield.structures.monatomic_ions import monatomic_ions


@pytest.mark.filterwarnings("ignore:smiles. .* expected a force field")
@pytest.mark.parametrize(
    "smiles",
    [
        "[Ag+].O=[N+]([O-])[O-]",
        "[Cu+2].O=S(=O)([O-])[O-]",
        "[Zn+2].CC(=O)[O-].CC(=O)[O-]",
        "[Fe+3].O=C[O-].O=C[O-].O=C[O-]",
        "[Mg+2].O=C[O-].O=C[O-]",
        "[Pt+2].N.N.[Cl-].[Cl-]",
    ],
)
def test_metals_of_salts_have_no_bonds(smiles):
    assert Chem.MolToSmiles(Chem.RemoveHs(to_rdkit(from_smiles(smiles)))) == Chem.CanonSmiles(smiles)


def test_metals_with_carbon_are_no_ions():
    data = from_smiles("C[Sn+](C)C")
    assert data.formal_charge.tolist()[1] == 1
    assert monatomic_ions(data) == {}


@pytest.mark.parametrize("smiles", ["[Mg+2].O=C[O-].O=C[O-]", "[Ca+2].CC(=O)[O-].CC(=O)[O-]"])
def test_more_bonds_than_a_metal_has_electrons_for_are_told(smiles):
    data = from_smiles(smiles)
    with pytest.warns(StructureWarning, match="expected an ion, got .* with . bonds .*; give formal_charge"):
        to_rdkit(Data(z=data.z, pos=data.pos))


@pytest.mark.parametrize(
    ("smiles", "shortest", "longest"),
    [
        ("[Li+].[F-]", 1.5, 1.8),
        ("[Li+].CC(=O)[O-]", 1.7, 2.1),
        ("[Li+].OP(=O)(O)[O-]", 1.6, 2.1),
        ("[Mg+2].O=S(=O)([O-])[O-]", 1.7, 2.2),
    ],
)
def test_small_cations_are_near_their_anions(smiles, shortest, longest):
    data = from_smiles(smiles)
    nearest = float((data.pos[1:] - data.pos[0]).norm(dim=1).min())
    assert shortest < nearest < longest
