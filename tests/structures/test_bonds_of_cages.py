"""Strained cages, whose atoms are near each other across the cage without a bond."""

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.chem.elements import element_property
from tg_molfield.structures import from_smiles, to_rdkit
from tg_molfield.structures.whole_molecule import canonical_smiles, whole_molecule


@pytest.mark.parametrize(
    "smiles",
    ["C1C2CC1C2", "OC(=O)C12CC(C1)(C2)c1ccccc1", "NC12CC(C1)C2", "C1C2C3C1C23", "C12C3C4C1C5C2C3C45", "C1C2CC12"],
)
def test_bonds_of_cages(smiles):
    data = from_smiles(smiles, properties=())
    atoms = Data(z=data.z, pos=data.pos)
    for mol in (to_rdkit(atoms), whole_molecule(atoms)):
        found = Chem.MolFromSmiles(canonical_smiles(mol))
        assert Chem.MolToSmiles(found, isomericSmiles=False) == Chem.CanonSmiles(smiles)


def test_every_molecule_of_qm9_has_bonds(data_dir):
    with np.load(data_dir / "qm9" / "geometries.npz") as arrays:
        count, numbers, places = (arrays[name] for name in ("n", "z", "pos_milliangstrom"))
    ends = count.cumsum()
    for row in range(0, len(ends), 100):
        atoms = slice(ends[row] - count[row], ends[row])
        z, pos = numbers[atoms].astype(np.int64), places[atoms] / 1000
        mol = whole_molecule(Data(z=torch.from_numpy(z), pos=torch.from_numpy(pos)))
        assert mol is not None, row
        rows = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in mol.GetBonds()])
        radii = element_property("covalent_radius", torch.from_numpy(z)).numpy()[rows].sum(1)
        assert (np.linalg.norm(pos[rows[:, 0]] - pos[rows[:, 1]], axis=1) < 1.24 * radii).all(), row


def test_a_cage_that_lacks_a_hydrogen_is_refused():
    data = from_smiles("C1C2CC1C2", properties=())
    kept = torch.arange(len(data.z)) != int((data.z == 1).nonzero()[0])
    with pytest.raises(ValueError, match="check that every hydrogen is present"):
        to_rdkit(Data(z=data.z[kept], pos=data.pos[kept]))
