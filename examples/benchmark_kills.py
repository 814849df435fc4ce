"""Training from a table of SMILES, killed at random and resumed: the same losses and model as unbroken.

    python examples/benchmark_kills.py
    python examples/benchmark_kills.py --kills 30 --seed 1

Data: ``smallmol/freesolv.csv`` in TG_MOLFIELD_DATA. ``tg-molfield train`` builds the data set and trains a small model;
it is killed (SIGKILL) after random times, also while it builds, and started again with ``--resume``.
"""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer
from benchmark_data import data_folder
from safetensors.torch import load_file

OPTIONS = (
    "--channels", "C N O", "--decoder", "siren", "--latent-dim", "32", "--points", "128", "--ema", "0.99",
    "--encoder-options", "num_layers=1 out_channels=16", "--decoder-options", "width=32 num_layers=2",
    "--checkpoint-seconds", "0.5",
)  # fmt: skip


def start(table: Path, folder: Path, epochs: int) -> subprocess.Popen:
    command = [sys.executable, "-c", "from tg_molfield.cli import main; main()", "train", str(table), "-o", str(folder)]
    return subprocess.Popen(
        [*command, *OPTIONS, "--max-epochs", str(epochs), "--resume"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
    )


def same(first: Path, second: Path) -> bool:
    """Whether two files have the same tensors to the bit."""
    one, other = load_file(first), load_file(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def main(
    kills: Annotated[int, typer.Option(help="how often it is killed")] = 10,
    epochs: Annotated[int, typer.Option(help="passes through the molecules")] = 40,
    molecules: Annotated[int, typer.Option(help="how many molecules of the table are taken")] = 200,
    seed: Annotated[int, typer.Option(help="of the times")] = 0,
) -> None:
    times = random.Random(seed)
    with TemporaryDirectory() as temporary:
        table, whole, broken = (Path(temporary) / name for name in ("table.csv", "whole", "broken"))
        lines = (data_folder() / "freesolv.csv").read_text().splitlines(keepends=True)
        table.write_text("".join(lines[: molecules + 1]))
        begin = time.monotonic()
        if start(table, whole, epochs).wait():
            raise SystemExit("the unbroken training failed")
        seconds = time.monotonic() - begin
        done = 0
        while done < kills:
            process = start(table, broken, epochs)
            try:
                process.wait(times.uniform(0, seconds))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                done += 1
                continue
            if process.returncode:
                raise SystemExit(f"the training failed after {done} kills")
            if not equal(whole, broken):
                raise SystemExit(f"another result after {done} kills")
            shutil.rmtree(broken)
        if start(table, broken, epochs).wait():
            raise SystemExit("the resumed training failed")
        steps = len(load_file(whole / "checkpoint.safetensors")["losses"])
        result = "the same" if equal(whole, broken) else "other"
        print(f"{steps} steps in {seconds:.0f} s; killed {kills} times: {result} losses, model and molecules")


def equal(whole: Path, broken: Path) -> bool:
    """Whether losses, optimizer, model and the molecules of the data set are the same."""
    names = ("checkpoint.safetensors", "model.safetensors")
    return rows(whole) == rows(broken) and all(same(whole / name, broken / name) for name in names)


def rows(folder: Path) -> list[tuple]:
    with sqlite3.connect(folder / "data" / "processed" / "molecules.db") as connection:
        return connection.execute("SELECT * FROM molecules ORDER BY id").fetchall()


if __name__ == "__main__":
    typer.run(main)
