"""Every public function and method names a first argument of a wrong kind in one line."""

import inspect
import re

import pytest
import torch
from torch_geometric.data import Data

import tg_molfield
from tg_molfield import (
    FieldAutoDecoder,
    FieldAutoEncoder,
    FieldPath,
    Grid,
    MolField,
    MolFieldTransform,
    read_complex,
)
from tg_molfield.fields import FormFactors, UnionField
from tg_molfield.inverse.superres import SuperresField
from tg_molfield.nn import DecodedField, RBFDecoder
from tg_molfield.training import AugmentedMolecules, fit
from tg_molfield.transforms import GridSampler, MixtureSampler, UniformSampler
from tg_molfield.viz import Page, animate_surfaces, save_figure

GRAMMAR = re.compile(r"[^:\n]+: expected [^\n]+, got [^\n]+; [^\n]+")
WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
DEFINITION = MolField("H O")
GRID = Grid.around(WATER.pos, 1.0, 1.0)
POINTS = torch.zeros(2, 3)
MODEL = FieldAutoEncoder("H O", 32, encoder_options={"num_layers": 0}, decoder_options={"num_slots": 4})
INSTANCES = {
    "FieldAutoDecoder": FieldAutoDecoder("H O", 1, 8, decoder_options={"width": 16, "num_layers": 3}),
    "FieldAutoEncoder": MODEL,
    "FieldPath": FieldPath([WATER, WATER], DEFINITION),
    "Grid": GRID,
    "MolField": DEFINITION,
    "MolFieldTransform": MolFieldTransform(DEFINITION),
    "RBFField": DEFINITION(WATER),
    "Volume": DEFINITION(WATER).on(GRID),
}
MORE = {
    "FieldAutoEncoder.decode": (POINTS,),
    "FieldAutoEncoder.forward": (WATER.pos, POINTS),
    "FieldAutoEncoder.path": (WATER,),
    "FieldAutoEncoder.psnr": (POINTS, POINTS),
    "FieldAutoEncoder.recon_loss": (POINTS, POINTS),
    "FieldAutoEncoder.sample_near": (0.5,),
    "FieldAutoEncoder.test": (POINTS, POINTS),
    "MolField.differences": (["H"],),
    "Grid": (((1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)), (2, 2, 2)),
    "Grid.cube": (3.0, 4),
    "Grid.from_cell": ((2, 2, 2),),
    "RBFField": (torch.ones(3, 1),),
    "RBFField.check": (None,),
    "RBFField.problem": (None,),
    "Volume": (GRID,),
    "align": (WATER,),
    "fit_rbf": (POINTS,),
    "psnr": (INSTANCES["RBFField"], GRID),
    "read_complex": ("ligand.sdf",),
    "screen": ([WATER],),
    "similarity": (INSTANCES["RBFField"],),
}
"""The arguments after the first one, where they are needed."""

UNCHECKED = {
    "Field": "abstract; its methods are those of RBFField and Volume",
    "FieldAutoDecoder.compile": "torch checks its arguments",
    "FieldAutoEncoder.compile": "torch checks its arguments",
    "RBFField.folded": "a step of the evaluation, after `check`",
    "RBFField.to": "torch checks its arguments",
    "Volume.to": "torch checks its arguments",
}
TAKES = {
    "Channel": str, "FieldAutoDecoder": str, "FieldAutoEncoder": str, "MolField": str, "MolField.channel_of": str,
    "FieldAutoDecoder.field": int, "FieldPath.data": float, "FieldPath.field": float, "FieldPath.locate": float,
    "FieldPath.positions": float, "Grid.coarsened": int, "Grid.refined": int, "from_smiles": str,
    "FormFactors": (int, float), "GridSampler": (int, float), "MixtureSampler": (int, float), "Page": str,
    "UniformSampler": (int, float), "Grid.around(spacing)": (int, float), "RBFDecoder": str,
    "FieldAutoDecoder.save": str, "FieldAutoDecoder.save_pretrained": str, "FieldAutoEncoder.save": str,
    "FieldAutoEncoder.save_pretrained": str, "RBFField.in_batches": int,
}  # fmt: skip
"""Of a number and a string, what is right."""

WRONG = {"none": None, "number": 3, "fraction": 2.5, "text": "nothing of the kind", "bytes": b"x", "list": [object()]}


def public_functions():
    """Name and function of everything public that takes an argument."""
    for name in tg_molfield.__all__:
        thing = getattr(tg_molfield, name)
        if name in UNCHECKED:
            continue
        yield name, thing
        for method in dir(thing) if inspect.isclass(thing) else ():
            owner = next(base for base in thing.__mro__ if method in vars(base))
            is_public = method[0] != "_" or method in ("__call__", "__getitem__")
            if is_public and owner.__module__.startswith("tg_molfield"):
                bound = getattr(INSTANCES.get(name, thing), method)
                if inspect.ismethod(bound) and inspect.signature(bound).parameters:
                    yield f"{name}.{method}", bound


FUNCTIONS = {name: function for name, function in public_functions() if name not in UNCHECKED}
FUNCTIONS |= {
    "training.fit": lambda model: fit(model, [WATER], max_steps=1),
    "training.fit(loss)": lambda loss: fit(MODEL, [WATER], loss, max_steps=1),
    "AugmentedMolecules": AugmentedMolecules,
    "FormFactors": FormFactors,
    "GridSampler": GridSampler,
    "MixtureSampler": MixtureSampler,
    "UniformSampler": UniformSampler,
    "UnionField": UnionField,
    "RBFDecoder": lambda channels: RBFDecoder(channels, 8),
    "DecodedField": lambda decoder: DecodedField(decoder, None),
    "Grid.around(spacing)": lambda spacing: Grid.around(WATER.pos, spacing),
    "Page": Page,
    "animate_surfaces": animate_surfaces,
    "save_figure(figure)": lambda figure: save_figure(figure, "a.png"),
    "SuperresField.load": SuperresField.load,
    "Page.save": Page("").save,
    "save_figure": lambda path: save_figure(None, path),
    "read_complex(ligand)": lambda ligand: read_complex(WATER, ligand),
}


def test_the_public_functions_are_found():
    assert {"Volume.read", "Grid.around", "MolField.__call__", "RBFField.on", "read", "find_atoms"} <= FUNCTIONS.keys()
    assert len(FUNCTIONS) > 70


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_first_argument_of_a_wrong_kind_is_named(name):
    function = FUNCTIONS[name]
    first = next(iter(inspect.signature(function).parameters.values()))
    for value in WRONG.values():
        if value is first.default or isinstance(value, TAKES.get(name, ())):
            continue
        if value is None and name.endswith((".with_atoms", ".with_mol_field", "fit(loss)")):
            continue
        with pytest.raises((TypeError, ValueError, LookupError, OSError)) as caught:
            function(value, *MORE.get(name, ()))
        message = str(caught.value.args[0] if isinstance(caught.value, KeyError) else caught.value)
        assert GRAMMAR.fullmatch(message), f"{value!r}: {type(caught.value).__name__}: {message}"
        assert len(message) < 300
