"""The README's Python runs as it stands, with shorter budgets, and its commands exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_python_blocks_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, object] = {}
    for block in blocks:
        for slow, quick in (
            ("max_seconds=600", "max_steps=2"),
            ("spacing=0.25", "spacing=1.0"),
        ):
            block = block.replace(slow, quick)
        if '"density.cube"' in block:
            names["field"].on(names["Grid"].around(names["caffeine"].pos, 1.0)).save("density.cube")
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "caffeine.cube").exists()


def test_check_script_runs_the_test_command():
    command = re.search(r"<!-- test -->\n```bash\n(.*?)\n```", README, re.DOTALL)
    assert command is not None
    assert "\n" not in command.group(1)
    assert "README.md" in (ROOT / ".ci" / "run").read_text()


def test_files_named_in_the_readme_exist():
    for path in re.findall(r"\]\(((?!https?:)[^)]+)\)", README):
        assert (ROOT / path).exists(), path
