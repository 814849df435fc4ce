"""A signal to one of the processes that train together ends all of them as it asks for."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals")
def test_all_end_by_the_signal():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {**os.environ, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    script = Path(__file__).with_name("interrupted_rank.py")
    processes = [
        subprocess.Popen([sys.executable, "-W", "ignore", script], env={**shared, "RANK": str(rank)})
        for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [128 + signal.SIGTERM] * 2
