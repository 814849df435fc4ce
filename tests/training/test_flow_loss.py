import pytest
import torch
from ase.build import molecule
from torch_geometric.data import Batch, Data

from tg_molfield.fields import MolField
from tg_molfield.nn import FieldAutoEncoder
from tg_molfield.nn.ops.united_atoms import UnitedAtoms
from tg_molfield.structures import with_bonds
from tg_molfield.training import FlowLoss, fit

FIELD = MolField("H C N O", widths=0.5, width_scale=1.0)
OPTIONS = {"max_heavy_atoms": 4, "width": 16, "num_layers": 1, "heads": 2, "num_tokens": 2, "num_steps": 2}


def model(**options: object) -> FieldAutoEncoder:
    torch.manual_seed(0)
    pooling = {"width": 16, "num_layers": 1, "heads": 2}
    return FieldAutoEncoder(FIELD, 16, "flow", pooling_options=pooling, decoder_options=OPTIONS | options).train()


def molecules(names=("H2O", "CH3CH2OH", "NH3")) -> list[Data]:
    found = [molecule(name) for name in names]
    return [
        Data(z=torch.tensor(atoms.numbers), pos=torch.tensor(atoms.positions).float(), draw_seed=torch.tensor([row]))
        for row, atoms in enumerate(found)
    ]


def test_the_loss_follows_from_the_seeds_of_the_molecules(seeded):
    trained, loss, batch = model(), FlowLoss(), Batch.from_data_list(molecules())
    with torch.no_grad():
        values = {float(loss(trained, batch)) for _ in range(3)}
    assert len(values) == 1
    batch.draw_seed = batch.draw_seed + 10
    with torch.no_grad():
        assert float(loss(trained, batch)) not in values


def test_every_part_learns(seeded):
    trained = model()
    optimizer = torch.optim.SGD(trained.parameters(), 0.1)
    for _ in range(4):
        optimizer.zero_grad()
        FlowLoss()(trained, Batch.from_data_list(molecules())).backward()
        optimizer.step()
    fixed = {"decoder.weights", "decoder.log_widths"}
    still = {name for name, one in trained.named_parameters() if one.grad is None or not bool(one.grad.any())}
    assert still == fixed


def test_a_loop_trains_with_it(seeded):
    trained, loss = model(), FlowLoss()
    judged = Batch.from_data_list(molecules() * 16)
    judged.draw_seed = torch.arange(len(judged.draw_seed))
    with torch.no_grad():
        before = float(loss(trained, judged))
    fit(trained, molecules() * 8, loss, max_steps=120, batch_size=8, lr=1e-2, seed=0)
    with torch.no_grad():
        assert float(loss(trained.train(), judged)) < 0.85 * before


def test_other_decoders_and_large_molecules_are_refused():
    other = FieldAutoEncoder(FIELD, 16, "siren", decoder_options={"width": 8, "num_layers": 2})
    with pytest.raises(TypeError, match=r"model\.decoder: expected a FlowDecoder, got SirenDecoder; use MatchingLoss"):
        FlowLoss()(other, Batch.from_data_list(molecules()))
    with pytest.raises(ValueError, match=r"molecule 1: expected at most 4 heavy atoms, .* got 6"):
        FlowLoss()(model(), Batch.from_data_list(molecules(("H2O", "C6H6"))))
    assert repr(FlowLoss(kinds=0.5)) == "FlowLoss(kinds=0.5, number=0.05, own_prediction=0.5, bonds=0.2)"


def test_codes_get_noise_of_every_size_and_the_least_and_nothing_else_the_most_often(monkeypatch, seeded):
    trained, given = model(), []
    network = type(trained.decoder.network)
    logits = network.number_logits

    def spied(self, code, noise):
        given.append(noise)
        return logits(self, code, noise)

    monkeypatch.setattr(network, "number_logits", spied)
    trained.decoder.least_noise = 0.25
    with torch.no_grad():
        for _ in range(20):
            FlowLoss()(trained, Batch.from_data_list([Data(z=one.z, pos=one.pos) for one in molecules() * 20]))
    noise = torch.cat(given)
    between = noise[(noise > 0.25) & (noise < 1)]
    assert (float(noise.min()), float(noise.max())) == (0.25, 1.0)
    assert abs(float((noise == 0.25).float().mean()) - 0.25) < 0.06
    assert abs(float((noise == 1.0).float().mean()) - 0.2) < 0.05
    assert between.histc(3, 0.25, 1.0).min() > 0.8 * len(between) / 3


