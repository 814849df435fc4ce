"""Results of alignments: poses and scores of one pair and of many."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch_geometric.data import Data

from tg_molfield.chem.validation import check_positions
from tg_molfield.compare.cards import alignment_card, alignments_card
from tg_molfield.devices import in_double


@dataclass(frozen=True)
class Alignment:
    """One molecule laid on another: x ↦ R x + t.

    Attributes:
        score: the weighted mean of the terms, 1 for equal fields.
        by_term: the likeness in each term.
        rotation: R [3, 3], float64; float32 on devices without that.
        translation: t [3] in Å, likewise.
        moved: the mobile molecule in its new place; None where fields were aligned.
    """

    score: float
    by_term: dict[str, float]
    rotation: Tensor = field(repr=False)
    translation: Tensor = field(repr=False)
    moved: Data | None = field(default=None, repr=False)

    def _repr_html_(self) -> str:
        return alignment_card(self)

    def apply(self, pos: Tensor) -> Tensor:
        """Positions [N, 3] in Å, moved as the molecule was.

        Raises:
            TypeError: they are no tensor.
            ValueError: they are no floats, or of another shape.
        """
        check_positions("pos", pos)
        places = in_double(pos)
        rotation, translation = (in_double(one).to(places.device) for one in (self.rotation, self.translation))
        return (places @ rotation.T + translation).to(pos)


@dataclass(frozen=True, repr=False)
class Alignments:
    """Many alignments: of A mobile with B fixed molecules, or of pairs.

    Attributes:
        score: [A, B], or [A] for pairs; float64, as all results, or float32 on devices without that.
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
        best = f", scores up to {float(self.score.max()):.4f}" if self.score.numel() else ""
        return f"Alignments({shape}, by {' '.join(self.names)}{best})"

    def _repr_html_(self) -> str:
        return alignments_card(self)

    def __len__(self) -> int:
        return len(self.score)

    def __getitem__(self, index: int | tuple[int, int]) -> Alignment:
        """One alignment: ``found[a, b]``, or ``found[a]`` for pairs.

        Raises:
            TypeError: the index is something else.
            IndexError: there is no such alignment.
        """
        shape = self.score.shape
        try:
            numbers = tuple(operator.index(one) for one in (index if isinstance(index, tuple) else (index,)))
        except TypeError:
            numbers = ()
        if len(numbers) != len(shape):
            names = "found[a, b]" if len(shape) == 2 else "found[a]"
            raise TypeError(f"index: expected {names} with whole numbers, got {str(index)[:40]}; or use found.score")
        if not all(-size <= one < size for one, size in zip(numbers, shape, strict=True)):
            sizes = " × ".join(map(str, shape))
            raise IndexError(f"index: expected one within {sizes} alignments, got {str(index)[:40]}; count from 0")
        by_term = dict(zip(self.names, self.by_term[numbers].tolist(), strict=True))
        rotation, translation = self.rotation[numbers], self.translation[numbers]
        found = Alignment(float(self.score[numbers]), by_term, rotation, translation)
        if not self.mobiles:
            return found
        return Alignment(found.score, by_term, rotation, translation, moved(self.mobiles[numbers[0]], found))

    def best(self) -> Tensor:
        """For each fixed molecule, which mobile one is most like it [B]; for conformers, the best conformer.

        Raises:
            ValueError: these are alignments of pairs.
        """
        if self.score.ndim == 1:
            raise ValueError(
                "best: expected several mobile molecules for each fixed one, got pairs; use found.score.argmax()"
            )
        return self.score.argmax(0)


def moved(data: Data, alignment: Alignment) -> Data:
    """The molecule with its atoms and colour features moved; vectors of atoms, such as forces, are not turned."""
    result = data.clone()
    for name in ("pos", "color_pos"):
        if torch.is_tensor(getattr(data, name, None)):
            result[name] = alignment.apply(data[name])
    return result
