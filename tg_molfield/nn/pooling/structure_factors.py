"""Atoms to the code that a `StructureFactorDecoder` reads."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tg_molfield.nn.decoders.structure_factors.transform import StructureFactors
from tg_molfield.nn.pooling.descriptor import DescriptorPooling


class StructureFactorPooling(nn.Module):
    """The sketch of the atoms, and after it a summary of the molecule, which the decoder does not read.

    Args:
        in_channels: scalars per atom.
        vector_channels: vectors per atom.
        summary: arguments of `DescriptorPooling`; no summary if None.
    """

    def __init__(self, in_channels: int, vector_channels: int = 0, summary: dict[str, Any] | None = None) -> None:
        super().__init__()
        if summary is not None and not vector_channels:
            raise ValueError(
                "summary: needs an encoder that gives vectors, an PaiNNEncoder with num_layers of 1 or more"
            )
        self.summary = None if summary is None else DescriptorPooling(in_channels, vector_channels, **summary)
        self.summary_channels = 0 if self.summary is None else self.summary.out_channels

    def forward(
        self,
        sketch: StructureFactors,
        z: Tensor,
        centered: Tensor,
        local: Tensor,
        scalars: Tensor | None,
        vectors: Tensor | None,
        batch: Tensor,
        num_graphs: int,
    ) -> Tensor:
        """The codes ``[B, sketch.size + summary_channels]``.

        Args:
            sketch: the decoder's.
            z: ``[N]`` int64 atomic numbers.
            centered: ``[N, 3]`` Å from the molecules' origins.
            local: ``[N, 3]`` positions in the molecules' frames, Å.
            scalars: ``[N, in_channels]``; None where there is no summary.
            vectors: ``[N, vector_channels, 3]``, turned as ``centered``; likewise.
            batch: ``[N]`` int64, sorted.
            num_graphs: the number B of molecules.

        Raises:
            ValueError: an element is not among the sketch's, or a molecule has too many atoms for it.
        """
        most = sketch.max_atoms
        count = torch.bincount(batch, minlength=num_graphs)
        if int(count.max()) > most:
            raise ValueError(
                f"molecule {int(count.argmax())} has {int(count.max())} atoms: a sketch of {sketch.size} numbers holds "
                f"the places of at most {most}; take a larger latent_dim, or cut the molecule"
            )
        code = sketch(z, local, batch, num_graphs)
        if self.summary is None or scalars is None or vectors is None:
            return code
        return torch.cat([code, self.summary(z, centered, scalars, vectors, batch, num_graphs)], dim=1)
