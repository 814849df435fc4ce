"""The Python of the README and the documents runs as it stands, with shorter budgets; commands and files exist."""

import re
import shlex
from pathlib import Path

import pytest
import typer
import typer.main

from tg_molfield.cli.app import app

pytestmark = pytest.mark.usefixtures("seeded")

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)
TEXTS = {name: (ROOT / name).read_text() for name in ("README.md", "examples/README.md", *PAGES)}
WRITTEN = {
    "README.md": "caffeine.cube",
    "docs/guide.md": "finer.safetensors",
    "docs/paper.md": "",
    "docs/howto/predict_at_points.md": "",
    "docs/howto/sample_a_crystal.md": "CHGCAR",
    "docs/howto/sample_and_walk.md": "",
}
"""What the Python of texts that need no files writes."""


def calls(program: str) -> list:
    """The calls of ``program`` in each text: its file, the words that follow, and whether it is a line of a block."""
    found = []
    for name, text in TEXTS.items():
        blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
        inline = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        lines = [(line, True) for block in blocks for line in block.splitlines()] + [(line, False) for line in inline]
        for line, in_block in lines:
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                if len(words) > 1 and Path(words[0]).name == program:
                    found.append(pytest.param(name, words[1:], in_block, id=f"{name}: {part.strip()}"))
    return found


@pytest.mark.filterwarnings("ignore:::lightning")
@pytest.mark.parametrize(("name", "written"), WRITTEN.items())
def test_python_blocks_run_in_order(name, written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXTS[name], re.DOTALL):
        for slow, quick in (("max_seconds=600", "max_steps=2"), ("spacing=0.25", "spacing=1.0")):
            block = block.replace(slow, quick)
        exec(compile(block, name, "exec"), names)
    assert (tmp_path / written).exists()


@pytest.mark.parametrize(("where", "words", "complete"), calls("tg-molfield"))
def test_commands_exist(where, words, complete):
    group = typer.main.get_command(app)
    name, *arguments = words
    assert name in group.commands, f"{where}: no command {name}"
    options = {option for parameter in group.commands[name].params for option in parameter.opts}
    for word in arguments:
        if word.startswith("-"):
            assert word.split("=")[0] in options, f"{where}: tg-molfield {name} has no option {word}"
    if complete:
        group.commands[name].make_context(name, list(arguments))


def test_wrong_commands_are_refused():
    with pytest.raises(AssertionError, match="no command fields"):
        test_commands_exist("README.md", ["fields", "CCO"], True)
    with pytest.raises(AssertionError, match="no option --sigma"):
        test_commands_exist("README.md", ["field", "CCO", "--sigma", "1", "-o", "a.cube"], True)
    with pytest.raises(typer.BadParameter, match="output"):
        test_commands_exist("README.md", ["field", "CCO"], True)


@pytest.mark.parametrize(("where", "words", "complete"), [*calls("python"), *calls("python3")])
def test_scripts_exist(where, words, complete):
    if words[0] == "-m":
        return
    path = ROOT / words[0]
    assert path.exists(), f"{where}: no script {words[0]}"
    for word in words[1:]:
        if word.startswith("--"):
            name = word.removeprefix("--").split("=")[0]
            assert re.search(rf"--{name}\b|\b{name.replace('-', '_')}: ", path.read_text()), (
                f"{where}: no option {word}"
            )


def test_check_script_runs_the_test_command():
    command = re.search(r"<!-- test -->\n```bash\n(.*?)\n```", README, re.DOTALL)
    assert command is not None
    assert "\n" not in command.group(1)
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("name", TEXTS)
def test_linked_files_exist(name):
    for path in re.findall(r"\]\(((?!https?:)[^)]+)\)", TEXTS[name]):
        assert (ROOT / name).parent.joinpath(path).exists(), path
