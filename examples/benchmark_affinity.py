"""Whether fields know what binds, and what dissolves: also where they are reconstructed from coarse samples.

Binding: ten targets, and 234 of their 235 ligands; one has no pose. Spearman correlation of −ΔG with the descriptors
of `interaction` within each target, mean over targets. The ligand's field is that of its atoms. The protein's is from

    exact          its atoms
    trilinear      32³ samples on a cube around the whole complex, interpolated between the nodes
    kriging        the same samples, `superresolve(..., "kriging")`
    Gaussians      the same samples, `superresolve(..., "gaussians")` with the known widths in the channels whose atoms
                   all have positive weights, kriging in those with signs (charge, lipophilicity)
    site ...       32³ samples on a cube around the ligands and 5 Å of protein, trilinear and kriging

What is fitted is ridge regression on descriptors standardised within each target, left out one target at a time; its
penalty is chosen within the other targets. Beside: number of heavy atoms, molecular weight, Crippen log P, and the
number of heavy atoms of the protein within 4 Å. Intervals are percentiles over ligands resampled within each target,
the targets kept; predictions are not fitted again. What is the same for all ligands of a target counts as 0 there.
Larger ligands touch more protein and mostly bind more strongly: so also partial correlations given the number of heavy
atoms. Proteins are without waters and ions; charges are Gasteiger's.

Solvation: FreeSolv, its five folds, ridge regression with penalties chosen in the training folds on the overlaps of all
pairs of channels of a molecule with itself. The field comes from the atoms, or from 16³ samples in the box of
`MolField.grid`, kriged or trilinear, and summed over that box.

The descriptors, their widths and signs were fixed before any correlation was seen. Data: the folders "affinity" and
"smallmol" in TG_MOLFIELD_DATA.

    python examples/benchmark_affinity.py                       all tables: 5 minutes for binding, 20 for solvation
    python examples/benchmark_affinity.py binding --share 0.2   two targets
"""

from __future__ import annotations

import argparse
import csv
import gzip
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from benchmark_affinity_data import PROPERTIES, SIMPLE, Target, read_target
from benchmark_data import data_folder, freesolv_folds
from rdkit import Chem
from rdkit.Chem import Crippen, rdMolDescriptors
from scipy.stats import rankdata
from torch_geometric.data import Batch, Data

from tg_molfield import Field, Grid, Volume, from_rdkit, superresolve
from tg_molfield.compare import DESCRIPTORS, INTERACTION_FIELD, Descriptor, interaction, pair_overlaps
from tg_molfield.inverse.superres import SuperresWarning

SOURCES = ("exact", "trilinear", "kriging", "Gaussians", "site trilinear", "site kriging")
POSITIVE, SIGNED = ("core", "shape", "donor", "acceptor"), ("charge", "lipophilicity")
NODES, SOLUTE_NODES = 32, 16
SPACING, MARGIN = 0.6, 5.0
"""In Å, of the nodes on which overlaps with a sampled protein are summed, and of the space around ligand atoms."""
PENALTIES = np.logspace(-2, 4, 13)
"""Of ridge regression on standardised features."""
RESAMPLES = 2000
NAMES = tuple(one.name for one in DESCRIPTORS)

Columns = dict[str, list[np.ndarray]]
"""A number for each ligand, target by target, by what it is."""


def reconstructed(samples: Volume) -> dict[str, Field]:
    kriged, _ = superresolve(samples, "kriging")
    return {"trilinear": samples, "kriging": kriged}


def with_gaussians(samples: Volume, kriged: Volume, grid: Grid) -> Volume:
    """Gaussians sought in the positive channels, and the values by kriging of the others."""
    sought, _ = superresolve(samples[POSITIVE], "gaussians", widths=INTERACTION_FIELD)
    values = kriged.values.clone()
    for channel, found in zip(POSITIVE, sought.on(grid).values, strict=True):
        values[kriged.channels.index(channel)] = found
    return Volume(values, grid, kriged.channels)


