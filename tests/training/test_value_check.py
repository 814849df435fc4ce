import warnings

import pytest
import torch
from lightning_runs import trainer
from small import FIELD, model, molecules
from torch_geometric.loader import DataLoader
from torch_geometric.transforms import RandomRotate

from tg_molfield.fields import MolField
from tg_molfield.training import FieldValuesWarning, fit
from tg_molfield.transforms import MolFieldTransform

OTHER = MolField("H C O", widths=0.6, width_scale=1.0)
OWN = MolFieldTransform(FIELD, num_queries=32, seed=0)
MESSAGE = "expected field values of the atoms by the model's MolField.* got others"


def drawn(transform=OWN):
    return [transform(data) for data in molecules()]


def turned():
    torch.manual_seed(0)
    return [RandomRotate(180)(data) for data in drawn()]


@pytest.mark.parametrize("make", [turned, lambda: drawn(MolFieldTransform(OTHER, num_queries=32, seed=0))])
@pytest.mark.parametrize(("wrap", "options"), [(list, {"batch_size": 4}), (lambda data: DataLoader(data, 4), {})])
def test_values_of_other_atoms_or_definitions_are_told_once(make, wrap, options):
    with pytest.warns(FieldValuesWarning, match=f"^data: {MESSAGE}") as caught:
        fit(model(), wrap(make()), max_steps=3, **options)
    assert len(caught) == 1


def test_values_to_validate_with_are_compared_too():
    with pytest.warns(FieldValuesWarning, match=f"^valid: {MESSAGE}") as caught:
        fit(model(), drawn(), valid=turned(), max_steps=2, batch_size=4, validate_every=1)
    assert len(caught) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_rounded_values_are_those_of_the_definition(dtype):
    data = drawn()
    for one in data:
        one.field = one.field.to(dtype).float()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model(), data, max_steps=1)


def test_only_a_field_loss_takes_values():
    def loss(model, batch):
        return model.encode(batch).code.square().mean()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model(), turned(), loss, max_steps=1)


@pytest.mark.filterwarnings("ignore")
def test_lightning_tells_of_each_part(tmp_path):
    pytest.importorskip("lightning")
    from tg_molfield.training.lightning import FieldDataModule, FieldLightningModule

    def names(train, valid):
        parts = FieldDataModule({"train": train, "valid": valid}, batch_size=4)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            trainer(tmp_path, max_epochs=2).fit(FieldLightningModule(model()), parts)
        told = [one for one in caught if one.category is FieldValuesWarning]
        return sorted(str(one.message).split(":")[0] for one in told)

    assert names(turned(), turned()) == ["train batches", "val batches"]
    assert names(drawn(), molecules()) == []
