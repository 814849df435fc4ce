import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Channel, Grid, MolField, Volume, find_atoms, from_smiles
from tg_molfield.inverse.find_atoms import recover_atoms


@pytest.fixture(scope="module")
def data() -> Data:
    data = from_smiles("CC(=O)NCCO", dtype=torch.float64)
    data.part = (torch.arange(len(data.z)) >= 4).long()
    return data


def joined(*volumes: Volume) -> Volume:
    values = torch.cat([one.values for one in volumes])
    return Volume(
        values, volumes[0].grid, [name for one in volumes for name in one.channels], periodic=volumes[0].periodic
    )


def sampled(data: Data, grid: Grid | None = None) -> tuple[Volume, Volume]:
    """The channels of elements, and those of elements by part."""
    grid = grid or Grid.around(data.pos, spacing=0.4)
    return MolField("H C N O")(data).on(grid), MolField("H C N O", split_parts=True)(data).on(grid)


def atoms_of(found: Data) -> list[tuple[int, int]]:
    return sorted(zip(found.z.tolist(), found.part.tolist(), strict=True))


def test_atoms_of_an_element_and_of_parts_are_found_once(data):
    whole, parts = sampled(data)
    assert atoms_of(find_atoms(joined(whole, parts))) == atoms_of(data)


@pytest.mark.parametrize("named", ["ligand", "protein"])
def test_what_one_part_leaves_is_of_the_other(data, named):
    whole, parts = sampled(data)
    found = find_atoms(joined(whole, *(parts[f"{named}.{element}"] for element in "HCNO")))
    assert atoms_of(found) == atoms_of(data)
    for z, part in set(atoms_of(data)):
        kept, true = found.pos[(found.z == z) & (found.part == part)], data.pos[(data.z == z) & (data.part == part)]
        assert float(torch.cdist(kept, true).amin(1).max()) < 1e-4


def test_two_channels_of_one_element(data):
    definition = MolField([Channel("carbon", "C"), Channel("C", "C", width=0.5), Channel("O", "O")])
    report = recover_atoms(definition(data).on(Grid.around(data.pos, spacing=0.25)))
    assert sorted(report.data.z.tolist()) == [6] * 4 + [8] * 2
    assert [one.num_atoms for one in report.channels] == [4, 4, 2]


def test_atoms_at_the_edge_of_a_cell_are_found_once():
    cell = torch.tensor([[6.0, 0, 0], [1.5, 6.0, 0], [0, 0, 6.0]], dtype=torch.float64)
    pos = torch.tensor([[0.0, 0, 0], [1.5, 0, 0], [2.0, 3.0, 3.0]], dtype=torch.float64)
    data = Data(z=torch.full((3,), 6), pos=pos, part=torch.tensor([0, 1, 0]), cell=cell[None])
    grid = Grid.from_cell(cell, (16, 16, 16))
    whole, parts = (MolField("C", split_parts=split)(data).on(grid) for split in (False, True))
    assert all(whole.periodic)
    assert atoms_of(find_atoms(joined(whole, parts))) == atoms_of(data)


def test_atoms_of_two_parts_in_one_place_stay_two():
    data = Data(z=torch.tensor([6, 6]), pos=torch.zeros(2, 3, dtype=torch.float64), part=torch.tensor([0, 1]))
    whole, parts = sampled(data, Grid.around(data.pos, spacing=0.4))
    assert atoms_of(find_atoms(parts["ligand.C", "protein.C"])) == [(6, 0), (6, 1)]
    assert atoms_of(find_atoms(joined(whole["C"], parts).with_mol_field(MolField("C", split_parts=True)))) == [
        (6, 0),
        (6, 1),
    ]
