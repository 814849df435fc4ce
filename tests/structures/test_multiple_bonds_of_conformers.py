"""Multiple bonds that MMFF94 has no parameters for, in conformers from SMILES."""

import pytest
import torch
from ase.build import molecule

from tg_molfield.structures import StructureWarning, from_ase, from_smiles


def heavy_distances(data):
    pos = data.pos[data.z > 1].double()
    return torch.sort(torch.pdist(pos)).values


@pytest.mark.parametrize(
    ("smiles", "name"),
    [("N#N", "N2"), ("O=C=O", "CO2"), ("S=C=S", "CS2"), ("O=C=S", "OCS"), ("[N]=O", "NO")],
)
def test_shortest_bonds_are_those_of_g2(smiles, name):
    found, reference = heavy_distances(from_smiles(smiles))[0], heavy_distances(from_ase(molecule(name)))[0]
    assert found == pytest.approx(float(reference), abs=0.1)


@pytest.mark.parametrize(
    ("smiles", "atoms", "length"),
    [
        ("[C-]#N", (0, 1), 1.18),
        ("[N-]=[N+]=[N-]", (0, 1), 1.18),
        ("CN=C=S", (2, 3), 1.60),
        ("C[S@](=O)CCCCN=C=S", (8, 9), 1.60),
        ("CC#[C-]", (1, 2), 1.24),
        ("O=S=O", (0, 1), 1.43),
    ],
)
def test_lengths_are_near_the_measured_ones(smiles, atoms, length):
    """Lengths by microwave spectra and crystal structures."""
    data = from_smiles(smiles)
    first, second = data.pos[list(atoms)]
    assert float((first - second).norm()) == pytest.approx(length, abs=0.1)


@pytest.mark.parametrize(
    "smiles", ["CC(=O)NC", "C[N+](=O)[O-]", "CS(=O)(=O)N", "CP(=S)(O)O", "c1nnn[nH]1", "NC(N)=[NH2+]"]
)
def test_others_are_optimised_with_mmff(smiles):
    from rdkit import Chem

    from tg_molfield.structures.conformers import make_conformers

    assert make_conformers(Chem.AddHs(Chem.MolFromSmiles(smiles)), 1, 0, 20.0) == "MMFF94"


def test_lengths_that_no_force_field_knows_are_told():
    with pytest.warns(StructureWarning, match="expected O=Cl of about 1.52 Å, got"):
        from_smiles("[O-]Cl(=O)=O")
