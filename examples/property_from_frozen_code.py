"""The frozen codes of a pretrained autoencoder as features: ridge regression of enthalpies of formation.

The features are the summary, the part of the code for property models. For comparison, the same regression on element
counts.
"""

import torch
from g2_enthalpies import split
from torch import Tensor
from torch_geometric.data import Batch, Data

from tg_molfield import FieldAutoEncoder
from tg_molfield.demo.enthalpies import ORGANIC
from tg_molfield.demo.linear_models import element_counts, ridge

SPLITS = 4
PENALTY = 3.04


@torch.no_grad()
def codes(molecules: list[Data]) -> Tensor:
    batch = Batch.from_data_list(molecules)
    model = FieldAutoEncoder.from_pretrained("organic-small")
    return model.encode(batch).summary.double()


def counts(molecules: list[Data]) -> Tensor:
    return element_counts(molecules, ORGANIC)


def main() -> None:
    for name, features in (("counts of elements", counts), ("codes", codes)):
        errors = []
        for seed in range(SPLITS):
            train, test = split(seed)
            y, test_y = (torch.cat([data.y for data in molecules]).double() for molecules in (train, test))
            predicted = ridge(features(train), y, features(test), [PENALTY])
            errors.append(float((predicted - test_y).abs().mean()))
        print(f"enthalpies from {name}: mean absolute error {sum(errors) / SPLITS:.1f} kcal/mol, {SPLITS} splits")


if __name__ == "__main__":
    main()
