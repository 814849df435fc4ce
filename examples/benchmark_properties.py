"""Hydration free energies from codes: FreeSolv, its five fixed folds.

    python examples/benchmark_properties.py
    python examples/benchmark_properties.py model.safetensors --no-baselines

Features are the frozen codes, plain and refined, as a whole and only their summary, with ridge regression and a small
MLP whose penalties are chosen by cross-validation within the training folds. Baselines are ECFP4 with a random
forest, all RDKit descriptors with ridge regression and with gradient boosting, a graph network trained from scratch,
and the same network fine-tuned from the weights of the model. The table gives the RMSE in kcal/mol of five-fold
cross-validation: mean and standard deviation over seeds, the value for fold 0, and the value for the mean prediction
of all seeds. Chemistry is taken from the SMILES and geometry from the SD file, both in the folder ``smallmol`` in
TG_MOLFIELD_DATA. Needs the extra ``benchmarks``.
"""

import copy
import csv
import gzip
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from benchmark_codes import Summary, read_codes
from benchmark_data import data_folder, freesolv_folds
from rdkit import Chem, RDLogger
from rdkit.Chem import Descriptors, rdFingerprintGenerator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.loader import DataLoader

from tg_molfield import FieldAutoEncoder, from_rdkit
from tg_molfield.nn import MoleculeDescriptor

PENALTIES = np.logspace(-2, 4, 13)
EPOCHS = 60
JITTER = 0.03


@dataclass
class Task:
    """FreeSolv: ``data`` with coordinates, RDKit ``mols``, hydration free energies ``y`` in kcal/mol, and ``fold``."""

    data: list[Data]
    mols: list[Chem.Mol]
    y: np.ndarray
    fold: np.ndarray

    def splits(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(np.flatnonzero(self.fold != k), np.flatnonzero(self.fold == k)) for k in range(5)]


