"""Under `torch.autocast` models train and give nearly the results of float32; fields and solvers give exactly these."""

import pytest
import torch
from small_models import ENCODERS, SMALL, awake, build
from torch_geometric.data import Batch, Data
from torch_geometric.nn.models import DimeNetPlusPlus, SchNet, ViSNet

from tg_molfield import fit_rbf
from tg_molfield.fields import Grid, MolField
from tg_molfield.nn import Latent
from tg_molfield.nn.ops.gaussian_overlap import squared_distance
from tg_molfield.training import FieldLoss, FlowLoss, InitialGuessLoss, MatchingLoss, PropertyLoss

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)
HALF = pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=str)
ROUNDING = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-11}
NETWORKS = {
    "SchNet": lambda: SchNet(8, 8, 1, 8),
    "DimeNetPlusPlus": lambda: DimeNetPlusPlus(8, 8, 1, 8, 8, 8, 2, 2),
    "ViSNet": lambda: ViSNet(num_heads=2, num_layers=1, hidden_channels=8, num_rbf=4),
}


def lower(half: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", half)


def molecules() -> Batch:
    definition = MolField(FIELD.specification, widths=0.5, width_scale=1.0)
    water = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
    methanol = Data(
        z=torch.tensor([6, 8, 1, 1, 1, 1]),
        pos=torch.tensor(
            [[-0.05, 0.66, 0], [-0.05, -0.76, 0], [-1.09, 0.98, 0], [0.87, -1.06, 0], [0.44, 1.08, 0.89],
             [0.44, 1.08, -0.89]]
        ),
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    for data in (found := [water, methanol]):
        data.query_pos = data.pos.repeat(4, 1) + 0.4 * torch.randn(4 * len(data.z), 3, generator=generator)
        data.query_batch = torch.zeros(len(data.query_pos), dtype=torch.int64)
        data.field = definition(data)(data.query_pos)
        data.y = torch.tensor([[float(len(data.z))]])
    return Batch.from_data_list(found)


def near(found: torch.Tensor, expected: torch.Tensor, half: torch.dtype, roundings: float = 8.0) -> None:
    assert found.dtype == expected.dtype == torch.float32
    scale = float(expected.detach().abs().max())
    torch.testing.assert_close(found, expected, rtol=0, atol=roundings * ROUNDING[half] * scale)


@HALF
@pytest.mark.parametrize("decoder", SMALL)
def test_codes_and_fields_are_nearly_those_of_float32(decoder, half):
    model, batch = awake(build(decoder, channels=FIELD)), molecules()
    expected = model.encode(batch)
    values = model.decode(expected, batch.query_pos, batch.query_batch)
    with lower(half):
        latent = model.encode(batch)
        near(latent.code, expected.code, half)
        near(model.decode(latent, batch.query_pos, batch.query_batch), values, half)
        near(model.decoder.field(latent)(batch.query_pos, batch.query_batch), values, half)
        near(model.field(batch)(batch.query_pos, batch.query_batch), values, half)
    if decoder == "structure_factors":
        assert torch.equal(latent.code, expected.code)
        with lower(half):
            assert torch.equal(model.decode(expected, batch.query_pos, batch.query_batch), values)


@HALF
@pytest.mark.filterwarnings("ignore::tg_molfield.nn.UnsolvedCodeWarning")
@pytest.mark.parametrize("decoder", SMALL)
def test_codes_of_sixteen_bits_are_read(decoder, half):
    options = SMALL[decoder] | ({"num_searches": 0} if decoder == "structure_factors" else {})
    model, batch = build(decoder, channels=FIELD, decoder_options=options), molecules()
    latent = model.encode(batch)
    rounded = latent.with_code(latent.code.to(half))
    values = model.decode(latent.with_code(rounded.code.float()), batch.query_pos, batch.query_batch)
    assert torch.equal(model.decode(rounded, batch.query_pos, batch.query_batch), values)
    assert torch.equal(model.decoder.field(rounded)(batch.query_pos, batch.query_batch), values)
    with lower(half):
        near(model.decode(rounded, batch.query_pos, batch.query_batch), values, half)
    if model.decoder.reads_free_codes:
        free = model.decoder.field(Latent.centered(rounded.code))
        assert free(batch.query_pos, batch.query_batch).dtype == torch.float32
    with pytest.raises(ValueError, match=r"code: expected torch.float32 on cpu, got torch.float64"):
        model.decoder.field(latent.with_code(latent.code.double()))


def losses(decoder: str):
    if decoder != "structure_factors":
        yield FieldLoss()
    if decoder == "rbf":
        yield MatchingLoss(FIELD)
    if decoder == "structure_factors":
        yield InitialGuessLoss()
    if decoder == "flow":
        yield FlowLoss()


@HALF
@pytest.mark.parametrize("decoder", SMALL)
def test_steps_of_training_lower_the_loss(decoder, half):
    batch = molecules()
    for loss in losses(decoder):
        model = build(decoder, channels=FIELD, random_frames=False).train()
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        scaler = torch.amp.GradScaler("cpu", init_scale=64.0, enabled=half == torch.float16)
        torch.manual_seed(3)
        expected, found = loss(model, batch).detach(), []
        for _ in range(4):
            torch.manual_seed(3)
            optimizer.zero_grad()
            with lower(half):
                value = loss(model, batch)
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
            found.append(float(value.detach()))
            assert all(p.grad is None or bool(p.grad.isfinite().all()) for p in model.parameters())
        rematched = isinstance(loss, MatchingLoss)  # rounding may match slots to other atoms that are as near
        near(torch.tensor(found[0]), expected, half, 64 if rematched else 16)
        if not isinstance(loss, FieldLoss) or decoder != "flow":
            assert found[-1] < found[0]


@HALF
@pytest.mark.parametrize("name", NETWORKS)
def test_other_networks_encode(name, half):
    model, batch = build("rbf", channels=FIELD, encoder=NETWORKS[name]()), molecules()
    expected = model.encode(batch).code
    with lower(half):
        near(model.encode(batch).code, expected, half, 16)


@HALF
def test_summaries_and_predictions_are_nearly_those_of_float32(half):
    batch = molecules()
    options = {"encoder_options": ENCODERS["tensors"]["encoder_options"], "summary_channels": 8}
    for model in (build("structure_factors", **options), build("rbf", **options)):
        loss = PropertyLoss(8, batch.y, key="y")
        expected = model.encode(batch).summary
        with lower(half):
            found = model.encode(batch).summary
            value = loss(found, batch)
        near(found, expected, half, 16)
        near(value.float(), loss(expected, batch), half, 16)


@HALF
def test_sums_over_atoms_do_not_change(half):
    batch = molecules()
    fields = [FIELD(batch), MolField.preset("funcmol", channels="H C O")(batch), MolField.preset("vdw")(batch)]
    for field in fields:
        pos = batch.query_pos.clone().requires_grad_()
        values, slopes = field(pos, batch.query_batch), field.gradient(pos.detach(), batch.query_batch)
        (grad,) = torch.autograd.grad(values.square().sum(), pos)
        with lower(half):
            assert torch.equal(field(pos, batch.query_batch), values)
            assert torch.equal(field.gradient(pos.detach(), batch.query_batch), slopes)
            assert torch.equal(torch.autograd.grad(field(pos, batch.query_batch).square().sum(), pos)[0], grad)
    single = fields[0].unbatch()[1]
    grid = Grid.around(single.centers, 0.5)
    volume, distance = single.on(grid), squared_distance(fields[0], fields[0] * 0.9)
    fitted = fit_rbf(volume, single.centers + 0.1)[0].centers
    with lower(half):
        assert torch.equal(single.on(grid).values, volume.values)
        assert torch.equal(volume(single.centers), volume.interpolated("linear")(single.centers))
        assert torch.equal(squared_distance(fields[0], fields[0] * 0.9), distance)
        assert torch.equal(fit_rbf(volume, single.centers + 0.1)[0].centers, fitted)


@HALF
@pytest.mark.parametrize("decoder", SMALL)
@pytest.mark.filterwarnings("ignore::tg_molfield.fields.CoarseCoordinatesWarning")
def test_models_of_sixteen_bits_compute_or_say_that_they_cannot(decoder, half):
    model = build(decoder, channels=FIELD).to(half).eval()
    data = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]]).to(half))
    if model.decoder.computes_in_16_bits:
        latent = model.encode(data)
        assert latent.code.dtype == half
        assert bool(model.decode(latent, data.pos).isfinite().all())
    else:
        with pytest.raises(ValueError, match=f"model: expected parameters in float32 or float64, got {half}"):
            model.encode(data)
