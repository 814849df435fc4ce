"""OpenDX: files of other programs, and our files read by other programs."""

import gzip

import numpy as np
import pytest
import torch

from tg_molfield import Grid, Volume
from tg_molfield.structures import read

HEADER = """# a comment
object 1 class gridpositions counts {counts}
origin 0.0 1.0 2.0
delta 0.5 0.1 0
delta 0 0.5 0
delta 0 0 0.5
object 2 class gridconnections counts 1 2 3
object 3 class array type double rank 0 items 6 data follows
"""
VALUES = "1 2 3\n4 5 6\n"
END = 'attribute "dep" string "positions"\nobject "regular" class field\ncomponent "positions" value 1\n'


@pytest.mark.parametrize(("name", "low", "high"), [("esp.dx.gz", -0.08876, 19.54), ("hf.dx.gz", 0.0, 12.68)])
def test_real_files(data_dir, name, low, high):
    volume = Volume.read(data_dir / "volumes" / name, dtype=torch.float64)
    with gzip.open(data_dir / "volumes" / name, "rt") as stream:
        words = stream.read().split("follows")[1].split()
    assert volume.grid.shape == (57, 52, 26)
    assert volume.values.flatten().tolist() == [float(word) for word in words]
    assert float(volume.values.min()) == pytest.approx(low, rel=1e-3)
    assert float(volume.values.max()) == pytest.approx(high, rel=1e-3)


def test_grid_data_formats_agrees(data_dir):
    grid_data_formats = pytest.importorskip("gridData")
    theirs = grid_data_formats.Grid(str(data_dir / "volumes" / "tiny.dx"))
    volume = Volume.read(data_dir / "volumes" / "tiny.dx", dtype=torch.float64)
    assert np.allclose(volume.values[0], theirs.grid)
    assert volume.grid.origin == pytest.approx(theirs.origin.tolist())
    assert volume.grid.axes_tensor().diagonal().tolist() == pytest.approx(theirs.delta.tolist())


def test_density_is_where_the_atoms_are(data_dir):
    volume = Volume.read(data_dir / "volumes" / "hf.dx.gz")
    (data,) = read(data_dir / "volumes" / "esp.mol")
    heavy = data.pos[data.z > 1]
    assert (volume(heavy)[:, 0] > 20 * volume.values.mean()).all()


def test_smallest_file(data_dir):
    volume = Volume.read(data_dir / "volumes" / "tiny.dx")
    assert volume.grid == Grid((20.1, 3.0, -10.0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)), (2, 2, 2))
    assert volume.values.flatten().tolist() == pytest.approx([1, 1, 1, 1, 1e-6, -1e6, 1, 1])


def write(path, counts="1 2 3", values=VALUES, end=END, **replaced):
    header = HEADER.format(counts=counts)
    for old, new in replaced.items():
        header = header.replace(old, new)
    path.write_text(header + values + end)
    return path


def test_two_grids_in_one_file_are_refused(tmp_path):
    path = write(tmp_path / "a.dx")
    path.write_text(path.read_text() * 2)
    with pytest.raises(ValueError, match=r"a\.dx: expected one grid, got another after its values; split the file"):
        Volume.read(path)


def test_axes_that_are_not_orthogonal(tmp_path):
    volume = Volume.read(write(tmp_path / "a.dx"))
    assert volume.grid.axes[0] == (0.5, 0.1, 0.0)
    assert volume.values[0, 0, 1].tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": "1 2 3"}, "expected 1×2×3 nodes = 6 values by the header, got 3; .* cut short"),
        ({"values": VALUES + "7"}, "by the header, got 7; .* damaged"),
        ({"values": "1 2 3 4 five 6"}, "value 5: expected a number, got 'five'"),
        ({"counts": "1 2"}, "expected 1 line.s. 'gridpositions counts' with three numbers"),
        ({"counts": "0 2 3"}, "expected positive counts"),
        ({"delta": "step"}, "expected 3 line.s. 'delta'"),
        ({"origin": "begin"}, "expected 1 line.s. 'origin'"),
        ({"array": "arr"}, "expected a line 'object … class array …', got none"),
        ({"double": "float binary"}, "expected values as text"),
        ({"0 items": "1 shape 3 items"}, "expected a scalar"),
    ],
)
def test_damaged(tmp_path, change, message):
    with pytest.raises(ValueError, match=rf"a\.dx: .*{message}"):
        Volume.read(write(tmp_path / "a.dx", **change))


def test_another_reader_sees_the_same(tmp_path):
    grid_data_formats = pytest.importorskip("gridData.OpenDX")
    values = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    volume = Volume(values, Grid((1.0, -2.0, 0.5), ((0.4, 0, 0), (0, 0.5, 0), (0, 0, 0.6)), (3, 4, 5)))
    (path,) = volume.save(tmp_path / "a.dx")
    field = grid_data_formats.field(0)
    field.read(str(path))
    values, edges = field.histogramdd()
    assert np.allclose(values, volume.values[0], rtol=1e-7)
    nodes = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
    assert [axis[0] for axis in nodes] == pytest.approx(volume.grid.origin)
    assert [axis[1] - axis[0] for axis in nodes] == pytest.approx([0.4, 0.5, 0.6])


def test_comments_among_and_after_the_values(tmp_path):
    values = "1 2 3 # the first object\n# attribute\n4 5 6\n# end\n"
    (tmp_path / "a.dx").write_text(HEADER.format(counts="1 2 3") + values + END)
    assert Volume.read(tmp_path / "a.dx").values.flatten().tolist() == [1, 2, 3, 4, 5, 6]
