import dataclasses
import math

import pytest
import torch
from hard_molecules import batched, molecules
from small_models import awake
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GAE

from tg_molfield.fields import MolField, RBFField
from tg_molfield.nn import FieldAutoEncoder, RBFDecoder


def pair(dtype=torch.float32):
    found = molecules()
    z, pos, batch = batched([found["H2O"], found["CH4"]])
    return z, pos.to(dtype), batch


def test_the_defaults_fit_each_other():
    model = FieldAutoEncoder().eval()
    assert isinstance(model, GAE)
    z, pos, batch = pair()
    query = torch.randn(7, 3)
    query_batch = torch.tensor([0, 0, 0, 1, 1, 1, 1])
    latent = model.encode(z, pos, batch)
    assert latent.code.shape == (2, 512)
    assert latent.frame.shape == (2, 3, 3)
    assert model(z, pos, query, batch, query_batch).shape == (7, 9)
    assert model.encoder(z, pos, batch).scalars.shape == (8, 64)
    assert latent.summary.shape == (2, 0)


def test_field_of_data_and_batch(make_model):
    for decoder in ("rbf", "siren", "atoms"):
        model = make_model(decoder)
        found = molecules()
        items = [Data(z=z, pos=pos.float()) for z, pos in (found["H2O"], found["CH4"])]
        field = model.field(Batch.from_data_list(items))
        assert field.num_graphs == 2
        assert field.channels == model.channels
        query = torch.randn(5, 3)
        alone = model.field(items[1])(query)
        torch.testing.assert_close(field.unbatch()[1](query), alone, atol=1e-5, rtol=1e-5)
    assert isinstance(make_model("rbf").field(items[0]), RBFField)


def test_recon_loss_is_the_mean_over_molecules(make_model):
    model = make_model().double()
    z, pos, batch = pair(torch.float64)
    latent = model.encode(z, pos, batch)
    query = torch.randn(5, 3, dtype=torch.float64)
    query_batch = torch.tensor([0, 1, 1, 1, 1])
    target = torch.randn(5, 9, dtype=torch.float64)
    square = (model.decode(latent, query, query_batch) - target).square()
    expected = (square[:1].mean() + square[1:].mean()) / 2
    torch.testing.assert_close(model.recon_loss(latent, query, target, query_batch), expected)


def test_psnr_of_a_known_error(make_model):
    model = make_model()
    z, pos, batch = pair()
    latent = model.encode(z, pos, batch)
    query, query_batch = torch.randn(6, 3), torch.tensor([0, 0, 0, 1, 1, 1])
    target = model.decode(latent, query, query_batch).detach() + 0.1
    assert model.test(latent, query, target, query_batch)["psnr"] == pytest.approx(20, abs=1e-3)
    nothing = torch.zeros_like(target)
    assert math.isnan(model.test(latent, query, nothing, query_batch)["psnr_occupied"])


@pytest.mark.parametrize(("as_volume", "decoder"), [(False, "rbf"), (True, "rbf"), (False, "atoms")])
def test_refinement_lowers_the_error(make_model, as_volume, decoder):
    model = awake(make_model(decoder))
    z, pos, batch = pair()
    target = MolField(model.channels)(Batch(z=z, pos=pos, batch=batch))
    query = torch.randn(400, 3)
    query_batch = torch.arange(2).repeat_interleave(200)
    seen = target * 1.0 if not as_volume else target + target * 0.0
    before = model.encode(z, pos, batch)
    after = model.encode(z, pos, batch, refine=20, target=seen)
    values = target(query, query_batch)
    assert model.recon_loss(after, query, values, query_batch) < model.recon_loss(before, query, values, query_batch)
    assert not after.code.requires_grad
    assert torch.equal(after.frame, before.frame)


def test_random_frames_in_training_follow_the_generator(make_model):
    model = make_model().train()
    z, pos, batch = pair()
    codes = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        codes.append(model.encode(z, pos, batch).code)
    assert torch.equal(codes[0], codes[1])
    assert not torch.allclose(codes[0], codes[2])


def test_gradients_reach_every_parameter(make_model):
    for decoder in ("rbf", "siren", "atoms"):
        model = make_model(decoder, encoder_options={"out_channels": 8, "num_layers": 2}).train()
        z, pos, batch = pair()
        model(z, pos, torch.randn(20, 3), batch, torch.arange(2).repeat_interleave(10)).square().sum().backward()
        missing = [name for name, p in model.named_parameters() if p.grad is None]
        assert missing == []
        assert all(bool(p.grad.isfinite().all()) for p in model.parameters())


