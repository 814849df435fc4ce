"""The way from noise to united atoms, in steps."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.closed_shell import ClosedShell
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
    closed_shell: ClosedShell | None = None,
    closed: Tensor | None = None,
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
        closed_shell: what is known of molecules with closed shells; nothing if None.
        closed: ``[B]`` bool, of which molecules it is known; of none if None, and then nothing is calculated.
    """
    state = start * mask.unsqueeze(2)
    end = torch.zeros_like(state)
    for step in range(num_steps):
        time = torch.full_like(noise, step / num_steps)
        prediction = network(state, mask, time, code, noise, end, guidance)
        if closed_shell is not None and closed is not None:
            prediction = closed_shell(prediction, mask, closed)
        end = prediction.state(mask)
        state = state + (end - state) / (num_steps - step)
    if closed_shell is not None and closed is not None:
        pos, kinds, counts, hydrogens = network.layout.split(state)
        kinds, counts = closed_shell.rounded(kinds, counts, mask, closed)
        state = torch.cat([pos, kinds, counts, hydrogens], dim=2)
    return network.layout.atoms(state, mask)
