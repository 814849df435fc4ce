"""Products over three coordinates, and what depends on them where matrix products are rounded to 11 bits."""

import warnings

import pytest
import torch
from hard_molecules import molecules
from torch.utils._python_dispatch import TorchDispatchMode
from torch_geometric.data import Batch, Data

from tg_molfield import devices
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.ops.short_products import from_frames, phases, rotated

ATEN = torch.ops.aten
FACTORS = {
    ATEN.mm.default: (0, 1),
    ATEN.bmm.default: (0, 1),
    ATEN.mv.default: (0, 1),
    ATEN.addmm.default: (1, 2),
    ATEN.baddbmm.default: (1, 2),
}


class TF32(TorchDispatchMode):
    """Rounds what is multiplied to 11 bits, as a GPU does where TF32 is on."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        rounded = [self.rounded(one) if k in FACTORS.get(function, ()) else one for k, one in enumerate(args)]
        return function(*rounded, **(kwargs or {}))

    @staticmethod
    def rounded(x):
        if x.dtype != torch.float32:
            return x
        return ((x.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32).view_as(x)


@pytest.mark.parametrize("host", ["cpu", "none"])
def test_products_are_those_of_matrices(host, monkeypatch, seeded):
    monkeypatch.setattr(devices, "_HOST", host)
    frames, vectors, local = torch.randn(5, 3, 3), torch.randn(5, 3), torch.randn(5, 4, 3)
    waves = torch.randn(3, 7)
    assert torch.allclose(phases(local, waves), local @ waves, atol=1e-5)
    assert torch.allclose(rotated(frames, vectors), (frames @ vectors.unsqueeze(2)).squeeze(2), atol=1e-5)
    assert torch.allclose(from_frames(local, frames), local @ frames, atol=1e-5)


@torch.no_grad()
def test_codes_and_atoms_are_exact_where_products_are_rounded(monkeypatch):
    monkeypatch.setattr(devices, "_HOST", "none")
    model = FieldAutoEncoder.from_pretrained("organic-small")
    batch = Batch.from_data_list(
        [Data(z=z, pos=pos.float()) for z, pos in (molecules()[name] for name in ("CH3CH2OH", "C6H6", "CHFClN"))]
    )
    wanted = model.encode(batch).code[:, : -model.summary_channels]
    with TF32(), warnings.catch_warnings():
        warnings.simplefilter("error")
        latent = model.encode(batch)
        found = model.decoder.field(latent)
        assert float((torch.randn(8, 8) @ torch.eye(8)).view(torch.int32).bitwise_and(0x1FFF).max()) == 0
    assert torch.allclose(latent.code[:, : -model.summary_channels], wanted, atol=1e-5)
    apart = torch.cdist(batch.pos, found.centers, compute_mode="donot_use_mm_for_euclid_dist")
    assert float(apart.min(1).values.max()) < 1e-5
