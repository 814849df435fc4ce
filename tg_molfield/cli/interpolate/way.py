"""What is written and said of the molecules between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tg_molfield.cli.decoded_files import formula_of, write_molecules
from tg_molfield.cli.interpolate.outputs import write_table
from tg_molfield.cli.wording import counted
from tg_molfield.nn.generation.between import angle_between, noise_between
from tg_molfield.viz import walk_page
from tg_molfield.viz.decoded import shares

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from tg_molfield.cli.reading import Source
    from tg_molfield.nn import DecodedMolecules

_HEADERS = ("step", "noise", "formula", "atoms", "SMILES", "valid", "change of field")
_EXACT = 1e-3
"""Å up to which an end counts as reproduced."""
_TEXT = (
    "The last molecule is laid on the first. {ends} The atoms between them are the model's own and may be no molecule."
    "\n\n**Noise** is how much of a code is random numbers, from 0 to 1: none at the ends, {most:.2f} half way. Codes "
    "half way between two molecules are those of none; with noise the model decodes a molecule near them instead. All "
    "steps have the same random numbers, so that neighbours are alike, but for those that `--tries` had drawn again; "
    "another `--seed` gives others."
)


@dataclass(frozen=True)
class Way:
    """Molecules from one to another.

    Attributes:
        path: the molecules.
        start: the first as it was given.
        end: the last as it was given.
        noise: how much each was decoded with.
        most: how much there is half way.
    """

    path: DecodedMolecules
    start: Source
    end: Source
    noise: Sequence[float]
    most: float

    def write(self, folder: Path, model: str, changes: Sequence[float | None]) -> None:
        """Write the molecules, the table and the page.

        Args:
            folder: where to.
            model: the name of the model.
            changes: how much each field differs from the one before, None of the first.
        """
        smiles, steps = self.path.smiles, shares(len(self.path))
        write_molecules(folder / "path", [f"step {step}" for step in steps], self.path, smiles)
        rows = [
            (
                step,
                round(noise, 3),
                formula_of(data),
                data.num_nodes,
                text,
                "yes" if text else "no",
                None if change is None else round(change, 3),
            )
            for step, noise, data, text, change in zip(steps, self.noise, self.path, smiles, changes, strict=True)
        ]
        write_table(folder / "path.csv", rows, _HEADERS)
        page = walk_page(
            f"From {self.start.title} to {self.end.title}",
            self.path,
            noise=self.noise,
            subtitle=f"by the model {model}",
            facts={"steps": len(rows), "valid": sum(self.path.valid)},
            text=_TEXT.format(ends=self._ends(), most=self.most),
        )
        page.heading(
            "Steps in numbers", "change of field: from the step before, 0 for none, 1.41 for nothing in common"
        )
        page.table(rows, _HEADERS)
        page.save(folder / "path.html")

    def summary(self) -> str:
        """How many there are and how many are valid, the noise and the ends."""
        return (
            f"{counted(len(self.path), 'molecule')}, {sum(self.path.valid):,} of them valid; noise "
            f"{self.most:.2f} half way. {self._ends()}"
        )

    def _ends(self) -> str:
        """How near the first and the last come to what was given."""
        first, last = self.start.molecules[0], self.end.molecules[0]
        off = [misfit(first, self.path[0]), misfit(last, self.path[-1])]
        if max(off) < _EXACT:
            return "Both ends are exact."
        told = ["has other atoms" if one == np.inf else f"is off by {one:.2g} Å" for one in off]
        return f"The ends are as the model decodes them: the first {told[0]}, the last {told[1]}."


def noise_of(path: DecodedMolecules, most: float | None) -> tuple[list[float], float]:
    """How much noise each molecule of a path was decoded with, and how much there is half way.

    Args:
        path: of `FieldAutoEncoder.path`.
        most: half way, as it was given to it.
    """
    assert path.latent is not None
    code = path.latent.code
    share = torch.cat([torch.linspace(0, 1, len(path), dtype=code.dtype), code.new_tensor([0.5])])
    *levels, half_way = noise_between(angle_between(code[:1], code[-1:]), share, most).tolist()
    return levels, half_way


def misfit(given: Data, found: Data) -> float:
    """The largest difference of their interatomic distances in Å; infinite for other atoms."""
    (kinds, distances), (others, lengths) = _distances(given), _distances(found)
    if sorted(given.z.tolist()) != sorted(found.z.tolist()):
        return float("inf")
    assert np.array_equal(kinds, others)
    return float(np.abs(distances - lengths).max(initial=0.0))


def _distances(data: Data) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of elements and their distances, in order."""
    assert data.z is not None
    assert data.pos is not None
    z, pos = data.z.numpy(), data.pos.double().numpy()
    first, second = np.triu_indices(len(z), 1)
    kinds = np.minimum(z[first], z[second]) * 1000 + np.maximum(z[first], z[second])
    lengths = np.linalg.norm(pos[first] - pos[second], axis=1)
    order = np.lexsort((lengths, kinds))
    return kinds[order], lengths[order]