def protein_values(target: Target) -> tuple[dict[str, Volume], float]:
    """The protein's field by source on one grid around the ligands; the spacing of the samples in Å."""
    field = INTERACTION_FIELD(target.protein)
    places = torch.cat([ligand.pos for ligand in target.ligands])
    grid = Grid.around(places, SPACING, MARGIN)
    everything = [target.protein, *target.ligands]
    complexes = Data(z=torch.cat([one.z for one in everything]), pos=torch.cat([one.pos for one in everything]))
    coarse = INTERACTION_FIELD.grid(complexes, NODES)
    low, high = places.amin(0) - MARGIN, places.amax(0) + MARGIN
    site = Grid.cube((low + high) / 2, float((high - low).max()), NODES)
    samples = field.on(coarse)
    values = {name: one.on(grid) for name, one in reconstructed(samples).items()}
    values["Gaussians"] = with_gaussians(samples, values["kriging"], grid)
    values |= {f"site {name}": one.on(grid) for name, one in reconstructed(field.on(site)).items()}
    values["summed"] = field.on(grid)
    return values, coarse.voxel_volume ** (1 / 3)


def descriptors(target: Target) -> tuple[dict[str, np.ndarray], float, float]:
    """The descriptors [L, D] by source; the spacing of the samples; the largest error of summing, in spreads."""
    values, spacing = protein_values(target)
    ligands = Batch.from_data_list(target.ligands)
    found = {"exact": interaction(ligands, target.protein).values.numpy()}
    names = tuple(f"{source} {channel}" for source, one in values.items() for channel in one.channels)
    grid = next(iter(values.values())).grid
    stacked = Volume(torch.cat([one.values for one in values.values()]), grid, names)
    by = [
        Descriptor(f"{source} {one.name}", one.ligand, f"{source} {one.protein}", one.factor)
        for source in values
        for one in DESCRIPTORS
    ]
    table = interaction(ligands, stacked, by, grid=grid).values.unflatten(1, (len(values), -1)).numpy()
    found |= {source: table[:, number] for number, source in enumerate(values)}
    error = np.abs(found.pop("summed") - found["exact"]).max(0) / np.maximum(found["exact"].std(0), 1e-12)
    return found, spacing, float(error.max())


def rank_correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Spearman correlation along the last axis; 0 where either is the same everywhere."""
    x, y = (rankdata(one, axis=-1) for one in (x, y))
    x, y = (one - one.mean(-1, keepdims=True) for one in (x, y))
    return (x * y).sum(-1) / np.maximum(np.sqrt((x**2).sum(-1) * (y**2).sum(-1)), 1e-12)


def given(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Partial Spearman correlation of x and y given z along the last axis; 0 where z determines either."""
    xy, xz, yz = rank_correlation(x, y), rank_correlation(x, z), rank_correlation(y, z)
    rest = (1 - xz**2) * (1 - yz**2)
    return np.where(rest > 1e-9, (xy - xz * yz) / np.sqrt(np.maximum(rest, 1e-9)), 0.0)


def standardised(x: np.ndarray) -> np.ndarray:
    return (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)


