"""Words of the command line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def worded(options: Mapping[str, str]) -> Iterator[None]:
    """Replace what an error says about arguments by the options that set them.

    Args:
        options: what to write in place of each text.
    """
    try:
        yield
    except (ValueError, OSError) as error:
        text = str(error)
        for argument, option in options.items():
            text = re.sub(rf"(?<![\w-]){re.escape(argument)}", option.replace("\\", r"\\"), text)
        if text == str(error) or len(error.args) != 1:
            raise
        raise type(error)(text) from error


def counted(number: int, noun: str, nouns: str = "") -> str:
    """A number of things: ``1 molecule``, ``1,024 molecules``; ``nouns`` are several of them."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
