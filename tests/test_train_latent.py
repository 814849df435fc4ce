"""The script that trains the learned code: what it holds out, and that slices are the same as one training."""

from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule

from tg_molfield.nn import FieldAutoEncoder

NAMES = ["H2O", "CH3CH2OH", "C6H6", "HCN", "NH3", "CH4", "CO2", "C2H6", "isobutane", "cyclobutane", "CH3NO2", "C2H4"]
SMALL = {
    "exact_dim": 64,
    "max_heavy_atoms": 9,
    "width": 16,
    "num_layers": 1,
    "heads": 2,
    "num_tokens": 2,
    "bonds": True,
}


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "examples"))
    import latent_data
    import latent_metrics
    import train_latent

    return train_latent, latent_data, latent_metrics


@pytest.fixture
def molecules(scripts):
    atoms = [molecule(name) for name in NAMES]
    z = torch.tensor(np.concatenate([one.numbers for one in atoms]))
    pos = torch.tensor(np.concatenate([one.positions for one in atoms])).float()
    molecules = scripts[1].Molecules(z, pos, torch.tensor([len(one) for one in atoms]))
    molecules.bonds = scripts[1].bonds_of(molecules, 0)
    molecules.properties = scripts[1].summaries_of(molecules)
    return molecules


NEEDS_MUON = pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch is older than 2.9")


def training(scripts, molecules, monkeypatch, derived=None):
    torch.manual_seed(0)
    monkeypatch.setitem(scripts[0].SIZES["tiny"], "batch", 8)
    pooling = {"width": 16, "num_layers": 1, "heads": 2}
    model = FieldAutoEncoder(scripts[0].FIELD, 80, "flow", decoder_options=SMALL, pooling_options=pooling).train()
    return scripts[0].Training(model, molecules, derived, "tiny", 1000.0, 0, "cpu")


@NEEDS_MUON
def test_slices_give_the_same_as_one_training(scripts, molecules, monkeypatch, tmp_path):
    whole = training(scripts, molecules, monkeypatch)
    for _ in range(4):
        whole.step(0.0)
    part = training(scripts, molecules, monkeypatch)
    part.step(0.0)
    part.step(0.0)
    part.save(tmp_path)
    rest = training(scripts, molecules, monkeypatch)
    rest.resume(tmp_path)
    assert (rest.steps, rest.seen) == (2, 16)
    rest.step(0.0)
    rest.step(0.0)
    for (name, one), two in zip(whole.model.state_dict().items(), rest.model.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
    for name, one in whole.average.averages.items():
        assert torch.equal(one, rest.average.averages[name]), name
    assert not torch.equal(whole.model.decoder.network.head.weight, part.model.decoder.network.head.weight)


@NEEDS_MUON
def test_weights_in_half_precision_are_read_in_float32(scripts, molecules, monkeypatch, tmp_path):
    part = training(scripts, molecules, monkeypatch)
    part.step(0.0)
    part.save(tmp_path)
    model, half = (FieldAutoEncoder.load(tmp_path / f"{name}.safetensors") for name in ("model", "qm9-latent"))
    assert (tmp_path / "qm9-latent.safetensors").stat().st_size < 0.75 * (tmp_path / "model.safetensors").stat().st_size
    assert {parameter.dtype for parameter in half.parameters()} == {torch.float32}
    assert torch.equal(half.decoder.transform.wave_vectors, model.decoder.transform.wave_vectors)
    codes = [one.encode(molecules.batch(torch.arange(3))).code for one in (model, half)]
    assert torch.allclose(*codes, atol=1e-2)


@NEEDS_MUON
def test_derived_molecules_are_shares_of_batches(scripts, molecules, monkeypatch):
    script = scripts[0]
    bigger = molecules + molecules
    assert (len(bigger), bigger.bonds.count.sum()) == (24, 2 * molecules.bonds.count.sum())
    for row in range(12):
        for rows in ([row], [row + 12]):
            one, two = molecules.batch(torch.tensor([row])), bigger.batch(torch.tensor(rows))
            assert all(torch.equal(one[key], two[key]) for key in ("pos", "edge_index", "bond_order", "properties"))
    begun = training(scripts, molecules, monkeypatch, molecules)
    for rows, share in ((begun._drawn(100), script.DERIVED_SHARE), (begun._rare(100), script.RARE_DERIVED_SHARE)):
        assert int((rows >= 12).sum()) == 100 * share
    assert torch.isfinite(begun.step(0.0))


def test_derived_molecules_are_new(scripts, molecules, monkeypatch):
    import latent_derived
    from pretrain_molecules import connectivity as inchi

    monkeypatch.setattr(latent_derived, "_AT_ONCE", 60)
    data = scripts[1]
    rows = torch.arange(len(molecules))
    found = latent_derived.derived(molecules, rows, set(), 30)
    assert len(found) >= 30
    assert not torch.isin(data.connectivity(found), data.connectivity(molecules)).any()
    assert set(found.z.tolist()) <= {1, 6, 7, 8, 9}
    assert found.heavy.max() <= 9
    assert found.properties.shape == (len(found), molecules.properties.shape[1])
    known = [inchi(latent_derived.whole_molecule(found.data(row))) for row in range(len(found))]
    again = latent_derived.molecules_from(latent_derived.tensors_of(found))
    assert torch.equal(again.batch(rows).edge_index, found.batch(rows).edge_index)
    without = latent_derived.derived(molecules, rows, {known[0]}, 30)
    others = [inchi(latent_derived.whole_molecule(without.data(row))) for row in range(len(without))]
    assert known[0] not in others
    assert len(set(known) & set(others)) > 20


def test_what_is_held_out_has_a_connectivity_of_its_own(scripts, molecules):
    data = scripts[1]
    double = data.Molecules(
        torch.cat([molecules.z, molecules.z.flip(0)]),
        torch.cat([molecules.pos, -molecules.pos.flip(0)]),
        torch.cat([molecules.count, molecules.count.flip(0)]),
    )
    keys = data.connectivity(double)
    assert torch.equal(keys[:12], keys[12:].flip(0))
    assert len(keys.unique()) == 12
    rows, held_out = data.split(double, seed=0, number=6)
    assert len(rows) == 18
    assert not torch.isin(keys[held_out], keys[rows]).any()
    assert not torch.isin(held_out, rows).any()


def test_stability_is_that_of_the_valences(scripts, molecules):
    metrics = scripts[2]
    for row, name in enumerate(NAMES):
        if name not in ("CH3NO2", "C6H6"):
            assert metrics.stable_atoms(molecules.data(row)).all(), name
    stretched = molecules.data(1)
    stretched.pos = stretched.pos * 2.0
    assert not metrics.stable_atoms(stretched).any()
    found = metrics.chemistry([molecules.data(0), stretched])
    assert (found.valid, found.molecule_stable, found.smiles) == (0.5, 0.5, ("O",))
    right, rmsd = metrics.reconstruction([molecules.data(1)] * 2, [stretched, molecules.data(2)])
    assert right.tolist() == [True, False]
    apart = (stretched.pos - molecules.data(1).pos).square().sum(1)
    assert rmsd[0] == pytest.approx(float(apart.mean().sqrt()), rel=1e-3)
    lengths, angles = metrics.bond_lengths([molecules.data(0)]), metrics.bond_angles([molecules.data(0)])
    assert lengths == pytest.approx([0.969, 0.969], abs=2e-3)
    assert angles == pytest.approx([103.6], abs=0.5)
