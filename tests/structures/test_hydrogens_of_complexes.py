"""Structures of several molecules, of which some have their hydrogens and others lack them."""

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder, from_smiles
from tg_molfield.cli.structure import warn_of_missing_hydrogens
from tg_molfield.nn import OutOfDomainWarning
from tg_molfield.structures import StructureWarning, read_complex
from tg_molfield.structures.hydrogens import hydrogens_got


def stripped(data: Data, rows: torch.Tensor) -> Data:
    kept = (data.z > 1) | ~rows
    return Data(z=data.z[kept], pos=data.pos[kept])


def beside(*molecules: Data) -> Data:
    shifts = [torch.tensor([12.0 * number, 0, 0]) for number in range(len(molecules))]
    pos = [data.pos + shift for data, shift in zip(molecules, shifts, strict=True)]
    return Data(z=torch.cat([data.z for data in molecules]), pos=torch.cat(pos))


def test_a_ligand_without_hydrogens_beside_a_protein_with_them(data_dir):
    folder = data_dir / "complexes"
    with pytest.warns(StructureWarning, match="got none of 14"):
        data = read_complex(folder / "184l_protein.pdb.gz", folder / "184l_ligand.sdf")
    assert hydrogens_got(data) == "none at carbon in a molecule of 10 heavy atoms"
    with pytest.warns(StructureWarning, match="molecule of 10 heavy atoms, so the channel H lacks them"):
        warn_of_missing_hydrogens(data, ["H"])


@pytest.mark.parametrize("part", [0, 1])
def test_one_part_of_a_complex_without_hydrogens(data_dir, part):
    folder = data_dir / "complexes"
    data = read_complex(folder / "1iep_protein.pdb.gz", folder / "1iep_ligand.sdf")
    assert not hydrogens_got(data)
    heavy = int(((data.part == part) & (data.z > 1)).sum())
    assert f"in a molecule of {heavy} heavy atoms" in hydrogens_got(stripped(data, data.part == part))


@pytest.mark.parametrize("smiles", ["CCO", "c1ccccc1", "OC1CCCCC1"])
def test_a_molecule_beside_another_one(smiles):
    other, one = from_smiles("CCCCN"), from_smiles(smiles)
    bare = stripped(one, torch.ones(len(one.z), dtype=torch.bool))
    heavy = len(bare.z)
    assert not hydrogens_got(beside(other, one))
    for both in (beside(other, bare), beside(bare, other)):
        assert hydrogens_got(both) == f"none at carbon in a molecule of {heavy} heavy atoms"
    assert hydrogens_got(beside(bare, bare)) == "none"


@pytest.mark.parametrize("smiles", ["FC(F)(F)C(=O)[O-]", "[O-]C(=O)C(=O)[O-]", "O=C=O", "ClC(Cl)(Cl)Cl"])
def test_molecules_without_hydrogens_beside_others_are_complete(smiles):
    assert not hydrogens_got(beside(from_smiles("CCC[NH3+]"), from_smiles(smiles)))


def test_a_model_tells_of_one_molecule_of_several():
    model = FieldAutoEncoder.from_pretrained("organic-small")
    one = from_smiles("OC1CCCCC1")
    bare = stripped(one, torch.ones(len(one.z), dtype=torch.bool))
    batch = [beside(from_smiles("CCN"), one), beside(from_smiles("CCN"), bare)]
    told = "expected explicit hydrogens, as in training, got none at carbon in a molecule of 7 heavy atoms"
    with pytest.warns(OutOfDomainWarning, match=f"molecule 1: {told}"):
        model.encode(Batch.from_data_list(batch))
