import torch
from torch_geometric.data import Data

from tg_molfield.demo.linear_models import element_counts, least_squares, ridge


def test_counts():
    water = Data(z=torch.tensor([8, 1, 1]))
    assert element_counts([water], (1, 6, 8)).tolist() == [[2, 0, 1, 1]]


def test_least_squares_finds_the_weights_where_a_column_is_empty():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20, 3, dtype=torch.float64, generator=generator)
    x[:, 1] = 0
    weights = torch.tensor([[2.0], [0.0], [-1.0]], dtype=torch.float64)
    assert torch.allclose(least_squares(x, x @ weights, x[:5]), x[:5] @ weights)


def test_ridge_takes_the_least_penalty_where_there_is_no_noise_and_a_large_one_where_there_is_nothing_else():
    generator = torch.Generator().manual_seed(0)
    x, new = torch.randn(2, 200, 4, dtype=torch.float64, generator=generator)
    weights = torch.tensor([[2.0], [1.0], [-1.0], [3.0]], dtype=torch.float64)
    assert (ridge(x, x @ weights + 5, new) - new @ weights - 5).abs().max() < 0.1
    noise = torch.randn(200, 1, dtype=torch.float64, generator=generator)
    assert (ridge(x, noise, new) - noise.mean()).std() < 0.2
