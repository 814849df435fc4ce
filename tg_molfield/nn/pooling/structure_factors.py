"""`StructureFactorPooling`: atoms to the code that a `StructureFactorDecoder` solves."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import DescriptorPooling


class StructureFactorPooling(Pooling):
    """The structure factors of the atoms, followed by a descriptor of the molecule that the decoder does not read.

    Args:
        transform: from atoms to structure factors, shared with the decoder.
        descriptor: gives the rest of the code; nothing if None.
    """

    def __init__(self, transform: StructureFactors, descriptor: DescriptorPooling | None = None) -> None:
        super().__init__()
        self.transform = transform
        self.descriptor = descriptor

    def forward(self, atoms: AtomFeatures, pose: Pose) -> Tensor:
        """See :meth:`Pooling.forward`.

        Raises:
            ValueError: an element is unknown, or a molecule has more atoms than the code can hold.
        """
        code = self.transform(atoms.z, pose.local_positions(atoms), atoms.batch, atoms.num_graphs)
        return code if self.descriptor is None else torch.cat([code, self.descriptor(atoms, pose)], dim=1)
