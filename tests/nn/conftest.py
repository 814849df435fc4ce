import pytest
import torch
from hard_molecules import batched, molecules
from torch import Tensor

from tg_molfield.nn import FieldAutoEncoder

SMALL = {"rbf": {"num_slots": 6, "width": 16, "num_tokens": 2}, "siren": {"width": 16, "num_layers": 3}}


def build(decoder: str = "rbf", num_layers: int = 1, **options) -> FieldAutoEncoder:
    torch.manual_seed(0)
    pooling = {"width": 16, "num_tokens": 3, "num_blocks": 1}
    return FieldAutoEncoder(
        latent_dim=32,
        decoder=decoder,
        hidden=8,
        num_layers=num_layers,
        **{"pooling": pooling, "decoder_options": SMALL[decoder], **options},
    ).eval()


@pytest.fixture(params=["rbf", "siren"])
def model(request) -> FieldAutoEncoder:
    return build(request.param).double()


@pytest.fixture
def items() -> list[tuple[Tensor, Tensor]]:
    return list(molecules().values())


@pytest.fixture
def batch(items) -> tuple[Tensor, Tensor, Tensor]:
    return batched(items)


@pytest.fixture
def make_model():
    return build
