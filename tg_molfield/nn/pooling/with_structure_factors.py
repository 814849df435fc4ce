"""`WithStructureFactors`: a learned code followed by the structure factors of the atoms."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.ops.structure_factors import StructureFactors
from tg_molfield.nn.pooling.base import Pooling
from tg_molfield.nn.pooling.descriptor import DescriptorPooling


class WithStructureFactors(Pooling):
    """The code of another pooling, then the structure factors, then a descriptor of the molecule.

    Args:
        learned: the other pooling.
        transform: from atoms to structure factors, shared with the decoder; none if None.
        descriptor: gives the end of the code; nothing if None.
    """

    def __init__(
        self, learned: Pooling, transform: StructureFactors | None, descriptor: DescriptorPooling | None
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
        parts = [self.learned(atoms, pose)]
        if self.transform is not None:
            parts.append(self.transform(atoms.z, pose.local_positions(atoms), atoms.batch, atoms.num_graphs))
        if self.descriptor is not None:
            parts.append(self.descriptor(atoms, pose))
        return torch.cat(parts, dim=1)
