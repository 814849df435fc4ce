import math

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.training import PropertyLoss

pytestmark = pytest.mark.usefixtures("seeded")

ENCODER = {"out_channels": 8, "num_layers": 1}

VALUES = torch.tensor([[1.0, 10.0], [3.0, 30.0], [5.0, math.nan]])


def batch(values=VALUES):
    return Data(properties=values)


def test_a_head_that_reads_exactly_has_no_loss_and_predicts_in_units():
    loss = PropertyLoss(2, VALUES)
    with torch.no_grad():
        loss.head.weight.copy_(torch.diag(1 / loss.spread))
        loss.head.bias.copy_(-loss.mean / loss.spread)
    features = VALUES.nan_to_num(77.0)
    assert loss(features, batch()) < 1e-10
    torch.testing.assert_close(loss.predict(features), features)
    torch.testing.assert_close(loss.mean, torch.tensor([3.0, 20.0]))
    torch.testing.assert_close(loss.spread, torch.tensor([(8 / 3) ** 0.5, 10.0]))


def test_what_is_unknown_does_not_count():
    loss = PropertyLoss(3, VALUES)
    features = torch.randn(3, 3, requires_grad=True)
    known = torch.where(VALUES.isnan(), VALUES, 0.0)
    (gradient,) = torch.autograd.grad(loss(features, batch(known)), features)
    assert bool(gradient.isfinite().all())
    nothing = loss(features, batch(torch.full_like(VALUES, math.nan)))
    assert nothing == 0


def test_weights_say_how_much_each_property_counts():
    features = torch.randn(3, 4)
    losses = []
    for weights in (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), torch.tensor([1.0, 3.0])):
        torch.manual_seed(0)
        losses.append(PropertyLoss(4, VALUES[:2], weights=weights)(features[:2], batch(VALUES[:2])))
    torch.testing.assert_close(losses[2], (losses[0] + 3 * losses[1]) / 4)


def test_outliers_are_cut_off_and_constants_do_no_harm():
    loss = PropertyLoss(2, torch.tensor([[0.0, 5.0], [2.0, 5.0]]), clip=3.0)
    features = torch.randn(1, 2)
    far, farther = (loss(features, batch(torch.tensor([[value, 5.0]]))) for value in (1e3, 1e9))
    assert far == farther
    assert bool(far.isfinite())


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_the_loss_of_infinite_properties_is_infinite(value):
    assert PropertyLoss(2, VALUES)(torch.randn(1, 2), batch(torch.tensor([[1.0, value]]))) == math.inf


def test_infinite_properties_that_do_not_count_change_nothing():
    loss = PropertyLoss(2, VALUES, weights=torch.tensor([1.0, 0.0]))
    features = torch.randn(1, 2)
    expected = loss(features, batch(torch.tensor([[1.0, 10.0]])))
    assert loss(features, batch(torch.tensor([[1.0, math.inf]]))) == expected


def test_properties_beyond_half_precision_train_under_autocast():
    values = -250_000 + 600 * torch.randn(20, 2)
    loss, features = PropertyLoss(2, values), torch.randn(20, 2)
    exact = loss(features, batch(values))
    with torch.autocast("cpu", torch.float16):
        torch.testing.assert_close(loss(features.half(), batch(values)), exact, rtol=0.01, atol=0.0)


def test_codes_learn_a_property():
    molecules = [
        Data(z=torch.full((n,), 6), pos=torch.randn(n, 3), y=torch.tensor([[float(n)]])) for n in (1, 2, 3, 5, 8, 9)
    ]
    small = {"num_slots": 2, "width": 8, "num_tokens": 2}
    model = FieldAutoEncoder("C", 32, encoder_options=ENCODER, pooling_options={"num_blocks": 0}, decoder_options=small)
    loss = PropertyLoss(32, torch.cat([data.y for data in molecules]), key="y")
    optimizer = torch.optim.Adam([*model.parameters(), *loss.parameters()], lr=1e-2)
    data = Batch.from_data_list(molecules)
    values = []
    for _ in range(40):
        value = loss(model.encode(data.z, data.pos, data.batch).code, data)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.3 * values[0]


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"values: expected \[M, P\] .* got \[3\]"):
        PropertyLoss(2, VALUES[:, 0])
    with pytest.raises(ValueError, match="at least one known value"):
        PropertyLoss(2, VALUES[2:])
    with pytest.raises(ValueError, match="got infinity in column 1"):
        PropertyLoss(2, VALUES.nan_to_num(math.inf))
    loss = PropertyLoss(2, VALUES)
    with pytest.raises(ValueError, match=r"batch.properties: expected a tensor \[3, 2\], got none"):
        loss(torch.zeros(3, 2), Data())
    with pytest.raises(ValueError, match=r"batch.properties: expected a tensor \[2, 2\], got \[3, 2\]"):
        loss(torch.zeros(2, 2), batch())


def test_values_in_double_precision_train_a_head_in_single():
    loss, features = PropertyLoss(3, VALUES), torch.randn(3, 3, requires_grad=True)
    double = loss(features, batch(VALUES.double()))
    torch.testing.assert_close(double, loss(features, batch()))
    double.backward()
    assert bool(features.grad.any())
