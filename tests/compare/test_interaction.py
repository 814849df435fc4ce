import gzip
import math

import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Batch, Data

from tg_molfield import Grid, MolField, from_rdkit, read_complex
from tg_molfield.chem.rotations import random_rotations
from tg_molfield.compare import DESCRIPTORS, INTERACTION_FIELD, Descriptor, interaction
from tg_molfield.inverse.superres import superresolve

NAMES = tuple(one.name for one in DESCRIPTORS)


def atoms(seed, count, place=0.0, spread=2.0):
    random = torch.Generator().manual_seed(seed)
    pos = spread * torch.randn(count, 3, generator=random, dtype=torch.float64)
    pos[:, 0] += place
    flags = torch.rand(2, count, generator=random, dtype=torch.float64).round()
    return Data(
        z=torch.tensor([1, 6, 7, 8])[torch.randint(4, (count,), generator=random)],
        pos=pos,
        partial_charge=torch.randn(count, generator=random, dtype=torch.float64),
        donor=flags[0],
        acceptor=flags[1],
        logp=torch.randn(count, generator=random, dtype=torch.float64),
    )


def by_pairs(ligand, protein):
    """The descriptors [N, D] of each ligand atom, written out."""
    squares = torch.cdist(ligand.pos, protein.pos).square()
    near, core, bond = (torch.exp(-squares / (4 * width**2)) for width in (1.4, 0.7, 1.0))
    heavy, other = (ligand.z > 1).double(), (protein.z > 1).double()
    columns = (
        heavy * (near @ other),
        heavy * (core @ other),
        -ligand.partial_charge * (near @ protein.partial_charge),
        ligand.donor * (bond @ protein.acceptor),
        ligand.acceptor * (bond @ protein.donor),
        ligand.logp * (near @ protein.logp),
    )
    return torch.stack(columns, 1)


LIGAND, PROTEIN = atoms(0, 9), atoms(1, 40, place=3.0, spread=4.0)


def complex_of(ligand, protein):
    joined = Data(**{key: torch.cat([ligand[key], protein[key]]) for key in ligand.keys()})  # noqa: SIM118
    joined.part = torch.repeat_interleave(torch.arange(2), torch.tensor([len(ligand.z), len(protein.z)]))
    return joined


def test_descriptors_are_sums_over_pairs_of_atoms():
    expected = by_pairs(LIGAND, PROTEIN)
    found = interaction(LIGAND, PROTEIN, per_atom=True)
    assert found.names == NAMES
    assert torch.allclose(found.per_atom, expected, rtol=1e-10, atol=1e-12)
    assert torch.allclose(found.values, expected.sum(0), rtol=1e-10, atol=1e-12)
    assert torch.allclose(found.values, interaction(LIGAND, PROTEIN).values, rtol=1e-10, atol=1e-12)
    assert not found.error.any()


def test_a_complex_is_its_two_parts():
    expected = interaction(LIGAND, PROTEIN, per_atom=True)
    joined = complex_of(LIGAND, PROTEIN)
    found = interaction(joined, per_atom=True)
    assert torch.allclose(found.values, expected.values)
    assert torch.allclose(found.per_atom, expected.per_atom)
    turned = joined.subgraph(torch.arange(len(joined.z)).flip(0))
    assert torch.allclose(interaction(turned).values, expected.values)
    options = {name: getattr(INTERACTION_FIELD, name) for name in ("kernel", "widths", "width_scale")}
    field = MolField(INTERACTION_FIELD.specification, split_parts=True, **options)(joined)
    assert torch.allclose(interaction(field).values, expected.values)
    batch = interaction(Batch.from_data_list([joined, complex_of(LIGAND, atoms(2, 20))]), per_atom=True)
    assert batch.values.shape == (2, 6)
    assert torch.allclose(batch.values[0], expected.values)
    assert batch.per_atom.shape == (18, 6)


def test_many_poses_in_one_call():
    poses = [LIGAND, atoms(3, 4), atoms(4, 1)]
    found = interaction(Batch.from_data_list(poses), PROTEIN, per_atom=True)
    expected = [interaction(pose, PROTEIN).values for pose in poses]
    assert torch.allclose(found.values, torch.stack(expected))
    assert found.per_atom.shape == (14, 6)
    both = interaction(Batch.from_data_list(poses), Batch.from_data_list([PROTEIN, LIGAND]), ["clash", "contact"])
    assert both.names == ("clash", "contact")
    assert both.values.shape == (3, 2, 2)
    assert torch.allclose(both.values[:, 0], found.values[:, [1, 0]])


def test_rigid_motion_of_both_changes_nothing(seeded):
    rotation = random_rotations(1)[0].double()
    moved = [one.clone() for one in (LIGAND, PROTEIN)]
    for one in moved:
        one.pos = one.pos @ rotation.T + torch.tensor([30.0, -4.0, 12.0], dtype=torch.float64)
    assert torch.allclose(interaction(*moved).values, interaction(LIGAND, PROTEIN).values, rtol=1e-9)


def test_a_ligand_far_away_meets_nothing():
    far = LIGAND.clone()
    far.pos = far.pos + 100
    assert torch.equal(interaction(far, PROTEIN).values, torch.zeros(6, dtype=torch.float64))
    samples = INTERACTION_FIELD(PROTEIN).on(Grid.around(PROTEIN.pos, 1.0, 3.0))
    assert torch.equal(interaction(far, samples, per_atom=True).per_atom, torch.zeros(9, 6, dtype=torch.float64))


