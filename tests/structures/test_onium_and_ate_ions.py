"""Bonds of ions for which RDKit's search has no valences."""

import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield import from_smiles
from tg_molfield.structures import to_rdkit

pytestmark = pytest.mark.filterwarnings("ignore:.*expected a force field")

IONS = [
    "F[P-](F)(F)(F)(F)F", "F[As-](F)(F)(F)(F)F", "F[Sb-](F)(F)(F)(F)F", "F[Si-2](F)(F)(F)(F)F",
    "C[P+](C)(C)C", "[H][P+]([H])([H])[H]", "C[As+](C)(C)C", "Cl[P+](Cl)(Cl)Cl", "[NH2-]",
]  # fmt: skip
TOLD_BY_CHARGES_ALONE = ["C[N-]C", "CC[N-]c1ccccc1", "F[P-](F)(F)(F)(F)F.C[P+](C)(C)C", "[NH2-].[Na+]", "[K+].C[N-]C"]


def bonds_of(mol) -> list:
    """The charges of the atoms, and the ends and orders of bonds."""
    mol = Chem.Mol(mol)
    Chem.Kekulize(mol, clearAromaticFlags=True)
    bonds = [(*sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx())), b.GetBondTypeAsDouble()) for b in mol.GetBonds()]
    return [[atom.GetFormalCharge() for atom in mol.GetAtoms()], sorted(bonds)]


@pytest.mark.parametrize("smiles", IONS + TOLD_BY_CHARGES_ALONE)
def test_bonds_are_those_of_the_smiles(smiles):
    found = to_rdkit(from_smiles(smiles))
    wanted = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert bonds_of(found)[0] == bonds_of(wanted)[0]
    assert [bond[:2] for bond in bonds_of(found)[1]] == [bond[:2] for bond in bonds_of(wanted)[1]]
    assert found.GetNumConformers() == 1


@pytest.mark.parametrize("smiles", IONS)
def test_the_net_charge_is_enough(smiles):
    data = from_smiles(smiles)
    charge = int(data.formal_charge.sum())
    found = to_rdkit(Data(z=data.z, pos=data.pos), charge=charge)
    assert bonds_of(found) == bonds_of(Chem.AddHs(Chem.MolFromSmiles(smiles)))


def test_hexafluorophosphate_without_its_charge_is_refused():
    data = from_smiles(IONS[0])
    with pytest.raises(ValueError, match="net charge 0"):
        to_rdkit(Data(z=data.z, pos=data.pos))


def test_neutral_amines_and_phosphines_stay_neutral():
    for smiles in ("CNC", "CP(C)C", "CP(C)(C)=O", "FP(F)(F)(F)F"):
        data = from_smiles(smiles)
        found = to_rdkit(Data(z=data.z, pos=data.pos))
        assert torch.tensor(bonds_of(found)[0]).count_nonzero() == 0
