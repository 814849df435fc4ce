"""What all commands have in common: home folders, the names of options in errors, and help that fits any width."""

import pytest
import typer.main
from commands import refused, run

from tg_molfield.cli.app import app
from tg_molfield.cli.train.configuration import Configuration

METHANE = "5\n\nC 0 0 0\nH .63 .63 .63\nH -.63 -.63 .63\nH -.63 .63 -.63\nH .63 -.63 -.63\n"


def test_a_tilde_is_the_home_folder_wherever_the_shell_leaves_it(tmp_path, monkeypatch):
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(here)
    (home / "a.xyz").write_text(METHANE)
    coarse = ("--spacing", 1, "--channels", "C")
    for output in (["--output=~/new/a.npz"], ["-o~/new/b.npz"], ["-o", "~/new/c.npz"]):
        run("field", "~/a.xyz", *output, *coarse)
    assert sorted(path.name for path in (home / "new").iterdir()) == ["a.npz", "b.npz", "c.npz"]
    assert not list(here.iterdir())


def test_a_tilde_in_a_yaml_file_is_the_home_folder(tmp_path, monkeypatch):
    pytest.importorskip("yaml")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.yaml").write_text("data: ~/a.xyz\noutput: ~/run\n")
    found = Configuration.read(tmp_path / "sub" / "a.yaml")
    assert (found.data, found.output) == ((str(tmp_path / "a.xyz"),), str(tmp_path / "run"))


@pytest.mark.parametrize(
    ("words", "start"),
    [
        (("field", "C", "-o", "a.npz", "--width-scale", 0), "--width-scale: expected a positive"),
        (("field", "C", "-o", "a.npz", "--spacing", -1), "--spacing: expected a positive"),
        (("similarity", "C", "O", "--by", "shape=-1"), "--by: expected positive weights"),
        (("superres", "a.xyz", "--format", "foo"), "--format: expected one of"),
        (("info", "a.foo"), "a.foo: expected"),
    ],
)
def test_errors_name_options_as_they_are_given(tmp_path, monkeypatch, words, start):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.foo").touch()
    assert refused(*words).startswith(start)


@pytest.mark.parametrize("name", typer.main.get_command(app).commands)
def test_paragraphs_of_the_help_are_broken_by_the_terminal_alone(name):
    text = typer.main.get_command(app).commands[name].help
    assert text
    assert "\n" not in text.replace("\n\n", "")


@pytest.mark.parametrize("by", [["--by", "shape", "color"], ["--by=shape", "color"], ["--by=shape", "--by=color"]])
def test_several_values_follow_an_option_in_any_form(by):
    assert run("similarity", "C", *by, "CC").split()[7:10] == ["score", "shape", "color"]
