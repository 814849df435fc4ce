"""Overlays beside RDKit's `rdShapeAlign` and `rdGaussianShape`: their speed, their scores, and what they bring back.

All overlay the same heavy atoms by the same Gaussians, and the same colours where there are any.

- ``speed``: overlays a CPU second, one thread, of random pairs of ligands with 20 to 30 heavy atoms; medians of
  rounds in which all take turns. RDKit's molecules are prepared before the clock starts; ours are not.
- ``best``: the Tanimoto of 1,000 random pairs where each left them, by this package's `score_in_place`, checked with
  `rdGaussianShape.ScoreMol` without its cut-off; how often ours is lower than theirs by more than 0.005.
- ``self``: 300 ligands laid on themselves after a random turn and shift; how many are brought back to an RMSD of
  0.02 Å, with atoms that the molecule's symmetry exchanges counted as equal.
- ``starts``: the spread of the score of 50 pairs over five random poses to start from.

Data: TG_MOLFIELD_DATA/smallmol/pdb_ligands_300.sdf.gz. Arguments: the parts to run, all by default, and ``--share``, a
fraction of the work.
"""

from __future__ import annotations

import argparse
import gzip
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from benchmark_data import data_folder
from peer_shapes import exact_scores, our_options, overlay_options, positions, shape_input, turned
from rdkit import Chem
from rdkit.Chem import rdGaussianShape, rdMolAlign, rdShapeAlign
from scipy.spatial.transform import Rotation
from torch_geometric.data import Data

from tg_molfield import read
from tg_molfield.compare import align_many, score_in_place

PAIRS, ROUNDS = 300, 7
LOWER, BACK = 0.005, 0.02
TERMS = {"shape": ("shape",), "shape + colour": ("shape", "color")}


class Ligand(NamedTuple):
    """A ligand with its centre at the origin.

    Attributes:
        mol: heavy atoms alone.
        data: all atoms, and the colours.
    """

    mol: Chem.Mol
    data: Data

    def moved(self, rotation: np.ndarray, translation: np.ndarray) -> Ligand:
        """x ↦ R x + t."""
        data = self.data.clone()
        for name in ("pos", "color_pos"):
            data[name] = data[name] @ torch.from_numpy(rotation).T + torch.from_numpy(translation)
        return Ligand(turned(self.mol, rotation, translation), data)

    def options(self, peer, color: bool = False):
        """The options of a peer that give it our shape and colours."""
        return our_options(peer, self.mol, self.data, color)


def load() -> list[Ligand]:
    path = data_folder() / "pdb_ligands_300.sdf.gz"
    with gzip.open(path) as stream:
        mols = [Chem.RemoveAllHs(mol) for mol in Chem.ForwardSDMolSupplier(stream, removeHs=False)]
    ligands = [Ligand(*one) for one in zip(mols, read(path, dtype=torch.float64, color=True), strict=True)]
    return [ligand.moved(np.eye(3), -positions(ligand.mol).mean(0)) for ligand in ligands]


def random_pairs(ligands: list[Ligand], count: int, rng: np.random.Generator) -> list[tuple[Ligand, Ligand]]:
    """Pairs of different ligands, the mobile one first."""
    return [tuple(ligands[i] for i in rng.choice(len(ligands), 2, replace=False)) for _ in range(count)]


