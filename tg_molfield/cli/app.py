"""The command ``tg-molfield``, its subcommands and the display of errors."""

from __future__ import annotations

import sys
import traceback
import warnings
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tg_molfield.cli.commands import Command
from tg_molfield.cli.compare.align import align
from tg_molfield.cli.compare.screen import screen
from tg_molfield.cli.compare.similarity import similarity
from tg_molfield.cli.data_sets.build import build
from tg_molfield.cli.demo import demo
from tg_molfield.cli.embed.command import embed
from tg_molfield.cli.evaluate.command import evaluate
from tg_molfield.cli.field import field
from tg_molfield.cli.info.command import info
from tg_molfield.cli.interpolate.command import interpolate
from tg_molfield.cli.reconstruct.command import reconstruct
from tg_molfield.cli.sample.command import sample
from tg_molfield.cli.stopping import exit_status, sentence, stopped_in_order
from tg_molfield.cli.superres.command import superres
from tg_molfield.cli.terminal import beside, print_any_letter
from tg_molfield.cli.train.command import train
from tg_molfield.cli.variadic import SeveralValues

_EXPECTED = (ValueError, TypeError, KeyError, OSError, ImportError, MemoryError, FloatingPointError)

_debug = False
"""Whether tracebacks are shown."""


class _Commands(TyperGroup):
    """The commands, which end on Ctrl-C and signals with one line and the exit status that shells expect."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            if _debug:
                traceback.print_exc()
            _tell("yellow", sentence(stop))
            raise typer.Exit(exit_status(stop)) from None


app = typer.Typer(
    name="tg-molfield",
    cls=_Commands,
    help="Molecules as continuous vector-valued fields: from structures to fields, files, pictures and learned models.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tg-molfield {version('tg_molfield')}")
        raise typer.Exit


def _set_debug(wanted: bool) -> None:
    global _debug
    _debug = wanted


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", callback=_set_debug, help="Show where errors come from; goes before the command."),
    ] = False,
) -> None:
    """Molecules as continuous vector-valued fields."""


app.command(cls=Command)(demo)
app.command(cls=Command)(field)
app.command(cls=Command)(build)
app.command(cls=Command)(train)
app.command(cls=Command)(evaluate)
app.command(cls=SeveralValues)(embed)
app.command(cls=Command)(reconstruct)
app.command(cls=Command)(info)
app.command(cls=Command)(sample)
app.command(cls=SeveralValues)(interpolate)
app.command(cls=SeveralValues)(superres)
app.command(cls=SeveralValues)(align)
app.command(cls=SeveralValues)(similarity)
app.command(cls=SeveralValues)(screen)


def main() -> None:
    """Run the command; expected errors are printed in one line, with exit status 1."""
    print_any_letter()
    warnings.showwarning = lambda message, category, *_: _show_warning(message, category)
    try:
        with stopped_in_order():
            app()
    except _EXPECTED as error:
        if _debug:
            raise
        text = error.args[0] if isinstance(error, KeyError) else error
        _tell("bold red", f"error: {text}")
        sys.exit(1)


def _show_warning(message: Warning | str, category: type[Warning]) -> None:
    """Print a warning, unless it is to programmers about code, as libraries raise when they use each other."""
    if not issubclass(category, (FutureWarning, DeprecationWarning)):
        _tell("yellow", f"warning: {message}")


def _tell(style: str, line: str) -> None:
    """Print a line beside the results, its first word in a style."""
    first, _, rest = line.partition(" ")
    beside().print(first, style=style, markup=False, end=" ")
    beside().print(rest, markup=False)
