"""What is left when a command is stopped, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tg_molfield.cli import stopping

ROOT = Path(__file__).parents[2]
SLOW = """
import sys, time
import tg_molfield.volumes.cube as cube
from tg_molfield.cli import main

def rows(values, number, per_line):
    for line in range(10**6):
        print("writing", flush=True) if line == 5 else None
        time.sleep(0.001)
        yield b"x" * 2**12

cube.format_rows = rows
sys.argv[:] = ["tg-molfield", *sys.argv[1:]]
main()
"""
"""A command that never ends writing a CUBE file."""


def started(folder: Path, *arguments: str, code: str = SLOW) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_heed_interrupts if os.name == "posix" else None,
    )


def _heed_interrupts():
    """Commands in the background of a shell ignore Ctrl-C, and so would those that the tests start there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize(
    ("number", "line"),
    [(signal.SIGTERM, "stopped by SIGTERM\n"), (signal.SIGINT, "stopped by Ctrl-C\n")],
    ids=["SIGTERM", "SIGINT"],
)
def test_a_stopped_command_leaves_no_files(tmp_path, number, line):
    (tmp_path / "a.cube").write_text("of before")
    (tmp_path / "c.xyz").write_text("1\n\nC 0 0 0\n")
    process = started(tmp_path, "field", "c.xyz", "-o", "a.cube", "--channels", "C", "--spacing", "1")
    for text in process.stdout:
        if text == "writing\n":
            break
    assert list(tmp_path.glob(".*"))
    process.send_signal(number)
    process.send_signal(number) if number == signal.SIGTERM else None
    _, shown = process.communicate(timeout=30)
    assert (process.returncode, shown) == (128 + number, line)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.cube", "c.xyz"]
    assert (tmp_path / "a.cube").read_text() == "of before"


def test_more_may_be_told_of_the_end():
    stop = stopping.Stopped(signal.SIGTERM)
    assert stopping.sentence(stop) == "stopped by SIGTERM"
    stop.args = ("give --resume to go on",)
    assert stopping.sentence(stop) == "stopped by SIGTERM; give --resume to go on"
    assert stopping.exit_status(stop) == 143
    assert stopping.exit_status(KeyboardInterrupt()) == 130


def test_signals_are_taken_back_unless_one_was_raised_and_ignored_ones_stay_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with stopping.stopped_in_order():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with stopping.stopped_in_order():
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        with pytest.raises(stopping.Stopped), stopping.stopped_in_order():
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


IMPORTING = """
import importlib.machinery, os, sys, types
from tg_molfield.cli import stopping

assert "torch" not in sys.modules
sys.modules["torch"] = torch = types.ModuleType("torch")
torch.__spec__ = importlib.machinery.ModuleSpec("torch", None)
torch.__spec__._initializing = True
with stopping.stopped_in_order():
    os.kill(os.getpid(), int(sys.argv[1]))
    print("went on")
"""
"""A command that is stopped while it imports torch, whose compiled parts abort on exceptions."""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_commands_that_are_stopped_while_they_import_end_at_once(tmp_path, number):
    process = started(tmp_path, str(int(number)), code=IMPORTING)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    assert told == f"stopped by {'Ctrl-C' if number == signal.SIGINT else 'SIGTERM'}\n"
