"""Options that take several values."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

SEVERAL = ("--eval", "--frames")


class SeveralValues(TyperCommand):
    """A command in which ``--eval 64 128`` means ``--eval 64 --eval 128``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments after repeating the option before each of the numbers that follow it."""
        spread: list[str] = []
        option = ""
        for word in args:
            if option and word.isdecimal():
                spread += [option, word] if spread[-1] != option else [word]
                continue
            option = word if word in SEVERAL else ""
            spread.append(word)
        return super().parse_args(ctx, spread)
