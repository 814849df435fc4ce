import time

import pytest

from tg_molfield.structures.formats.elements import parse_elements
from tg_molfield.text_numbers import parse_number
from tg_molfield.volumes.text import to_float


@pytest.mark.parametrize("text", ["1" * 100_000 + "x", "1." + "1" * 100_000 + "x", "." + "1" * 100_000 + "e"])
@pytest.mark.parametrize("parse", [parse_number, to_float])
def test_long_words_take_linear_time(parse, text):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"expected a number, got '.{40}'"):
        parse(text)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "-Infinity"])
def test_numbers_of_volumes_are_finite(text):
    assert parse_number(text) != 0
    with pytest.raises(ValueError, match="expected a number"):
        to_float(text)


@pytest.mark.parametrize("symbol", ["٦", "0", "119", "9" * 5000])
def test_what_is_no_atomic_number(symbol):
    with pytest.raises(ValueError, match=f"atom line 2: expected a chemical element, got '{symbol[:40]}'"):
        parse_elements(["6", symbol])
