"""Comparisons of molecules and fields on a device without double precision."""

import pytest
import torch
from emulated_device import EmulatedTensor, emulated_device
from torch_geometric.data import Batch, Data
from without_double import check_on_device

from tg_molfield import Grid, MolField, Volume, align, from_smiles, screen, similarity
from tg_molfield.compare import (
    Descriptor,
    align_many,
    interaction,
    overlap,
    pair_overlaps,
    pocket,
    score_in_place,
)

FIELD = MolField("C N O", widths=0.7, width_scale=1.0)
OTHER = MolField("C N O", kernel="wendland_c4", widths=2.0, width_scale=1.0)
GRID = Grid.cube((0, 0, 0), 12.0, 30)
CELL = torch.tensor([[[6.0, 0, 0], [1.0, 6.0, 0], [0.5, 0.7, 6.0]]])


def molecule(smiles="CC(=O)NCCO", seed=0, shift=0.0):
    data = from_smiles(smiles, seed=seed)
    return Data(z=data.z, pos=data.pos.float() - data.pos.float().mean(0) + shift)


ONE, TWO = molecule(), molecule("OCC(N)=O", 3, 0.4)


def overlaps(one, two):
    f, g = FIELD(one), FIELD(two)
    yield overlap(f, g)
    yield pair_overlaps(f, g).values
    yield pair_overlaps(f, g, per_center=True).values
    yield similarity(f, g).total
    yield similarity(f, g, "carbo").by_channel


def overlaps_on_grids(one, two):
    f, g = FIELD(one), OTHER(two)
    yield from similarity(f, g.with_mol_field(None), grid=GRID)[:2]
    yield similarity(f.on(GRID), FIELD(two).on(GRID)).total
    yield similarity(f, FIELD(two).on(GRID)).by_channel
    yield pair_overlaps(f, g).values
    yield pair_overlaps(g, f, per_center=True).values
    yield pair_overlaps(f, g.on(GRID), per_center=True, grid=Grid.cube((0.1, 0, 0), 11.0, 25)).values
    yield pair_overlaps(f.on(GRID), g, grid=Grid.cube((0.1, 0, 0), 11.0, 25)).values


def overlaps_in_cells(one, two):
    for data in (one, two):
        data.cell, data.pbc = CELL.to(data.pos.device), torch.tensor([[True, True, True]]).to(data.pos.device)
    f, g = FIELD(one), FIELD(two)
    yield overlap(f, g)
    yield pair_overlaps(f, g).values
    yield pair_overlaps(f, OTHER(two)).values
    yield pair_overlaps(OTHER(one)["C"], f, per_center=True).values
    yield similarity(f, OTHER(two).with_mol_field(None), grid=Grid.from_cell(CELL[0], spacing=0.4)).total


@pytest.mark.parametrize("compute", [overlaps, overlaps_on_grids, overlaps_in_cells])
@pytest.mark.filterwarnings("ignore:grid")
def test_fields_overlap(compute):
    check_on_device(compute, ONE, TWO)


@pytest.mark.filterwarnings("ignore:grid")
def test_overlaps_are_differentiated():
    def slopes(one, two):
        for other in (FIELD(two), FIELD(two).on(GRID)):
            pos = one.pos.clone().requires_grad_()
            pair_overlaps(FIELD(Data(z=one.z, pos=pos)), other, per_center=True).values.sum().backward()
            yield pos.grad
        values = FIELD(one).on(GRID).values.requires_grad_()
        for compare in (pair_overlaps, similarity):
            compare(Volume(values, GRID, FIELD.channels), FIELD(two).on(GRID))[0].sum().backward()
            yield values.grad
            values.grad = None

    check_on_device(slopes, ONE, TWO, tolerance=1e-4)


def poses(one, two):
    found = align(two, one)
    yield found.score
    yield found.rotation
    yield found.moved.pos
    yield found.apply(two.pos)
    yield align(two, one, by=("shape", "color")).moved.pos
    yield align(FIELD(two), FIELD(one)).score


def tables(one, two):
    found = align_many([one, two], [two, one], by=("shape", FIELD), search="fast")
    yield found.score
    yield found.by_term
    yield found[0, 1].moved.pos
    yield align_many([one, two]).score
    yield align_many(Batch.from_data_list([one, two]).to(one.pos.device), [one, two], paired=True).translation
    yield score_in_place([one, two], two).by_term
    yield score_in_place(FIELD(one), FIELD(two)).score


def far_from_the_origin(one, two):
    one.pos, two.pos = one.pos + 300, two.pos - 200
    yield align(two, one).moved.pos


def without_a_field(one, two):
    """Molecules in which the field is 0 have frames by their atoms."""
    yield align_many([one, two], by=MolField("S"))[0, 1].score


@pytest.mark.parametrize("compute", [poses, tables, far_from_the_origin, without_a_field])
def test_molecules_are_aligned(compute):
    check_on_device(compute, ONE, TWO)


def atoms(one, two):
    found = interaction(one, two, ["contact", "clash"], per_atom=True)
    yield found.values
    yield found.per_atom
    yield interaction(Batch.from_data_list([one, two]).to(one.pos.device), two, "contact").values


def complexes(one, two):
    part = torch.cat([torch.zeros_like(one.z), torch.ones_like(two.z)])
    whole = Data(z=torch.cat([one.z, two.z]), pos=torch.cat([one.pos, two.pos + 3]), part=part)
    yield interaction(whole, by="contact").values
    yield interaction(Batch.from_data_list([whole, whole]).to(one.pos.device), by="contact").values
    near = pocket(whole, 4.0)
    yield near.pos
    yield near.part


def sampled(one, two):
    mol_field = MolField(["heavy"], kernel="wendland_c4", widths=2.0, width_scale=1.0)
    by = Descriptor("near", "heavy", "heavy")
    yield interaction(one, two, by, mol_field=mol_field).values
    yield interaction(one, two, by, mol_field=mol_field, per_atom=True, grid=GRID).per_atom
    f, g = mol_field(one).on(GRID), mol_field(two).on(GRID)
    found = interaction(f, g, by)
    yield found.values
    yield interaction(f, g, by, grid=Grid.cube((0.1, 0, 0), 11.0, 25)).values


@pytest.mark.parametrize("compute", [atoms, complexes, sampled])
def test_interactions_are_read(compute):
    check_on_device(compute, ONE, TWO)


def test_libraries_are_screened_for_molecules_on_the_device():
    library = [TWO, ONE, molecule("c1ccccc1", 1)]
    host = screen(ONE, library, progress=False)
    with emulated_device(double=False) as device:
        far = screen(ONE.clone().to(device), library, progress=False)
        assert far.score.equal(host.score)
        assert [hit.record for hit in far.hits] == [2, 1, 3]
        own = screen(ONE, [data.clone().to(device) for data in library], progress=False)
        assert own.score.equal(host.score)
        assert all(isinstance(hit.moved.pos, EmulatedTensor) for hit in own.hits)
        far_hits = zip(own.hits, host.hits, strict=True)
        assert all(torch.allclose(one.moved.pos.cpu(), two.moved.pos, atol=1e-5) for one, two in far_hits)
