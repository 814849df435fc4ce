"""``timeout``, Slurm and systemd send SIGTERM to the workers, too."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tg_molfield.tensor_files import read_header

SCRIPT = """
import sys
sys.path.insert(0, sys.argv[2])
from small import model, molecules
from tg_molfield.training import fit
if __name__ == "__main__":
    fit(model(), molecules(), batch_size=2, max_steps=10**6, folder=sys.argv[1], workers=2,
        progress=lambda report, share: print(report.steps, flush=True))
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to groups of processes")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, None), (signal.SIGTERM, 143)])
def test_a_training_with_workers_ends_with_a_checkpoint(number, status, tmp_path):
    script, folder = tmp_path / "train.py", tmp_path / "run"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", script, folder, Path(__file__).parent],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for _ in range(5):
        assert process.stdout.readline()
    os.killpg(process.pid, number)
    _, errors = process.communicate()
    if status is None:
        assert "KeyboardInterrupt: interrupted after step" in errors
    else:
        assert (process.returncode, errors) == (status, "")
    assert read_header(folder / "checkpoint.safetensors").parameters["steps"] >= 5
