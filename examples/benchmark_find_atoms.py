"""Recovery of atoms by `find_atoms` from sampled element fields.

A molecule is recovered if its elements are right and the RMSD of the best assignment is at most 0.02 Å. Data:
FreeSolv and 300 ligands from the Protein Data Bank, in the folder TG_MOLFIELD_DATA/smallmol. Argument: the number of
molecules of each set to use, evenly spaced; all by default.
"""

import sys
import time
import warnings

import torch
from benchmark_data import data_folder
from scipy.optimize import linear_sum_assignment
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, read
from tg_molfield.inverse.find_atoms import find_atoms

ELEMENTS = "H C N O F P S Cl Br I"
DEFINITIONS = {"default": MolField(ELEMENTS), "mnf, β = 0.75": MolField.preset("mnf", channels=ELEMENTS)}
SETS = ("freesolv.sdf.gz", "pdb_ligands_300.sdf.gz")
SPACINGS = (0.25, 0.5)


def deviation(found: Data, true: Data) -> float:
    """The RMSD in Å of the best assignment of atoms of the same element; infinite if the elements differ."""
    if sorted(found.z.tolist()) != sorted(true.z.tolist()):
        return float("inf")
    distances = torch.cdist(found.pos.double(), true.pos.double(), compute_mode="donot_use_mm_for_euclid_dist")
    distances[found.z[:, None] != true.z] = 1e6
    row, column = linear_sum_assignment(distances.square())
    return float(distances[row, column].square().mean().sqrt())


def measure(molecules: list[Data], definition: MolField, spacing: float) -> str:
    deviations, seconds = [], 0.0
    for data in molecules:
        volume = definition(data).on(Grid.around(data.pos, spacing=spacing))
        start = time.process_time()
        found = find_atoms(volume, mol_field=definition)
        seconds += time.process_time() - start
        deviations.append(deviation(found, data))
    recovered = torch.tensor(deviations) <= 0.02
    good = torch.tensor(deviations)[recovered]
    return (
        f"{len(molecules):5d} | {100 * recovered.double().mean():6.2f} % | {good.median():.1e} | {good.max():.1e} | "
        f"{1000 * seconds / sum(data.num_nodes for data in molecules):.0f}"
    )


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    folder = data_folder()
    print("set | field | spacing, Å | molecules | recovered | median RMSD, Å | largest | CPU ms per atom")
    for name in SETS:
        molecules = read(folder / name)
        count = int(sys.argv[1]) if len(sys.argv) > 1 else len(molecules)
        molecules = molecules[:: max(1, len(molecules) // count)]
        for label, definition in DEFINITIONS.items():
            for spacing in SPACINGS:
                row = measure(molecules, definition, spacing)
                print(f"{name.split('.')[0]:15s} | {label:13s} | {spacing:.2f} | {row}", flush=True)


if __name__ == "__main__":
    main()
