"""The command ``tg-molfield``, its subcommands and the display of errors."""

from __future__ import annotations

import sys
import warnings

import typer
from rich.console import Console
from rich.markup import escape

from tg_molfield.cli.compare.align import align
from tg_molfield.cli.compare.screen import screen
from tg_molfield.cli.compare.similarity import similarity
from tg_molfield.cli.data_sets.build import build
from tg_molfield.cli.demo import demo
from tg_molfield.cli.embed.command import embed
from tg_molfield.cli.field import field
from tg_molfield.cli.info.command import info
from tg_molfield.cli.interpolate.command import interpolate
from tg_molfield.cli.superres.command import superres
from tg_molfield.cli.variadic import SeveralValues

_EXPECTED = (ValueError, TypeError, KeyError, OSError, ImportError, MemoryError, FloatingPointError)

app = typer.Typer(
    name="tg-molfield",
    help="Molecules as continuous vector-valued fields: from structures to fields, files, pictures and learned models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"tg-molfield {version('tg_molfield')}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Molecules as continuous vector-valued fields."""


app.command()(demo)
app.command()(field)
app.command()(build)
app.command()(embed)
app.command()(info)
app.command(cls=SeveralValues)(interpolate)
app.command(cls=SeveralValues)(superres)
app.command(cls=SeveralValues)(align)
app.command(cls=SeveralValues)(similarity)
app.command(cls=SeveralValues)(screen)


def main() -> None:
    """Run the command; expected errors are printed in one line, with exit status 1."""
    warnings.showwarning = lambda message, *_: Console(stderr=True).print(
        f"[yellow]warning:[/] {escape(str(message))}", highlight=False, soft_wrap=True
    )
    try:
        app()
    except _EXPECTED as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(text))}", highlight=False, soft_wrap=True)
        sys.exit(1)
