import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.structures import read, read_complex


@pytest.fixture
def made(tmp_path):
    """Write the lines of a PDB file and give its path."""

    def write(text: str):
        path = tmp_path / "made.pdb"
        path.write_text(text)
        return path

    return write


def described(data: Data) -> list[tuple[int, float]]:
    """The atomic number and x of each atom."""
    return list(zip(data.z.tolist(), [round(x, 3) for x in data.pos[:, 0].tolist()], strict=True))


REPORTS = {
    "B13.pdb": ([7, 6, 6, 8], [0.0, 1.5, 3.0, 4.2]),
    "B15.pdb": ([11, 19, 17, 20, 55], [0.0, 5.0, 10.0, 15.0, 20.0]),
    "B17.pdb": ([7, 6, 6, 8, 8, 1, 8], [0.0, 1.5, 8.0, 9.2, 20.0, 20.96, 25.0]),
    "B23.pdb": ([7, 6], [17.047, 16.967]),
}


@pytest.mark.parametrize(("name", "expected"), REPORTS.items())
def test_reported_files(data_dir, name, expected):
    (data,) = read(data_dir / "reports" / name, dtype=torch.float64)
    assert data.z.tolist() == expected[0]
    assert data.pos[:, 0].tolist() == expected[1]


def test_frames_ended_by_end_are_records(data_dir):
    frames = read(data_dir / "reports" / "B20.pdb", dtype=torch.float64)
    assert [frame.pos[:, 0].tolist() for frame in frames] == [[0.0, 1.5], [0.1, 1.6]]


def test_waters_of_charmm_are_left_out(data_dir):
    data = read_complex(data_dir / "reports" / "B17.pdb", "LIG", hetero=True)
    assert data.z.tolist() == [6, 8, 7, 6]


def test_what_is_left_out_need_not_be_readable(data_dir):
    path = data_dir / "reports" / "B21.pdb"
    data = read_complex(path, "LIG")
    assert data.z.tolist() == [6, 8, 7, 6]
    ligand = Data(z=torch.tensor([6]), pos=torch.full((1, 3), 5.0))
    assert read_complex(path, ligand).z.tolist() == [6, 7, 6]
    with pytest.raises(ValueError, match=r"B21.pdb: atom 'UNK' of UNX/A/91: expected a chemical element, got 'X'"):
        read_complex(path, "LIG", hetero=True)
