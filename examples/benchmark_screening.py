"""Screening of FABP4 (DUD-E): are the ligands known to bind ranked before the decoys, by overlay on the crystal ligand?

All methods see the same conformers, one for each record. A molecule with several records (states of protonation,
stereoisomers of one name) counts once, with its best score; the query itself, which is among the ligands, is left
out. Beside area under the ROC curve (AUC), BEDROC with α = 20 and the enrichment at 1 % are 95 % intervals of 1,000
resamplings of ligands and of decoys. Ties are broken at random.

Rows: sizes and chance; the Tanimoto of Morgan fingerprints (radius 2); RDKit's `rdShapeAlign` and `rdGaussianShape`
with their own definitions and with those of this package; ESPsim, if installed, laid on by Open3DAlign as it does;
`tg_molfield.compare.align_many`. Where there are several terms, the score is their mean.

Data: TG_MOLFIELD_DATA/screening/fabp4. Arguments: ``--decoys`` and a number, evenly spaced, all by default; and the
rows, as parts of their names, all by default.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from benchmark_data import data_folder
from peer_shapes import crippen_overlay, our_options, overlay_options, own_options, shape_input
from rdkit import Chem, DataStructs, RDLogger
from rdkit.Chem import Descriptors, rdFingerprintGenerator, rdGaussianShape, rdShapeAlign
from rdkit.ML.Scoring import Scoring
from torch_geometric.data import Data

from tg_molfield import read
from tg_molfield.compare import align_many
from tg_molfield.structures import DroppedKeysWarning

ALPHA, FRACTION, RESAMPLINGS = 20.0, 0.01, 1000
OURS = "tg_molfield"
PEERS = ("rdShapeAlign: shape + colour (opt_param = 0.5)", "ESPsim: shape")
MEASURES = ("AUC", f"BEDROC, α = {ALPHA:.0f}", f"EF {FRACTION:.0%}")


class Library(NamedTuple):
    """The records of a screening set, ligands first.

    Attributes:
        query: the crystal ligand, as RDKit and as this package reads it.
        mols: all records, with hydrogens and the charges of the file.
        datas: the same.
        is_ligand: whether each is known to bind.
        groups: the records of each molecule but the query.
    """

    query: tuple[Chem.Mol, Data]
    mols: list[Chem.Mol]
    datas: list[Data]
    is_ligand: np.ndarray
    groups: list[np.ndarray]

    def by_molecule(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The best score of each molecule but the query, and whether it is a ligand."""
        best = np.array([scores[group].max() for group in self.groups])
        return best, np.array([self.is_ligand[group[0]] for group in self.groups])


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        label: of the score.
        compute: the score of every record.
        timed: whether the time it takes is that of the overlays.
    """

    label: str
    compute: Callable[[], list[float]]
    timed: bool = True


def mol2_records(path: Path) -> list[Chem.Mol]:
    """Every record of a MOL2 file, as RDKit reads it."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    mark = "@<TRIPOS>MOLECULE"
    return [Chem.MolFromMol2Block(mark + block, removeHs=False) for block in text.split(mark)[1:]]


