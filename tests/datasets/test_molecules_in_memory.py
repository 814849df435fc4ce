"""What becomes of a list of ``Data`` that was made by hand."""

import math

import numpy as np
import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield.datasets import MoleculeFields
from tg_molfield.structures import SkippedRecordsWarning, StructureWarning, from_smiles


def helium(**values):
    return Data(z=torch.tensor([2]), pos=torch.ones(1, 3), **values)


class Pairs(Data):
    def __inc__(self, key, value, *args, **kwargs):
        return 7 if key == "pair" else super().__inc__(key, value, *args, **kwargs)


class Columns(Data):
    def __cat_dim__(self, key, value, *args, **kwargs):
        return 1 if key == "pair" else super().__cat_dim__(key, value, *args, **kwargs)


class Named(Data):
    """A class that batches as any ``Data``."""


def as_data(data):
    return Data(**data.to_dict())


@pytest.mark.parametrize(("kind", "name"), [(Pairs, "__inc__"), (Columns, "__cat_dim__")])
def test_classes_with_batches_of_their_own_are_refused(tmp_path, kind, name):
    own = kind(**helium(pair=torch.zeros(2, 1)).to_dict())
    message = rf"record 2: data: expected a Data that is batched .*, got a {kind.__name__} with its own {name}, which"
    with pytest.raises(ValueError, match=message):
        MoleculeFields(tmp_path / "raise", [helium(pair=torch.zeros(2, 1)), own], errors="raise")
    with pytest.raises(ValueError, match=f"make a Data of it in pre_transform, and a {kind.__name__} again in transf"):
        MoleculeFields(tmp_path / "all", [own])
    with pytest.warns(SkippedRecordsWarning, match=kind.__name__):
        assert len(MoleculeFields(tmp_path / "skip", [helium(), own])) == 1
    converted = MoleculeFields(tmp_path / "data", [own], pre_transform=as_data)
    assert converted[0].pair.shape == (2, 1)
    assert type(MoleculeFields(tmp_path / "named", [Named(**helium().to_dict())])[0]) is Data


def test_cells_have_directions_in_all_molecules(tmp_path):
    cell = 5 * torch.eye(3)[None]
    slab = torch.tensor([[True, True, False]])
    molecules = [helium(cell=cell), helium(cell=cell, pbc=slab), helium(cell=0 * cell)]
    dataset = MoleculeFields(tmp_path, molecules)
    assert Batch.from_data_list(list(dataset)).pbc.tolist() == [[True] * 3, [True, True, False], [False] * 3]


def failing(data):
    return 1 / (data.z[0].item() - 10)


def returning_nothing(data):
    return None if data.z[0] == 10 else data


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"pre_filter": failing}, "pre_filter: expected a function that takes this molecule, got ZeroDivisionError: "),
        (
            {"pre_transform": lambda data: Data(z=data.z, pos=data.pos, inverse=failing(data))},
            "pre_transform: expected a function that takes this molecule, got ZeroDivisionError: .* by zero; correct",
        ),
        (
            {"pre_filter": lambda data: data.pos > 0 if data.z[0] == 10 else True},
            "pre_filter: .* RuntimeError: Boolean",
        ),
        ({"pre_transform": returning_nothing}, "pre_transform: expected a Data, got NoneType; return the molecule"),
    ],
)
def test_molecules_that_a_function_cannot_take_are_listed(tmp_path, options, reason):
    neon = Data(z=torch.tensor([10]), pos=torch.ones(1, 3), name="neon")
    with pytest.warns(SkippedRecordsWarning, match=rf"(?s)expected 3 .*, got 2.*record 2 \('neon'\): {reason}"):
        dataset = MoleculeFields(tmp_path / "skip", [helium(), neon, helium()], **options)
    assert [one.record for one in dataset.failed] == [2]
    assert len(dataset) == 2
    with pytest.raises(ValueError, match=rf"library: record 2 \('neon'\): {reason}"):
        MoleculeFields(tmp_path / "raise", [helium(), neon], errors="raise", **options)


