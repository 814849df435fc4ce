from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.structures import SkippedRecordsWarning, StructureWarning
from tg_molfield.structures.formats.records import Record, build_records


def record(title: str, *notes: str, error: Exception | None = None) -> Record:
    noted: list[str] = []

    def build() -> Data:
        if error:
            raise error
        noted.extend(notes)
        return Data(z=torch.tensor([1]), pos=torch.zeros(1, 3))

    return Record(title, build, noted)


def test_equal_notes_of_several_records_are_one_warning():
    records = [record("a", "bonds: n"), record("b"), record("c", "bonds: n", "bonds: n"), record("", "elements: m")]
    with pytest.warns(StructureWarning) as caught:
        assert len(build_records(Path("x.sdf"), records, "raise")) == 4
    assert [str(warning.message) for warning in caught] == [
        "x.sdf: record 1 ('a'): bonds: n (and 1 more)",
        "x.sdf: record 4: elements: m",
    ]


def test_long_titles_and_notes_are_cut():
    with pytest.raises(ValueError, match=r"record 1 \('x{40} …'\): bad$"):
        build_records(Path("x.sdf"), [record("x" * 10_000, error=ValueError("bad"))], "raise")
    with pytest.warns(StructureWarning) as caught:
        build_records(Path("x.sdf"), [record("x" * 10_000, "n" * 10_000)], "raise")
    assert len(str(caught[0].message)) < 600


def test_a_record_that_a_library_chokes_on_is_one_bad_record():
    records = [record("a"), record("b", error=KeyError("bonds"))]
    with pytest.raises(ValueError, match=r"^x\.sdf: record 2 \('b'\): expected .*, got KeyError: 'bonds'"):
        build_records(Path("x.sdf"), records, "raise")
    with pytest.warns(SkippedRecordsWarning, match="KeyError"):
        assert len(build_records(Path("x.sdf"), records, "skip")) == 1


@pytest.mark.parametrize("error", [MemoryError(), StructureWarning("raised as an error"), FileNotFoundError("x.csv")])
def test_what_is_no_fault_of_a_record_is_passed_on(error):
    with pytest.raises(type(error)):
        build_records(Path("x.sdf"), [record("a", error=error)], "skip")
