"""Train an autoencoder on a data set with one or several processes; called again, it goes on where it was.

tg-molfield build molecules.csv -o molecules
python examples/train_on_ranks.py molecules runs/first
torchrun --nproc-per-node 2 examples/train_on_ranks.py molecules runs/first
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

import torch

from tg_molfield import FieldAutoEncoder, MolField
from tg_molfield.datasets import MoleculeFields
from tg_molfield.training import fit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", nargs="?", help="folder of a data set that tg-molfield build made")
    parser.add_argument("run", nargs="?", help="folder for the checkpoint, the model and the log")
    parser.add_argument("--channels", default="H C N O other")
    parser.add_argument("--epochs", type=int, default=100)
    parser.add_argument("--batch-size", type=int, default=256, help="molecules in a batch, of all processes together")
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--workers", type=int, default=0, help="processes that load data, for each that trains")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.dataset is None:
        with tempfile.TemporaryDirectory() as folder:
            arguments.dataset, arguments.run, arguments.epochs = f"{folder}/molecules", f"{folder}/run", 2
            table = Path(folder) / "few.smi"
            table.write_text("CCO\nc1ccccc1\nCC(=O)N\nC1CCCCC1\nCCOC\nOCCO\nCC#N\nCCN\nC=CC\nCOC=O\n")
            MoleculeFields(arguments.dataset, table, progress=False)
            train(arguments)
    elif arguments.run is None:
        parser.error("run: expected a folder, got none")
    else:
        train(arguments)


def train(arguments: argparse.Namespace) -> None:
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    torch.manual_seed(arguments.seed)
    model = FieldAutoEncoder(MolField(arguments.channels)).to(device)
    dataset = MoleculeFields(arguments.dataset)
    parts = dataset.split_idx(seed=arguments.seed)
    report = fit(
        model,
        dataset[parts["train"]],
        valid=dataset[parts["valid"]],
        batch_size=arguments.batch_size,
        max_epochs=arguments.epochs,
        lr=arguments.lr,
        ema=0.999,
        precision="bfloat16" if device.type == "cuda" else "float32",
        patience=10,
        folder=arguments.run,
        workers=arguments.workers,
        seed=arguments.seed,
    )
    if report.best is not None and int(os.environ.get("RANK", "0")) == 0:
        print(f"{report.steps} steps, {report.ended}; best validation {report.best.psnr:.1f} dB at {report.best.step}")


if __name__ == "__main__":
    main()
