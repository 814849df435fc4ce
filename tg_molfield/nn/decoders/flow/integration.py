"""The way from noise to united atoms, in steps."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.network import FlowNetwork
from tg_molfield.nn.ops.united_atoms import UnitedAtoms


def integrate(
    network: FlowNetwork,
    code: Tensor,
    noise: Tensor,
    mask: Tensor,
    start: Tensor,
    num_steps: int,
    guidance: Tensor | None = None,
) -> UnitedAtoms:
    """The united atoms of B codes, by Euler's method; each step starts from the prediction of the one before.

    Args:
        network: predicts where the flow ends.
        code: ``[B, D]``, noisy.
        noise: ``[B]``, its standard deviation.
        mask: ``[B, n]``: where there are atoms.
        start: ``[B, n, size]``, standard normal.
        num_steps: at least 1.
        guidance: ``[B]``, see `FlowNetwork.forward`.
    """
    state = start * mask.unsqueeze(2)
    end = torch.zeros_like(state)
    for step in range(num_steps):
        time = torch.full_like(noise, step / num_steps)
        end = network(state, mask, time, code, noise, end, guidance)[0]
        state = state + (end - state) / (num_steps - step)
    return network.layout.atoms(state, mask)
