"""A molecule without atoms has no code: it is refused by its number, wherever it stands in a batch."""

import pytest
import torch
from small_models import KINDS, build
from torch_geometric.data import Batch, Data
from torch_geometric.nn.models import SchNet

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder, Latent, MoleculeDescriptor
from tg_molfield.nn.latent.pose import Pose
from tg_molfield.nn.pooling.descriptor import DescriptorPooling
from tg_molfield.training import AugmentedMolecules, FieldLoss, InitialGuessLoss, MatchingLoss, PropertyLoss

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)


def water() -> Data:
    return Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))


def methane() -> Data:
    arms = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return Data(z=torch.tensor([6, 1, 1, 1, 1]), pos=0.63 * torch.cat([torch.zeros(1, 3), arms]))


def nothing() -> Data:
    return Data(z=torch.empty(0, dtype=torch.int64), pos=torch.empty(0, 3))


def with_hole(place: int) -> Batch:
    """Three molecules with query points and labels, the one at ``place`` without atoms."""
    molecules = [water(), methane()]
    molecules.insert(place, nothing())
    for index, data in enumerate(molecules):
        data.query_pos = torch.zeros(2, 3)
        data.query_batch = torch.zeros(2, dtype=torch.int64)
        data.field = torch.zeros(2, len(FIELD.channels))
        data.y = torch.full((1, 1), float(index))
    return Batch.from_data_list(molecules)


def refused(place: int):
    return pytest.raises(
        ValueError, match=f"batch: expected atoms of each of 3 molecules, got none of molecule {place}"
    )


PLACES = pytest.mark.parametrize("place", [0, 1, 2], ids=["first", "middle", "last"])


@PLACES
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind[:2]))
def test_models_refuse_a_molecule_without_atoms(kind, place):
    decoder, _, options = kind
    model, batch = build(decoder, channels=FIELD, **options), with_hole(place)
    z, pos, owner = batch.z, batch.pos, batch.batch
    for call in (
        lambda: model.encode(batch),
        lambda: model.field(batch),
        lambda: model.encode(z, pos, owner, num_graphs=3),
        lambda: model(z, pos, batch.query_pos, owner, batch.query_batch, num_graphs=3),
        lambda: FieldLoss()(model, batch),
    ):
        with refused(place):
            call()


@PLACES
def test_losses_and_descriptors_refuse_a_molecule_without_atoms(place):
    batch = with_hole(place)
    with refused(place):
        MatchingLoss(FIELD)(build("rbf", channels=FIELD), batch)
    with refused(place):
        InitialGuessLoss()(build("structure_factors", channels=FIELD), batch)
    descriptor = MoleculeDescriptor(8, 4, 8, 1).eval()
    with refused(place):
        descriptor(batch.z, batch.pos, batch.batch, 3)
    atoms = descriptor.encoder(batch.z, batch.pos, batch.batch, 3)
    with refused(place):
        DescriptorPooling(atoms.sizes, 8)(atoms)


@PLACES
@pytest.mark.parametrize("encoder", [None, SchNet(8, 8, 1, 8)], ids=["painn", "SchNet"])
def test_encoders_and_poolings_count_what_they_are_told(encoder, place):
    model, batch = FieldAutoEncoder(FIELD, 32, encoder=encoder).eval(), with_hole(place)
    atoms = model.encoder(batch.z, batch.pos, batch.batch, 3)
    code = model.pooling(atoms, Pose.identity(3))
    assert atoms.num_graphs == 3
    assert code.shape == (3, 32)
    assert bool(code.isfinite().all())


def test_labels_of_more_molecules_than_have_codes_are_refused():
    batch = with_hole(2)
    model = build("rbf", channels=FIELD)
    loss = PropertyLoss(model.latent_dim, batch.y, key="y")
    blind = model.encode(batch.z, batch.pos, batch.batch).code
    assert len(blind) == 2
    with pytest.raises(
        ValueError, match="features: expected 3 rows, one for each molecule of the batch, got 2; encode"
    ):
        loss(blind, batch)


def test_a_latent_belongs_to_one_number_of_molecules():
    latent = build("atoms", channels=FIELD).encode(Batch.from_data_list([water(), methane()]))
    with pytest.raises(ValueError, match="atoms: expected those of 1 molecules, got 2"):
        Latent(latent.code[:1], latent.pose[:1], latent.atoms)
    with pytest.raises(ValueError, match=r"search_seed: expected shape \[2\], got \[3\]"):
        Latent(latent.code, latent.pose, search_seed=torch.zeros(3, dtype=torch.int64))


def test_molecules_to_augment_have_atoms():
    with pytest.raises(ValueError, match=r"molecules\[1\]\.z: expected at least one atom"):
        AugmentedMolecules([water(), nothing()])
    with pytest.raises(ValueError, match=r"molecules\[0\]\.pos: expected floats of shape"):
        AugmentedMolecules([Data(z=torch.tensor([6, 1]), pos=torch.zeros(1, 3))])
    batch = AugmentedMolecules([water(), methane()], 4).sample()
    assert batch.num_graphs == 4
    assert torch.equal(batch.ptr.diff(), torch.bincount(batch.batch))