def read_task(folder: Path) -> Task:
    fold = freesolv_folds(folder)
    with (folder / "freesolv.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    with gzip.open(folder / "freesolv.sdf.gz") as file:
        drawn = {mol.GetProp("_Name"): mol for mol in Chem.ForwardSDMolSupplier(file, removeHs=False)}
    mols = [Chem.MolFromSmiles(row["smiles"]) for row in rows]
    return Task(
        [from_rdkit(drawn[row["id"]], properties=()) for row in rows],
        mols,
        np.array([float(row["expt"]) for row in rows]),
        np.array([fold[row["id"]] for row in rows]),
    )


def ridge(seed: int):
    return make_pipeline(StandardScaler(), RidgeCV(PENALTIES))


def perceptron(seed: int):
    network = MLPRegressor(hidden_layer_sizes=(64,), activation="tanh", solver="lbfgs", max_iter=400, random_state=seed)
    network = TransformedTargetRegressor(network, transformer=StandardScaler())
    choices = {"transformedtargetregressor__regressor__alpha": [1.0, 3.0, 10.0, 30.0]}
    folds = KFold(5, shuffle=True, random_state=seed)
    search = make_pipeline(StandardScaler(), network)
    return GridSearchCV(search, choices, cv=folds, scoring="neg_root_mean_squared_error")


def forest(seed: int):
    return RandomForestRegressor(300, random_state=seed)


def boosting(seed: int):
    return HistGradientBoostingRegressor(random_state=seed)


def predicted(regressor: Callable, features: np.ndarray, y: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """The prediction for each molecule by the regressor fitted without its fold."""
    found = np.empty(len(y))
    for train, test in task.splits():
        found[test] = regressor(seed).fit(features[train], y[train]).predict(features[test])
    return found


def print_row(label: str, runs: list[np.ndarray], task: Task, seconds: float) -> None:
    errors = [np.sqrt(np.square(found - task.y).mean()) for found in runs]
    never = [np.sqrt(np.square(found - task.y)[task.fold == 0].mean()) for found in runs]
    together = np.sqrt(np.square(np.mean(runs, axis=0) - task.y).mean())
    spread = f" ± {np.std(errors):.2f}" if len(runs) > 1 else ""
    row = f"{np.mean(errors):.2f}{spread} | {np.mean(never):.2f} | {together:.2f} | {seconds:.0f} s"
    print(f"| {label} | {row} |", flush=True)


def fingerprints(task: Task) -> np.ndarray:
    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    return np.array([make.GetFingerprintAsNumPy(mol) for mol in task.mols], dtype=np.float32)


def descriptors(task: Task) -> np.ndarray:
    table = np.array([[function(mol) for _, function in Descriptors.descList] for mol in task.mols])
    return np.clip(table, -1e9, 1e9)


class Network(nn.Module):
    """An encoder ``(z, pos, batch) → [B, D]`` with a small MLP on its code."""

    def __init__(self, encoder: nn.Module, width: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.linear = nn.Linear(width, 1)
        self.head = nn.Sequential(nn.Linear(width, 64), nn.SiLU(), nn.Dropout(0.1), nn.Linear(64, 1))
        nn.init.zeros_(self.head[3].weight)

    def forward(self, batch: Data, jitter: float = 0.0) -> Tensor:
        code = self.encoder(batch.z, batch.pos + jitter * torch.randn_like(batch.pos), batch.batch)
        return (self.linear(code) + self.head(code)).squeeze(1)


def train_network(network: Network, task: Task, train: np.ndarray, *, encoder_lr: float, lr: float = 1e-3) -> None:
    y = torch.tensor(task.y, dtype=torch.float32)
    mean, spread = y[train].mean(), y[train].std()
    items = []
    for index in train:
        item = copy.copy(task.data[index])
        item.energy = (y[index : index + 1] - mean) / spread
        items.append(Data(z=item.z, pos=item.pos, energy=item.energy))
    heads = [*network.linear.parameters(), *network.head.parameters()]
    groups = [{"params": network.encoder.parameters(), "lr": encoder_lr}, {"params": heads, "lr": lr}]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-2)
    loader = DataLoader(items, batch_size=32, shuffle=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [encoder_lr, lr], total_steps=EPOCHS * len(loader), pct_start=0.1
    )
    network.train()
    for _ in range(EPOCHS):
        for batch in loader:
            loss = nn.functional.huber_loss(network(batch, JITTER), batch.energy)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    network.eval()
    with torch.no_grad():
        network.linear.bias.mul_(spread).add_(mean)
        network.linear.weight.mul_(spread)
        network.head[3].weight.mul_(spread)
        network.head[3].bias.mul_(spread)


def network_predictions(make: Callable[[], Network], task: Task, seed: int, encoder_lr: float) -> np.ndarray:
    found = np.empty_like(task.y)
    for train, test in task.splits():
        torch.manual_seed(seed)
        network = make()
        train_network(network, task, train, encoder_lr=encoder_lr)
        with torch.no_grad():
            found[test] = network(Batch.from_data_list([task.data[index] for index in test])).numpy()
    return found


def measure(label: str, make: Callable[[int], np.ndarray], task: Task, seeds: int) -> None:
    start = time.perf_counter()
    runs = [make(seed) for seed in range(seeds)]
    print_row(label, runs, task, time.perf_counter() - start)


def main(
    model: Annotated[str, typer.Argument(help="a pretrained FieldAutoEncoder: its name, or a file")] = "organic-small",
    refine: Annotated[int, typer.Option(help="refinement steps, 0 for none")] = 50,
    seeds: int = 3,
    frozen: Annotated[bool, typer.Option(help="fit ridge regression and MLP to the frozen codes")] = True,
    baselines: bool = True,
    networks: Annotated[bool, typer.Option(help="train networks, from scratch and fine-tuned")] = True,
) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    RDLogger.DisableLog("rdApp.*")
    task = read_task(data_folder())
    loaded = FieldAutoEncoder.from_pretrained(model)
    print(f"| hydration free energy of {len(task.y)} molecules | RMSE | fold 0 | mean of the seeds | time |")
    print("|---|---|---|---|---|")
    for label, features in read_codes(loaded, refine, task.data).items() if frozen else ():
        for name, regressor, runs in (("ridge", ridge, 1), ("small MLP", perceptron, seeds)):
            measure(f"{label}, {name}", lambda seed: predicted(regressor, features, task.y, task, seed), task, runs)  # noqa: B023
    if baselines:
        bits, table = fingerprints(task), descriptors(task)
        measure("ECFP4, random forest", lambda seed: predicted(forest, bits, task.y, task, seed), task, seeds)
        measure("RDKit descriptors, boosting", lambda seed: predicted(boosting, table, task.y, task, seed), task, seeds)
        measure("RDKit descriptors, ridge", lambda seed: predicted(ridge, table, task.y, task, seed), task, 1)
    if networks:
        for label, make, rate in (
            ("graph network from scratch", lambda: MoleculeDescriptor(), 1e-3),
            ("encoder fine-tuned", lambda: Summary(copy.deepcopy(loaded)), 3e-4),
        ):
            network = lambda make=make: Network(encoder := make(), encoder.out_channels)  # noqa: E731
            measure(label, lambda seed: network_predictions(network, task, seed, rate), task, seeds)  # noqa: B023


if __name__ == "__main__":
    typer.run(main)
