"""Fields of all kinds of channels, widths and grids on a device without double precision."""

import pytest
import torch
from without_double import check_on_device

from tg_molfield import Grid, MolField, from_smiles
from tg_molfield.fields import Channel
from tg_molfield.structures import with_color

DEFINITIONS = {
    "groups": MolField(["all", "heavy", Channel("c", "C"), "other"]),
    "widths": MolField([Channel("core", "heavy", 0.7), Channel("size", "all", "vdw_radius", 0.5)], widths=1.0),
    "attributes": MolField([Channel("charge", "partial_charge"), "C"], widths="vdw_radius", width_scale=0.5),
    "peak": MolField("C N O", normalize_grid_size=8),
    "distance": MolField(["all"], aggregate="distance"),
    "union": MolField("C O", aggregate="union"),
    "color": MolField.preset("color"),
    "form factors": MolField.preset("promolecule"),
}


def molecule():
    return with_color(from_smiles("CC(N)CO", seed=1, properties=["partial_charge"]))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_fields_are_evaluated(name):
    def values(data):
        field = DEFINITIONS[name](data)
        yield field(data.pos + 0.3)
        yield field.on(Grid.around(data.pos, 1.0, 3.0)).values

    check_on_device(values, molecule(), tolerance=1e-4)


def test_fields_are_moved_and_widened_at_once():
    data = molecule()
    field = DEFINITIONS["groups"](data)

    def values(data):
        far = DEFINITIONS["groups"](data)
        yield far.to("cpu", torch.float64).to(far.device, torch.float32)(data.pos + 0.3)

    check_on_device(values, data)
    assert field.to("cpu", torch.float64).dtype == torch.float64
