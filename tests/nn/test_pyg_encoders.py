"""Networks of PyTorch Geometric as encoders."""

import pytest
import torch
from hard_molecules import batched, molecules, motion
from small_models import Plain, awake
from torch import nn
from torch_geometric.nn.models import DimeNetPlusPlus, SchNet, ViSNet, dimenet, visnet
from torch_geometric.utils import scatter

from tg_molfield.nn import FieldAutoEncoder, atom_encoder_from
from tg_molfield.nn.ops.neighbors import atoms_near, radius_pairs

TOLERANCE = {"atol": 1e-8, "rtol": 0}


def schnet(**options) -> SchNet:
    return SchNet(hidden_channels=12, num_filters=8, num_interactions=2, num_gaussians=10, cutoff=4.0, **options)


def dimenet_plus_plus() -> DimeNetPlusPlus:
    return DimeNetPlusPlus(
        hidden_channels=8, out_channels=1, num_blocks=1, int_emb_size=6, basis_emb_size=4, out_emb_channels=10,
        num_spherical=3, num_radial=4, cutoff=3.0, num_output_layers=1,
    )  # fmt: skip


def vis_net(**options) -> ViSNet:
    return ViSNet(hidden_channels=8, num_heads=2, num_layers=2, num_rbf=6, cutoff=4.0, **options)


NETWORKS = {
    "schnet": (schnet, 12),
    "dimenet++": (dimenet_plus_plus, 18),
    "visnet": (vis_net, 8),
    "visnet 2": (lambda: vis_net(lmax=2, vertex=True, vecnorm_type="max_min"), 8),
}


@pytest.fixture(params=list(NETWORKS))
def network(request) -> tuple[nn.Module, int]:
    torch.manual_seed(0)
    make, size = NETWORKS[request.param]
    return make(), size


def test_features_are_invariant_and_differ(network, items):
    encoder = atom_encoder_from(network[0].double())
    z, pos, batch = batched(items)
    features = encoder(z, pos, batch)
    assert features.shape == (len(z), network[1])
    rotation, translation = motion(0)
    mirror = torch.diag(torch.tensor([-1.0, 1.0, 1.0], dtype=torch.float64))
    for turn in (rotation, rotation @ mirror):
        torch.testing.assert_close(encoder(z, pos @ turn.T + translation, batch), features, **TOLERANCE)
    alone = torch.cat([encoder(*item, torch.zeros_like(item[0])) for item in items])
    torch.testing.assert_close(alone, features, **TOLERANCE)
    assert bool(encoder(torch.tensor([6, 8]), torch.zeros(2, 3).double(), torch.zeros(2).long()).isfinite().all())
    ethanol = features[batch == list(molecules()).index("CH3CH2OH")]
    assert torch.pdist(ethanol[:3]).min() > 1e-4
    assert (encoder(torch.tensor([2]), pos[:1], batch[:1]) - features[-1]).abs().max() > 1e-4


