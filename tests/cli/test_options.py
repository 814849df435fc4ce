"""All options of all commands: the same name means the same everywhere."""

from collections import defaultdict
from itertools import combinations
from typing import Annotated, Any, NamedTuple

import pytest
import typer
import typer.main

from tg_molfield.cli.app import app

EITHER = {
    "--output": {"The files to write", "The folder to write to"},
    "--by": {"What is compared", "How to split"},
    "--distance": {"Of neighbours", "How far from the molecules of --near"},
    "--kind": {"What is read", "How frames are connected"},
}
"""Options that mean one thing or another by the command."""


class Use(NamedTuple):
    """An option of a command."""

    command: str
    option: Any

    @property
    def heading(self) -> str:
        """What the help says before the particulars of the command."""
        text = self.option.help or ""
        return min((text.partition(end)[0] for end in (":", ";", ". ", "  ", " \\[")), key=len).rstrip(".")

    @property
    def kind(self) -> tuple[object, ...]:
        """How the option is given."""
        one = self.option
        return (tuple(one.opts), tuple(one.secondary_opts), one.is_flag, one.multiple, one.metavar)


def uses() -> dict[str, list[Use]]:
    found = defaultdict(list)
    for name, command in typer.main.get_command(app).commands.items():
        for parameter in command.params:
            if parameter.param_type_name == "option":
                found[parameter.opts[0]].append(Use(name, parameter))
    return found


def differences(found: dict[str, list[Use]]) -> list[str]:
    told = []
    for name, several in found.items():
        for one, other in combinations(several, 2):
            where = f"{name} of {one.command} and of {other.command}"
            if one.heading != other.heading and {one.heading, other.heading} == EITHER.get(name):
                continue
            if one.heading != other.heading:
                told.append(f"{where}: {one.heading!r} and {other.heading!r}")
            if one.kind != other.kind:
                told.append(f"{where}: {one.kind} and {other.kind}")
    return told


def test_the_same_name_means_the_same():
    found = uses()
    assert len(found["--output"]) > 8
    assert differences(found) == []


def test_files_are_several_and_folders_one():
    for use in uses()["--output"]:
        assert use.kind[0] == ("--output", "-o"), use.command
        assert use.option.multiple == (use.heading == "The files to write"), use.command


def test_every_option_and_argument_has_help():
    for name, command in typer.main.get_command(app).commands.items():
        assert command.help, name
        for parameter in command.params:
            assert parameter.help, f"{name}: {parameter.name}"
            assert parameter.help[0].isupper() or not parameter.help[0].isalpha(), f"{name}: {parameter.help}"


def test_differences_are_found():
    other = typer.Typer()

    @other.command()
    def first(seed: Annotated[int, typer.Option(help="The seed: of one.")] = 0) -> None: ...

    @other.command()
    def second(seed: Annotated[list[int] | None, typer.Option("--seed", "-s", help="A seed.")] = None) -> None: ...

    commands = typer.main.get_command(other).commands
    found = {"--seed": [Use(name, command.params[0]) for name, command in commands.items()]}
    assert len(differences(found)) == 2
    assert found["--seed"][0].heading == "The seed"


@pytest.mark.parametrize("name", typer.main.get_command(app).commands)
def test_short_options_are_those_of_all_commands(name):
    short = {"-o": "--output", "-y": "--yes", "-n": "--number"}
    for parameter in typer.main.get_command(app).commands[name].params:
        for option in parameter.opts:
            if option.startswith("-") and not option.startswith("--"):
                assert short.get(option) == parameter.opts[0]
