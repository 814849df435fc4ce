"""`Latent`: what an encoder gives and a decoder takes, an invariant code and a pose."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tg_molfield.arguments import check_kind, require_counts
from tg_molfield.chem.validation import check_tensor
from tg_molfield.devices import empty_at
from tg_molfield.fields.detached import detached
from tg_molfield.nn.cards import latent_card
from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.latent.pose import Pose, as_rows


@dataclass(frozen=True, eq=False, repr=False)
class Latent:
    """The latents of B molecules.

    ``code`` does not change when a molecule moves or rotates; property models use it. The decoded field moves and
    rotates with ``pose``: ``decode(latent.moved(R, t))`` at ``R x + t`` equals ``decode(latent)`` at ``x``.

    Attributes:
        code: ``[B, D]``.
        pose: the origins and frames of the molecules.
        atoms: the atoms with their features, for decoders that read them.
        summary_channels: how many numbers at the end of the code are made for property models.
        search_seed: ``[B]`` int64, which of its searches or starting points a decoder takes; 0 if None.

    Raises:
        TypeError: a part is of another kind.
        ValueError: ``code``, ``atoms`` or ``search_seed`` belong to another number of molecules than ``pose``, or a
            code is shorter than its summary.
    """

    code: Tensor
    pose: Pose
    atoms: AtomFeatures | None = None
    summary_channels: int = 0
    search_seed: Tensor | None = None

    def __post_init__(self) -> None:
        check_tensor("code", self.code)
        check_kind("pose", self.pose, Pose, "a Pose", "give that of another Latent, or use Latent.centered")
        check_kind("atoms", self.atoms, AtomFeatures | None, "AtomFeatures", "leave them out")
        if self.code.dim() != 2 or self.code.size(0) != len(self.pose):
            raise ValueError(
                f"code: expected shape [{len(self.pose)}, D], got {list(self.code.shape)}; give a row for each pose"
            )
        if self.atoms is not None and self.atoms.num_graphs != len(self.pose):
            raise ValueError(
                f"atoms: expected those of {len(self.pose)} molecules, got {self.atoms.num_graphs}; set num_graphs"
            )
        require_counts(0, summary_channels=self.summary_channels)
        if self.summary_channels > self.code.size(1):
            raise ValueError(
                f"summary_channels: expected at most {self.code.size(1)}, the length of a code, got "
                f"{self.summary_channels}; give fewer"
            )
        if self.search_seed is not None:
            check_tensor("search_seed", self.search_seed)
        if self.search_seed is not None and self.search_seed.shape != (len(self.pose),):
            raise ValueError(
                f"search_seed: expected shape [{len(self.pose)}], got {list(self.search_seed.shape)}; give one a pose"
            )

    @classmethod
    def centered(cls, code: Tensor) -> Latent:
        """Codes ``[B, D]`` (or ``[D]``) in the frame of space, with the origin at zero."""
        check_tensor("code", code)
        if code.dim() not in (1, 2):
            raise ValueError(f"code: expected shape [B, D] or [D], got {list(code.shape)}; give a row for each code")
        code = code.unsqueeze(0) if code.dim() == 1 else code
        return cls(code, Pose.identity(code.size(0), code.dtype, code.device))

    def __copy__(self) -> Latent:
        return replace(self)

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled and deep-copied: tensors without their computation graph."""
        return {name: detached(value) for name, value in vars(self).items()}

    def __repr__(self) -> str:
        summary = f", the last {self.summary_channels} the summary" if self.summary_channels else ""
        return f"Latent({len(self)} × {self.code.size(1)} numbers{summary})"

    def _repr_html_(self) -> str:
        return latent_card(self)

    def __len__(self) -> int:
        return self.code.size(0)

    @property
    def summary(self) -> Tensor:
        """The part of the code made for property models, ``[B, summary_channels]``; it does not depend on the frame."""
        return self.code[:, self.code.size(1) - self.summary_channels :]

    @property
    def origin(self) -> Tensor:
        """``[B, 3]``, Å."""
        return self.pose.origin

    @property
    def frame(self) -> Tensor:
        """``[B, 3, 3]``: the frame in which the code was made, axes as rows, a proper rotation."""
        return self.pose.frame

    @property
    def search_seeds(self) -> Tensor:
        """``search_seed [B]``, with 0 where there is none."""
        zero = torch.zeros_like(self.code[:, 0], dtype=torch.int64)
        return zero if self.search_seed is None else self.search_seed

    def to_local(self, pos: Tensor, batch: Tensor) -> Tensor:
        """See :meth:`Pose.to_local`."""
        return self.pose.to_local(pos, batch)

    def to_global(self, local: Tensor, batch: Tensor) -> Tensor:
        """See :meth:`Pose.to_global`."""
        return self.pose.to_global(local, batch)

    def moved(self, rotation: Tensor, translation: Tensor | float = 0.0) -> Latent:
        """The latent of the molecule moved by ``x → rotation · x + translation``; see :meth:`Pose.moved`."""
        pose = self.pose.moved(rotation, translation)
        atoms = None if self.atoms is None else self.atoms.rotated(rotation.to(pose.origin))
        return replace(self, pose=pose, atoms=atoms)

    def with_code(self, code: Tensor) -> Latent:
        """The same poses with another ``code [B, D]``."""
        return replace(self, code=code)

    def to(self, target: torch.device | torch.dtype | str) -> Latent:
        """On another device, or in another floating-point type."""
        empty_at(self.code, target)
        code = self.code.to(target)
        atoms = None if self.atoms is None else self.atoms.to(target)
        seed = None if self.search_seed is None else self.search_seed.to(code.device)
        return Latent(code, self.pose.to(target), atoms, self.summary_channels, seed)

    def __getitem__(self, index: int | slice | Tensor) -> Latent:
        index = as_rows(index)
        pose = self.pose[index]
        index = slice(index, index + 1 or None) if isinstance(index, int) else index
        chosen = torch.arange(len(self), device=self.code.device)[index]
        atoms = None if self.atoms is None else self.atoms.select(chosen)
        seed = None if self.search_seed is None else self.search_seed[index]
        return Latent(self.code[index], pose, atoms, self.summary_channels, seed)
