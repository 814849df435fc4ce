"""Batches to validate with that cannot serve are refused before the first step."""

import pytest
from small import FIELD, model, molecules
from torch.utils.data import IterableDataset
from torch_geometric.loader import DataLoader

from tg_molfield.training import fit
from tg_molfield.transforms import MolFieldTransform

pytestmark = pytest.mark.usefixtures("seeded")


class Stream(IterableDataset):
    """Molecules whose number is not known."""

    def __iter__(self):
        return map(MolFieldTransform(FIELD, num_queries=4), molecules(3))


def no_step(model, batch):
    raise AssertionError("a step was taken")


@pytest.mark.parametrize(
    ("valid", "kind", "message"),
    [
        (DataLoader([], batch_size=2), ValueError, "valid: expected at least one molecule, got none"),
        (iter(DataLoader(molecules(2))), TypeError, "valid: expected batches to be gone through at each validation"),
        (map(str, ()), TypeError, "valid: expected .*, got a map, which can be gone through once; give a list"),
    ],
)
def test_they_are_refused(valid, kind, message):
    with pytest.raises(kind, match=message):
        fit(model(), molecules(), no_step, valid=valid, max_steps=2)


def test_a_loader_of_a_stream_is_gone_through_again_and_again():
    report = fit(model(), molecules(), valid=DataLoader(Stream(), batch_size=2), batch_size=4, max_epochs=2)
    assert [one.step for one in report.validations] == [2, 4]
