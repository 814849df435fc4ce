"""The interface of poolings: atoms and a pose to a code."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.compilable import Compilable


class Pooling(Compilable, ABC):
    """A map from the atoms of B molecules to one code each.

    It is no `torch_geometric.nn.Aggregation`, whose signature has no place for positions and frames.
    """

    @abstractmethod
    def forward(self, atoms: AtomFeatures, pose: Pose) -> Tensor:
        """The codes ``[B, D]``.

        Args:
            atoms: the atoms and their features, positions relative to the origins of ``pose``; every molecule has one.
            pose: the frames in which the codes are made, best in float64.
        """
