"""The summary in a pretrained autoencoder's codes as fixed features: ridge regression of enthalpies of formation.

Beside it, the same regression on the counts of the elements.
"""

import torch
from g2_enthalpies import split
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder

SPLITS = 4


def counts(molecules: list[Data]) -> Tensor:
    return torch.stack([torch.bincount(data.z, minlength=18) for data in molecules]).double()


@torch.no_grad()
def codes(molecules: list[Data]) -> Tensor:
    batch = Batch.from_data_list(molecules)
    model = FieldAutoEncoder.from_pretrained("organic-small")
    return model.encode(batch.z, batch.pos, batch.batch).summary.double()


def error_of_ridge(features: Tensor, test_features: Tensor, y: Tensor, test_y: Tensor, penalty: float = 3.0) -> float:
    """The mean absolute error on the test molecules of a ridge regression with standardised features."""
    center, scale = features.mean(0), features.std(0) + 1e-6
    x, seen = (features - center) / scale, (test_features - center) / scale
    weights = torch.linalg.solve(x.T @ x + penalty * torch.eye(x.size(1)).to(x), x.T @ (y - y.mean()))
    return float((seen @ weights + y.mean() - test_y).abs().mean())


def main() -> None:
    for name, features in (("counts of elements", counts), ("codes", codes)):
        errors = []
        for seed in range(SPLITS):
            train, test = split(seed)
            y, test_y = (torch.cat([data.y for data in molecules]).double() for molecules in (train, test))
            errors.append(error_of_ridge(features(train), features(test), y, test_y))
        print(f"enthalpy from {name}: mean absolute error {sum(errors) / SPLITS:.1f} kcal/mol, {SPLITS} splits")


if __name__ == "__main__":
    main()
