"""Codes improved by gradient steps with the decoder frozen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from tg_molfield.fields import Field, RBFField
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.gaussian_overlap import is_gaussian_sum, squared_distance

_POINTS_PER_ATOM = 24
_SPREAD = 0.8


class TargetError:
    """How far fields are from those of the same molecules.

    Two sums of Gaussians are compared by their exact squared distance, other fields at fixed points around the atoms.

    Args:
        target: fields that know their atoms.
        like: in whose type and on whose device points are made.

    Raises:
        ValueError: ``target`` knows no atoms.
    """

    def __init__(self, target: Field, like: Tensor) -> None:
        self.target = target
        self.points, self.owner = _points_around_atoms(target, like)
        self.values = target(self.points, self.owner).detach()

    def __call__(self, field: Field) -> Tensor:
        """The mean square or squared distance for each molecule, ``[B]``."""
        if isinstance(field, RBFField) and isinstance(self.target, RBFField) and is_gaussian_sum(self.target):
            return squared_distance(field, self.target)
        square = (field(self.points, self.owner) - self.values).square().sum(1)
        return scatter(square, self.owner, dim=0, dim_size=field.num_graphs, reduce="mean")


def refine_code(
    decode: Callable[[Latent], Field], latent: Latent, target: Field, steps: int, lr: float = 0.02
) -> Latent:
    """The latent with its code moved towards ``target`` by Adam; each molecule keeps its best code.

    This is auto-decoding (Park et al. 2019, arXiv 1901.05103); see `TargetError` for what is compared.

    Args:
        decode: gives the fields of latents.
        latent: of B molecules.
        target: the fields of the same molecules, which know their atoms.
        steps: the number of steps.
        lr: the learning rate, which falls to 0 along a cosine.

    Raises:
        ValueError: ``target`` knows no atoms.
        RuntimeError: in inference mode.
    """
    if torch.is_inference_mode_enabled():
        raise RuntimeError("refine: expected gradients, got torch.inference_mode(); leave it, torch.no_grad() is fine")
    errors = TargetError(target, latent.code)
    frozen = latent.with_code(latent.code.detach())
    best, best_error = frozen.code, torch.full_like(frozen.code[:, 0], torch.inf)
    with torch.enable_grad():
        code = frozen.code.clone().requires_grad_()
        optimizer = torch.optim.Adam([code], lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
        for step in range(steps + 1):
            error = errors(decode(frozen.with_code(code)))
            better = error.detach() < best_error
            best = torch.where(better.unsqueeze(1), code.detach(), best)
            best_error = torch.where(better, error.detach(), best_error)
            if step < steps:
                (code.grad,) = torch.autograd.grad(error.sum(), code)
                optimizer.step()
                schedule.step()
    return latent.with_code(best)


def _points_around_atoms(target: Field, like: Tensor) -> tuple[Tensor, Tensor]:
    """Points ``[24 N, 3]`` spread around the N atoms of the target, and the molecule of each."""
    atoms = target.atoms
    if atoms is None:
        raise ValueError(f"target: expected a field that knows its atoms, got {target!r}; give them by with_atoms")
    generator = torch.Generator().manual_seed(0)
    offset = torch.randn(len(atoms.pos), _POINTS_PER_ATOM, 3, generator=generator, dtype=torch.float64)
    pos = atoms.pos.detach().to(like)
    batch = torch.zeros_like(atoms.z) if atoms.batch is None else atoms.batch
    return (pos.unsqueeze(1) + _SPREAD * offset.to(pos)).flatten(0, 1), batch.repeat_interleave(_POINTS_PER_ATOM)