@pytest.mark.filterwarnings("ignore:hydrogens:")
def test_chemistry_of_rdkit_molecules_comes_with_the_complex(data_dir):
    names = ("partial_charge", "donor", "acceptor", "logp")
    with gzip.open(data_dir / "complexes" / "1iep_protein.pdb.gz", "rt") as file:
        protein = from_rdkit(Chem.MolFromPDBBlock(file.read(), removeHs=False), properties=names)
    mol = Chem.MolFromMolFile(str(data_dir / "complexes" / "1iep_ligand.sdf"), removeHs=False)
    ligand = from_rdkit(mol, properties=names)
    found = interaction(read_complex(protein, ligand), per_atom=True)
    assert torch.allclose(found.values, interaction(ligand, protein).values)
    assert found.per_atom.shape == (69, 6)
    assert bool((found.values != 0).all())


def test_contact_alone_needs_no_chemistry():
    bare, other = (Data(z=one.z, pos=one.pos) for one in (LIGAND, PROTEIN))
    found = interaction(bare, other, ["contact", "clash"])
    assert torch.allclose(found.values, interaction(LIGAND, PROTEIN).values[:2])
    with pytest.raises(ValueError, match="'partial_charge'"):
        interaction(bare, other)


def test_samples_of_a_field_are_enough():
    """No atom of the protein is known: its field is interpolated or reconstructed from samples 1.2 Å apart."""
    protein, names = atoms(1, 6, place=3.0), ("contact", "charge")
    samples = INTERACTION_FIELD(protein)["shape", "charge"].on(Grid.around(protein.pos, 1.2, 3.0))
    expected = interaction(LIGAND, protein, names, per_atom=True)
    scale = expected.per_atom.abs().amax(0)
    for field, tolerance in ((samples.interpolated("cubic"), 0.15), (superresolve(samples, "kriging")[0], 0.03)):
        found = interaction(LIGAND, field, names, per_atom=True)
        assert bool(((found.per_atom - expected.per_atom).abs() <= tolerance * scale).all())
        assert torch.allclose(found.per_atom.sum(0), found.values)
        assert torch.allclose(interaction(LIGAND, field, names).values, found.values, rtol=1e-5)
        assert bool((found.error > 0).all())


def test_both_fields_may_be_samples():
    fields = [INTERACTION_FIELD(one).on(Grid.around(one.pos, 0.4, 5.0)) for one in (LIGAND, PROTEIN)]
    found, expected = interaction(*fields), interaction(LIGAND, PROTEIN, per_atom=True)
    assert bool(((found.values - expected.values).abs() <= 0.1 * expected.per_atom.abs().sum(0)).all())
    with pytest.raises(TypeError, match="f: expected a field with centres for per_center, got Volume"):
        interaction(*fields, per_atom=True)


def test_descriptors_of_ones_own():
    carbon = Descriptor("carbon near oxygen", "C", "O", 2.0, "Å³", "carbon of the ligand, oxygen of the protein")
    found = interaction(LIGAND, PROTEIN, carbon, mol_field=MolField("C O", widths=1.0, width_scale=1.0))
    rows, columns = LIGAND.z == 6, PROTEIN.z == 8
    squares = torch.cdist(LIGAND.pos[rows], PROTEIN.pos[columns]).square()
    assert math.isclose(float(found.values), float(2 * math.pi**1.5 * torch.exp(-squares / 4).sum()), rel_tol=1e-10)
    with pytest.raises(ValueError, match="ligand: expected a field with the channel 'C', got core shape"):
        interaction(LIGAND, PROTEIN, carbon)


def test_several_gaussians_an_atom_count_as_one_atom():
    definition = MolField.preset("promolecule")
    density = Descriptor("density", "all", "all")
    found = interaction(LIGAND, PROTEIN, density, mol_field=definition, per_atom=True)
    assert found.per_atom.shape == (9, 1)
    one = interaction(LIGAND.subgraph(torch.tensor([4])), PROTEIN, density, mol_field=definition)
    assert torch.allclose(found.per_atom[4], one.values)


def test_gradients_move_the_ligand():
    pos = LIGAND.pos.clone().requires_grad_()
    names = ("contact", "charge", "lipophilic")

    def values(pos):
        return interaction(Data(**{**LIGAND.to_dict(), "pos": pos}), PROTEIN, names).values

    assert torch.autograd.gradcheck(values, pos)
    samples = INTERACTION_FIELD(PROTEIN).on(Grid.around(PROTEIN.pos, 0.9, 4.0)).interpolated("cubic")
    summed = interaction(Data(**{**LIGAND.to_dict(), "pos": pos}), samples, "contact").values.sum()
    (slope,) = torch.autograd.grad(summed, pos)
    (exact,) = torch.autograd.grad(values(pos)[0], pos)
    assert float((slope - exact).norm()) < 0.05 * float(exact.norm())


def test_what_cannot_be_is_refused():
    broken = LIGAND.clone()
    broken.partial_charge = torch.full((9,), math.nan, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"data\.partial_charge: expected finite numbers, got NaN"):
        interaction(broken, PROTEIN)
    with pytest.raises(ValueError, match=r"by: expected some of contact, clash, .*got 'contacts'"):
        interaction(LIGAND, PROTEIN, "contacts")
    with pytest.raises(ValueError, match="by: expected descriptors of different names, got clash, clash"):
        interaction(LIGAND, PROTEIN, ["clash", "clash"])
    with pytest.raises(TypeError, match="by: expected names or Descriptors, got int"):
        interaction(LIGAND, PROTEIN, [1])
    with pytest.raises(TypeError, match="protein: expected a Data or a Field, got Tensor"):
        interaction(LIGAND, PROTEIN.pos)
    with pytest.raises(ValueError, match="ligand: expected a complex with part"):
        interaction(LIGAND)
    alone = complex_of(LIGAND, PROTEIN).subgraph(torch.arange(9))
    with pytest.raises(ValueError, match="ligand: expected a complex with protein atoms, got none"):
        interaction(alone)
