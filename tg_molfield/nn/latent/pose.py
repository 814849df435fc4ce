"""`Pose`: where a molecule is and how it is oriented, the part of a latent that is not invariant."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tg_molfield.arguments import as_index
from tg_molfield.chem.rotations import check_rotations
from tg_molfield.chem.validation import check_tensor
from tg_molfield.devices import constant, empty_at, is_on_host
from tg_molfield.nn.cards import pose_card
from tg_molfield.nn.latent.atom_features import AtomFeatures
from tg_molfield.nn.ops.short_products import rotated
from tg_molfield.nn.ops.tensors import components
from tg_molfield.precision import full_precision

_LEAST_RANK = (3, 3, 3, 3, 1)
"""The rank from which on each component of a tensor does not depend on the frame."""


@dataclass(frozen=True, eq=False, repr=False)
class Pose:
    """The origins and frames of ``B`` molecules.

    A symmetric molecule looks the same in several frames, and a field that rotates with the molecule must look the
    same in all of them; a pose therefore holds a weighted set of frames (Dym, Lawrence & Siegel 2024, "Equivariant
    frames and the impossibility of continuous canonicalization"). Molecules on a line or a point have a continuum of
    them; their ``rank`` says so, and decoders impose that symmetry by :meth:`project_to_rank` (on centres) and
    :meth:`symmetrize_points` (on query points).

    Attributes:
        origin: ``[B, 3]``, Å.
        frames: ``[B, M, 3, 3]``, proper rotations, the axes as rows; the code was made in frame 0.
        weights: ``[B, M]``, non-negative, sum 1; a molecule's unused frames come last and weigh 0.
        rank: ``[B]`` int64: 0 all atoms in one point, 1 on a line (along the first axis), 3 otherwise.
    """

    origin: Tensor
    frames: Tensor
    weights: Tensor
    rank: Tensor

    @classmethod
    def identity(cls, num_graphs: int, dtype: torch.dtype | None = None, device: torch.device | None = None) -> Pose:
        """Origins at zero and the axes of space."""
        eye = torch.eye(3, dtype=dtype, device=device)
        return cls(
            origin=torch.zeros(num_graphs, 3, dtype=dtype, device=device),
            frames=eye.expand(num_graphs, 1, 3, 3).contiguous(),
            weights=torch.ones(num_graphs, 1, dtype=dtype, device=device),
            rank=torch.full((num_graphs,), 3, device=device),
        )

    def __repr__(self) -> str:
        return f"Pose({len(self)} × {self.frames.size(1)} frames)"

    def _repr_html_(self) -> str:
        return pose_card(self)

    def __len__(self) -> int:
        return self.origin.size(0)

    @property
    def frame(self) -> Tensor:
        """``[B, 3, 3]``: the frame in which the code was made, axes as rows."""
        return self.frames[:, 0]

    @full_precision
    def to_local(self, pos: Tensor, batch: Tensor) -> Tensor:
        """Points ``pos [P, 3]`` of the molecules ``batch [P]`` in the molecules' first frames, ``[P, 3]``."""
        return rotated(self.frame[batch], pos - self.origin[batch])

    @full_precision
    def to_global(self, local: Tensor, batch: Tensor) -> Tensor:
        """The inverse of :meth:`to_local`."""
        return rotated(self.frame[batch].transpose(1, 2), local) + self.origin[batch]

    def active_frames(self) -> tuple[Tensor, Tensor, Tensor]:
        """All frames of non-zero weight: molecule ``[V]`` (sorted), frame ``[V, 3, 3]`` and weight ``[V]``."""
        if self.weights.size(1) == 1:
            return torch.arange(len(self.weights), device=self.weights.device), self.frames[:, 0], self.weights[:, 0]
        graph, slot = self.weights.nonzero(as_tuple=True)
        return graph, self.frames[graph, slot], self.weights[graph, slot]

    def project_to_rank(self, local: Tensor, batch: Tensor) -> Tensor:
        """Local points projected onto what the atoms span: the first axis for rank 1, the origin for rank 0."""
        axis = torch.arange(3, device=local.device)
        return local * (axis < self.rank[batch].unsqueeze(-1)).to(local.dtype)

    @full_precision
    def local_positions(self, atoms: AtomFeatures) -> Tensor:
        """The atoms' positions ``[N, 3]`` in the molecules' first frames, projected onto the rank, as their scalars."""
        turned = rotated(self.frame[atoms.batch], atoms.pos.to(self.frame))
        return self.project_to_rank(turned, atoms.batch).to(atoms.scalars)

    @full_precision
    def local_vectors(self, atoms: AtomFeatures) -> Tensor:
        """The atoms' vectors ``[N, V, 3]`` in the molecules' first frames, projected like positions."""
        frame = self.frame[atoms.batch].to(atoms.vectors)
        turned = torch.einsum("pij,pvj->pvi", frame, atoms.vectors)
        return turned * (torch.arange(3, device=turned.device) < self.rank[atoms.batch, None, None]).to(turned.dtype)

    @full_precision
    def local_tensors(self, atoms: AtomFeatures) -> Tensor:
        """The atoms' tensors in the molecules' first frames, as components ``[N, T, 5]``.

        About a line only the last component, that along the first axis, does not depend on the frame; about a point,
        none.
        """
        frame = self.frame[atoms.batch].to(atoms.tensors)
        turned = components(torch.einsum("pij,ptjk,plk->ptil", frame, atoms.tensors, frame))
        rank = self.rank[atoms.batch, None, None]
        return turned * (constant(_LEAST_RANK, rank) <= rank).to(turned.dtype)

    def symmetrize_points(self, local: Tensor, batch: Tensor) -> Tensor:
        """Local query points mapped so that points related by the molecule's axial or spherical symmetry coincide.

        Around a line, points go to the half plane (x, √(y² + z²), 0); around a point, to the half line (r, 0, 0).
        Distances are smoothed below 1e-6 Å to keep gradients finite.
        """
        rank = self.rank[batch]
        if is_on_host(rank) and bool((rank == 3).all()):
            return local
        square = local.square()
        tiny = 1e-12
        zero = torch.zeros_like(local[:, 0])
        line = torch.stack([local[:, 0], (square[:, 1] + square[:, 2] + tiny).sqrt(), zero], dim=1)
        point = torch.stack([(square.sum(1) + tiny).sqrt(), zero, zero], dim=1)
        rank = rank.unsqueeze(1)
        return torch.where(rank == 3, local, torch.where(rank == 1, line, point))

    @full_precision
    def moved(self, rotation: Tensor, translation: Tensor | float = 0.0) -> Pose:
        """The pose after ``x → rotation · x + translation``; ``rotation [3, 3]`` or ``[B, 3, 3]``, proper.

        Raises:
            TypeError: ``rotation`` is no tensor.
            ValueError: it is no proper rotation.
        """
        check_tensor("rotation", rotation)
        if rotation.shape not in ((3, 3), (len(self), 3, 3)):
            raise ValueError(
                f"rotation: expected shape [3, 3] or [{len(self)}, 3, 3], got {list(rotation.shape)}; give a matrix"
            )
        turn = rotation.to(self.origin).expand(len(self), 3, 3)
        check_rotations("rotation", turn, "proper rotations", "mirror the molecule and encode it instead")
        origin = torch.einsum("bij,bj->bi", turn, self.origin) + translation
        return replace(self, origin=origin, frames=torch.einsum("bmij,bkj->bmik", self.frames, turn))

    def without_symmetry(self) -> Pose:
        """The same origins and first frames, of molecules of any shape."""
        return Pose(
            self.origin, self.frames[:, :1], torch.ones_like(self.weights[:, :1]), torch.full_like(self.rank, 3)
        )

    def at(self, origin: Tensor) -> Pose:
        """The same frames at ``origin [B, 3]`` Å."""
        return replace(self, origin=origin)

    def to(self, target: torch.device | torch.dtype | str) -> Pose:
        """On another device, or in another floating-point type."""
        empty_at(self.origin, target)
        origin = self.origin.to(target)
        return Pose(origin, self.frames.to(target), self.weights.to(target), self.rank.to(origin.device))

    def __getitem__(self, index: int | slice | Tensor) -> Pose:
        index = as_rows(index)
        if isinstance(index, int) and not -len(self) <= index < len(self):
            raise IndexError(f"index: expected one of {len(self)} molecules, got {index}; they count from 0")
        index = slice(index, index + 1 or None) if isinstance(index, int) else index
        return Pose(self.origin[index], self.frames[index], self.weights[index], self.rank[index])


def as_rows(index: Any) -> Any:
    """An index of molecules: an integer of Python, a slice, or a tensor, an array or a list that chooses rows.

    Raises:
        TypeError: it is something else.
    """
    if isinstance(index, Tensor) and index.dim() == 0 and not index.is_floating_point() and index.dtype != torch.bool:
        return index.unsqueeze(0)
    return index if getattr(index, "ndim", 0) or isinstance(index, list) else as_index("index", index)
