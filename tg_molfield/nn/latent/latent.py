"""What an encoder gives and a decoder takes: an invariant code and a pose."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.pose import Pose


@dataclass(frozen=True, eq=False)
class Latent:
    """The latents of ``B`` molecules.

    ``code`` does not change when a molecule moves or turns, and is what property models use. The decoded field turns
    and moves with ``pose``: ``decode(latent.moved(R, t))`` at ``R x + t`` is ``decode(latent)`` at ``x``.

    Attributes:
        code: ``[B, D]``.
        pose: the origins and frames of the molecules.
        anchors: the atoms with their features, for decoders that read them.
    """

    code: Tensor
    pose: Pose
    anchors: AtomFeatures | None = None

    def __post_init__(self) -> None:
        if self.code.dim() != 2 or self.code.size(0) != len(self.pose):
            raise ValueError(
                f"code has shape {tuple(self.code.shape)}: give [B, D] with B = {len(self.pose)}, a row for each pose"
            )

    @classmethod
    def centered(cls, code: Tensor) -> Latent:
        """Codes ``[B, D]`` (or ``[D]``) in the frame of space, with the origin at zero."""
        code = code.unsqueeze(0) if code.dim() == 1 else code
        return cls(code, Pose.identity(code.size(0), code.dtype, code.device))

    def __len__(self) -> int:
        return self.code.size(0)

    @property
    def origin(self) -> Tensor:
        """``[B, 3]``, Å."""
        return self.pose.origin

    @property
    def frame(self) -> Tensor:
        """``[B, 3, 3]``: the frame that the code was made in, axes as rows, a proper rotation."""
        return self.pose.frame

    def to_local(self, pos: Tensor, batch: Tensor) -> Tensor:
        """See :meth:`Pose.to_local`."""
        return self.pose.to_local(pos, batch)

    def to_global(self, local: Tensor, batch: Tensor) -> Tensor:
        """See :meth:`Pose.to_global`."""
        return self.pose.to_global(local, batch)

    def moved(self, rotation: Tensor, translation: Tensor | float = 0.0) -> Latent:
        """The latent of the molecule moved by ``x → rotation · x + translation``."""
        anchors = None if self.anchors is None else self.anchors.moved(rotation, translation)
        return replace(self, pose=self.pose.moved(rotation, translation), anchors=anchors)

    def with_code(self, code: Tensor) -> Latent:
        """The same poses with another ``code [B, D]``."""
        return replace(self, code=code)

    def to(self, target: torch.device | torch.dtype | str) -> Latent:
        """On another device, or in another floating-point type."""
        anchors = None if self.anchors is None else self.anchors.to(target)
        return Latent(self.code.to(target), self.pose.to(target), anchors)

    def __getitem__(self, index: int | slice | Tensor) -> Latent:
        pose = self.pose[index]
        index = slice(index, index + 1 or None) if isinstance(index, int) else index
        if self.anchors is None:
            return Latent(self.code[index], pose)
        chosen = torch.arange(len(self), device=self.code.device)[index]
        return Latent(self.code[index], pose, self.anchors.select(chosen))
