import numpy as np
import pytest
import torch
from ase.cell import Cell
from torch_geometric.data import Batch, Data

from tg_molfield.chem.cells import as_cells, as_pbc, is_periodic
from tg_molfield.fields import MolField

CELL = [[3.0, 0.0, 0.0], [0.5, 4.0, 0.0], [0.0, 0.0, 5.0]]
POINTS = torch.tensor([[0.1, 0.2, 0.3], [2.9, 3.9, 4.9]], dtype=torch.float64)


def crystal(cell, pbc):
    pos = torch.tensor([[0.1, 0.0, 0.0], [1.5, 1.0, 2.0]], dtype=torch.float64)
    data = Data(z=torch.tensor([6, 8]), pos=pos)
    data.cell = cell
    if pbc is not None:
        data.pbc = pbc
    return data


def values(data, points=POINTS, batch=None):
    return MolField("C O")(data)(points, batch)


EXPECTED = crystal(torch.tensor([CELL], dtype=torch.float64), torch.tensor([[True, True, False]]))
FLAGS = [True, True, False]
FORMS = {
    "flat tensors": (torch.tensor(CELL, dtype=torch.float64), torch.tensor(FLAGS)),
    "lists": (CELL, FLAGS),
    "tuples": (tuple(map(tuple, CELL)), tuple(FLAGS)),
    "NumPy": (np.array(CELL), np.array(FLAGS)),
    "NumPy, one a molecule": (np.array([CELL]), np.array([FLAGS])),
    "Cell of ASE": (Cell(np.array(CELL)), [1, 1, 0]),
    "float32 and integers": (torch.tensor(CELL), torch.tensor([1, 1, 0])),
}


@pytest.mark.parametrize(("cell", "pbc"), FORMS.values(), ids=FORMS)
def test_every_form_gives_the_field_of_the_crystal_alone_and_collated(cell, pbc):
    expected = values(EXPECTED)
    assert torch.allclose(values(crystal(cell, pbc)), expected, rtol=1e-12, atol=1e-15)
    for count in (2, 3):
        batch = Batch.from_data_list([crystal(cell, pbc) for _ in range(count)])
        found = values(batch, POINTS.repeat(count, 1), torch.arange(count).repeat_interleave(len(POINTS)))
        assert torch.allclose(found, expected.repeat(count, 1), rtol=1e-12, atol=1e-15)


def test_one_flag_for_all_directions():
    expected = values(crystal(torch.tensor([CELL], dtype=torch.float64), None))
    for count in (1, 2, 3, 4):
        batch = Batch.from_data_list([crystal(CELL, True) for _ in range(count)])
        found = values(batch, POINTS.repeat(count, 1), torch.arange(count).repeat_interleave(len(POINTS)))
        assert torch.allclose(found, expected.repeat(count, 1), rtol=1e-12, atol=1e-15)


def test_gradients_reach_the_cell():
    cell = torch.tensor(CELL, dtype=torch.float64, requires_grad=True)
    as_cells([cell, 2 * cell], 2).sum().backward()
    assert torch.equal(cell.grad, torch.full((3, 3), 3.0, dtype=torch.float64))


@pytest.mark.parametrize(
    ("cell", "pbc", "message"),
    [
        (CELL, [True, False], r"pbc: expected shape \[1, 3\], got \[2\]; give three truth values"),
        (CELL, "TTF", "pbc: expected a tensor of numbers, got str; convert data.pbc with torch.as_tensor"),
        (CELL, [1.0, 0.5, 0.0], "pbc: expected truth values, got other numbers"),
        (CELL, [1.0, float("nan"), 0.0], "pbc: expected truth values, got other numbers"),
        ([3.0, 4.0, 5.0], FLAGS, r"cell: expected shape \[1, 3, 3\], got \[3\]; give one cell a molecule"),
        ([CELL, CELL], FLAGS, r"cell: expected shape \[1, 3, 3\], got \[2, 3, 3\]"),
        ([[3.0], [0.0, 4.0]], FLAGS, "cell: expected a tensor of numbers, got list"),
        (None, FLAGS, "cell: expected one for the periodic directions of pbc, got None"),
    ],
)
def test_what_cannot_be_a_cell_is_told(cell, pbc, message):
    with pytest.raises(ValueError, match=message):
        values(crystal(cell, pbc))


def test_three_flags_of_three_molecules_are_not_guessed():
    with pytest.raises(ValueError, match=r"pbc: expected shape \[3, 3\], got \[3\]"):
        as_pbc([True, True, False], 3)


@pytest.mark.parametrize(
    ("pbc", "expected"), [(None, False), ([False] * 3, False), ((0, 0, 1), True), (np.array([[True] * 3]), True)]
)
def test_is_periodic(pbc, expected):
    assert is_periodic(pbc) is expected
