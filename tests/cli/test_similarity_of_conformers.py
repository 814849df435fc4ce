"""``tg-molfield similarity`` tells the conformers of a molecule apart."""

import csv

import pytest
from commands import run


def rows_of(tmp_path, *arguments):
    run("similarity", *arguments, "-o", tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def test_each_conformer_is_told(tmp_path):
    rows = rows_of(tmp_path, "CCCO", "CCO", "--conformers", 2)
    assert {(row["conformer"], row["other conformer"]) for row in rows} == {(a, b) for a in "12" for b in "12"}
    assert len(rows) == 4


@pytest.mark.parametrize("conformers", [[], ["--conformers", 1]])
def test_single_conformers_need_no_number(tmp_path, conformers):
    (row,) = rows_of(tmp_path, "CCCO", "CCO", *conformers)
    assert list(row) == ["rank", "record", "molecule", "other record", "other molecule", "score"]