def ridge(x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Predictions for new rows, by the penalty with the least error of leaving out one of the given rows."""
    middle, level = x.mean(0), y.mean()
    u, s, vt = np.linalg.svd(x - middle, full_matrices=False)
    along = u.T @ (y - level)
    best, least = np.zeros(x.shape[1]), np.inf
    for penalty in PENALTIES:
        shrink = s**2 / (s**2 + penalty)
        leverage = 1 / len(x) + (u**2) @ shrink
        error = float((((y - level - u @ (shrink * along)) / (1 - leverage)) ** 2).mean())
        if error < least:
            best, least = vt.T @ (s / (s**2 + penalty) * along), error
    return level + (new - middle) @ best


def left_out(features: list[np.ndarray], affinity: list[np.ndarray]) -> list[np.ndarray]:
    """The prediction for the ligands of each target by ridge regression on the other targets."""
    x, y = [standardised(one) for one in features], [one - one.mean() for one in affinity]
    found = []
    for k in range(len(x)):
        others = [j for j in range(len(x)) if j != k]
        found.append(ridge(np.concatenate([x[j] for j in others]), np.concatenate([y[j] for j in others]), x[k]))
    return found


def columns(targets: list[Target], tables: list[dict[str, np.ndarray]]) -> Columns:
    """All that is compared with affinity: simple numbers, descriptors by source, and what was fitted to them."""
    affinity, simple = [one.affinity for one in targets], [one.simple for one in targets]
    found = {name: [one[:, k] for one in simple] for k, name in enumerate(SIMPLE)}
    found["ridge on these four"] = left_out(simple, affinity)
    for source in SOURCES:
        features = [table[source] for table in tables]
        found |= {f"{source}: {name}": [one[:, k] for one in features] for k, name in enumerate(NAMES)}
        found[f"{source}: ridge"] = left_out(features, affinity)
        both = [np.concatenate(pair, 1) for pair in zip(features, simple, strict=True)]
        found[f"{source}: ridge with the four"] = left_out(both, affinity)
    return found


class Resampled:
    """Correlations with affinity by target, and those of resampled ligands."""

    def __init__(self, targets: list[Target]) -> None:
        rng = np.random.default_rng(0)
        self.affinity = [one.affinity for one in targets]
        self.size = [one.simple[:, 0] for one in targets]
        self.rows = [rng.integers(len(one), size=(RESAMPLES, len(one))) for one in self.affinity]

    def by_target(self, column: list[np.ndarray], partial: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The correlation for each target [T], and the mean over targets of each resample [R]."""
        measure = given if partial else lambda x, y, z: rank_correlation(x, y)
        cases = list(zip(column, self.affinity, self.size, strict=True))
        drawn = [measure(*(one[rows] for one in case)) for case, rows in zip(cases, self.rows, strict=True)]
        return np.array([float(measure(*case)) for case in cases]), np.mean(drawn, 0)


def interval(mean: float, drawn: np.ndarray) -> str:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]"


def print_table(head: list[str], rows: list[list[str]]) -> None:
    for cells in (head, ["---"] * len(head), *rows):
        print(f"| {' | '.join(cells)} |", flush=True)
    print()


def print_correlations(title: str, found: Columns, resampled: Resampled, partial: bool = False) -> None:
    def cell(name: str) -> str:
        each, drawn = resampled.by_target(found[name], partial)
        return interval(each.mean(), drawn) + ("" if partial else f"; {each.min():+.2f} to {each.max():+.2f}")

    if not partial:
        print_table(
            [title, "mean [95 %]; by target"], [[name, cell(name)] for name in (*SIMPLE, "ridge on these four")]
        )
    rows = (*NAMES, "ridge", "ridge with the four")
    print_table([title, *SOURCES], [[row, *(cell(f"{source}: {row}") for source in SOURCES)] for row in rows])


def print_losses(found: Columns, resampled: Resampled) -> None:
    """How descriptors of reconstructed fields agree with exact ones, and what correlation with affinity is lost."""
    rows = []
    for name in (*NAMES, "ridge"):
        exact = found[f"exact: {name}"]
        each, drawn = resampled.by_target(exact)
        cells = []
        for source in SOURCES[1:]:
            column = found[f"{source}: {name}"]
            alike = np.mean([rank_correlation(x, y) for x, y in zip(column, exact, strict=True)])
            other, other_drawn = resampled.by_target(column)
            cells.append(f"{alike:.2f}; {interval(other.mean() - each.mean(), other_drawn - drawn)}")
        rows.append([name, *cells])
    print_table(["Spearman with the exact descriptor; correlation gained over it", *SOURCES[1:]], rows)


def binding(share: float) -> None:
    folders = sorted(path for path in data_folder("affinity").iterdir() if path.is_dir())
    targets, tables, rows = [], [], []
    for folder in folders[: max(2, round(share * len(folders)))]:
        start = time.perf_counter()
        target = read_target(folder)
        table, spacing, error = descriptors(target)
        targets.append(target)
        tables.append(table)
        seconds = time.perf_counter() - start
        about = (len(target.protein.z), len(target.ligands), f"{np.ptp(target.affinity):.1f}", f"{spacing:.2f}")
        rows.append([target.name, *map(str, about), f"{error:.0e}", f"{seconds:.0f}"])
    found, resampled = columns(targets, tables), Resampled(targets)
    shown = ("heavy atoms", "exact: contact", "ridge on these four", *(f"{source}: ridge" for source in SOURCES))
    for row, *values in zip(rows, *(resampled.by_target(found[name])[0] for name in shown), strict=True):
        row += [f"{value:+.2f}" for value in values]
    head = ["target", "protein atoms", "ligands", "range of ΔG, kcal/mol", "spacing, Å", "error of sums", "s"]
    print_table([*head, *shown], rows)
    print_correlations("Spearman with −ΔG", found, resampled)
    print_correlations("the same given the number of heavy atoms", found, resampled, partial=True)
    print_losses(found, resampled)


