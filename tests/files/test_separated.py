"""Rows of CSV files with what people put into them."""

import pytest

from tg_molfield.files.separated import distinct, separated_rows

HEADER = "smiles,name,y"


def rows(*lines):
    return [(row.fields, row.fault) for row in separated_rows([HEADER, *lines])][1:]


def test_quotes_keep_separators_and_newlines():
    found = rows('CCO,"a, b",1', "", 'C,"first', "", 'second",2', 'N,"say ""so""",3')
    assert [fields for fields, _ in found] == [
        ["CCO", "a, b", "1"], ["C", "first\n\nsecond", "2"], ["N", 'say "so"', "3"],
    ]  # fmt: skip


@pytest.mark.parametrize(("line", "delimiter"), [("a;b", ";"), ("a\tb", "\t"), ("a,b;c,d", ",")])
def test_the_most_frequent_mark_separates(line, delimiter):
    assert next(separated_rows([line])).fields == line.split(delimiter)


def test_a_row_with_too_many_fields_is_a_fault():
    found = rows("Clc1cc,1,2,4-trichlorobenzene,-3.59", "C,methane,1", "C,methane,1,,", "C,short")
    assert found[0][0] == []
    assert "expected 3 fields, as in the first row, got 5; put text with ',' in quotes" in found[0][1]
    assert found[1:] == [(["C", "methane", "1"], "")] * 2 + [(["C", "short"], "")]


@pytest.mark.parametrize("rest", [["CCN,b,2", "CCC,c,3"], ['CCN,"b",2', "CCC,c,3"], ["CCN,b,2"] * 500])
def test_a_quote_without_its_end_takes_no_other_row_with_it(rest):
    found = rows('CCO,"a,1', *rest)
    assert "expected fields and quotes of CSV" in found[0][1]
    assert [fields for fields, _ in found[1:]] == [line.replace('"', "").split(",") for line in rest]


def test_names_of_columns_differ():
    assert distinct(["y", "x", "y", "y"]) == ["y", "x", "y (2)", "y (3)"]
