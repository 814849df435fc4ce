"""Words of the command line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def worded(options: Mapping[str, str]) -> Iterator[None]:
    """Replace what errors and warnings say about arguments by the options that set them.

    Args:
        options: what to write in place of each text.
    """

    def replaced(text: str) -> str:
        for argument, option in options.items():
            text = re.sub(rf"(?<![\w-]){re.escape(argument)}", option.replace("\\", r"\\"), text)
        return text

    try:
        with warnings_worded(replaced):
            yield
    except (ValueError, OSError) as error:
        text = replaced(str(error))
        if text == str(error) or len(error.args) != 1:
            raise
        raise type(error)(text) from error


@contextmanager
def warnings_worded(replaced: Callable[[str], str]) -> Iterator[None]:
    """Show warnings in other words.

    Args:
        replaced: the words for the text of a warning.
    """
    show = warnings.showwarning

    def shown(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        text = replaced(str(message))
        show(message if text == str(message) else category(text), category, *where, **more)

    warnings.showwarning = cast(Callable[..., None], shown)
    try:
        yield
    finally:
        warnings.showwarning = show


def counted(number: int, noun: str, nouns: str = "") -> str:
    """A number of things: ``1 molecule``, ``1,024 molecules``; ``nouns`` are several of them."""
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"
