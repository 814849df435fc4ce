"""Work on a local Dask cluster, of which workers are killed."""

import json
import math
import os
import pickle
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from multiprocessing import forkserver

import pytest
from typer.testing import CliRunner

from tg_molfield import MolField, from_smiles
from tg_molfield.cli.app import app
from tg_molfield.cli.embed.parts import Parts
from tg_molfield.compare import screen
from tg_molfield.datasets import MoleculeFields
from tg_molfield.parallel import check_workers, in_order
from tg_molfield.parallel.cluster import do_work
from tg_molfield.structures import SkippedRecordsWarning

dask_config = pytest.importorskip("dask.config", reason="needs the extra 'cluster'")
distributed = pytest.importorskip("distributed", reason="needs the extra 'cluster'")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a matter of POSIX")

SMILES = ["CCO", "c1ccccc1", "CC(=O)O", "CCN", "C1CC1", "CO"]


@pytest.fixture(scope="module")
def address():
    """The scheduler of two processes, which are started again when they are killed.

    They are forks of a process that has imported what they need, to save time.
    """
    forkserver.set_forkserver_preload(
        ["distributed", "tg_molfield.cli.embed.running", "tg_molfield.compare", "tg_molfield.datasets", "rdkit.Chem"]
    )
    forkserver.ensure_running()
    options = {"threads_per_worker": 1, "dashboard_address": ":0", "host": "127.0.0.1"}
    with (
        dask_config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
        distributed.LocalCluster(n_workers=2, processes=True, **options) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture
def kill(address):
    """A function that kills a worker when it is called the first time."""
    with distributed.Client(address, set_as_default=False) as client:
        client.wait_for_workers(2)
        pid = next(iter(client.run(os.getpid).values()))
    killed = []

    def once(*_):
        if not killed:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    yield once
    assert killed


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster") / "table.csv"
    rows = [f"{SMILES[row % len(SMILES)]},m{row}" for row in range(120)]
    rows[50] = "C1CC,broken"
    path.write_text("\n".join(["smiles,name", *rows, ""]))
    return path


def content(root):
    with sqlite3.connect(root / "processed" / "molecules.db") as connection:
        return [connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("molecules", "failed")]


def place(chunk):
    return f"chunk {chunk}"


def test_results_are_in_order_and_each_is_there_once(address, kill):
    found = []
    for chunk, result in in_order(iter(range(40)), math.factorial, place, cluster=address):
        found.append((chunk, result))
        if chunk == 10:
            kill()
    assert found == [(number, math.factorial(number)) for number in range(40)]


def test_a_build_loses_nothing_with_a_worker(address, kill, table, tmp_path):
    with pytest.warns(SkippedRecordsWarning):
        MoleculeFields(tmp_path / "a", table)
    with pytest.warns(SkippedRecordsWarning):
        MoleculeFields(tmp_path / "b", table, cluster=address, progress=kill)
    assert content(tmp_path / "b") == content(tmp_path / "a")


def test_a_screen_loses_nothing_with_a_worker(address, kill, table):
    query = from_smiles("CCCO")
    options = {"by": MolField("heavy"), "search": "fast", "top": 80, "batch_size": 20}
    found = []
    with distributed.Client(address, set_as_default=False) as client:
        for more in ({}, {"cluster": client, "progress": kill}):
            with pytest.warns(SkippedRecordsWarning):
                hits = screen(query, table, **options, **more)
            found.append(([(hit.record, hit.score, hit.moved.pos.tolist()) for hit in hits], hits.failed))
        assert client.status == "running"
    assert found[0] == found[1]


def test_embedding_loses_nothing_with_a_worker(address, kill, table, tmp_path, monkeypatch):
    add = Parts.add
    contents = []
    for more in ([], ["--cluster", address]):
        output = tmp_path / f"{len(more)}" / "codes.npz"
        arguments = ["embed", table, "-o", output, "--summary", "--batch-size", 10, *more]
        result = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        contents.append([path.read_bytes() for path in sorted(output.parent.iterdir())])
        monkeypatch.setattr(Parts, "add", lambda parts, *given: (add(parts, *given), kill()))
    assert contents[0] == contents[1]


def test_an_exception_of_the_work_is_raised_here(address):
    with pytest.raises(ValueError, match="factorial"):
        list(in_order(iter([3, -1]), math.factorial, place, cluster=address))


def test_what_is_no_scheduler_is_told(monkeypatch):
    monkeypatch.setattr("tg_molfield.parallel.cluster._ANSWERS_WITHIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        with pytest.raises(ConnectionError, match=f"cluster: expected a scheduler at {silent}, got no answer"):
            list(in_order(iter([1]), math.factorial, place, cluster=silent))
    with pytest.raises(ConnectionError, match=f"cluster: expected a scheduler at {silent}, got no answer"):
        list(in_order(iter([1]), math.factorial, place, cluster=silent))
    with pytest.raises(ValueError, match=r"cluster: expected the address of a scheduler, got 'somewhere' \(missing"):
        list(in_order(iter([1]), math.factorial, place, cluster="somewhere"))


def test_a_scheduler_without_workers_and_one_that_is_lost_are_told(tmp_path):
    where = tmp_path / "scheduler.json"
    command = "from distributed.cli.dask_scheduler import main; main()"
    options = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", ":0", "--scheduler-file", str(where)]
    with (tmp_path / "log").open("wb") as log:
        scheduler = subprocess.Popen([sys.executable, "-c", command, *options], stdout=log, stderr=log)
    try:
        while not where.exists():
            assert scheduler.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.05)
        address = json.loads(where.read_text())["address"]

        def chunks():
            yield 1
            scheduler.kill()

        with (
            pytest.raises(ConnectionError, match=f"expected a scheduler at {address}, got a lost connection"),
            pytest.warns(UserWarning, match=f"expected workers at {address}, got none; start some"),
        ):
            list(in_order(chunks(), math.factorial, place, cluster=address))
    finally:
        scheduler.kill()
        scheduler.wait()


def test_other_versions_on_a_worker_are_told():
    versions = {"tg_molfield": "0.0.1", "torch": "2", "rdkit": "2026"}
    with pytest.raises(ValueError, match=r"cluster: expected tg_molfield 0\.0\.1 on all workers, got \d"):
        do_work(pickle.dumps(math.factorial), pickle.dumps(3), versions)


def test_arguments_that_do_not_fit_are_refused(address):
    with pytest.raises(ValueError, match="workers: expected none beside a cluster, got 2; leave out one"):
        check_workers(2, address)
    with pytest.raises(TypeError, match=r"cluster: expected the address of a scheduler or a distributed\.Client, got"):
        check_workers(0, 8786)
    client = distributed.Client(address, set_as_default=False)
    client.close()
    with pytest.raises(ValueError, match="cluster: expected a connected client, got one that is closed"):
        check_workers(0, client)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"distributed: expected an installed package.*tg_molfield\[cluster\]"):
        check_workers(0, "tcp://127.0.0.1:8786")
