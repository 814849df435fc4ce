"""What the learned code of ``qm9-latent`` knows of properties: linear probes on QM9 and free energies of FreeSolv.

    python examples/benchmark_latent_properties.py

*QM9*: R² of ridge regression on molecules whose Bemis–Murcko scaffolds are in no molecule that it was fitted to.
Element counts are fitted first, and what they explain does not count. *FreeSolv*: RMSE of hydration free energies in
kcal/mol, of the molecules that the model has room for and of all, in random splits and in splits by scaffold, alike for
all features. In "scaffold" molecules without rings are groups of their own, and splits are drawn. "MoleculeNet" is the
one split by scaffold of published benchmarks (Wu et al. 2018, arXiv 1703.00564), repeated with other seeds of the
networks: all molecules without rings are one group, the largest groups are fitted, and the smallest tested.
Beside: the code of ``organic-small``, whole and its summary, RDKit's descriptors and ECFP4; and the encoders of both
models, fine-tuned for 60 epochs, and the first from scratch. Data: the folders ``qm9``
and ``smallmol`` in TG_MOLFIELD_DATA. Needs the extra ``benchmarks``.
"""

import copy
import warnings
from collections.abc import Callable
from functools import partial
from typing import Annotated

import numpy as np
import torch
import typer
from benchmark_codes import Summary
from benchmark_data import data_folder
from benchmark_properties import (
    Network,
    Task,
    descriptors,
    fingerprints,
    forest,
    perceptron,
    read_task,
    ridge,
    train_network,
)
from latent_data import qm9
from latent_metrics import smiles_of
from latent_tuning import LearnedCode
from rdkit import Chem, RDLogger
from sklearn.linear_model import LinearRegression
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder
from tg_molfield.datasets.splits import split_groups
from tg_molfield.nn import FlowDecoder
from tg_molfield.structures.scaffolds import scaffold

SHARES = (0.8, 0.0, 0.2)
SPLITS = ("random", "scaffold", "MoleculeNet")
SHOWN = ("mu_D", "alpha_a03", "gap_Ha", "r2_a02", "zpve_Ha", "U0_Ha", "Cv_cal_mol_K")
AT_ONCE = 256


@torch.no_grad()
def codes(model: FieldAutoEncoder, molecules: list[Data], summary: bool = False) -> np.ndarray:
    """``[M, D]``: the learned part of the codes of a flow, else the whole codes, or their summary."""
    parts = []
    for start in range(0, len(molecules), AT_ONCE):
        latent = model.encode(Batch.from_data_list(molecules[start : start + AT_ONCE]))
        if summary:
            parts.append(latent.summary)
        else:
            parts.append(model.decoder.learned(latent) if isinstance(model.decoder, FlowDecoder) else latent.code)
    return torch.cat(parts).double().numpy()


