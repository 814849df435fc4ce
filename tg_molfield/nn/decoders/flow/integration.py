"""The way from noise to united atoms, in steps."""

from __future__ import annotations

import torch
from torch import Tensor

from tg_molfield.nn.decoders.flow.closed_shell import ClosedShell
from tg_molfield.nn.decoders.flow.network import FlowNetwork
from tg_molfield.nn.ops.united_atoms import UnitedAtoms

_GROWTH = 2


def integrate(
    network: FlowNetwork,
    code: Tensor,
    noise: Tensor,
    mask: Tensor,
    start: Tensor,
    num_steps: int,
    lateness: Tensor,
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
        lateness: ``[B]``, see `times`.
        guidance: ``[B]``, at the end of the flow, see `FlowNetwork.forward`; it grows with the square of the time.
            Early it would settle what the molecule is, and be for the likeliest.
        closed_shell: what is known of molecules with closed shells; nothing if None.
        closed: ``[B]`` bool, of which molecules it is known; of none if None, and then nothing is calculated.
    """
    state = start * mask.unsqueeze(2)
    end = torch.zeros_like(state)
    for step in range(num_steps):
        time, after = (times(share / num_steps, lateness) for share in (step, step + 1))
        guided = None if guidance is None else guidance * time**_GROWTH
        prediction = network(state, mask, time, code, noise, end, guided)
        if closed_shell is not None and closed is not None:
            prediction = closed_shell(prediction, mask, closed)
        end = prediction.state(mask)
        state = state + (end - state) * ((after - time) / (1 - time))[:, None, None]
    if closed_shell is not None and closed is not None:
        pos, kinds, counts, hydrogens = network.layout.split(state)
        kinds, counts = closed_shell.rounded(kinds, counts, mask, closed)
        state = torch.cat([pos, kinds, counts, hydrogens], dim=2)
    return network.layout.atoms(state, mask)


def times(share: float, lateness: Tensor) -> Tensor:
    """The times ``[B]`` of the flow, 0 to 1, after a share of its steps.

    Args:
        share: 0 to 1.
        lateness: ``[B]``: 0 for steps that are short at the beginning and long at the end, 1 for the opposite, and 0.5
            for even ones.
    """
    return share * (share + 2 * lateness * (1 - share))
