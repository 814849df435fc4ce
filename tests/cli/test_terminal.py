"""What commands print in a terminal and elsewhere."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import run
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from tg_molfield.cli import terminal
from tg_molfield.cli.app import app

ROOT = Path(__file__).parents[2]


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    code = "from tg_molfield.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
    )


def test_nothing_but_results_without_a_terminal(tmp_path):
    done = command("field", "C", "-o", str(tmp_path / "a.npz"), "--channels", "C", "--spacing", "1")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{tmp_path / 'a.npz'}: 11×11×11 nodes, channels C\n"


def test_colours_that_are_forced_are_no_terminal():
    done = command("similarity", "C", "O", FORCE_COLOR="1", COLUMNS="20")
    assert (done.returncode, done.stderr) == (0, b"")
    title, row = done.stdout.decode().splitlines()
    assert "other molecule" in title
    assert row.split()[:5] == ["1", "1", "C", "1", "O"]


def test_letters_that_the_output_lacks_do_not_end_a_command(tmp_path):
    done = command("field", "C", "-o", str(tmp_path / "a.npz"), "--spacing", "1", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"11?11?11 nodes" in done.stdout


def test_a_traceback_is_shown_where_it_is_wanted(tmp_path):
    short, long = (command(*option, "info", "missing.xyz") for option in ((), ("--debug",)))
    line = "missing.xyz: expected an existing file, got none; check the path\n"
    assert (short.returncode, short.stderr.decode()) == (1, f"error: {line}")
    assert long.returncode == 1
    assert long.stderr.decode().startswith("Traceback")
    assert long.stderr.decode().endswith(f"FileNotFoundError: {line}")


@pytest.mark.parametrize(
    ("category", "shown"), [(UserWarning, "warning: an odd file\n"), (FutureWarning, ""), (DeprecationWarning, "")]
)
def test_warnings_between_libraries_are_not_shown(category, shown):
    code = f"""
import tg_molfield.cli.app as app, warnings
app.app = lambda: warnings.warn("an odd file", {category.__name__})
app.main()
"""
    done = subprocess.run([sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.endswith(shown)
    assert done.stderr.count("an odd file") == len(shown.splitlines())


def test_tables_without_a_terminal_have_a_line_for_each_row(capsys):
    table = Table("molecule", "score")
    table.add_row("C" * 300, "1.0000")
    terminal.say_table(table)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["molecule", "score"], ["C" * 300, "1.0000"]]


def test_names_are_printed_as_they_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ":co: [red]x.xyz").write_text("1\n\nC 0 0 0\n")
    assert run("info", ":co: [red]x.xyz").startswith(":co: [red]x.xyz\n  kind")


def test_one_bar_is_shown_at_a_time(monkeypatch):
    shown = []

    @contextmanager
    def bar(console, text):
        shown.append(text)
        yield lambda text, share: shown.append(text)

    monkeypatch.setattr(terminal, "bar", bar)
    monkeypatch.setattr(terminal, "beside", lambda: Console(force_terminal=True))
    with terminal.progress("sampling") as outer:
        with terminal.progress("reading") as inner:
            inner("one of two", 0.5)
        outer("near", 0.1)
    with terminal.progress("writing"):
        pass
    assert shown == ["sampling", "near", "writing"]


def test_progress_is_shown_in_a_terminal_only(monkeypatch, capsys):
    with terminal.progress("reading") as show:
        show("half", 0.5)
    assert capsys.readouterr().err == ""
    console = Console(stderr=True, force_terminal=True, width=100)
    monkeypatch.setattr(terminal, "beside", lambda: console)
    with terminal.progress("reading [1/2]") as show:
        show("half [2/2]", 0.5)
    shown = capsys.readouterr().err
    assert "half [2/2]" in shown


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell):
    arguments = {"bash": ("COMP_WORDS", "tg-molfield in", "COMP_CWORD", "1")}
    name, words, place, number = arguments.get(shell, ("_TYPER_COMPLETE_ARGS", "tg-molfield in", "", ""))
    environment = {"_TG_MOLFIELD_COMPLETE": f"complete_{shell}", name: words}
    if place:
        environment[place] = number
    if shell == "fish":
        environment |= {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    found = CliRunner().invoke(app, [], prog_name="tg-molfield", env=environment).output
    assert "info" in found
    assert "interpolate" in found
    assert "demo" not in found
