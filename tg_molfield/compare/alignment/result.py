"""Results of alignments: poses and scores of one pair and of many."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch_geometric.data import Data


@dataclass(frozen=True)
class Alignment:
    """One molecule laid on another: x ↦ R x + t.

    Attributes:
        score: the weighted mean of the terms, 1 for equal fields.
        by_term: the likeness in each term.
        rotation: R [3, 3], float64.
        translation: t [3] in Å, float64.
        moved: the mobile molecule in its new place; None where fields were aligned.
    """

    score: float
    by_term: dict[str, float]
    rotation: Tensor = field(repr=False)
    translation: Tensor = field(repr=False)
    moved: Data | None = field(default=None, repr=False)

    def apply(self, pos: Tensor) -> Tensor:
        """Positions [N, 3] in Å, moved as the molecule was."""
        return (pos.to(self.rotation) @ self.rotation.T + self.translation.to(self.rotation)).to(pos.dtype)


@dataclass(frozen=True, repr=False)
class Alignments:
    """Many alignments: of A mobile with B fixed molecules, or of pairs.

    Attributes:
        score: [A, B], or [A] for pairs; float64.
        by_term: [A, B, K] or [A, K].
        names: the K terms.
        rotation: [A, B, 3, 3] or [A, 3, 3].
        translation: [A, B, 3] or [A, 3] in Å.
        mobiles: the A mobile molecules; empty where fields were aligned.
    """

    score: Tensor
    by_term: Tensor
    names: tuple[str, ...]
    rotation: Tensor
    translation: Tensor
    mobiles: tuple[Data, ...] = ()

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.score.shape))
        return f"Alignments({shape}, by {' '.join(self.names)}, scores up to {float(self.score.max()):.4f})"

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, index: int | tuple[int, int]) -> Alignment:
        """One alignment: ``found[a, b]``, or ``found[a]`` for pairs."""
        by_term = dict(zip(self.names, self.by_term[index].tolist(), strict=True))
        rotation, translation = self.rotation[index], self.translation[index]
        found = Alignment(float(self.score[index]), by_term, rotation, translation)
        if not self.mobiles:
            return found
        mobile = self.mobiles[index if isinstance(index, int) else index[0]]
        return Alignment(found.score, by_term, rotation, translation, moved(mobile, found))

    def best(self) -> Tensor:
        """For each fixed molecule, which mobile one is most like it [B]; for conformers, the best conformer."""
        return self.score.argmax(0)


def moved(data: Data, alignment: Alignment) -> Data:
    """The molecule with its atoms and colour features moved; vectors of atoms, such as forces, are not turned."""
    result = data.clone()
    for name in ("pos", "color_pos"):
        if torch.is_tensor(getattr(data, name, None)):
            result[name] = alignment.apply(data[name])
    return result