@pytest.mark.parametrize("decoder", ["rbf", "siren", "atoms"])
def test_saved_and_loaded_are_the_same(make_model, tmp_path, decoder):
    model = make_model(decoder)
    model.save(tmp_path / "model.safetensors")
    loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors")
    z, pos, batch = pair()
    query, query_batch = torch.randn(6, 3), torch.tensor([0, 0, 0, 1, 1, 1])
    assert torch.equal(loaded(z, pos, query, batch, query_batch), model(z, pos, query, batch, query_batch))
    assert loaded.channels == model.channels
    assert not loaded.training


def test_loading_something_else_is_an_error(make_model, tmp_path):
    with pytest.raises(FileNotFoundError):
        FieldAutoEncoder.load(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("not a model")
    with pytest.raises(ValueError, match="expected a file that save"):
        FieldAutoEncoder.load(tmp_path / "text.safetensors")
    torch.manual_seed(0)
    decoder = RBFDecoder(("H", "C"), 16, num_slots=3, width=8, num_tokens=2)
    model = FieldAutoEncoder("H C", 16, decoder, encoder_options={"out_channels": 8}, pooling_options={"num_blocks": 0})
    model.save(tmp_path / "own.safetensors")
    with pytest.raises(ValueError, match="decoder="):
        FieldAutoEncoder.load(tmp_path / "own.safetensors")
    wrong = RBFDecoder(("H", "C"), 16, num_slots=4, width=8, num_tokens=2)
    with pytest.raises(ValueError, match=r"decoder.anchors: expected torch.float32 of \[4, 3\], as this model has"):
        FieldAutoEncoder.load(tmp_path / "own.safetensors", decoder=wrong)
    again = RBFDecoder(("H", "C"), 16, num_slots=3, width=8, num_tokens=2)
    loaded = FieldAutoEncoder.load(tmp_path / "own.safetensors", decoder=again)
    z, pos, _ = pair()
    assert torch.equal(loaded.encode(z, pos).code, model.eval().encode(z, pos).code)


BAD = {
    "z outside": (lambda z, p, b: (z * 0, p, b), "atomic numbers from 1"),
    "z too large": (lambda z, p, b: (z + 118, p, b), "atomic numbers from 1"),
    "float z": (lambda z, p, b: (z.float(), p, b), "z: expected int64"),
    "nan": (lambda z, p, b: (z, p.clone().index_fill_(0, torch.tensor([2]), math.nan), b), "atom 2"),
    "empty": (lambda z, p, b: (z[:0], p[:0], b[:0]), "z: expected at least one atom"),
    "empty molecule": (lambda z, p, b: (z, p, b * 2), "got none of molecule 1"),
    "unsorted": (lambda z, p, b: (z, p, b.flip(0)), "batch: expected a sorted vector"),
    "shape": (lambda z, p, b: (z, p[:, :2], b), r"pos: expected floats of shape \[8, 3\]"),
    "dtype": (lambda z, p, b: (z, p.double(), b), "pos: expected torch.float32"),
    "batch dtype": (lambda z, p, b: (z, p, b.int()), "batch: expected int64"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_atoms_are_named(make_model, name):
    change, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        make_model().encode(*change(*pair()))


def test_bad_queries_and_options_are_named(make_model):
    model = make_model()
    z, pos, batch = pair()
    latent = model.encode(z, pos, batch)
    with pytest.raises(ValueError, match="query_batch: expected which of 2 molecules"):
        model.decode(latent, torch.zeros(2, 3))
    with pytest.raises(ValueError, match="query_batch: expected values from 0 to 1, got 2"):
        model.decode(latent, torch.zeros(1, 3), torch.tensor([2]))
    with pytest.raises(ValueError, match="query_pos"):
        model.decode(latent, torch.zeros(2, 3).double(), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"target: expected the molecules. own field, got None"):
        model.encode(z, pos, batch, refine=3)
    with pytest.raises(ValueError, match="target: expected 2 molecules with channels H C N"):
        model.encode(z, pos, batch, refine=1, target=MolField("H C")(Batch(z=z, pos=pos, batch=batch)))
    narrow = MolField(model.channels, width_scale=0.4)
    model.set_mol_field(MolField(model.channels))
    with pytest.raises(ValueError, match=r"target: expected a field of MolField.*width_scale=0.4"):
        model.encode(z, pos, batch, refine=1, target=narrow(Batch(z=z, pos=pos, batch=batch)))
    with pytest.raises(ValueError, match=r"decoder: expected 'rbf'.*got 'mlp'"):
        FieldAutoEncoder(decoder="mlp")
    with pytest.raises(ValueError, match="expected different names"):
        FieldAutoEncoder("H H")


def test_more_atoms_than_slots_and_no_queries(make_model):
    model = make_model()
    z, pos = torch.full((40,), 6), torch.randn(40, 3) * 4
    assert bool(model(z, pos, pos).isfinite().all())
    assert model(z, pos, pos[:0]).shape == (0, 9)


def test_two_atoms_in_one_place(make_model):
    model = make_model()
    values = model(torch.tensor([6, 8]), torch.zeros(2, 3), torch.randn(4, 3))
    assert bool(values.isfinite().all())


def test_targets_and_points_that_do_not_fit_are_named(make_model):
    model = make_model()
    z, pos, batch = pair()
    latent = model.encode(z, pos, batch)
    query, query_batch = torch.randn(4, 3), torch.tensor([0, 0, 1, 1])
    for method in (model.test, model.recon_loss):
        with pytest.raises(ValueError, match=r"target: expected shape \[4, 9\], got \[4, 1\]"):
            method(latent, query, torch.zeros(4, 1), query_batch)
        with pytest.raises(ValueError, match="query_pos: expected points of each of 2 molecules"):
            method(latent, query, torch.zeros(4, 9), torch.zeros_like(query_batch))
    for data, name in ((Data(z=z), "pos"), (Data(pos=pos), "z")):
        with pytest.raises(ValueError, match=f"data.{name}: expected a tensor, got none"):
            model.field(data)
    with pytest.raises(ValueError, match="latent_dim: expected at least 1, got 0"):
        FieldAutoEncoder(latent_dim=0)


def test_occupied_points_of_signed_targets_count(make_model):
    model = make_model()
    latent = model.encode(*molecules()["H2O"][:1], molecules()["H2O"][1].float())
    query, target = torch.randn(5, 3), torch.full((5, 9), -1.0)
    result = model.test(latent, query, target)
    assert result["psnr_occupied"] == pytest.approx(result["psnr"])


def test_latents_can_be_iterated(make_model):
    latent = make_model().encode(*pair())
    assert [one.code.shape for one in latent] == [(1, 32)] * 2
    assert torch.equal(latent[-1].code, latent.code[1:])
    with pytest.raises(IndexError, match="index: expected one of 2 molecules"):
        latent[2]


def test_grids_of_neural_fields_are_made_in_pieces(make_model, monkeypatch):
    from tg_molfield import Grid

    model = make_model("siren")
    z, pos = molecules()["C6H6"]
    field, grid = model.field(Data(z=z, pos=pos.float())), Grid.cube((0, 0, 0), 6, 9)
    frames = field.latent.pose.weights.size(1)
    assert frames > 1
    whole = field(grid.points())
    seen, decode = [], model.decoder.values
    monkeypatch.setattr(type(model.decoder), "passes_at_once", 50 * frames)
    monkeypatch.setattr(
        model.decoder, "values", lambda code, local, batch: seen.append(len(local)) or decode(code, local, batch)
    )
    volume = field.on(grid)
    assert max(seen) <= 50 * frames
    torch.testing.assert_close(volume.values.flatten(1).T, whole, atol=1e-5, rtol=1e-5)
    weight = model.decoder.out.weight
    torch.testing.assert_close(
        *(torch.autograd.grad(values.sum(), weight)[0] for values in (volume.values, whole)), atol=1e-2, rtol=1e-4
    )


def test_tensors_tell_more_and_are_saved_and_trained(make_model, tmp_path):
    z, pos, batch = pair()
    query, query_batch = torch.randn(6, 3), torch.tensor([0, 0, 0, 1, 1, 1])
    for decoder in ("rbf", "siren", "atoms"):
        model = awake(make_model(decoder, encoder_options={"out_channels": 8, "num_layers": 2, "tensor_channels": 4}))
        model.save(tmp_path / "model.safetensors")
        loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors")
        assert torch.equal(loaded(z, pos, query, batch, query_batch), model(z, pos, query, batch, query_batch))
        model.train()(z, pos, query, batch, query_batch).square().sum().backward()
        assert [name for name, p in model.named_parameters() if "tensor" in name and not bool(p.grad.any())] == []
    latent = model.eval().encode(z, pos, batch)
    atoms = latent.atoms
    assert atoms.tensors.shape == (8, 4, 3, 3)
    assert torch.equal(latent[1].atoms.tensors, atoms.tensors[3:])
    assert latent.to(torch.float64).atoms.tensors.dtype == torch.float64
    without = dataclasses.replace(latent, atoms=dataclasses.replace(atoms, tensors=atoms.tensors[:, :0]))
    with pytest.raises(ValueError, match=r"latent: expected atoms with .*tensors=4\), got"):
        model.decoder.field(without)
    with pytest.raises(ValueError, match="tensor_channels: expected 0 to 8, got 9"):
        make_model(encoder_options={"out_channels": 8, "tensor_channels": 9})
