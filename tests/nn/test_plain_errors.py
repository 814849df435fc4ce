"""Arguments of a wrong kind are named in one line; what is decoded wrongly, or taken over, is warned of."""

import warnings

import pytest
import torch
from small_models import SMALL, build
from torch_geometric.data import Data

from tg_molfield import FieldPath, Grid, MolField, Volume, psnr, superresolve
from tg_molfield.fields import RBFField
from tg_molfield.nn import FieldAutoEncoder, OutOfDomainWarning, UnsolvedCodeWarning
from tg_molfield.nn.decoders.structure_factors.solver import EXACT
from tg_molfield.training import AugmentedMolecules
from tg_molfield.transforms import MolFieldTransform

FIELD = MolField("H C O", widths=0.5, width_scale=1.0)
WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
GRID = Grid.around(WATER.pos, 0.6, 2.0)


def on_meta() -> Data:
    return Data(z=WATER.z.to("meta"), pos=WATER.pos.to("meta"))


CALLS = {
    "psnr of a molecule": (lambda: psnr(WATER, FIELD(WATER), GRID), TypeError, "field: expected a Field, got Data"),
    "psnr on points": (lambda: psnr(FIELD(WATER), FIELD(WATER), WATER.pos), TypeError, "grid: expected a Grid, got T"),
    "a fraction": (lambda: FieldAutoEncoder(latent_dim=3.5), ValueError, "latent_dim: expected an integer, got 3.5"),
    "channels for a definition": (
        lambda: MolFieldTransform("C N"), TypeError, "mol_field: expected a MolField, got 'C N'",
    ),
    "a molecule for a field": (
        lambda: superresolve(FIELD(WATER).on(GRID), "known_atoms", atoms=WATER),
        TypeError, "atoms: expected an RBFField, got Data",
    ),
    "lists": (lambda: FieldAutoEncoder().encode([8, 1], WATER.pos), TypeError, "z: expected a tensor, got list"),
    "molecules in a list": (
        lambda: FieldAutoEncoder().encode([WATER, WATER]),
        TypeError, "got list; join several molecules with Batch.from_data_list",
    ),
    "molecules in a list for a field": (
        lambda: MolField()([WATER]), TypeError, "got list; join several molecules with Batch.from",
    ),
    "a SMILES": (lambda: FieldAutoEncoder().encode("CCO"), TypeError, "data: expected a Data with z .*got str"),
    "a SMILES for a field": (lambda: MolField()("CCO"), TypeError, "data: expected a Data with z .*got str"),
    "arrays in a Data": (
        lambda: FieldAutoEncoder().encode(Data(z=WATER.z.numpy(), pos=WATER.pos)),
        TypeError, "data.z: expected a tensor, got ndarray",
    ),
    "positions of nothing": (
        lambda: FieldAutoEncoder().encode(WATER.z), ValueError, "pos: expected positions",
    ),
    "an array of samples": (
        lambda: Volume(torch.zeros(GRID.shape).numpy(), GRID), TypeError, "values: expected a tensor, got ndarray",
    ),
    "a molecule for frames": (
        lambda: FieldPath(WATER, FIELD), TypeError, "frames: expected a list of Data, one a frame, got a Data",
    ),
    "SMILES to train on": (
        lambda: AugmentedMolecules(["CCO"]), TypeError, r"molecules.0.: expected a Data with z .*got str",
    ),
    "a molecule to train on": (
        lambda: AugmentedMolecules(WATER), TypeError, "molecules: expected a list of Data, got a Data",
    ),
    "NaN to train on": (
        lambda: AugmentedMolecules([Data(z=WATER.z, pos=WATER.pos * float("nan"))]),
        ValueError, r"molecules.0..pos: expected finite positions",
    ),
    "one grid for each": (lambda: FIELD(WATER).on_each(GRID), TypeError, "grids: expected a list with a grid for each"),
    "a code alone": (
        lambda: FieldAutoEncoder().decode(torch.zeros(1, 512), WATER.pos), TypeError, "latent: expected a Latent, got",
    ),
    "channels to decode into": (
        lambda: FieldAutoEncoder().set_mol_field("C N"), TypeError, "mol_field: expected a MolField, got 'C N'",
    ),
    "a molecule for positions": (
        lambda: Grid.around(WATER), TypeError, "pos: expected a tensor .N, 3., got Data; give data.pos",
    ),
    "a batch in a list": (
        lambda: FieldAutoEncoder().encode(WATER.z, WATER.pos, [0, 0, 0]), TypeError, "batch: expected a tensor, got l",
    ),
    "a fraction of molecules": (
        lambda: FieldAutoEncoder().encode(WATER.z, WATER.pos, num_graphs=1.5), ValueError, "num_graphs: expected an",
    ),
    "positions in a list": (
        lambda: FieldAutoEncoder().encode(WATER.z, WATER.pos.tolist()), TypeError, "pos: expected a tensor, got list",
    ),
    "points in a list": (lambda: FIELD(WATER)([[0.0, 0.0, 0.0]]), TypeError, "pos: expected a tensor, got list"),
    "no numbers for a field": (lambda: FIELD(on_meta()), ValueError, "data.z: expected numbers, got a tensor on"),
    "no numbers for a model": (
        lambda: FieldAutoEncoder().encode(on_meta()), ValueError, "z: expected numbers, got a tensor on the meta",
    ),
    "no numbers for points": (
        lambda: FIELD(WATER)(WATER.pos.to("meta")), ValueError, "pos: expected numbers, got a tensor on the meta",
    ),
    "no numbers for a sum": (
        lambda: RBFField(WATER.pos.to("meta"), torch.ones(3)), ValueError, "centers: expected numbers, got a tensor on",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_wrong_kinds_are_named(name):
    call, kind, message = CALLS[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_target_of_zeros_has_no_ratio():
    zero = FIELD(WATER) * 0.0
    with pytest.raises(ValueError, match="target: expected values other than 0 on the grid"):
        psnr(FIELD(WATER), zero, GRID)
    assert psnr(FIELD(WATER), zero, GRID, peak=1.0).all_nodes > 0


def test_errors_come_without_a_warning_of_the_domain():
    model = build("structure_factors", channels=FIELD).train()
    model.encode(WATER)
    model.eval()
    known = model.domain.elements
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="z: expected elements that this model knows"):
            model.encode(Data(z=torch.tensor([92]), pos=torch.zeros(1, 3)))
    with pytest.warns(OutOfDomainWarning, match="z: expected elements of the training set") as told:
        model.encode(Data(z=torch.tensor([6]), pos=torch.zeros(1, 3)))
    assert told[0].filename == __file__
    model.train()
    with pytest.raises(ValueError, match="expected elements"):
        model.encode(Data(z=torch.tensor([92]), pos=torch.zeros(1, 3)))
    assert model.domain.elements == known, "what cannot be encoded is not learnt"


def test_atoms_that_do_not_match_their_code_are_warned_of():
    generator = torch.Generator().manual_seed(0)
    data = Data(z=torch.full((30,), 6), pos=6 * torch.rand(30, 3, generator=generator))
    options = SMALL["structure_factors"] | {"num_searches": 0}
    model = build("structure_factors", channels=FIELD, decoder_options=options)
    latent = model.encode(data)
    assert float(model.decoder.residual(latent)) > 30 * EXACT
    with pytest.warns(
        UnsolvedCodeWarning, match="molecule 0: expected atoms that match its code, got 30 atoms"
    ) as told:
        model.decoder.field(latent)
    assert told[0].filename == __file__
    with pytest.warns(UnsolvedCodeWarning):
        model.decode(latent, data.pos)
    exact = build("structure_factors", channels=FIELD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train().decode(latent, data.pos)
        latent = exact.encode(WATER)
        exact.decoder.field(latent)
        exact.decoder.field(latent.with_code(0.7 * latent.code))  # no molecule's: the nearest is what is asked for
