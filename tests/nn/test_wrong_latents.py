"""Latents that no encoder made: codes that are not finite, and motions that are none."""

import math

import pytest
import torch
from hard_molecules import molecules
from small_models import SMALL, awake, build

from tg_molfield.fields import MolField

FIELD = MolField("H C N O other", widths=0.5, width_scale=1.0)


@pytest.mark.parametrize("decoder", SMALL)
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_codes_that_are_not_finite_are_refused(decoder, value):
    model = awake(build(decoder, channels=FIELD))
    z, pos = molecules()["CH3CH2OH"]
    latent = model.encode(z, pos.float())
    code = latent.code.detach().clone()
    code[0, 3] = value
    bad = latent.with_code(code)
    for decode in (lambda: model.decode(bad, pos.float()), lambda: model.decoder.field(bad)):
        with pytest.raises(ValueError, match="code: expected finite numbers, got NaN or infinity for molecule 0"):
            decode()


def test_latents_are_moved_by_rotations():
    model = build("structure_factors", channels=FIELD)
    z, pos = molecules()["CH3CH2OH"]
    latent = model.encode(z, pos.float())
    turn = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    assert latent.moved(turn).origin.dtype == torch.float32
    assert torch.allclose(latent.moved(turn).origin, latent.origin @ turn.T.float())
    for matrix in (-torch.eye(3), 2 * torch.eye(3), torch.full((3, 3), math.nan)):
        with pytest.raises(ValueError, match="rotation: expected proper rotations, got another matrix"):
            latent.moved(matrix)
    with pytest.raises(ValueError, match=r"rotation: expected shape \[3, 3\] or \[1, 3, 3\], got \[\]"):
        latent.moved(torch.tensor(1.0))
    with pytest.raises(TypeError, match="rotation: expected a tensor, got list"):
        latent.moved([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