def load(folder: Path, decoys: int | None) -> Library:
    """The set, with every record, or with some of the decoys."""
    files = [folder / name for name in ("crystal_ligand.mol2", "actives.mol2.gz", "decoys.mol2.gz")]
    mols = [mol2_records(file) for file in files]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DroppedKeysWarning)
        datas = [read(file, color=True) for file in files]
    step = max(1, len(mols[2]) // decoys) if decoys else 1
    kept, kept_datas = mols[1] + mols[2][::step], datas[1] + datas[2][::step]
    for mol, data in zip(mols[0] + kept, datas[0] + kept_datas, strict=True):
        data.partial_charge = torch.tensor(charges(mol))
    is_ligand = np.arange(len(kept)) < len(mols[1])
    return Library((mols[0][0], datas[0][0]), kept, kept_datas, is_ligand, _groups(mols[0][0], kept, is_ligand))


def charges(mol: Chem.Mol) -> list[float]:
    """The charges of the file in e; three records say that they have none, and have some of the same kind."""
    return [atom.GetDoubleProp("_TriposPartialCharge") for atom in mol.GetAtoms()]


def _groups(query: Chem.Mol, mols: list[Chem.Mol], is_ligand: np.ndarray) -> list[np.ndarray]:
    """The records of each name among ligands and among decoys, without the name of the query's molecule."""
    smiles = [Chem.MolToSmiles(Chem.RemoveAllHs(mol)) for mol in (query, *mols)]
    groups: dict[tuple[bool, str], list[int]] = {}
    for number, (mol, ligand) in enumerate(zip(mols, is_ligand.tolist(), strict=True)):
        groups.setdefault((ligand, mol.GetProp("_Name")), []).append(number)
    others = [group for group in groups.values() if all(smiles[1 + i] != smiles[0] for i in group)]
    return [np.array(group) for group in others]


def rdkit_rows(library: Library) -> Iterator[Row]:
    """Overlays by RDKit with its own definitions and with ours."""
    heavy = [Chem.RemoveAllHs(mol) for mol in library.mols]
    query, query_data = Chem.RemoveAllHs(library.query[0]), library.query[1]

    def shapes(peer, ours: bool, color: bool) -> list:
        pairs = zip([query, *heavy], [query_data, *library.datas], strict=True)
        if ours:
            return [shape_input(peer, mol, our_options(peer, mol, data, color)) for mol, data in pairs]
        return [shape_input(peer, mol, own_options(peer, color)) for mol, _ in pairs]

    def by_pubchem(ours: bool, weight: float) -> list[float]:
        first, *others = shapes(rdShapeAlign, ours, weight < 1)
        scores = [rdShapeAlign.AlignShapes(first, other, opt_param=weight)[:2] for other in others]
        return [shape if weight == 1 else (shape + color) / 2 for shape, color in scores]

    def by_gaussian(ours: bool, color: bool, gradient: bool = False) -> list[float]:
        first, *others = shapes(rdGaussianShape, ours, color)
        options = overlay_options(color, gradient)
        return [rdGaussianShape.AlignShapes(first, other, options)[0] for other in others]

    yield Row("rdShapeAlign: shape", lambda: by_pubchem(False, 1.0))
    yield Row("rdShapeAlign: shape + colour (opt_param = 0.5)", lambda: by_pubchem(False, 0.5))
    yield Row("rdShapeAlign: our shape", lambda: by_pubchem(True, 1.0))
    yield Row("rdShapeAlign: our shape + colour", lambda: by_pubchem(True, 0.5))
    yield Row("rdGaussianShape: shape", lambda: by_gaussian(False, False))
    yield Row("rdGaussianShape: shape + colour", lambda: by_gaussian(False, True))
    yield Row("rdGaussianShape: shape + colour, both optimised", lambda: by_gaussian(False, True, True))
    yield Row("rdGaussianShape: our shape", lambda: by_gaussian(True, False))
    yield Row("rdGaussianShape: our shape + colour", lambda: by_gaussian(True, True))


def espsim_rows(library: Library) -> Iterator[Row]:
    """Overlays by Open3DAlign, scored by ESPsim with the charges of the files."""
    try:
        from espsim import GetEspSim, GetShapeSim
    except ImportError as error:
        print(f"ESPsim: rows left out, it cannot be imported ({error})", flush=True)
        return
    query = library.query[0]
    laid: list[tuple[float, float]] = []

    def scores() -> list[tuple[float, float]]:
        for mol in library.mols[len(laid) :]:
            mobile = Chem.Mol(mol)
            crippen_overlay(mobile, query)
            esp = GetEspSim(mobile, query, prbCharge=charges(mobile), refCharge=charges(query), renormalize=True)
            laid.append((GetShapeSim(mobile, query), esp))
        return laid

    yield Row("ESPsim: shape + ESP", lambda: [(shape + esp) / 2 for shape, esp in scores()])
    yield Row("ESPsim: shape", lambda: [shape for shape, _ in scores()], timed=False)
    yield Row("ESPsim: ESP", lambda: [esp for _, esp in scores()], timed=False)


def baseline_rows(library: Library) -> Iterator[Row]:
    """Scores that know nothing of three dimensions."""
    fingerprint = rdFingerprintGenerator.GetMorganGenerator(radius=2).GetFingerprint

    def similar() -> list[float]:
        query = fingerprint(library.query[0])
        return [DataStructs.TanimotoSimilarity(query, fingerprint(mol)) for mol in library.mols]

    yield Row("chance", lambda: [0.0] * len(library.mols), timed=False)
    yield Row("number of heavy atoms", lambda: [float(mol.GetNumHeavyAtoms()) for mol in library.mols], timed=False)
    yield Row("molecular weight", lambda: [Descriptors.MolWt(mol) for mol in library.mols], timed=False)
    yield Row("Morgan fingerprints", similar, timed=False)


def our_rows(library: Library) -> Iterator[Row]:
    """Overlays by this package."""
    for terms in (("shape",), ("shape", "color"), ("shape", "color", "esp")):
        label = f"{OURS}: {' + '.join(terms).replace('color', 'colour').replace('esp', 'ESP')}"
        yield Row(label, lambda terms=terms: align_many(library.datas, library.query[1], by=terms).score[:, 0].tolist())


def measures(scores: np.ndarray, is_ligand: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """AUC, BEDROC and enrichment of a ranking."""
    order = np.lexsort((rng.random(len(scores)), -scores))
    ranked = [(flag,) for flag in is_ligand[order].tolist()]
    return np.array(
        [
            Scoring.CalcAUC(ranked, 0),
            Scoring.CalcBEDROC(ranked, 0, ALPHA),
            Scoring.CalcEnrichment(ranked, 0, [FRACTION])[0],
        ]
    )


def resampled(scores: np.ndarray, is_ligand: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The measures [3], or their mean if all scores are equal, and those of resamplings, the same for all scores."""
    rng = np.random.default_rng(0)
    groups = [np.flatnonzero(is_ligand), np.flatnonzero(~is_ligand)]
    repeats = []
    for _ in range(RESAMPLINGS):
        chosen = np.concatenate([rng.choice(group, len(group)) for group in groups])
        repeats.append(measures(scores[chosen], is_ligand[chosen], rng))
    tied = len(np.unique(scores)) == 1
    return np.mean(repeats, 0) if tied else measures(scores, is_ligand, rng), np.array(repeats)


def cells(values: np.ndarray, repeats: np.ndarray, sign: str = "") -> str:
    """Measures with 95 % intervals."""
    low, high = np.percentile(repeats, [2.5, 97.5], 0)
    formats = [f"{sign}.{digits}f" for digits in (3, 3, 1)]
    rows = zip(values, low, high, formats, strict=True)
    return " | ".join(f"{value:{form}} ({a:{form}} to {b:{form}})" for value, a, b, form in rows)


def compare(results: dict[str, tuple[np.ndarray, np.ndarray]]) -> None:
    """Print by how much ours differ from a peer, resampled together."""
    mine = [label for label in results if label.startswith(OURS)]
    for peer in PEERS:
        if not mine or peer not in results:
            continue
        value, repeats = results[peer]
        print(f"\nDifference from {peer}:\n\n| score | {' | '.join(MEASURES)} |\n|---|---|---|---|")
        for label in mine:
            print(f"| {label} | {cells(results[label][0] - value, results[label][1] - repeats, '+')} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help="parts of the names of rows")
    parser.add_argument("--decoys", type=int, help="number of records of decoys")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    RDLogger.DisableLog("rdApp.warning")
    library = load(data_folder("screening/fabp4"), arguments.decoys)
    head = f"| score | {' | '.join(MEASURES)} | records a CPU second |\n|---|---|---|---|---|"
    results: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    by_record = []
    for row in itertools.chain(*(rows(library) for rows in (baseline_rows, rdkit_rows, espsim_rows, our_rows))):
        if arguments.rows and not any(part in row.label for part in arguments.rows):
            continue
        start = time.process_time()
        scores = np.array(row.compute())
        rate = f"{len(scores) / (time.process_time() - start):,.0f}" if row.timed else ""
        best, is_ligand = library.by_molecule(scores)
        if not results:
            print(f"{is_ligand.sum()} ligands, {(~is_ligand).sum()} decoys\n\n{head}")
        results[row.label] = resampled(best, is_ligand)
        print(f"| {row.label} | {cells(*results[row.label])} | {rate} |", flush=True)
        by_record.append(f"| {row.label} | {cells(*resampled(scores, library.is_ligand))} | {rate} |")
    compare(results)
    print(f"\nAll {library.is_ligand.sum()} and {(~library.is_ligand).sum()} records, the query among them:\n\n{head}")
    print("\n".join(by_record))


if __name__ == "__main__":
    main()
