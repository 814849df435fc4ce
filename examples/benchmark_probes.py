"""Linear probes of codes: R² of ridge regression of molecular descriptors on held-out molecules.

    python examples/benchmark_probes.py

The molecules are FreeSolv, with its fixed folds, and sets from other sources, with five-fold cross-validation in each
set and with a fit to FreeSolv only. Data: the folder ``smallmol`` in TG_MOLFIELD_DATA. Needs the extra
``benchmarks``.
"""

import gzip
import warnings
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from benchmark_codes import read_codes
from benchmark_data import data_folder
from benchmark_properties import read_task, ridge
from rdkit import Chem, RDLogger
from rdkit.Chem import Descriptors, Descriptors3D
from sklearn.model_selection import KFold, PredefinedSplit, cross_val_predict

from tg_molfield import FieldAutoEncoder, from_rdkit

FLAT = ("MolWt", "MolLogP", "MolMR", "TPSA", "NumRotatableBonds")
SHAPES = ("RadiusOfGyration", "Asphericity")


def drawn(path: Path) -> list[Chem.Mol]:
    """The molecules of a file, with coordinates and hydrogens, that RDKit accepts."""
    with gzip.open(path) as file:
        return [mol for mol in Chem.ForwardSDMolSupplier(file, removeHs=False) if mol is not None]


def targets(flat: list[Chem.Mol], solid: list[Chem.Mol]) -> np.ndarray:
    """``[M, 7]``: chemistry from one list, shape from the other."""
    chemistry = [[getattr(Descriptors, name)(mol) for name in FLAT] for mol in flat]
    shape = [[getattr(Descriptors3D, name)(mol) for name in SHAPES] for mol in solid]
    return np.concatenate([chemistry, shape], axis=1)


def determination(found: np.ndarray, true: np.ndarray) -> str:
    shares = 1 - np.square(found - true).mean(0) / true.var(0)
    return " | ".join(f"{share:.3f}" for share in shares)


def main(
    model: Annotated[str, typer.Argument(help="a pretrained FieldAutoEncoder: its name, or a file")] = "organic-small",
    refine: Annotated[int, typer.Option(help="refinement steps, 0 for none")] = 50,
) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    RDLogger.DisableLog("rdApp.*")
    folder = data_folder()
    task = read_task(folder)
    y = targets(task.mols, drawn(folder / "freesolv.sdf.gz"))
    loaded = FieldAutoEncoder.from_pretrained(model)
    codes = read_codes(loaded, refine, task.data)
    print(f"| R² of linear probes | {' | '.join(FLAT + SHAPES)} |\n|{'---|' * (1 + len(FLAT + SHAPES))}")
    fitted = {}
    for label, features in codes.items():
        found = cross_val_predict(ridge(0), features, y, cv=PredefinedSplit(task.fold))
        print(f"| {label}, FreeSolv | {determination(found, y)} |", flush=True)
        fitted[label] = ridge(0).fit(features, y)
    for name in ("gdb1k_300", "pdb_ligands_300"):
        mols = drawn(folder / f"{name}.sdf.gz")
        y = targets([Chem.RemoveHs(mol) for mol in mols], mols)
        codes = read_codes(loaded, refine, [from_rdkit(mol, properties=()) for mol in mols])
        for label, features in codes.items():
            found = cross_val_predict(ridge(0), features, y, cv=KFold(5, shuffle=True, random_state=0))
            print(f"| {label}, {name} | {determination(found, y)} |", flush=True)
            print(f"| the same, fitted to FreeSolv | {determination(fitted[label].predict(features), y)} |", flush=True)


if __name__ == "__main__":
    typer.run(main)
