"""Molecules of united atoms, whose hydrogens at saturated carbon are part of it."""

import pytest
import torch
from ase.build import molecule
from ase.collections import g2
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder
from tg_molfield.cli.structure import warn_of_missing_hydrogens
from tg_molfield.nn import OutOfDomainWarning
from tg_molfield.structures import StructureWarning, from_ase, from_smiles, read, to_rdkit
from tg_molfield.structures.hydrogens import hydrogens_got


def united(smiles: str) -> Data:
    """The molecule without hydrogens at saturated carbon, as GROMOS has it."""
    data = from_smiles(smiles)
    saturated = [atom.GetAtomicNum() == 6 and atom.GetDegree() == 4 for atom in to_rdkit(data).GetAtoms()]
    carbon = data.pos[torch.tensor(saturated)]
    kept = (data.z > 1) | (torch.cdist(data.pos, carbon).amin(1) > 1.3)
    return Data(z=data.z[kept], pos=data.pos[kept])


@pytest.mark.parametrize(
    "smiles", ["Cc1ccccc1", "CC(N)C(=O)NC(Cc1ccccc1)C(=O)O", "Cn1cnc2c1c(=O)n(C)c(=O)n2C", "COc1ccccc1", "CSc1ccccc1"]
)
def test_hydrogens_missing_at_saturated_carbon_alone_are_told(smiles):
    data = united(smiles)
    assert (data.z == 1).any()
    assert hydrogens_got(data) == "none at saturated carbon"
    assert not hydrogens_got(from_smiles(smiles))
    with pytest.warns(StructureWarning, match="got none at saturated carbon, so the channel H lacks them"):
        warn_of_missing_hydrogens(data, ["H", "C"])


def test_a_model_tells_of_them():
    model = FieldAutoEncoder.from_pretrained("organic-small")
    whole = from_smiles("CC(C)Cc1ccc(cc1)C(C)C(=O)O")
    told = "expected explicit hydrogens, as in training, got none at saturated carbon"
    batch = [Data(z=whole.z, pos=whole.pos), united("CC(C)Cc1ccc(cc1)C(C)C(=O)O")]
    with pytest.warns(OutOfDomainWarning, match=f"molecule 1: {told}"):
        model.encode(Batch.from_data_list(batch))
    with pytest.warns(OutOfDomainWarning, match=rf"molecules\[1\]: {told}"):
        model.embed(batch)


@pytest.mark.parametrize("name", g2.names)
def test_small_molecules_radicals_and_carbenes_are_complete(name):
    assert not hydrogens_got(from_ase(molecule(name)))


@pytest.mark.parametrize("index", range(2))
def test_a_carbene_and_a_radical_beside_a_ring_are_complete(index):
    data = from_smiles("Cc1ccc(C)cc1")
    hydrogens = (torch.cdist(data.pos, data.pos[:1])[:, 0] < 1.3).nonzero()[1:, 0]
    at_methyl = hydrogens[data.z[hydrogens] == 1]
    kept = torch.ones(len(data.z), dtype=torch.bool)
    kept[at_methyl[: index + 1]] = False
    assert not hydrogens_got(Data(z=data.z[kept], pos=data.pos[kept]))


@pytest.mark.parametrize("name", ["freesolv", "pdb_ligands_300", "gdb1k_300"])
def test_molecules_of_the_data_are_complete(data_dir, name):
    assert not any(map(hydrogens_got, read(data_dir / "smallmol" / f"{name}.sdf.gz")))


def test_complexes_are_complete(data_dir):
    for name in ("184l_protein", "1iep_protein", "6w70_protein"):
        assert not hydrogens_got(read(data_dir / "complexes" / f"{name}.pdb.gz")[0])
