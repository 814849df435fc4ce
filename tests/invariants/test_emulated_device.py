"""What is computed on an emulated device is what is computed on the host, and nothing mixes the two."""

import pytest
import torch
from emulated_device import EmulatedTensor, emulated_device
from small_losses import small_losses
from torch_geometric.data import Batch, Data

from tg_molfield import (
    FieldAutoEncoder,
    FieldPath,
    Grid,
    MolField,
    MolFieldTransform,
    align,
    find_atoms,
    fit_rbf,
    similarity,
    superresolve,
)
from tg_molfield.nn import FieldAutoDecoder

FIELD = MolField("H C N O other", widths=0.6, width_scale=1.0)
KINDS = torch.tensor([6, 8, 1, 7, 6, 1, 1])
SMALL_ENCODER = {"out_channels": 8, "num_layers": 1, "tensor_channels": 4}
LOSSES = small_losses(FIELD)


def molecule(size=6, seed=0, dtype=torch.float64, **attributes):
    generator = torch.Generator().manual_seed(seed)
    pos = torch.empty(0, 3, dtype=torch.float64)
    while len(pos) < size:
        point = 1.3 * torch.randn(1, 3, generator=generator, dtype=torch.float64)
        pos = pos if (torch.cdist(pos, point) < 1.0).any() else torch.cat([pos, point])
    return Data(z=KINDS[:size], pos=pos.to(dtype), **attributes)


def batch(dtype=torch.float64):
    return Batch.from_data_list([molecule(size, size, dtype) for size in (5, 3, 7)])


def close(far, host, tolerance=1e-8):
    assert isinstance(far, EmulatedTensor)
    torch.testing.assert_close(far.detach().held, host.detach(), atol=tolerance, rtol=0)


def test_tensors_of_two_devices_are_not_mixed():
    with emulated_device() as device:
        far = torch.arange(6.0, device=device).view(2, 3)
        far[0, [0, 2]] = 7.0
        assert far.tolist() == [[7, 1, 7], [3, 4, 5]]
        assert float(far.sum() + torch.tensor(1.0)) == 28
        with pytest.raises(RuntimeError, match="add: expected tensors on one device, got two"):
            far + torch.ones(3)
        close(far.cpu().to(device), far.held)


def with_queries(data):
    """The batch with points and values that its seeds determine."""
    data.draw_seed = torch.arange(3).to(data.pos.device)
    return MolFieldTransform(FIELD, num_queries=8)(data)


def values(data, device):
    field = FIELD(data)
    points, owner = data.pos + 0.3, data.batch
    yield field(points, owner)
    yield field.gradient(points, owner)
    yield field.laplacian(points, owner)
    yield from (volume.values for volume in field.on_each([Grid.cube((0, 0, 0), 6.0, 7)] * 3))
    volume = field.unbatch()[0].on(Grid.cube((0, 0, 0), 6.0, 9))
    yield volume(points[:4])
    yield (field.unbatch()[0] + 2 * field.unbatch()[1])(points[:4])


def crystal(data, device):
    cell = 5 * torch.eye(3, dtype=data.pos.dtype)
    one = molecule(dtype=data.pos.dtype, cell=cell[None], pbc=torch.tensor([[True, True, False]])).to(device)
    field = FIELD(one)
    yield field(one.pos)
    yield field.on(Grid.from_cell(cell, (4, 5, 6))).values


def presets(data, device):
    for name in ("mnf", "libmolgrid", "funcmol", "promolecule", "vdw"):
        yield MolField.preset(name)(data)(data.pos, data.batch)


def queries(data, device):
    drawn = with_queries(data)
    yield drawn.query_pos
    yield drawn.field


def inverses(data, device):
    one = molecule().to(device)
    grid = Grid.cube((0, 0, 0), 9.0, 23)
    volume = FIELD(one).on(grid)
    found = find_atoms(volume)
    yield found.pos
    fitted, _ = fit_rbf(volume, one.pos)
    yield fitted(one.pos)
    finer, _ = superresolve(FIELD(one).on(Grid.cube((0, 0, 0), 9.0, 12)), method="kriging")
    yield finer(one.pos)


def comparisons(data, device):
    one, two = molecule().to(device), molecule(7, 3).to(device)
    yield align(two, one).moved.pos
    yield similarity(FIELD(one), FIELD(two)).by_channel
    yield FieldPath([one, one.clone()]).field(0.5)(one.pos)


