"""Fields of pharmacophore features against sums written out and against RDKit's colour scores."""

import math

import pytest
import torch
from rdkit.Chem import rdShapeAlign
from torch_geometric.data import Batch, Data

from tg_molfield import Channel, MolField, from_smiles, to_rdkit
from tg_molfield.compare import overlap, score_in_place
from tg_molfield.fields import FormFactors
from tg_molfield.fields.definition_dict import mol_field_from_dict, mol_field_to_dict
from tg_molfield.paths import FieldPath
from tg_molfield.structures import COLOR_TYPES
from tg_molfield.transforms import MolFieldTransform

KAPPA = math.pi * (3 * 2.7 / (4 * math.pi)) ** (2 / 3)
KNOWN_TO_RDKIT = "donor acceptor ring cation anion"


@pytest.fixture(scope="module")
def aspirin():
    return from_smiles("CC(=O)Oc1ccccc1C(=O)O", dtype=torch.float64, color=True)


def points(count=25):
    return 2 * torch.randn(count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_each_type_is_a_channel(aspirin):
    field = MolField.preset("color")(aspirin)
    assert field.channels == COLOR_TYPES
    x = points()
    terms = 2.7 * torch.exp(-KAPPA * torch.cdist(x, aspirin.color_pos).square() / 1.08265**2)
    for number, values in enumerate(field(x).T):
        assert torch.allclose(values, terms[:, aspirin.color_type == number].sum(1), atol=1e-12)
    assert float(field(x)[:, 0].max()) > 0
    assert torch.equal(field.atoms.pos, aspirin.pos)


def test_scores_are_those_of_rdkit(aspirin):
    """In place; `rdShapeAlign` counts in single precision."""
    other = from_smiles("NC(=O)c1ccccc1OC(=O)CN", dtype=torch.float64, color=True)
    definition = MolField.preset("color", channels=KNOWN_TO_RDKIT)
    first, second = definition(aspirin), definition(other)
    shapes = []
    for data in (aspirin, other):
        options = rdShapeAlign.ShapeInputOptions()
        options.normalize = False
        shapes.append(rdShapeAlign.PrepareConformer(to_rdkit(data), -1, options))
    ab, aa, bb = (float(overlap(f, g).sum()) for f, g in ((first, second), (first, first), (second, second)))
    assert aa == pytest.approx(shapes[0].sof, rel=1e-3)
    assert ab > 0.05 * aa, "the comparison would mean nothing without overlap"
    assert ab / (aa + bb - ab) == pytest.approx(rdShapeAlign.ScoreShape(*shapes, True)[1], abs=2e-3)


def test_batches_with_molecules_without_features(aspirin):
    molecules = [from_smiles("C", dtype=torch.float64, color=True), aspirin]
    molecules = [molecules[0], *molecules, molecules[0]]
    definition = MolField.preset("color")
    field = definition(Batch.from_data_list(molecules))
    assert field.num_graphs == 4
    x = points()
    for one, data in zip(field.unbatch(), molecules, strict=True):
        assert torch.equal(one(x), definition(data)(x))
    assert not definition(molecules[0])(x).any()
    assert not definition(Batch.from_data_list(molecules[:2]))(x, torch.zeros(len(x), dtype=torch.long)).any()


def test_definitions_of_ones_own(aspirin):
    x = points()
    definition = MolField(
        [Channel("polar", "donor", width=1.0), Channel("all", factor=2.0)], widths=0.8, width_scale=1.0, centers="color"
    )
    squares = torch.cdist(x, aspirin.color_pos).square()
    values = definition(aspirin)(x)
    donors = aspirin.color_type == 0
    assert torch.allclose(values[:, 0], torch.exp(-squares[:, donors] / 2).sum(1))
    assert torch.allclose(values[:, 1], 2 * torch.exp(-squares / (2 * 0.64)).sum(1))
    union = MolField("all", widths=0.8, aggregate="union", centers="color")(aspirin)(x)
    assert torch.allclose(union[:, 0], 1 - (1 - torch.exp(-squares / (2 * 0.16))).prod(1))


def test_centers_are_part_of_the_definition(aspirin):
    definition = MolField.preset("color")
    assert "centers='color'" in repr(definition)
    assert definition.attributes == {"color_pos", "color_type", "color_count"}
    assert mol_field_from_dict(mol_field_to_dict(definition)) == definition
    sampled = MolFieldTransform(definition, 16, seed=0)(aspirin.clone())
    assert sampled.field.shape == (16, 6)


def test_gradient_with_respect_to_features(aspirin):
    data = aspirin.clone()
    data.color_pos = data.color_pos.requires_grad_()
    MolField.preset("color")(data)(points()).sum().backward()
    assert float(data.color_pos.grad.abs().max()) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": "donor C"}, "channels: expected some of donor, .* and all with centers='color', got 'C'"),
        ({"channels": "donor:vector"}, "channels: expected some of donor"),
        ({"channels": [Channel("donor", width="mass")]}, "channels: expected a width in Å .* got 'mass'"),
        ({"widths": "vdw_radius"}, "widths: expected a number in Å with centers='color', got 'vdw_radius'"),
        ({"split_parts": True}, "split_parts: expected none with centers='color'"),
        ({"form_factors": FormFactors()}, "form_factors: expected none with centers='color'"),
        ({"centers": "bonds"}, "centers: expected one of atoms, color, got 'bonds'"),
    ],
)
def test_what_features_do_not_have_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MolField(**{"channels": "donor", "widths": 1.0, "centers": "color", **options})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"color_pos": None}, r"data.color_pos: expected a tensor, got none; call tg_molfield.structures.with_color"),
        ({"color_type": [0]}, "data.color_type: expected a tensor, got list"),
        ({"color_pos": torch.full((8, 3), math.nan)}, "data.color_pos: expected finite floats"),
        ({"color_type": torch.full((8,), 6)}, "data.color_type: expected 0 to 5, got 6 to 6"),
        ({"color_type": torch.zeros(7, dtype=torch.long)}, r"data.color_type: expected int64 of shape \[8\]"),
        ({"color_count": torch.tensor([7])}, r"data.color_count: expected 1 integers that add up to 8, got \[7\]"),
    ],
)
def test_bad_features_are_refused(aspirin, change, message):
    values = {"z": aspirin.z, "pos": aspirin.pos} | {
        name: aspirin[name] for name in ("color_pos", "color_type", "color_count")
    }
    assert len(aspirin.color_pos) == 8
    with pytest.raises(ValueError, match=message):
        MolField.preset("color")(Data(**{**values, **change}))


def test_preset_keeps_the_options_of_channels(aspirin):
    x = points()
    twice = MolField.preset("color", channels=[Channel("polar", "donor", factor=2.0)])(aspirin)
    assert twice.channels == ("polar",)
    assert torch.allclose(twice(x), 2 * MolField.preset("color", channels="donor")(aspirin)(x))


def test_paths_move_atoms_alone(aspirin):
    assert "color_pos" not in FieldPath([aspirin, aspirin]).data(0.5)
    with pytest.raises(ValueError, match="mol_field: expected a field of atoms, got centers='color'"):
        FieldPath([aspirin, aspirin], MolField.preset("color"))


def test_molecules_are_compared_by_it(aspirin):
    bare = Data(z=aspirin.z, pos=aspirin.pos)
    moved = Data(z=aspirin.z, pos=aspirin.pos + torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    by_term = score_in_place(moved, bare, ("shape", "color")).by_term
    assert 0.1 < float(by_term[0, 0, 1]) < 0.9
    assert float(score_in_place(bare, bare, "color").score) == pytest.approx(1)
