"""Data sets that are built again, and the ones that were there."""

import os
import subprocess
import sys

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.datasets import MoleculeFields

REBUILD = """
import os, signal, sys
import torch
from torch_geometric.data import Data
from tg_molfield.datasets import MoleculeFields
root, when, value = sys.argv[1], sys.argv[2], float(sys.argv[3])
molecules = [Data(z=torch.tensor([2]), pos=torch.full((1, 3), value)) for _ in range(600)]
def show(state):
    if state.records == 256:
        os._exit(9)
def pre_filter(data):
    os._exit(9)
options = {"progress": show} if when == "late" else {"pre_filter": pre_filter}
MoleculeFields(root, molecules, force_reload=True, **options)
"""


def molecules(value):
    return [Data(z=torch.tensor([2]), pos=torch.full((1, 3), value)) for _ in range(600)]


@pytest.fixture
def root(tmp_path):
    MoleculeFields(tmp_path, molecules(1.0))
    return tmp_path


def killed(root, when, value):
    command = [sys.executable, "-c", REBUILD, str(root), when, str(value)]
    assert subprocess.run(command, check=False).returncode == 9


def values(dataset):
    assert len(dataset) == 600
    return {data.pos[0, 0].item() for data in dataset}


class StopError(Exception):
    pass


def stopping(records):
    def show(state):
        if state.records >= records:
            raise StopError

    return show


@pytest.mark.parametrize("when", ["at once", "late"])
def test_a_killed_rebuild_leaves_the_data_set_that_was_there(root, when):
    for value in (2.0, 3.0):
        killed(root, when, value)
        assert values(MoleculeFields(root)) == values(MoleculeFields(root, molecules(1.0))) == {1.0}
        with pytest.raises(ValueError, match="got another source"):
            MoleculeFields(root, molecules(value))
    assert values(MoleculeFields(root, molecules(4.0), force_reload=True)) == values(MoleculeFields(root)) == {4.0}
    assert sorted(path.name for path in (root / "processed").iterdir()) == ["build.lock", "failed.csv", "molecules.db"]


def test_a_killed_rebuild_goes_on(root):
    killed(root, "late", 2.0)
    states = []
    dataset = MoleculeFields(root, molecules(2.0), force_reload=True, progress=states.append)
    assert [state.records for state in states] == [512, 600]
    assert values(dataset) == {2.0}
    states.clear()
    MoleculeFields(root, molecules(2.0), force_reload=True, progress=states.append)
    assert [state.records for state in states] == [256, 512, 600]


def test_an_error_late_in_a_rebuild_leaves_the_data_set_that_was_there(root):
    for _ in range(2):
        with pytest.raises(StopError):
            MoleculeFields(root, molecules(2.0), force_reload=True, progress=stopping(512))
        assert values(MoleculeFields(root)) == {1.0}
    with pytest.raises(ValueError, match="pre_filter: expected to keep a molecule, got none of 600"):
        MoleculeFields(root, molecules(2.0), force_reload=True, pre_filter=lambda data: False)
    assert not (root / "processed" / "rebuild").exists()
    assert values(MoleculeFields(root)) == {1.0}


def test_an_open_data_set_reads_on_while_it_is_built_again(root):
    before = MoleculeFields(root)
    seen = []
    MoleculeFields(
        root, molecules(2.0), force_reload=True, progress=lambda state: seen.append(before[0].pos[0, 0].item())
    )
    assert seen == [1.0] * 3


def test_a_damaged_rebuild_is_begun_again(root):
    folder = root / "processed" / "rebuild"
    folder.mkdir()
    (folder / "molecules.db").write_text("no data set, but long enough to be read as one" * 9)
    assert values(MoleculeFields(root, molecules(2.0), force_reload=True)) == {2.0}


def test_a_damaged_data_set_and_what_a_killed_write_left_are_replaced(root):
    path = root / "processed" / "molecules.db"
    path.write_text("no data set, but long enough to be read as one" * 9)
    path.with_name("molecules.db-journal").write_bytes(os.urandom(600))
    assert values(MoleculeFields(root, molecules(2.0), force_reload=True)) == {2.0}
    assert values(MoleculeFields(root)) == {2.0}


def test_a_build_of_which_nothing_was_kept_takes_other_options(tmp_path):
    with pytest.raises(ValueError, match="pre_filter: expected to keep a molecule, got none of 600"):
        MoleculeFields(tmp_path, molecules(1.0), pre_filter=lambda data: False)
    assert values(MoleculeFields(tmp_path, molecules(1.0), pre_filter=lambda data: True)) == {1.0}
