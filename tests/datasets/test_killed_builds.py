"""Builds that are killed ten times at random moments and go on give what unbroken ones give, to the byte."""

import os
import random
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from ase.build import molecule

from tg_molfield.datasets import EnsembleFields, MoleculeFields

SMILES = ["CCO", "c1ccccc1O", "CC(C)C", "OCC=O", "c1ccncc1", "C1", "C1CCCCC1", "NCC(=O)O"]

KILLED_TEN_TIMES = """
import os, signal, sys, time, warnings
import torch
from tg_molfield import datasets
from tg_molfield.structures import from_smiles

torch.set_num_threads(1)
warnings.simplefilter("ignore")
from_smiles("C")
builds, shares = sys.argv[1].split(), sys.argv[2].split()

def built(name, root, source, seconds=None):
    child = os.fork()
    if not child:
        getattr(datasets, name)(root, source)
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for name, root, source in zip(builds[::3], builds[1::3], builds[2::3]):
    began = time.monotonic()
    built(name, root + "-whole", source)
    whole = time.monotonic() - began
    print(sum(built(name, root, source, float(share) * whole) == -signal.SIGKILL for share in shares))
    built(name, root, source)
"""
"""The children are forked from one process that has imported everything, so that they die at work; together the killed
ones have about as long as an unbroken one takes."""


def table(path):
    """160 molecules in five chunks, 20 of them broken."""
    path.write_text("smiles,name\n" + "".join(f"{SMILES[i % 8]},m{i}\n" for i in range(160)))
    return path


def frames(path):
    """2000 frames in eight chunks, 20 of them not sound."""
    from ase import Atoms
    from ase.io.trajectory import Trajectory

    ethanol, generator = molecule("CH3CH2OH"), np.random.default_rng(0)
    with Trajectory(path, "w") as written:
        for number in range(2000):
            positions = ethanol.positions + generator.uniform(-0.1, 0.1, (9, 3))
            written.write(Atoms(ethanol.numbers, positions * (number % 100 != 7)))
    return path


def content(root):
    """All that a data set holds."""
    connection = sqlite3.connect(root / "processed" / "molecules.db")
    found = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("molecules", "failed", "state")]
    connection.close()
    return found, (root / "processed" / "failed.csv").read_bytes()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_ten_kills_change_nothing(tmp_path):
    sources = {MoleculeFields: table(tmp_path / "a.csv"), EnsembleFields: frames(tmp_path / "a.traj")}
    roots = {kind: tmp_path / kind.__name__ for kind in sources}
    builds = " ".join(f"{kind.__name__} {roots[kind]} {source}" for kind, source in sources.items())
    generator = random.Random(5)
    shares = " ".join(f"{generator.uniform(0, 0.2):.3f}" for _ in range(10))
    command = [sys.executable, "-c", KILLED_TEN_TIMES, builds, shares]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert all(int(killed) >= 5 for killed in done.stdout.split())
    for kind in sources:
        assert len(content(roots[kind])[0][1]) == 20
        assert content(roots[kind]) == content(tmp_path / f"{kind.__name__}-whole")


def test_a_script_whose_processes_would_begin_it_anew_is_told(tmp_path):
    (tmp_path / "table.csv").write_text("smiles\nCO\nCCO\n")
    script = tmp_path / "script.py"
    script.write_text(
        "from tg_molfield.datasets import MoleculeFields\n"
        f"MoleculeFields({str(tmp_path / 'set')!r}, {str(tmp_path / 'table.csv')!r}, workers=2)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "workers: expected a script that begins its work under if __name__ == '__main__'" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ChildProcessError: workers: expected results for")
