import pytest
from hard_molecules import batched, molecules
from small_models import KINDS, awake, build
from torch import Tensor

from tg_molfield.nn import FieldAutoEncoder


@pytest.fixture(params=KINDS, ids=lambda kind: "-".join(kind[:2]))
def model(request) -> FieldAutoEncoder:
    decoder, _, options = request.param
    return awake(build(decoder, **options)).double()


@pytest.fixture
def items() -> list[tuple[Tensor, Tensor]]:
    return list(molecules().values())


@pytest.fixture
def batch(items) -> tuple[Tensor, Tensor, Tensor]:
    return batched(items)


@pytest.fixture
def make_model():
    return build
