"""`StructureFactorPooling`: atoms to structure factors, which a `StructureFactorDecoder` or a `FlowDecoder` solves."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import DescriptorPooling


class StructureFactorPooling(Pooling):
    """The structure factors of the atoms, after a learned code and before a descriptor of the molecule, if there are.

    Args:
        transform: from atoms to structure factors, shared with the decoder; none if None.
        descriptor: gives the end of the code, which decoders do not read; nothing if None.
        learned: gives its beginning; nothing if None.
    """

    def __init__(
        self,
        transform: StructureFactors | None,
        descriptor: DescriptorPooling | None = None,
        learned: Pooling | None = None,
    ) -> None:
        super().__init__()
        self.learned = learned
        self.transform = transform
        self.descriptor = descriptor

    def forward(self, atoms: AtomFeatures, pose: Pose) -> Tensor:
        """See :meth:`Pooling.forward`.

        Raises:
            ValueError: an element is unknown, or a molecule has more atoms than the code can hold.
        """
        parts = [] if self.learned is None else [self.learned(atoms, pose)]
        if self.transform is not None:
            parts.append(self.transform(atoms.z, pose.local_positions(atoms), atoms.batch, atoms.num_graphs))
        if self.descriptor is not None:
            parts.append(self.descriptor(atoms, pose))
        return torch.cat(parts, dim=1)
