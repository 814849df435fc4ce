import pytest
import torch


@pytest.fixture(autouse=True)
def seeded():
    """Every test starts from one state of torch's generator and leaves that of the others alone."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield
