import pytest

from tg_molfield.files import decoding


@pytest.mark.parametrize("error", [KeyError("x"), OverflowError("x"), RecursionError("x"), StopIteration("x")])
def test_a_foreign_exception_becomes_one_short_error_with_the_files_name(error):
    error.args = ("x" * 10_000,)
    with (
        pytest.raises(ValueError, match=rf"^a\.dx: expected .*, got {type(error).__name__}: .*; ") as caught,
        decoding("a.dx"),
    ):
        raise error
    assert len(str(caught.value)) < 700
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    ("raised", "message"),
    [("a.dx: expected …", "a.dx: expected …"), ("line 3: expected …", "a.dx: line 3: expected …")],
)
def test_an_error_of_the_package_names_the_file_once(raised, message):
    with pytest.raises(ValueError, match=f"^{message}$"), decoding("a.dx"):
        raise ValueError(raised)


def test_long_lines_of_an_error_that_names_the_file_are_cut():
    with pytest.raises(ValueError, match=r"^a\.dx: expected …\n  x+ …\n  record 2$") as caught, decoding("a.dx"):
        raise ValueError(f"a.dx: expected …\n  {'x' * 10_000}\n  record 2")
    assert len(str(caught.value)) < 1100


def test_missing_files_and_memory_are_no_fault_of_the_content():
    for error in (FileNotFoundError("a.dx"), MemoryError()):
        with pytest.raises(type(error)), decoding("a.dx"):
            raise error