def scaffold_split(smiles: list[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit and rows to test, which share no scaffold; the largest groups go to the first."""
    groups = [scaffold(one) or f"chain {one}" for one in smiles]
    parts = split_groups(groups, SHARES, seed, large_first=True)
    return parts["train"].numpy(), parts["test"].numpy()


def moleculenet_split(smiles: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit, at most 80 %, and rows to test; what fits into a tenth between them validates and is left out."""
    groups: dict[str, list[int]] = {}
    for row, one in enumerate(smiles):
        groups.setdefault(scaffold(one), []).append(row)
    train: list[int] = []
    valid: list[int] = []
    test: list[int] = []
    for rows in sorted(groups.values(), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if len(train) + len(rows) <= 0.8 * len(smiles):
            train += rows
        elif len(train) + len(valid) + len(rows) <= 0.9 * len(smiles):
            valid += rows
        else:
            test += rows
    return np.array(train), np.array(test)


def rows_of(split: str, smiles: list[str], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows to fit and rows to test in one of `SPLITS`."""
    if split == "scaffold":
        return scaffold_split(smiles, seed)
    if split == "MoleculeNet":
        return moleculenet_split(smiles)
    order = np.random.default_rng(seed).permutation(len(smiles))
    return order[: int(0.8 * len(smiles))], order[int(0.8 * len(smiles)) :]


def probes(model: FieldAutoEncoder, other: FieldAutoEncoder, count: int, seed: int) -> None:
    """The table of linear probes on QM9."""
    every = qm9(data_folder("qm9"))
    rows = torch.randperm(len(every), generator=torch.Generator().manual_seed(seed))[:count].tolist()
    known = [(row, data, smiles) for row in rows if (smiles := smiles_of(data := every.data(row))) is not None]
    with np.load(data_folder("qm9") / "properties.npz", allow_pickle=False) as found:
        columns = [list(found["names"]).index(name) for name in SHOWN]
        y = found["y"][[row for row, _, _ in known]][:, columns]
    molecules = [data for _, data, _ in known]
    train, test = scaffold_split([smiles for _, _, smiles in known], seed)
    counts = np.array([[int((data.z == number).sum()) for number in (1, 6, 7, 8, 9)] for data in molecules])
    rest = y - LinearRegression().fit(counts[train], y[train]).predict(counts)
    print(f"\n| R², {len(test)} of {len(known)} molecules, other scaffolds | {' | '.join(SHOWN)} |")
    print(f"|{'---|' * (1 + len(SHOWN))}")
    features = {
        "learned code": codes(model, molecules),
        "organic-small": codes(other, molecules),
        "its summary": codes(other, molecules, summary=True),
    }
    for name, values in features.items():
        predicted = ridge(seed).fit(values[train], rest[train]).predict(values[test])
        share = 1 - np.square(predicted - rest[test]).mean(0) / rest[test].var(0)
        print(f"| {name} | {' | '.join(f'{one:.3f}' for one in share)} |", flush=True)


def free_energies(model: FieldAutoEncoder, other: FieldAutoEncoder, repeats: int) -> None:
    """The tables of FreeSolv."""
    task = read_task(data_folder())
    fits = np.array([_fits(model, data) for data in task.data])
    for small in (True, False):
        rows = np.flatnonzero(fits) if small else np.arange(len(fits))
        part = Task([task.data[row] for row in rows], [task.mols[row] for row in rows], task.y[rows], task.fold[rows])
        features = {"RDKit descriptors": descriptors(part), "ECFP4, random forest": fingerprints(part)}
        features |= {"organic-small": codes(other, part.data), "its summary": codes(other, part.data, summary=True)}
        if small:
            features = {"learned code": codes(model, part.data), **features}
        smiles = [Chem.MolToSmiles(mol) for mol in part.mols]
        told = "that the model has room for" if small else "in all"
        names = [f"{kind}, {way}" for kind in ("ridge", "network") for way in SPLITS]
        print(f"\n| {len(rows)} molecules {told} | {' | '.join(names)} |")
        print(f"|{'---|' * (1 + len(names))}")
        for name, values in features.items():
            kinds = (forest, None) if "forest" in name else (ridge, perceptron)
            ways = [None if kind is None else partial(_fitted, kind, values, part.y) for kind in kinds]
            cells = [cell for way in ways for cell in _errors(way, part.y, smiles, repeats)]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)
        for name, (make, rate) in tuned_encoders(model if small else None, other).items():
            cells = _errors(partial(_tuned, make, rate, part), part.y, smiles, repeats)
            print(f"| {name} |{'  |' * len(SPLITS)} {' | '.join(cells)} |", flush=True)


def _fits(model: FieldAutoEncoder, data: Data) -> bool:
    try:
        model.encode(data)
    except ValueError:
        return False
    return True


def tuned_encoders(
    model: FieldAutoEncoder | None, other: FieldAutoEncoder
) -> dict[str, tuple[Callable[[], Network], float]]:
    """What makes networks that are trained whole, and the learning rates of their encoders."""
    made: dict[str, tuple[Callable[[], Network], float]] = {}
    if model is not None:
        size = LearnedCode(model).out_channels
        made["encoder of the learned code, fine-tuned"] = lambda: Network(LearnedCode(model), size), 3e-4
        made["the same from scratch"] = lambda: Network(LearnedCode(model, anew=True), size), 1e-3
    made["encoder of organic-small, fine-tuned"] = (
        lambda: Network(Summary(copy.deepcopy(other)), other.summary_channels),
        3e-4,
    )
    return made


def _fitted(
    kind: Callable, values: np.ndarray, y: np.ndarray, seed: int, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    return kind(seed).fit(values[train], y[train]).predict(values[test])


def _tuned(
    make: Callable[[], Network], rate: float, task: Task, seed: int, train: np.ndarray, test: np.ndarray
) -> np.ndarray:
    torch.manual_seed(seed)
    network = make()
    train_network(network, task, train, encoder_lr=rate)
    with torch.no_grad():
        return network(Batch.from_data_list([task.data[row] for row in test])).numpy()


def _errors(
    predict: Callable[[int, np.ndarray, np.ndarray], np.ndarray] | None, y: np.ndarray, smiles: list[str], repeats: int
) -> list[str]:
    """The RMSE in `SPLITS`, as mean ± standard deviation over their repetitions.

    Args:
        predict: the seed, the rows to fit and those to test to predictions of the latter; None leaves cells empty.
        y: the truth.
        smiles: of all molecules.
        repeats: how many splits.
    """
    if predict is None:
        return [""] * len(SPLITS)
    cells = []
    for name in SPLITS:
        found = []
        for seed in range(repeats):
            train, test = rows_of(name, smiles, seed)
            found.append(np.sqrt(np.square(predict(seed, train, test) - y[test]).mean()))
        cells.append(f"{np.mean(found):.2f} ± {np.std(found):.2f}")
    return cells


def main(
    name: Annotated[str, typer.Argument(help="a model with the decoder 'flow': its name, or a file")] = "qm9-latent",
    molecules: Annotated[int, typer.Option(help="how many of QM9")] = 10_000,
    repeats: Annotated[int, typer.Option(help="how many splits of FreeSolv")] = 5,
    only: Annotated[str, typer.Option(help="FreeSolv or QM9 alone")] = "",
    seed: int = 0,
) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    RDLogger.DisableLog("rdApp.*")
    model, other = (FieldAutoEncoder.from_pretrained(one) for one in (name, "organic-small"))
    if only in ("", "FreeSolv"):
        free_energies(model, other, repeats)
    if only in ("", "QM9"):
        probes(model, other, molecules, seed)


if __name__ == "__main__":
    typer.run(main)
