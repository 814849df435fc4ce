"""Options that take several values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tg_molfield.cli.commands import Command

_TERM = re.compile(r"[a-z]+(=\S+)?")
SEVERAL: dict[str, Callable[[str], object]] = {
    "--eval": str.isdecimal,
    "--frames": str.isdecimal,
    "--by": _TERM.fullmatch,
    "--projection": ("pca", "umap").__contains__,
}
"""These options, and what their values look like."""


class SeveralValues(Command):
    """A command in which ``--eval 64 128`` and ``--eval=64 128`` mean ``--eval 64 --eval 128``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments after repeating the option before each of the values that follow it."""
        spread: list[str] = []
        option = ""
        for word in args:
            if option and SEVERAL[option](word):
                spread += [option, word] if spread[-1] != option else [word]
                continue
            name = word.partition("=")[0]
            option = name if name in SEVERAL else ""
            spread.append(word)
        return super().parse_args(ctx, spread)
