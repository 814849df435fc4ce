"""Pharmacophore features as the centres of a field."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from tg_molfield.chem.cells import is_periodic, pbc_of
from tg_molfield.chem.checked_numbers import numbers_are_checked
from tg_molfield.chem.color import COLOR_KEYS, COLOR_TYPES
from tg_molfield.chem.validation import all_finite
from tg_molfield.fields.channels import Channel, CheckedAtoms
from tg_molfield.fields.feature_places import warn_of_displaced_features


class ColorPoints(NamedTuple):
    """The features of a molecule or a batch.

    Attributes:
        pos: [F, 3] in Å.
        kinds: their types [F], indices into `COLOR_TYPES`.
        batch: the molecule of each [F].
    """

    pos: Tensor
    kinds: Tensor
    batch: Tensor

    @classmethod
    def of(cls, atoms: CheckedAtoms) -> ColorPoints:
        """The features in the data that ``atoms`` are from.

        Raises:
            ValueError: they are missing, or of another shape, type or content.

        Warns:
            DisplacedFeaturesWarning: they are not where the atoms are.
        """
        pos, kinds, counts = (_tensor(atoms, name) for name in COLOR_KEYS)
        if pos.ndim != 2 or pos.shape[1] != 3 or not pos.is_floating_point() or not all_finite(pos):
            raise ValueError(
                f"data.color_pos: expected finite floats of shape [F, 3], got {pos.dtype} of {list(pos.shape)}; "
                "repair them"
            )
        if kinds.dtype != torch.long or kinds.shape != (len(pos),):
            raise ValueError(
                f"data.color_type: expected int64 of shape [{len(pos)}], got {kinds.dtype} of {list(kinds.shape)}; "
                "give one a feature"
            )
        if len(kinds) and not (int(kinds.min()) >= 0 and int(kinds.max()) < len(COLOR_TYPES)):
            raise ValueError(
                f"data.color_type: expected 0 to {len(COLOR_TYPES) - 1}, got {int(kinds.min())} to "
                f"{int(kinds.max())}; see COLOR_TYPES"
            )
        fits = counts.dtype == torch.long and counts.shape == (atoms.num_graphs,)
        if not (fits and int(counts.sum()) == len(pos) and bool((counts >= 0).all())):
            raise ValueError(
                f"data.color_count: expected {atoms.num_graphs} integers that add up to {len(pos)}, got "
                f"{str(counts.tolist())[:40]}; give the number of features of each molecule"
            )
        owner = torch.repeat_interleave(counts)
        if numbers_are_checked(pos) and not is_periodic(pbc_of(atoms.source)):
            batch = torch.zeros_like(atoms.z) if atoms.batch is None else atoms.batch
            warn_of_displaced_features(pos, kinds, owner, atoms.pos, batch)
        return cls(pos.to(atoms.pos), kinds, owner)

    def weights(self, channels: tuple[Channel, ...]) -> Tensor:
        """The weights [F, C] of the features in the channels."""
        columns = [
            torch.ones_like(self.pos[:, 0])
            if channel.weight == "all"
            else (self.kinds == COLOR_TYPES.index(channel.weight)).to(self.pos)
            for channel in channels
        ]
        return torch.stack([column * channel.factor for column, channel in zip(columns, channels, strict=True)], 1)

    def widths(self, base: float, channels: tuple[Channel, ...]) -> Tensor:
        """The widths σ in Å, [F], or [F, C] where a channel has its own."""
        own = [base if channel.width is None else float(channel.width) * channel.width_scale for channel in channels]
        each = self.pos.new_tensor(own).expand(len(self.pos), len(own))
        return each if any(channel.width is not None for channel in channels) else each[:, 0]


def _tensor(atoms: CheckedAtoms, name: str) -> Tensor:
    value = getattr(atoms.source, name, None)
    if not isinstance(value, Tensor):
        raise ValueError(
            f"data.{name}: expected a tensor, got {'none' if value is None else type(value).__name__}; call "
            "tg_molfield.structures.with_color(data)"
        )
    return value.to(atoms.pos.device)