@pytest.mark.parametrize("compute", [values, crystal, presets, queries, inverses, comparisons])
def test_fields_on_a_device(compute):
    host = list(compute(batch(), "cpu"))
    with emulated_device() as device:
        found = list(compute(batch().to(device), device))
    for far, expected in zip(found, host, strict=True):
        close(far, expected, 1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_of_training_on_a_device(name):
    loss, options = LOSSES[name]
    decoder = "rbf" if name == "matching" else name
    encoder = {} if decoder in ("structure_factors", "flow") else {"encoder_options": SMALL_ENCODER}
    torch.manual_seed(0)
    model = FieldAutoEncoder(FIELD, 64, decoder, decoder_options=options, **encoder).double().train()
    expected = loss(model, with_queries(batch()))
    expected.backward()
    slopes = [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]
    model.zero_grad()
    with emulated_device() as device:
        model = model.to(device)
        found = loss(model, with_queries(batch().to(device)))
        found.backward()
        close(found, expected)
        far = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
        for one, two in zip(far, slopes, strict=True):
            close(one, two, 1e-6)


@pytest.mark.parametrize("name", ["rbf", "siren", "atoms", "structure_factors"])
def test_codes_and_fields_on_a_device(name):
    options = LOSSES[name][1]
    encoder = {} if name == "structure_factors" else {"encoder_options": SMALL_ENCODER}
    torch.manual_seed(0)
    model = FieldAutoEncoder(FIELD, 96, name, decoder_options=options, **encoder).double().eval()
    data = batch()
    with torch.no_grad():
        latent = model.encode(data)
        expected = model.decode(latent, data.pos, data.batch)
        with emulated_device() as device:
            model, data = model.to(device), data.to(device)
            close(model.encode(data).code, latent.code)
            close(model.decode(model.encode(data), data.pos, data.batch), expected, 1e-6)
            torch.testing.assert_close(model.embed(data).code, latent.code, atol=1e-8, rtol=0)


def test_molecules_of_a_flow_on_a_device():
    torch.manual_seed(0)
    options = {**LOSSES["flow"][1], "exact_dim": 60}
    model = FieldAutoEncoder(FIELD, 96, "flow", decoder_options=options).double().eval()
    one, two = molecule(5), molecule(6, 1)
    drawn = [torch.Generator().manual_seed(0) for _ in range(4)]
    host = [
        *model.sample(2, settle=1, tries=2, generator=drawn[0]),
        *model.path(one, two, 3),
        *model.sample_near(model.encode(one), 0.4, 2, generator=drawn[1]),
    ]
    with emulated_device() as device:
        model, one, two = model.to(device), one.to(device), two.to(device)
        far = [
            *model.sample(2, settle=1, tries=2, generator=drawn[2]),
            *model.path(one, two, 3),
            *model.sample_near(model.encode(one), 0.4, 2, generator=drawn[3]),
        ]
    for a, b in zip(far, host, strict=True):
        assert a.z.held.equal(b.z)
        close(a.pos, b.pos, 1e-6)


def test_codes_without_an_encoder_on_a_device():
    with emulated_device() as device:
        volume = FIELD(molecule(dtype=torch.float32).to(device)).on(Grid.cube((0, 0, 0), 6.0, 7))
        options = {"width": 16, "num_layers": 3}
        model = FieldAutoDecoder(FIELD, 1, 8, decoder="siren", decoder_options=options).to(device)
        model.fit([volume], max_steps=2)
        assert all(parameter.device.type == device for parameter in model.parameters())


def many_points(data, device):
    field = FIELD(molecule(dtype=torch.float32).to(device))
    nodes = Grid.cube((0, 0, 0), 9.0, 24).points(device=device)
    yield nodes
    yield field(nodes)


@pytest.mark.parametrize("compute", [values, crystal, presets, queries, many_points])
def test_fields_on_a_device_without_double_precision(compute):
    host = list(compute(batch(torch.float32), "cpu"))
    with emulated_device(double=False) as device:
        found = list(compute(batch(torch.float32).to(device), device))
    for far, expected in zip(found, host, strict=True):
        assert far.dtype == torch.float32
        close(far, expected, 1e-4 * float(expected.abs().max()))


@pytest.mark.filterwarnings("ignore:.*got none at carbon:tg_molfield.nn.OutOfDomainWarning")
@pytest.mark.filterwarnings("ignore:.*got distances that are bonds in bohr:tg_molfield.nn.OutOfDomainWarning")
@pytest.mark.parametrize("name", LOSSES)
def test_a_step_of_training_and_a_code_on_a_device_without_double_precision(name):
    loss, options = LOSSES[name]
    decoder = "rbf" if name == "matching" else name
    encoder = {} if decoder in ("structure_factors", "flow") else {"encoder_options": SMALL_ENCODER}
    torch.manual_seed(0)
    model = FieldAutoEncoder(FIELD, 96, decoder, decoder_options=options, **encoder)
    expected = loss(model.train(), with_queries(batch(torch.float32)))
    data = batch(torch.float32)
    latent = model.eval().encode(data)
    decodes = decoder not in ("structure_factors", "flow")
    values = model.decode(latent, data.pos, data.batch) if decodes else None
    with emulated_device(double=False) as device:
        model = model.to(device).train()
        found = loss(model, with_queries(batch(torch.float32).to(device)))
        found.backward()
        close(found, expected, 1e-3 * float(expected.detach()))
        assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in model.parameters())
        data = data.to(device)
        again = model.eval().encode(data)
        close(again.code, latent.code, 1e-3)
        if decodes:
            close(model.decode(again, data.pos, data.batch), values, 1e-3)
