import math

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield.compare import interaction, pocket
from tg_molfield.structures import StructureWarning, read_complex


def line(*places, part):
    """Carbon atoms on the x axis."""
    pos = torch.zeros(len(places), 3, dtype=torch.float64)
    pos[:, 0] = torch.tensor(places, dtype=torch.float64)
    return Data(z=torch.full((len(places),), 6), pos=pos, part=torch.tensor(part), name="a line")


def test_atoms_within_the_distance_where_residues_are_not_known():
    data = line(3.0, 0.0, 6.0, -5.9, 8.0, 8.1, part=[0, 0, 1, 1, 1, 1])
    data.mine = torch.arange(6)
    found = pocket(data, 5.0)
    assert found.mine.tolist() == [0, 1, 2, 4]
    assert found.part.tolist() == [0, 0, 1, 1]
    assert torch.equal(found.pos, data.pos[found.mine])
    assert found.name == "a line"
    assert pocket(data).mine.tolist() == [0, 1, 2, 3, 4, 5]
    assert pocket(data, 3.0).mine.tolist() == [0, 1, 2]


def test_residues_are_kept_whole():
    data = line(0.0, 2.0, 30.0, 40.0, 50.0, 60.0, part=[0, 1, 1, 1, 1, 0])
    data.mine = torch.arange(6)
    data.residue_number = torch.tensor([7, 1, 1, 1, 7, 7])
    assert pocket(data, 4.0).mine.tolist() == [0, 1, 2, 3, 5]
    data.chain = torch.tensor([0, 0, 0, 1, 1, 1])
    assert pocket(data, 4.0).mine.tolist() == [0, 1, 2, 5]


def test_only_values_by_atom_are_kept():
    data = line(0.0, 2.0, 30.0, part=[0, 1, 1])
    data.partial_charge = torch.tensor([0.1, 0.2, 0.3])
    data.energy = torch.tensor([-3.0])
    data.color_pos, data.color_type = torch.zeros(3, 3), torch.zeros(3, dtype=torch.long)
    data.color_count = torch.tensor([3])
    data.edge_index = torch.tensor([[1, 2], [2, 1]])
    found = pocket(data)
    assert set(found.keys()) == {"z", "pos", "part", "partial_charge", "name"}
    assert found.partial_charge.tolist() == pytest.approx([0.1, 0.2])


def test_the_pocket_of_a_crystal_structure(data_dir):
    path = data_dir / "complexes" / "1vsn_complex.pdb.gz"
    data = read_complex(path, "NFT", dtype=torch.float64)
    found = pocket(data, 5.0)
    distances = torch.cdist(data.pos[data.part == 1], data.pos[data.part == 0]).amin(1)
    near = {
        (int(a), int(b))
        for a, b in zip(*(data[k][data.part == 1][distances <= 5] for k in ("chain", "residue_number")), strict=True)
    }
    residues = list(zip(data.chain.tolist(), data.residue_number.tolist(), strict=True))
    kept = [part == 0 or residue in near for part, residue in zip(data.part.tolist(), residues, strict=True)]
    assert torch.equal(found.pos, data.pos[torch.tensor(kept)])
    assert 10 < len(near) < 40
    assert set(found.keys()) == set(data.keys())
    whole, cut = (interaction(one, by="clash").values for one in (data, found))
    assert torch.allclose(whole, cut, rtol=1e-4)


def test_the_pocket_of_a_ligand_from_another_file_has_whole_residues(data_dir):
    folder = data_dir / "complexes"
    data = read_complex(folder / "1iep_protein.pdb.gz", folder / "1iep_ligand.sdf", dtype=torch.float64)
    found = pocket(data, 5.0)
    sizes, kept = (torch.bincount(one.residue_number[one.part == 1], minlength=600) for one in (data, found))
    distances = torch.cdist(data.pos[data.part == 1], data.pos[data.part == 0]).amin(1)
    near = data.residue_number[data.part == 1][distances <= 5.0].unique()
    assert torch.equal(kept.nonzero()[:, 0], near)
    assert torch.equal(kept[near], sizes[near])
    assert 10 < len(near) < 60


def test_nothing_near_is_told():
    data = line(0.0, 20.0, part=[0, 1])
    with pytest.warns(StructureWarning, match=r"within 6 Å of the ligand, got none, the nearest is 20\.0 Å away"):
        assert pocket(data).part.tolist() == [0]


def test_what_cannot_be_is_refused():
    data = line(0.0, 2.0, part=[0, 1])
    with pytest.raises(ValueError, match=r"complex: expected part .* got a Data without"):
        pocket(Data(z=data.z, pos=data.pos))
    for part, name in (([1, 1], "ligand atoms"), ([0, 0], "protein atoms")):
        with pytest.raises(ValueError, match=f"complex: expected {name} .* got none"):
            pocket(line(0.0, 2.0, part=part))
    with pytest.raises(ValueError, match=r"expected part 0 \(ligand\) or 1 \(protein\), got 2"):
        pocket(line(0.0, 2.0, 3.0, part=[0, 1, 2]))
    for wrong in (0, -1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="distance: expected a positive number of Å"):
            pocket(data, wrong)
    with pytest.raises(TypeError, match="distance: expected a number, got str"):
        pocket(data, "6")
    with pytest.raises(TypeError, match="complex: expected a Data, got str"):
        pocket("complex.pdb")
    with pytest.raises(TypeError, match="expected one molecule, got a Batch"):
        pocket(Batch.from_data_list([data]))
    broken = data.clone()
    broken.pos[1, 0] = math.nan
    with pytest.raises(ValueError, match="pos: expected finite values"):
        pocket(broken)
    data.cell, data.pbc = torch.eye(3)[None] * 9, torch.tensor([[True, False, False]])
    with pytest.raises(ValueError, match="complex: expected one that is not periodic"):
        pocket(data)


def test_residues_whose_numbers_begin_again_are_others():
    """Waters 9999, 0, 1, … of a large box; and a residue whose hydrogen stands at the end of the file."""
    data = line(0.0, 3.0, 4.5, 40.0, 60.0, 80.0, 5.4, part=[0, 1, 1, 1, 1, 1, 1])
    data.mine = torch.arange(7)
    data.residue_number = torch.tensor([1, 5, 5, 6, 5, 6, 5])
    assert pocket(data, 4.0).mine.tolist() == [0, 1, 2, 6]


def test_waters_of_a_large_box_are_those_near_by():
    generator = torch.Generator().manual_seed(0)
    oxygens = 60 * torch.rand(12_000, 3, generator=generator, dtype=torch.float64) - 30
    pos = torch.cat([torch.zeros(1, 3, dtype=torch.float64), oxygens])
    part = (torch.arange(12_001) > 0).long()
    number = torch.cat([torch.tensor([1]), torch.arange(12_000) % 1000])
    found = pocket(Data(z=torch.full((12_001,), 8), pos=pos, part=part, residue_number=number), 6.0)
    assert float(found.pos.norm(dim=1).max()) < 6 + 2.2 * 3