def test_the_error_of_a_function_is_the_cause(tmp_path):
    with pytest.raises(ValueError, match="pre_filter") as told:
        MoleculeFields(tmp_path, [Data(z=torch.tensor([10]), pos=torch.ones(1, 3))], pre_filter=failing, errors="raise")
    assert isinstance(told.value.__cause__.__cause__, ZeroDivisionError)


def without_tags(data):
    data.tagged = len(data.tags)
    del data.tags
    return data


def test_what_cannot_be_stored_is_named_and_can_be_converted(tmp_path):
    molecules = [helium(name="one", tags=["a"]), helium(name="two", tags=["a", "b"])]
    dataset = MoleculeFields(tmp_path / "converted", molecules, pre_transform=without_tags)
    assert [data.tagged for data in dataset] == [1, 2]
    molecules[1].tags = ["a", "c"]
    with pytest.raises(ValueError, match="another source"):
        MoleculeFields(tmp_path / "converted", molecules, pre_transform=without_tags)
    with pytest.warns(
        SkippedRecordsWarning, match=r"record 2 \('two'\): words: expected a dense tensor, a text or a n"
    ):
        assert len(MoleculeFields(tmp_path / "named", [helium(), helium(name="two", words=["a"])])) == 1


def test_atomic_numbers_are_int64(tmp_path):
    molecules = [Data(z=torch.tensor([2], dtype=dtype), pos=torch.ones(1, 3)) for dtype in (torch.int32, torch.uint8)]
    dataset = MoleculeFields(tmp_path, molecules)
    assert [data.z.dtype for data in dataset] == [torch.int64] * 2
    assert molecules[0].z.dtype == torch.int32


@pytest.mark.parametrize("energy", [-1.5, np.float32(-1.5), torch.tensor([-1.5])])
def test_plain_numbers_are_labels(tmp_path, energy):
    dataset = MoleculeFields(tmp_path, [helium(energy=energy)], labels="energy", dtype=torch.float64)
    assert dataset[0].y.tolist() == [[-1.5]]
    assert torch.equal(dataset[0].energy, torch.tensor([-1.5], dtype=torch.float64))


@pytest.mark.parametrize("unknown", [math.nan, np.float32("nan"), torch.tensor([math.nan]), "NaN"])
def test_labels_that_are_nan_are_unknown(tmp_path, unknown):
    molecules = [helium(one=unknown, two=torch.tensor(2.0)), helium(one=1.0, two=torch.tensor(math.nan))]
    with (
        pytest.warns(StructureWarning, match="record 1: label 'one': expected a number, got none; .* y has NaN for it"),
        pytest.warns(StructureWarning, match="record 2: label 'two': expected a number, got none"),
    ):
        dataset = MoleculeFields(tmp_path, molecules, labels=("one", "two"))
    expected = torch.tensor([[math.nan, 2.0], [1.0, math.nan]])
    torch.testing.assert_close(torch.cat([data.y for data in dataset]), expected, equal_nan=True, rtol=0, atol=0)


def test_several_molecules_in_one_data_are_refused(tmp_path):
    several = Data(z=torch.tensor([2, 2, 10]), pos=torch.eye(3), batch=torch.tensor([0, 0, 1]))
    with pytest.warns(SkippedRecordsWarning, match=r"record 2: data: expected one molecule, got 2 by data\.batch"):
        dataset = MoleculeFields(tmp_path, [helium(), several])
    assert len(dataset) == 1


def test_numbers_of_numpy_are_kept(tmp_path):
    dataset = MoleculeFields(tmp_path, [helium(count=np.int64(3), share=np.float64(0.5), known=np.bool_(True))])
    assert (dataset[0].count, dataset[0].share, dataset[0].known) == (3, 0.5, True)


def test_reasons_speak_of_no_file(tmp_path):
    molecules = [from_smiles("O"), helium(energy="high"), helium(forces=[[0, 0, 0]])]
    with pytest.warns(SkippedRecordsWarning):
        dataset = MoleculeFields(tmp_path, molecules)
    assert [one.reason for one in dataset.failed] == [
        "energy: expected a tensor, got str; convert it with torch.as_tensor",
        "forces: expected a dense tensor, a text or a number, got list; convert it in pre_transform, or compute it in "
        "transform",
    ]