def overlaps_with_itself(field: Field, grid: Grid | None = None) -> np.ndarray:
    """The overlaps of the 21 pairs of channels."""
    values = pair_overlaps(field, field, grid=grid).values[0, 0].numpy()
    return values[np.triu_indices(len(values))]


def solute_features(data: Data) -> dict[str, np.ndarray]:
    """Overlaps by source. The sums run over nodes that include those of the samples."""
    field, fine = INTERACTION_FIELD(data), INTERACTION_FIELD.grid(data, 2 * SOLUTE_NODES - 1)
    fields = reconstructed(field.on(INTERACTION_FIELD.grid(data, SOLUTE_NODES)))
    found = {name: overlaps_with_itself(one.on(fine), fine) for name, one in fields.items()}
    return {"exact": overlaps_with_itself(field), **found}


def predicted(features: np.ndarray, y: np.ndarray, fold: np.ndarray) -> np.ndarray:
    found = np.empty(len(y))
    for k in range(5):
        mean, spread = features[fold != k].mean(0), np.maximum(features[fold != k].std(0), 1e-9)
        scaled = (features - mean) / spread
        found[fold == k] = ridge(scaled[fold != k], y[fold != k], scaled[fold == k])
    return found


def solvation(share: float) -> None:
    folder, start = data_folder(), time.perf_counter()
    folds = freesolv_folds(folder)
    with (folder / "freesolv.csv").open() as stream:
        measured = {row["id"]: float(row["expt"]) for row in csv.DictReader(stream)}
    with gzip.open(folder / "freesolv.sdf.gz") as stream:
        mols = [mol for mol in Chem.ForwardSDMolSupplier(stream, removeHs=False) if mol.GetProp("_Name") in measured]
    mols = mols[:: max(1, round(1 / share))]
    names = [mol.GetProp("_Name") for mol in mols]
    y, fold = np.array([measured[name] for name in names]), np.array([folds[name] for name in names])
    simple = np.array([(m.GetNumHeavyAtoms(), Crippen.MolLogP(m), rdMolDescriptors.CalcTPSA(m)) for m in mols])
    tables = [solute_features(from_rdkit(mol, properties=PROPERTIES, dtype=torch.float64)) for mol in mols]
    features = {name: np.array([table[name] for table in tables]) for name in tables[0]}
    features = {f"overlaps, {name}": one for name, one in features.items()} | {
        "heavy atoms, log P, TPSA": simple,
        **{f"{name} and these": np.concatenate([simple, one], 1) for name, one in features.items()},
    }
    rows_drawn = np.random.default_rng(0).integers(len(y), size=(RESAMPLES, len(y)))
    rows = []
    for name, table in features.items():
        found = predicted(table, y, fold)
        squares = (found - y) ** 2
        low, high = np.quantile(np.sqrt(squares[rows_drawn].mean(1)), (0.025, 0.975))
        ranks = interval(float(rank_correlation(found, y)), rank_correlation(found[rows_drawn], y[rows_drawn]))
        rows.append([name, f"{np.sqrt(squares.mean()):.2f} [{low:.2f}, {high:.2f}]", ranks])
    print_table([f"ridge, hydration of {len(y)} molecules", "RMSE, kcal/mol", "Spearman"], rows)
    print(f"{time.perf_counter() - start:.0f} s")


PARTS: dict[str, Callable[[float], None]] = {"binding": binding, "solvation": solvation}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"parts to run: {', '.join(PARTS)}")
    parser.add_argument("--share", type=float, default=1.0, help="fraction of the work")
    arguments = parser.parse_args()
    if not set(arguments.parts) <= set(PARTS):
        parser.error(f"parts: expected some of {', '.join(PARTS)}, got {' '.join(arguments.parts)}")
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", SuperresWarning)
    for name in arguments.parts or PARTS:
        PARTS[name](arguments.share)


if __name__ == "__main__":
    main()