def test_bonds_are_learned(seeded):
    learner, items = model(bonds=True), [with_bonds(one) for one in molecules(("C2H4", "CH3CH2OH", "HCN")) * 8]
    before = {name: one.clone() for name, one in learner.decoder.network.orders.named_parameters()}
    fit(learner, items, FlowLoss(bonds=1.0), max_steps=150, batch_size=12, lr=1e-2, seed=0)
    assert all(not torch.equal(one, before[name]) for name, one in learner.decoder.network.orders.named_parameters())
    item = items[0]
    pos = item.pos[item.z > 1] - item.pos[item.z > 1].mean(0)
    hydrogens = torch.zeros(1, 2, 4, 3)
    atoms = UnitedAtoms(
        pos[None], torch.ones(1, 2).long(), 2 * torch.ones(1, 2).long(), hydrogens, torch.ones(1, 2) > 0
    )
    network, code = learner.eval().decoder.network, learner.decoder.learned(learner.encode(item))
    state, least = network.layout.state(atoms), torch.tensor([learner.decoder.least_noise])
    found = network(state, atoms.mask, torch.tensor([0.99]), code, least, state)
    assert int(found.orders[0, 0, 1].argmax()) == 2


def test_molecules_without_bonds_count_for_all_else(seeded):
    learner, items = model(bonds=True), [with_bonds(one) for one in molecules(("C2H4", "HCN"))]
    unknown = [one.clone() for one in items]
    for one in unknown:
        one.edge_index, one.bond_order = one.edge_index[:, :0], one.bond_order[:0]
    batch, without = Batch.from_data_list(items), Batch.from_data_list(unknown)
    with torch.no_grad():
        values = [float(FlowLoss(bonds=weight)(learner, batch)) for weight in (0.0, 0.5, 1.0)]
        bare = float(FlowLoss(bonds=1.0)(learner, without))
    assert values[2] - values[1] == pytest.approx(values[1] - values[0])
    assert values[1] - values[0] > 0.1
    assert bare == pytest.approx(values[0])


def test_bonds_in_one_direction_are_the_same(seeded):
    learner, items = model(bonds=True), [with_bonds(one) for one in molecules(("C2H4", "HCN"))]
    once = [one.clone() for one in items]
    for one in once:
        there = one.edge_index[0] < one.edge_index[1]
        one.edge_index, one.bond_order = one.edge_index[:, there], one.bond_order[there]
    with torch.no_grad():
        values = {float(FlowLoss()(learner, Batch.from_data_list(some))) for some in (items, once)}
    assert len(values) == 1


def test_a_decoder_that_learns_bonds_needs_some():
    items = [with_bonds(one) for one in molecules()]
    items[0].bond_order = items[0].bond_order[:-1]
    with pytest.raises(
        ValueError, match=r"batch.bond_order: expected one for each of 26 edges, got 25; edge_index has"
    ):
        FlowLoss()(model(bonds=True), Batch.from_data_list(items))
    with pytest.raises(
        ValueError, match=r"batch: expected edge_index and bond_order, .* got none; add them .*with_bonds"
    ):
        FlowLoss()(model(bonds=True), Batch.from_data_list(molecules()))


def test_radicals_are_learned_as_they_are(seeded):
    closed, free = model(), model(closed_shell=False)
    free.load_state_dict(closed.state_dict())
    for names, same in ((("CH3", "NH2"), True), (("CH4", "NH3"), False)):
        batch = Batch.from_data_list(molecules(names) * 8)
        batch.draw_seed = torch.arange(len(batch.draw_seed))
        with torch.no_grad():
            one, two = (float(FlowLoss()(each, batch)) for each in (closed, free))
        assert (one == two) is same


def test_orders_that_are_none_are_told():
    for wrong, got in ((torch.full((26,), 4), "4 among them"), (torch.full((26,), 1.5), r"torch.float32 of \[26\]")):
        batch = Batch.from_data_list([with_bonds(one) for one in molecules()])
        batch.bond_order = wrong
        with pytest.raises(ValueError, match=rf"bond_order: expected integers \[E\] from 1 to 3, got {got}; aromatic"):
            FlowLoss()(model(bonds=True), batch)
    FlowLoss(bonds=0)(model(bonds=True), Batch.from_data_list(molecules()))


def test_exact_codes_know_nothing_of_closed_shells(seeded, monkeypatch):
    closed, free = model(), model(closed_shell=False)
    free.load_state_dict(closed.state_dict())
    batch = Batch.from_data_list(molecules(("CH4", "NH3")) * 8)
    batch.draw_seed = torch.arange(len(batch.draw_seed))
    for noise, same in ((closed.decoder.least_noise, True), (0.5, False)):
        monkeypatch.setattr(
            "tg_molfield.training.flow_loss._noise_levels", lambda draws, _, n=noise: 0 * draws[:, 0] + n
        )
        with torch.no_grad():
            one, two = (float(FlowLoss()(each, batch)) for each in (closed, free))
        assert (one == two) is same
