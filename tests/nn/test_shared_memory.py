"""No two models share memory, and no cache hands out a tensor that a caller could change."""

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from tg_molfield.fields import Grid, MolField
from tg_molfield.nn import FieldAutoDecoder, FieldAutoEncoder
from tg_molfield.nn.ops.ball import ball_points
from tg_molfield.nn.resolver import DECODERS, ENCODERS, FREE_CODE_DECODERS

DTYPES = [torch.float32, torch.float64]


@pytest.fixture(params=DTYPES, ids=str)
def default_dtype(request):
    before = torch.get_default_dtype()
    torch.set_default_dtype(request.param)
    yield request.param
    torch.set_default_dtype(before)


def memory_of(model: nn.Module) -> dict[int, str]:
    """Where the model's tensors lie: parameters, buffers, and tensors that are plain attributes."""
    found = {}
    for name, module in model.named_modules():
        own = {**module._parameters, **module._buffers, **vars(module)}
        for key, tensor in own.items():
            if isinstance(tensor, torch.Tensor) and tensor.numel():
                found[tensor.untyped_storage().data_ptr()] = f"{name}.{key}"
    assert len(found) > 5
    return found


def shared(one: nn.Module, two: nn.Module) -> list[str]:
    first, second = memory_of(one), memory_of(two)
    return sorted(first[place] for place in first.keys() & second.keys())


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("decoder", DECODERS)
def test_two_models_share_no_memory(decoder, encoder, default_dtype):
    named = {"encoder": encoder} if DECODERS[decoder].needs_features(4) else {}
    models = [FieldAutoEncoder(decoder=decoder, summary_channels=4, **named) for _ in range(2)]
    assert shared(*models) == []
    models[0].reset_parameters()
    assert shared(*models) == []


@pytest.mark.parametrize("decoder", FREE_CODE_DECODERS)
def test_two_autodecoders_share_no_memory(decoder, default_dtype):
    assert shared(*(FieldAutoDecoder("H C", decoder=decoder) for _ in range(2))) == []


def test_a_fit_leaves_other_models_alone_and_can_be_repeated_and_resumed(default_dtype, tmp_path):
    volume = MolField("H C")(molecule()).to(default_dtype).on(Grid.cube((0.0, 0.0, 0.0), 4.0, 6))
    options = {"num_slots": 4, "width": 8, "num_tokens": 2}

    def made() -> FieldAutoDecoder:
        return FieldAutoDecoder("H C", latent_dim=8, decoder="rbf", decoder_options=options)

    idle = made()
    before = idle.field().on(volume.grid).values.detach().clone()
    losses = [made().fit(volume, max_steps=4, lr=0.1, seed=3).losses for _ in range(2)]
    assert losses[0] == losses[1]
    assert torch.equal(idle.field().on(volume.grid).values, before)
    checkpoint = tmp_path / "fit.safetensors"
    made().fit(volume, max_steps=4, lr=0.1, seed=3, checkpoint=checkpoint)
    assert made().fit(volume, max_steps=4, lr=0.1, seed=3, checkpoint=checkpoint).losses == losses[0]


def test_changing_a_result_changes_no_cache():
    first = ball_points(5, 2.0)
    kept = first.clone()
    first.zero_()
    assert torch.equal(ball_points(5, 2.0), kept)


def molecule() -> Data:
    return Data(z=torch.tensor([6, 1]), pos=torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.0, 1.1]]))
