"""How all commands take words, tell of errors and describe themselves."""

from __future__ import annotations

import os
import re
from typing import Any

from typer.core import TyperCommand

from tg_molfield.cli.wording import warnings_worded

_HOME = re.compile(r"(--[\w-]+=|-\w)?(~.*)", re.DOTALL)
_SUBJECT = re.compile(r"(\w+): ")


class Command(TyperCommand):
    """A command that knows ``~`` where shells leave it, as in ``--output=~/a.cube``, and names options as given."""

    def __init__(self, *args: Any, help: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, help=flowing(help or ""), **kwargs)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, of which those that begin with ``~`` are places in the home folder."""
        return super().parse_args(ctx, [_at_home(word) for word in args])

    def invoke(self, ctx: Any) -> Any:
        """Run; errors and warnings about an argument of Python name the option of the command line instead."""
        try:
            with warnings_worded(self._by_option):
                return super().invoke(ctx)
        except (ValueError, TypeError) as error:
            text = self._by_option(str(error))
            if text == str(error) or type(error) not in (ValueError, TypeError):
                raise
            raise type(error)(text) from error

    def _by_option(self, text: str) -> str:
        """What is said about an argument, said about its option."""
        names = {one.name: max(one.opts, key=len) for one in self.params if one.param_type_name == "option"}
        found = _SUBJECT.match(text)
        return text if found is None or found[1] not in names else f"{names[found[1]]}: {text[found.end() :]}"


def flowing(text: str) -> str:
    """Paragraphs with a line each, which a terminal of any width breaks anew."""
    return "\n\n".join(" ".join(paragraph.split("\n")) for paragraph in text.split("\n\n"))


def _at_home(word: str) -> str:
    found = _HOME.fullmatch(word)
    return word if found is None else (found[1] or "") + os.path.expanduser(found[2])
