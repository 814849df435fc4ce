"""The fuzzer of the readers: a few hundred of its inputs, and that it would notice each kind of fault."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
sys.path.insert(0, str(EXAMPLES))

from fuzzing import reading, targets, workers  # noqa: E402
from fuzzing.inputs import Input, make_input  # noqa: E402
from fuzzing.peers import COMPARISONS  # noqa: E402
from fuzzing.peers_volumes import READERS  # noqa: E402
from fuzzing.seed_files import seed_files  # noqa: E402
from fuzzing.targets import targets_of  # noqa: E402

FILES = seed_files(None, ("structure", "volume"))

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def test_mutated_files_are_read_right_or_refused(tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    environment.pop("TG_MOLFIELD_DATA", None)
    command = [sys.executable, EXAMPLES / "fuzz_readers.py", "--count", "300", "--seed", "7"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("300 inputs")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.suffix)
def test_another_reader_agrees_about_sound_files(file, tmp_path):
    if file.suffix == ".dx":
        pytest.importorskip("gridData")
    if file.suffix in (".ccp4", ".map", ".mrc"):
        pytest.importorskip("mrcfile")
    path = tmp_path / f"sound{file.suffix}"
    path.write_bytes(file.content)
    for target in targets_of(file.suffix):
        job = Input(file.suffix, file.content, "", "raise", target)
        outcome = reading.read_input(path, job)
        if target == "read" or outcome.result is not None:
            assert outcome.message == "read"
            agreed = ("",) if target == "read" else ("", None)
            assert reading.difference(path, file.content, outcome.result, job) in agreed, target
    assert file.suffix in {**COMPARISONS, **READERS}


@pytest.mark.parametrize("target", targets.TARGETS)
def test_every_target_reads_sound_files(target, tmp_path):
    read = set()
    for file in FILES:
        path = tmp_path / f"sound{file.suffix}"
        path.write_bytes(file.content)
        for residue in targets.residues(file.suffix, file.content) if target in targets_of(file.suffix) else ():
            job = Input(file.suffix, file.content, "", "raise", target, residue)
            outcome = reading.read_input(path, job)
            if outcome.result is not None and reading.difference(path, file.content, outcome.result, job) == "":
                read.add((file.suffix, residue))
    expected = {
        "read": {(".xyz", ""), (".cube", ""), (".sdf", "")},
        "properties": {(".sdf", ""), (".mol", ""), (".mol2", "")},
        "protein": {(".pdb", ""), (".pdb", "ZN"), (".mmcif", "ZN")},
        "ligand": {(".sdf", ""), (".mol", ""), (".mol2", ""), (".pdb", "")},
        "expand": {(".ccp4", ""), (".map", ""), (".mrc", "")},
    }
    assert read >= expected[target]


def test_an_input_is_determined_by_its_seed_and_number():
    inputs = [make_input(FILES, 1, number) for number in range(50)]
    assert inputs == [make_input(FILES, 1, number) for number in range(50)]
    assert len({job.content for job in inputs}) > 40
    assert inputs != [make_input(FILES, 2, number) for number in range(50)]


def _foreign():
    raise KeyError("x")


def _unnamed():
    raise ValueError("expected a number, got none; correct it")


FAULTS = {
    "foreign": _foreign,
    "foreign, no name": _unnamed,
    "memory": lambda: np.empty(3 * 10**9, dtype=np.uint8),
    "hang": lambda: [None for _ in iter(int, 1)],
    "crash": os.abort,
}


@pytest.mark.parametrize("verdict", FAULTS)
def test_each_kind_of_fault_is_noticed(verdict, monkeypatch):
    monkeypatch.setattr(workers, "SECONDS", 1)
    monkeypatch.setattr(reading, "reader", lambda *arguments: FAULTS[verdict])
    start = time.monotonic()
    outcomes = [outcome for _, _, outcome in workers.run_inputs([(0, Input(".xyz", b"x", "", "raise"))], 1)]
    assert [outcome.verdict for outcome in outcomes] == [verdict.partition(",")[0]], outcomes
    assert time.monotonic() - start < 30


def test_a_difference_is_noticed(monkeypatch):
    job = Input(".xyz", b"1\n\nC 0 0 0\n", "", "raise")
    [(_, _, agreed)] = workers.run_inputs([(0, job)], 1)
    read = targets.read

    def moved(path, **options):
        records = read(path, **options)
        records[0].pos += 0.1
        return records

    monkeypatch.setattr(targets, "read", moved)
    [(_, _, outcome)] = workers.run_inputs([(0, job)], 1)
    assert agreed.message == "compared"
    assert (outcome.verdict, "0.1 Å" in outcome.message) == ("silent", True)
