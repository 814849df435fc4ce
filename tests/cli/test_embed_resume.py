"""``tg-molfield embed`` is killed, and goes on."""

import os
import random
import signal
import sqlite3
import threading
from multiprocessing import get_context

import pytest
from commands import refused, run

from tg_molfield.cli.embed import report
from tg_molfield.cli.embed.parts import Parts

SMILES = ["CCO", "c1ccccc1", "CC(=O)O", "CCN", "C1CC1", "CO", "[Fe]", "CC(", "CCC", "N"]
OPTIONS = ["--batch-size", 2, "--neighbors", 3]
OUTPUTS = ["codes.csv", "codes.npz", "codes.failed.csv"]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("embed") / "library.csv"
    rows = [f"{SMILES[row % 10]},m{row},{row / 4},{row if row > 30 else ''}" for row in range(48)]
    path.write_text("\n".join(["smiles,name,logP,count", *rows, ""]))
    return path


@pytest.fixture(scope="module")
def expected(library):
    """The bytes that an unbroken run writes."""
    return embedded(library, library.parent / "unbroken")


def arguments(library, folder):
    return ["embed", library, "-o", folder / "codes.csv", "-o", folder / "codes.npz", *OPTIONS]


def embedded(library, folder, *more):
    run(*arguments(library, folder), *more)
    assert sorted(path.name for path in folder.iterdir()) == sorted(OUTPUTS)
    return {name: (folder / name).read_bytes() for name in OUTPUTS}


def end(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def run_and_end(given, seconds):
    """Run a command and kill the process some time after the first molecules are done, at the latest when it writes."""
    add = Parts.add
    report.write_codes = end

    def add_and_wait(*parts):
        add(*parts)
        Parts.add = add
        threading.Timer(seconds, end).start()

    Parts.add = add_and_wait
    run(*given)


def run_and_end_between_outputs(given):
    """Run a command and kill the process when one of its files is written."""
    write_codes = report.write_codes
    report.write_codes = lambda *options: (write_codes(*options), end())
    run(*given)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a matter of POSIX")
def test_killed_ten_times_it_writes_the_same_bytes(library, expected, tmp_path):
    processes = get_context("forkserver")  # forks of one that has imported what they need, to save time
    processes.set_forkserver_preload(["tg_molfield.cli.embed.report", "tg_molfield.cli.embed.running", "rdkit.Chem"])
    given = arguments(library, tmp_path)
    draw = random.Random(0)
    kills = [(run_and_end, (given + ["--resume"] * (turn > 0), draw.uniform(0, 0.1))) for turn in range(9)]
    for target, options in [*kills, (run_and_end_between_outputs, ([*given, "--resume"],))]:
        process = processes.Process(target=target, args=options)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    assert embedded(library, tmp_path, "--resume") == expected


@pytest.fixture
def interrupted(library, tmp_path, monkeypatch):
    """The folder of a run that was stopped after six records."""
    add = Parts.add

    def add_some(parts, *options):
        add(parts, *options)
        if parts.state()["records"] == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Parts, "add", add_some)
    message = refused(*arguments(library, tmp_path))
    assert "stopped by Ctrl-C; the same command with --resume goes on where it was" in message
    monkeypatch.setattr(Parts, "add", add)
    return tmp_path


def test_going_on_has_to_be_wanted(library, interrupted):
    assert "codes.csv.checkpoint: expected no unfinished run, got one; give --resume" in refused(
        *arguments(library, interrupted)
    )
    assert [path.name for path in interrupted.iterdir()] == ["codes.csv.checkpoint"]


def test_a_run_that_fails_before_anything_is_done_leaves_nothing(library, tmp_path, monkeypatch):
    def fail(*_):
        raise ConnectionError("cluster: lost")

    monkeypatch.setattr("tg_molfield.cli.embed.running.in_order", fail)
    assert "cluster: lost" in refused(*arguments(library, tmp_path))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "name"),
    [(["--seed", 1], "conformers"), (["--summary"], "--summary"), (["--batch-size", 3], "--batch-size")],
)
def test_other_options_are_refused(library, interrupted, more, name):
    message = refused(*arguments(library, interrupted), "--resume", *more)
    assert f"expected a checkpoint of this embedding, got one with another {name} " in message


def test_other_neighbors_need_no_other_codes(library, interrupted, expected):
    found = embedded(library, interrupted, "--resume", "--neighbors", 2)
    assert found["codes.csv"] != expected["codes.csv"]
    assert found["codes.failed.csv"] == expected["codes.failed.csv"]


def test_another_file_or_one_in_use_is_refused(library, interrupted):
    path = interrupted / "codes.csv.checkpoint"
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        message = refused(*arguments(library, interrupted), "--resume")
        assert "expected a file that this process alone can read and write, got: database is locked" in message
    connection.close()
    path.write_text("my notes, which are long enough to be no header of a data base" * 20)
    message = refused(*arguments(library, interrupted), "--resume")
    assert "codes.csv.checkpoint: expected a checkpoint of an embedding, got a damaged or other file" in message
    assert path.read_text().startswith("my notes")
