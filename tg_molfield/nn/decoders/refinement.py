"""Codes improved by gradient steps with the decoder frozen."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from tg_molfield.fields import Field, RBFField
from tg_molfield.nn.decoders.base import Decoder
from tg_molfield.nn.latent.latent import Latent
from tg_molfield.nn.ops.gaussian_overlap import squared_distance

_POINTS_PER_ATOM = 24
_SPREAD = 0.8


def refine_code(
    decoder: Decoder, latent: Latent, target: Field, pos: Tensor, batch: Tensor, steps: int, lr: float = 0.02
) -> Latent:
    """The latent with its code moved towards ``target`` by Adam; each molecule keeps its best code.

    Two sums of Gaussians are compared by their exact squared distance, other fields at fixed points around the atoms.

    Args:
        decoder: used as it is, without gradients of its parameters.
        latent: of ``B`` molecules.
        target: the fields of the same molecules, in the decoder's channels.
        pos: ``[N, 3]`` Å, the atoms.
        batch: ``[N]`` int64, sorted.
        steps: the number of steps.
        lr: the learning rate, which falls to 0 along a cosine.

    Raises:
        ValueError: ``target`` has other channels or another number of molecules.
        RuntimeError: in inference mode.
    """
    if target.channels != decoder.channels or target.num_graphs != len(latent):
        raise ValueError(
            f"target has channels {target.channels} and {target.num_graphs} molecules: "
            f"give {decoder.channels} and {len(latent)}"
        )
    if torch.is_inference_mode_enabled():
        raise RuntimeError("refine follows gradients: leave torch.inference_mode(); torch.no_grad() is fine")
    generator = torch.Generator().manual_seed(0)
    offset = torch.randn(pos.size(0), _POINTS_PER_ATOM, 3, generator=generator, dtype=torch.float64)
    points = (pos.detach().unsqueeze(1) + _SPREAD * offset.to(pos)).flatten(0, 1)
    owner = batch.repeat_interleave(_POINTS_PER_ATOM)

    def errors(code: Tensor) -> Tensor:
        field = decoder.field(frozen.with_code(code))
        if exact and isinstance(field, RBFField) and isinstance(target, RBFField):
            return squared_distance(field, target)
        square = (field(points, owner) - values).square().sum(1)
        return scatter(square, owner, dim=0, dim_size=len(latent), reduce="mean")

    frozen = latent.with_code(latent.code.detach())
    exact = _is_plain(target)
    values = target(points, owner).detach()
    best, best_error = frozen.code, torch.full_like(frozen.code[:, 0], torch.inf)
    with torch.enable_grad():
        code = frozen.code.clone().requires_grad_()
        optimizer = torch.optim.Adam([code], lr=lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
        for step in range(steps + 1):
            error = errors(code)
            better = error.detach() < best_error
            best = torch.where(better.unsqueeze(1), code.detach(), best)
            best_error = torch.where(better, error.detach(), best_error)
            if step < steps:
                (code.grad,) = torch.autograd.grad(error.sum(), code)
                optimizer.step()
                schedule.step()
    return latent.with_code(best)


def _is_plain(target: Field) -> bool:
    return (
        isinstance(target, RBFField)
        and target.kernel.name == "gaussian"
        and target.widths.dim() == 1
        and target.cell is None
    )
