"""Batches as a plain ``Data`` with a ``batch`` vector, which does not say how many molecules it holds."""

import pytest
import torch
from small import FIELD, model, molecules
from torch_geometric.data import Batch, Data

from tg_molfield.training import AugmentedMolecules, fit
from tg_molfield.transforms import MolFieldTransform


def batches() -> list[Batch]:
    """Two of different size, with query points."""
    transform = MolFieldTransform(FIELD, num_queries=8, seed=0)
    found = molecules(4)
    return [transform(Batch.from_data_list(part)) for part in (found[1:], found[:1])]


def without_count(batch: Batch) -> Data:
    names = ("z", "pos", "batch", "query_pos", "query_batch", "field")
    return Data(**{name: batch[name] for name in names})


def test_validation_is_the_mean_over_their_molecules():
    given = batches()
    trained = model()
    report = fit(trained, given, valid=[without_count(batch) for batch in given], max_steps=1)
    square = 0.0
    for batch in given:
        values = trained.decode(trained.encode(batch), batch.query_pos, batch.query_batch)
        square += float((values - batch.field).square().mean(1).view(-1, 8).mean(1).sum().detach())
    assert report.best.loss == pytest.approx(square / 4, rel=1e-5)


def test_training_takes_them_as_batches():
    ways = batches(), [without_count(batch) for batch in batches()]
    one, two = (fit(model(), given, max_steps=4).losses for given in ways)
    assert one == pytest.approx(two, rel=1e-5)


class Items(torch.utils.data.Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


@pytest.mark.parametrize("made", [without_count, lambda batch: batch])
def test_they_are_no_molecules_of_a_data_set(made):
    given = [made(batch) for batch in batches()]
    for data in (Items(given), [molecules(1)[0], given[0]]):
        with pytest.raises(
            TypeError, match=r"data\[\d\]: expected one molecule, got a batch of several; give molecules one"
        ):
            fit(model(), data, max_steps=1)


def test_they_are_no_molecules_to_augment():
    with pytest.raises(
        TypeError, match=r"molecules\[1\]: expected one molecule, got a batch of several; give them one"
    ):
        AugmentedMolecules([molecules(1)[0], without_count(batches()[0])])


def test_one_molecule_may_have_a_batch_vector():
    given = [Data(z=data.z, pos=data.pos, batch=torch.zeros_like(data.z)) for data in molecules(4)]
    one, two = (fit(model(), data, max_steps=2).losses for data in (given, molecules(4)))
    assert one == two
