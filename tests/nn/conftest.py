import pytest
from hard_molecules import batched, molecules
from small_models import ENCODERS, SMALL, awake, build
from torch import Tensor

from tg_molfield.nn import FieldAutoEncoder


@pytest.fixture(params=[(decoder, encoder) for decoder in SMALL for encoder in ENCODERS], ids="-".join)
def model(request) -> FieldAutoEncoder:
    decoder, encoder = request.param
    return awake(build(decoder, **ENCODERS[encoder])).double()


@pytest.fixture
def items() -> list[tuple[Tensor, Tensor]]:
    return list(molecules().values())


@pytest.fixture
def batch(items) -> tuple[Tensor, Tensor, Tensor]:
    return batched(items)


@pytest.fixture
def make_model():
    return build