def random_motion(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    return Rotation.random(random_state=rng).as_matrix(), rng.uniform(-10, 10, 3)


def laid_by_us(pairs: list[tuple[Ligand, Ligand]], color: bool = False, search: str = "normal") -> list[Ligand]:
    """The mobile ligands where this package lays them."""
    mobiles, fixeds = zip(*pairs, strict=True)
    by = TERMS["shape + colour" if color else "shape"]
    found = align_many([one.data for one in mobiles], [one.data for one in fixeds], by, paired=True, search=search)
    motions = zip(found.rotation.numpy(), found.translation.numpy(), strict=True)
    return [mobile.moved(*motion) for mobile, motion in zip(mobiles, motions, strict=True)]


def laid_by_pubchem(pairs: list[tuple[Ligand, Ligand]], color: bool = False) -> list[Ligand]:
    """The mobile ligands where `rdShapeAlign` lays them."""
    weight = 0.5 if color else 1.0

    def lay(mobile: Ligand, fixed: Ligand, mol: Chem.Mol) -> None:
        options = fixed.options(rdShapeAlign, color), mobile.options(rdShapeAlign, color)
        rdShapeAlign.AlignMol(fixed.mol, mol, *options, opt_param=weight)

    return _laid(pairs, lay)


def laid_by_gaussian(pairs: list[tuple[Ligand, Ligand]], color: bool = False) -> list[Ligand]:
    """The mobile ligands where `rdGaussianShape` lays them."""

    def lay(mobile: Ligand, fixed: Ligand, mol: Chem.Mol) -> None:
        options = fixed.options(rdGaussianShape, color), mobile.options(rdGaussianShape, color)
        rdGaussianShape.AlignMol(fixed.mol, mol, *options, overlay_options(color, color))

    return _laid(pairs, lay)


def _laid(pairs: list[tuple[Ligand, Ligand]], lay: Callable[[Ligand, Ligand, Chem.Mol], None]) -> list[Ligand]:
    """The mobile ligands, moved as a peer moves copies of their RDKit molecules."""
    result = []
    for mobile, fixed in pairs:
        mol = Chem.Mol(mobile.mol)
        lay(mobile, fixed, mol)
        rotation, _ = Rotation.align_vectors(*(positions(one) - positions(one).mean(0) for one in (mol, mobile.mol)))
        matrix = rotation.as_matrix()
        result.append(mobile.moved(matrix, positions(mol).mean(0) - matrix @ positions(mobile.mol).mean(0)))
    return result


METHODS = {"tg_molfield": laid_by_us, "rdShapeAlign": laid_by_pubchem, "rdGaussianShape": laid_by_gaussian}
SEARCHES = ("fast", "normal", "thorough")


def speed(ligands: list[Ligand], share: float) -> None:
    chosen = [ligand for ligand in ligands if 20 <= ligand.mol.GetNumAtoms() <= 30]
    pairs = random_pairs(chosen, max(1, round(share * PAIRS)), np.random.default_rng(0))
    atoms = np.mean([one.mol.GetNumAtoms() for pair in pairs for one in pair])
    print(f"{len(pairs)} pairs of ligands of {atoms:.1f} heavy atoms on average, {ROUNDS} rounds\n")
    print("| overlays a CPU second | search | tg_molfield | rdShapeAlign | ratio | rdGaussianShape | ratio |")
    print("|---|---|---|---|---|---|---|")
    for label, terms in TERMS.items():
        rates = np.array([_rates(pairs, terms) for _ in range(ROUNDS + 1)][1:])
        pubchem, gaussian = np.median(rates[:, -2:], 0)
        for search, mine in zip(SEARCHES, rates.T, strict=False):
            first, second = np.median(mine[:, None] / rates[:, -2:], 0)
            print(
                f"| {label} | {search} | {np.median(mine):,.0f} | {pubchem:,.0f} | {first:.1f}× | {gaussian:,.0f} | "
                f"{second:.1f}× |"
            )


def _rates(pairs: list[tuple[Ligand, Ligand]], terms: tuple[str, ...]) -> list[float]:
    """Overlays a CPU second, by us with each search, `rdShapeAlign` and `rdGaussianShape`."""
    color = "color" in terms
    weight, options = (0.5 if color else 1.0), overlay_options(color, color)
    mobiles, fixeds = ([one.data for one in side] for side in zip(*pairs, strict=True))

    def prepared(peer) -> list[tuple]:
        return [tuple(shape_input(peer, one.mol, one.options(peer, color)) for one in pair) for pair in pairs]

    def by_us(search: str) -> Callable[[list], None]:
        return lambda _: align_many(mobiles, fixeds, terms, paired=True, search=search)

    def by_pubchem(shapes: list[tuple]) -> None:
        for mobile, fixed in shapes:
            rdShapeAlign.AlignShapes(fixed, mobile, opt_param=weight)

    def by_gaussian(shapes: list[tuple]) -> None:
        for mobile, fixed in shapes:
            rdGaussianShape.AlignShapes(fixed, mobile, options)

    jobs = [(by_us(search), []) for search in SEARCHES]
    jobs += [(by_pubchem, prepared(rdShapeAlign)), (by_gaussian, prepared(rdGaussianShape))]
    rates = []
    for work, shapes in jobs:
        start = time.process_time()
        work(shapes)
        rates.append(len(pairs) / (time.process_time() - start))
    return rates


def best(ligands: list[Ligand], share: float) -> None:
    pairs = random_pairs(ligands, max(2, round(share * 1000)), np.random.default_rng(1))
    print(f"\n{len(pairs)} pairs\n")
    print("| laid by | terms | mean score | search | ours | lower by > 0.005 | most lower | higher by > 0.005 |")
    print("|---|---|---|---|---|---|---|---|")
    for label, terms in TERMS.items():
        color = "color" in terms
        mine = {search: _scores(laid_by_us(pairs, color, search), pairs, terms) for search in SEARCHES}
        for name, method in list(METHODS.items())[1:]:
            scores = _scores(method(pairs, color), pairs, terms)
            for search, ours in mine.items():
                gain = ours - scores
                counts = f"{(gain < -LOWER).sum()} | {max(0.0, -gain.min()):.4f} | {(gain > LOWER).sum()}"
                means = f"{scores.mean():.4f} | {search} | {ours.mean():.4f}"
                print(f"| {name} | {label} | {means} | {counts} |", flush=True)


def _scores(laid: list[Ligand], pairs: list[tuple[Ligand, Ligand]], terms: tuple[str, ...]) -> np.ndarray:
    """The scores of pairs where they are, on which this package and RDKit agree."""
    mine, theirs = [], []
    for mobile, (_, fixed) in zip(laid, pairs, strict=True):
        mine.append(float(score_in_place(mobile.data, fixed.data, terms).score))
        options = [one.options(rdGaussianShape, color=True) for one in (mobile, fixed)]
        theirs.append(np.mean(exact_scores(mobile.mol, fixed.mol, options)[: len(terms)]))
    if np.abs(np.subtract(mine, theirs)).max() > 1e-6:
        raise SystemExit(f"the two functions differ by {np.abs(np.subtract(mine, theirs)).max():.1e}")
    return np.array(mine)


def back(ligands: list[Ligand], share: float) -> None:
    rng = np.random.default_rng(2)
    chosen = ligands[: max(1, round(share * len(ligands)))]
    pairs = [(ligand.moved(*random_motion(rng)), ligand) for ligand in chosen]
    print(f"\n{len(pairs)} ligands on themselves\n\n| laid by | brought back | largest RMSD, Å |\n|---|---|---|")
    for name, method in METHODS.items():
        ends = zip(method(pairs), chosen, strict=True)
        rmsd = np.array([rdMolAlign.CalcRMS(Chem.Mol(laid.mol), ligand.mol) for laid, ligand in ends])
        print(f"| {name} | {(rmsd <= BACK).sum()} of {len(rmsd)} | {rmsd.max():.2g} |", flush=True)


def starts(ligands: list[Ligand], share: float) -> None:
    rng = np.random.default_rng(3)
    pairs = random_pairs(ligands, max(1, round(share * 50)), rng)
    poses = [[(mobile.moved(*random_motion(rng)), fixed) for _ in range(5)] for mobile, fixed in pairs]
    print(f"\n{len(pairs)} pairs from 5 poses each\n")
    print("| laid by | spread of score: median | largest | pairs above 0.001 |\n|---|---|---|---|")
    for name, method in METHODS.items():
        flat = [pair for group in poses for pair in group]
        scores = _scores(method(flat), flat, TERMS["shape"]).reshape(len(pairs), -1)
        spread = np.ptp(scores, 1)
        print(f"| {name} | {np.median(spread):.1e} | {spread.max():.1e} | {(spread > 1e-3).sum()} |", flush=True)


PARTS = {"speed": speed, "best": best, "self": back, "starts": starts}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"parts to run: {', '.join(PARTS)}")
    parser.add_argument("--share", type=float, default=1.0, help="fraction of the work")
    arguments = parser.parse_args()
    if not set(arguments.parts) <= set(PARTS):
        parser.error(f"parts: expected some of {', '.join(PARTS)}, got {' '.join(arguments.parts)}")
    torch.set_num_threads(1)
    ligands = load()
    for name in arguments.parts or PARTS:
        PARTS[name](ligands, arguments.share)


if __name__ == "__main__":
    main()