def test_codes_are_invariant_and_fields_equivariant(network, items):
    model = FieldAutoEncoder("H C", 32, "siren", network[0], decoder_options={"width": 16, "num_layers": 2})
    model = awake(model).double().eval()
    z, pos, batch = batched(items)
    rotation, translation = motion(1)
    query = torch.randn(len(items) * 4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    owner = torch.arange(len(items)).repeat_interleave(4)
    still, moved = model.encode(z, pos, batch), model.encode(z, pos @ rotation.T + translation, batch)
    torch.testing.assert_close(moved.code, still.code, **TOLERANCE)
    there = query @ rotation.T + translation
    torch.testing.assert_close(model.decode(moved, there, owner), model.decode(still, query, owner), **TOLERANCE)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_parameters_are_shared_trained_and_saved(name, tmp_path):
    torch.manual_seed(0)
    network = NETWORKS[name][0]()
    options = {"latent_dim": 32, "decoder": "siren", "decoder_options": {"width": 16, "num_layers": 2}}
    model = awake(FieldAutoEncoder("H C", encoder=network, **options))
    z, pos, batch = batched([molecules()[name] for name in ("H2O", "CH4", "CH3CH2OH")])
    model(z, pos.float(), pos.float(), batch, batch).square().sum().backward()
    own = list(network.parameters())
    trained = dict(model.encoder.named_parameters())
    assert all(any(parameter is other for other in own) for parameter in trained.values())
    unread = [name for name, parameter in trained.items() if parameter.grad is None]
    assert all("vis_mp_layers.1.s_proj" in name for name in unread), "only the last vectors of ViSNet are not read"
    assert sum(p.grad is not None and bool(p.grad.any()) for p in trained.values()) > 0.7 * len(trained)
    model.eval().save(tmp_path / "model.safetensors")
    loaded = FieldAutoEncoder.load(tmp_path / "model.safetensors", encoder=NETWORKS[name][0]())
    assert torch.equal(loaded.encode(z, pos.float(), batch).code, model.encode(z, pos.float(), batch).code)


@pytest.mark.parametrize("make", [schnet, dimenet_plus_plus, vis_net, Plain])
def test_frozen_parts_of_an_encoder_stay_in_their_mode(make):
    network = make()
    part = next(module for module in network.modules() if isinstance(module, nn.Embedding)).eval()
    FieldAutoEncoder("H C", encoder=network)
    assert network.training
    assert not part.training


def graph(pos, batch):
    edges = radius_pairs(pos, batch, 4.0)
    return edges, (pos[edges[0]] - pos[edges[1]]).norm(dim=1)


def all_triplets(edge_index, num_nodes):
    source, target = edge_index
    pairs = [(a, b) for b in range(len(source)) for a in range(len(source)) if target[a] == source[b]]
    kj, ji = torch.tensor([pair for pair in pairs if source[pair[0]] != target[pair[1]]]).T
    return target, source, target[ji], source[ji], source[kj], kj, ji


def test_features_are_those_that_the_networks_read_out(items, monkeypatch):
    z, pos, batch = batched([molecules()[name] for name in ("H2O", "CH3CH2OH", "Ne")])

    def radius_graph(pos, r, batch, loop=False, max_num_neighbors=32):
        return atoms_near(pos, batch, pos, batch, r) if loop else radius_pairs(pos, batch, r)

    monkeypatch.setattr(visnet, "radius_graph", radius_graph)
    monkeypatch.setattr(dimenet, "radius_graph", radius_graph)
    monkeypatch.setattr(dimenet, "triplets", all_triplets)
    torch.manual_seed(0)
    pos = pos.float()
    net = vis_net()
    torch.testing.assert_close(atom_encoder_from(net)(z, pos, batch), net.representation_model(z, pos, batch)[0])
    net = schnet(interaction_graph=graph)
    plain = schnet()
    plain.load_state_dict(net.state_dict())
    for given in (net, plain):
        atoms = net.lin2(net.act(net.lin1(atom_encoder_from(given)(z, pos, batch))))
        torch.testing.assert_close(scatter(atoms, batch, dim=0), net(z, pos, batch))
    net = dimenet_plus_plus()
    weight = torch.randn(1, 10)
    for block in net.output_blocks:
        block.lin.weight.data.copy_(weight)
    features = atom_encoder_from(net)(z, pos, batch)[:, :10]
    torch.testing.assert_close(scatter(features @ weight.T, batch, dim=0), net(z, pos, batch), atol=1e-5, rtol=1e-4)


class Molecules(Plain):
    """Gives one value a molecule."""

    def forward(self, z, pos, batch):
        return scatter(super().forward(z, pos, batch), batch, dim=0)


class Own(SchNet):
    """Gives features of its own."""

    def forward(self, z, pos, batch=None):
        return self.embedding(z)


def test_what_is_no_encoder_is_named():
    with pytest.raises(ValueError, match=r"encoder: expected features \[2, F\] of two atoms, got \[1, 5\]"):
        FieldAutoEncoder(encoder=Molecules())
    with pytest.raises(ValueError, match="encoder: expected a module, got"):
        FieldAutoEncoder(encoder=SchNet)
    with pytest.raises(TypeError, match="module: expected a SchNet, DimeNetPlusPlus or ViSNet, got a Plain"):
        atom_encoder_from(Plain())
    with pytest.raises(ValueError, match="z: expected elements up to 99, which this encoder knows, got 118"):
        atom_encoder_from(schnet())(torch.tensor([118]), torch.zeros(1, 3), torch.zeros(1).long())
    own = Own(12)
    assert FieldAutoEncoder(encoder=own).encoder.module is own


def test_the_output_blocks_of_dimenet_are_drawn_anew_as_they_were_drawn_first():
    model = FieldAutoEncoder("C", 16, encoder=dimenet_plus_plus())
    blocks = model.encoder.module.output_blocks
    before = {name: value.detach().clone() for name, value in blocks.named_parameters()}
    for value in blocks.parameters():
        nn.init.constant_(value, 7.0)
    model.reset_parameters()
    for name, value in blocks.named_parameters():
        torch.testing.assert_close(value.std(), before[name].std(), atol=1e-6, rtol=0)
        assert torch.equal(value, before[name]) == name.endswith("bias")
