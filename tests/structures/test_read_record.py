"""One record of a file, without the others."""

import gzip

import pytest
import torch

from tg_molfield.structures import StructureWarning, read
from tg_molfield.structures.reading import read_record

FRAMES = "1\n\nO 0 0 0\n2\nbad\nC 0 0 0\nO 0 0 0\n3\nlast\nO 0 0 0\nH 0 0 1\nH 0 1 0\n"


@pytest.fixture
def frames(tmp_path):
    path = tmp_path / "frames.xyz.gz"
    path.write_bytes(gzip.compress(FRAMES.encode()))
    return path


@pytest.mark.parametrize(("number", "atoms"), [(1, 1), (3, 3)])
def test_other_records_need_not_be_valid(frames, number, atoms):
    record, data, count = read_record(frames, number)
    assert (len(data.z), count) == (atoms, 3)
    assert record.title == (getattr(data, "name", None) or "")


def test_a_record_that_is_not_valid_is_named_by_its_number(frames):
    with pytest.raises(ValueError, match=rf"^{frames}: record 2.*: expected"):
        read_record(frames, 2)


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "at least 1, got 0"), (-1, "at least 1, got -1"), (4, "at most 3, the records")]
)
def test_numbers_of_no_record(frames, number, expected):
    with pytest.raises(ValueError, match=f"--record: expected {expected}"):
        read_record(frames, number, name="--record")


def test_only_the_record_is_built(data_dir, monkeypatch):
    from tg_molfield.structures.formats import records

    path, built = data_dir / "ensembles" / "1l2y_nmr.pdb.gz", []
    models = read(path)
    build = records.build_records
    monkeypatch.setattr(
        "tg_molfield.structures.reading.build_records", lambda *given: built.append(len(given[1])) or build(*given)
    )
    _, data, count = read_record(path, 5)
    assert (built, count) == ([1], len(models))
    assert torch.equal(data.pos, models[4].pos)
    assert data.keys() == models[4].keys()


def test_notes_name_the_record(tmp_path):
    path = tmp_path / "bare.sdf"
    block = "ethane\n     RDKit          3D\n\n  2  1  0  0  0  0            999 V2000\n" + "".join(
        f"    {x:.4f}    0.0000    0.0000 C   0  0\n" for x in (0.0, 1.5)
    )
    path.write_text(2 * f"{block}  1  2  1  0\nM  END\n$$$$\n")
    with pytest.warns(StructureWarning, match=r"record 2 \('ethane'\): hydrogens: expected those"):
        read_record(path, 2)
