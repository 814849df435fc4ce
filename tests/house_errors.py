"""What every error about an argument is like."""

import re
from collections.abc import Callable
from typing import Any

import pytest

GRAMMAR = re.compile(r"(?P<name>[^:\n]+): expected [^\n]+, got [^\n]+; [^\n]+")


def assert_refused(name: str, call: Callable[[], Any]) -> None:
    """``call`` raises an error in one line that begins with ``name``."""
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    found = GRAMMAR.fullmatch(str(caught.value))
    assert found, f"{type(caught.value).__name__}: {caught.value}"
    assert found["name"] == name, caught.value
    assert len(str(caught.value)) < 300
