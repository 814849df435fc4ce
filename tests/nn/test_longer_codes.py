"""Models with longer codes than they were trained with."""

import pytest
import torch
from ase.build import molecule
from hard_molecules import batched, molecules, tensors
from small_models import build
from torch_geometric.data import Data

from tg_molfield import read
from tg_molfield.chem.rotations import random_rotations
from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder

OPTIONS = {"encoder_options": None, "summary_channels": 0, "latent_dim": 150}


@pytest.fixture(scope="module")
def short():
    return build("structure_factors", **OPTIONS).eval()


@pytest.fixture(scope="module")
def long(short):
    return short.with_latent_dim(401)


def known(transform):
    found = {name: (z, pos.float()) for name, (z, pos) in molecules().items()}
    return [one for one in found.values() if bool(torch.isin(one[0], torch.tensor(transform.numbers)).all())]


def test_the_numbers_of_the_shorter_code_are_among_the_longer(short, long):
    z, pos, owner = batched(known(short.decoder.transform))
    before, after = short.encode(z, pos, owner).code, long.encode(z, pos, owner).code
    assert (before.size(1), after.size(1), short.latent_dim, long.latent_dim) == (150, 401, 150, 401)
    distance = (after.T.unsqueeze(0) - before.T.unsqueeze(1)).abs().amax(2)
    padding = before.size(1) - short.decoder.transform.num_waves * 2 - 6 - len(short.decoder.transform.elements)
    assert float(distance[: len(distance) - padding].amin(1).max()) < 1e-4
    length = long.decoder.transform.wave_vectors.norm(dim=0)
    assert bool((length.diff() >= -1e-6).all())
    whole = [model.decoder.initial_guess.whole for model in (short, long)]
    inputs = [torch.cat(model.decoder.transform.split(code), 1) for model, code in ((short, before), (long, after))]
    torch.testing.assert_close(whole[1](inputs[1]), whole[0](inputs[0]), atol=1e-3, rtol=1e-3)


def test_the_pose_order_and_batch_do_not_matter(long, seeded):
    for z, pos in known(long.decoder.transform):
        alone = long.encode(z, pos).code
        turn = random_rotations(1)[0].float()
        order = torch.randperm(len(z))
        moved = long.encode(z[order], (pos @ turn.T + 3.0)[order]).code
        torch.testing.assert_close(moved, alone, atol=2e-3, rtol=1e-4)
    z, pos, owner = batched(known(long.decoder.transform))
    torch.testing.assert_close(long.encode(z, pos, owner).code[-1:], alone, atol=1e-5, rtol=1e-5)


def test_longer_codes_are_decoded(long):
    for z, pos in known(long.decoder.transform):
        field = long.field(Data(z=z, pos=pos))
        assert len(field.centers) == len(z)
        assert float(torch.cdist(field.centers, pos).amin(1).max()) < 1e-3


def test_saved_with_their_length(long, tmp_path):
    z, pos = tensors(molecule("CH3CH2OH"))
    long.save(tmp_path / "model.safetensors")
    long.save_pretrained(tmp_path / "folder")
    for place in ("model.safetensors", "folder"):
        loaded = FieldAutoEncoder.from_pretrained(tmp_path / place)
        assert loaded.latent_dim == 401
        assert torch.equal(loaded(z, pos.float(), pos.float()), long(z, pos.float(), pos.float()))
        assert FieldAutoEncoder.from_pretrained(tmp_path / place, latent_dim=500).latent_dim == 500


def test_the_longer_model_is_another(short, long):
    assert short.with_latent_dim(150) is not short
    assert short.hyper_parameters["latent_dim"] == 150
    assert long.pooling.transform is long.decoder.transform
    assert not long.training
    assert long.decoder.max_atoms > 2.5 * short.decoder.max_atoms
    assert all(p.requires_grad for p in long.decoder.initial_guess.parameters())


def test_lengths_that_no_model_can_have(short):
    with pytest.raises(ValueError, match="latent_dim: expected at least 150, the length of the model's codes, got 149"):
        short.with_latent_dim(149)
    with pytest.raises(ValueError, match="latent_dim: expected 32, as RBFDecoder was built, got 64"):
        build("rbf").with_latent_dim(64)
    with pytest.raises(ValueError, match="latent_dim: expected an integer"):
        short.with_latent_dim(200.5)


def check_that_ligands_come_back(ligands, model):
    field = MolField.preset("mnf", beta=0.75, channels=model.channels, normalize_grid_size=None)
    for data in ligands:
        data = Data(z=data.z, pos=data.pos.float())
        points = data.pos + 0.3
        torch.testing.assert_close(model.field(data)(points), field(data)(points), atol=1e-3, rtol=0)


def test_large_ligands_come_back(data_dir):
    large = [data for data in read(data_dir / "smallmol" / "pdb_ligands_300.sdf.gz") if 80 <= data.num_nodes <= 90]
    check_that_ligands_come_back(large[:3], FieldAutoEncoder.from_pretrained("organic-small", latent_dim=1024))


def test_ligands_of_73_atoms_come_back_from_512_numbers(data_dir):
    """Those for which searches that place atoms anywhere end far from the molecule."""
    some = [data for data in read(data_dir / "smallmol" / "pdb_ligands_300.sdf.gz") if 60 <= data.num_nodes < 80]
    check_that_ligands_come_back([some[row] for row in (14, 27, 42)], FieldAutoEncoder.from_pretrained("organic-small"))


def test_atoms_that_no_bond_reaches_come_back():
    generator = torch.Generator().manual_seed(0)
    model = FieldAutoEncoder.from_pretrained("organic-small")
    for count, spacing in ((12, 4.0), (27, 3.0)):
        nodes = torch.cartesian_prod(*[torch.arange(3.0)] * 3)[torch.randperm(27, generator=generator)[:count]]
        pos = spacing * nodes + 0.6 * torch.rand(count, 3, generator=generator)
        z = torch.tensor([1, 6, 7, 8])[torch.randint(0, 4, (count,), generator=generator)]
        check_that_ligands_come_back([Data(z=z, pos=pos)], model)
