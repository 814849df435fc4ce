"""What does not fit in memory is refused, with its size, before it is allocated."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, Volume, find_atoms
from tg_molfield.inverse.superres import superresolve
from tg_molfield.memory import _of_cgroups, available_bytes, check_fits

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]))
HUGE = Grid.cube((0, 0, 0), 10.0, 100_000)
BEYOND_INT64 = Grid((0, 0, 0), ((1e-9, 0, 0), (0, 1e-9, 0), (0, 0, 1e-9)), (2**40, 2**40, 2**40))


def group(root, name, **files):
    folder = root / name
    folder.mkdir(parents=True)
    for key, text in files.items():
        (folder / key.replace("__", ".")).write_text(text)


def test_there_is_memory():
    assert 0 < available_bytes() < 2**63


def test_the_limits_of_all_enclosing_groups_count(tmp_path):
    group(tmp_path, "batch", memory__max="1000\n", memory__current="400\n", memory__stat="anon 1\ninactive_file 50\n")
    group(tmp_path, "batch/job", memory__max="max\n", memory__current="300\n")
    assert list(_of_cgroups(tmp_path, "0::/batch/job\n")) == [650]


def test_groups_of_the_first_version_are_read(tmp_path):
    statistics = "inactive_file 7\ntotal_inactive_file 50\ntotal_active_file 10\n"
    group(
        tmp_path, "memory", memory__limit_in_bytes="1000", memory__usage_in_bytes="400", memory__stat=statistics
    )  # fmt: skip
    assert list(_of_cgroups(tmp_path, "4:memory:/docker/abc\n3:cpuset:/\n")) == [660]


def test_the_message_has_the_sizes():
    with pytest.raises(
        MemoryError, match=r"^grid: expected what fits in 1 GiB of memory, got it, which needs 3 GiB; b$"
    ):
        check_fits("grid", "it", 3 * 2**30, "b", limit=2**30)
    check_fits("grid", "it", 3 * 2**30, "b", limit=3 * 2**30)


@pytest.mark.parametrize("grid", [HUGE, BEYOND_INT64], ids=["huge", "beyond int64"])
@pytest.mark.parametrize("aggregate", ["sum", "union", "maximum"])
def test_fields_refuse_grids(grid, aggregate):
    field = MolField("H O", aggregate=aggregate)(WATER)
    refused = pytest.raises(
        MemoryError, match=rf"got {'×'.join(map(str, grid.shape))} nodes of 2 channels, which needs"
    )
    with refused:
        field.on(grid)
    with refused:
        (field + field).on(grid)


@pytest.mark.parametrize("grid", [HUGE, BEYOND_INT64], ids=["huge", "beyond int64"])
def test_volumes_and_searches_refuse_grids(grid):
    field = MolField("H O")(WATER)
    volume = field.on(Grid.around(WATER.pos, 0.5))
    works = (
        lambda: volume.resampled(grid),
        lambda: find_atoms(field, grid),
        lambda: find_atoms(volume, grid),
        lambda: field.on_each([grid]),
        grid.points,
    )
    for work in works:
        with pytest.raises(MemoryError, match=r"expected what fits in .* GiB of memory, got .* nodes"):
            work()


def test_superresolution_refuses_before_it_reads_values():
    values = torch.full((1, 8, 8, 8), torch.nan)
    with pytest.raises(MemoryError, match="512 nodes"):
        superresolve(Volume(values, Grid.cube((0, 0, 0), 10.0, 8)), "kriging", max_bytes=1000)
