"""What captions say about fields, and which channels have two colours."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield.fields import Channel, Grid, MolField, Volume, get_kernel
from tg_molfield.viz import plot_slices, plot_surfaces
from tg_molfield.viz.definitions import described, in_words
from tg_molfield.viz.signs import is_signed

WATER = Data(
    z=torch.tensor([8, 1, 1]),
    pos=torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.48], [0, -0.76, -0.48]]),
    partial_charge=torch.tensor([-0.6, 0.3, 0.3]),
)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (MolField(), "Sum over atoms of the kernel gaussian, width 0.5 × van der Waals radius."),
        (MolField("C", widths=0.8, width_scale=0.5), "Sum over atoms of the kernel gaussian, width 0.4 Å."),
        (MolField.preset("esp"), "Preset esp, sum over atoms of the kernel coulomb, width 0.5 Å."),
        (MolField.preset("promolecule"), "Preset promolecule, sum over atoms of FormFactors(blur=5.0)."),
        (
            MolField.preset("vdw"),
            "Preset vdw, signed distance to the nearest sphere, negative inside, width van der Waals radius.",
        ),
        (
            MolField([Channel("C", width=0.7)]),
            "Sum over atoms of the kernel gaussian, widths 0.7 Å of C.",
        ),
        (
            MolField([Channel("C", width=0.7), Channel("N")]),
            "Sum over atoms of the kernel gaussian, widths 0.7 Å of C, 0.5 × van der Waals radius of others.",
        ),
        (None, ""),
    ],
)
def test_definitions_in_words(definition, words):
    assert in_words(definition) == words


def test_grids_are_described_too():
    volume = MolField("O")(WATER).on(Grid.cube((0, 0, 0), 4, 9))
    assert described(volume).endswith("van der Waals radius. 9×9×9 nodes, steps of 0.5 Å.")
    assert described(Volume(volume.values, volume.grid)) == "9×9×9 nodes, steps of 0.5 Å."


@pytest.mark.parametrize(
    ("definition", "channel", "signed"),
    [
        (MolField(), "C", False),
        (MolField("all mass"), "mass", False),
        (MolField.preset("promolecule"), "all", False),
        (MolField.preset("esp"), "esp", True),
        (MolField.preset("esp_gaussian"), "esp", True),
        (MolField.preset("vdw"), "all", True),
        (MolField("partial_charge"), "partial_charge", True),
        (MolField("anything"), "anything", None),
        (
            MolField("C", kernel=get_kernel("gaussian").laplacian())
            if hasattr(get_kernel("gaussian"), "laplacian")
            else None,
            "C",
            None,
        ),
        (MolField([Channel("C", factor=-1.0)]), "C", None),
        (None, "C", None),
    ],
)
def test_what_can_be_negative(definition, channel, signed):
    assert is_signed(definition, channel) is signed


def test_a_density_below_0_and_a_potential_above_it_keep_their_colours():
    grid = Grid.cube((0, 0, 0), 6, 17)
    density = MolField("O")(WATER)
    below = Volume(density.on(grid).values - 0.2, grid, ("O",)).with_mol_field(density.mol_field)
    cation = MolField.preset("esp")(Data(z=WATER.z, pos=WATER.pos, partial_charge=torch.ones(3))).on(grid)

    def colors(volume):
        (image,) = (image for axis in plot_slices(volume).axes for image in axis.images)
        return image.cmap.name, image.norm.vmin

    assert colors(below) == ("viridis", 0.0)
    assert colors(cation)[0] == "RdBu"
    assert colors(cation)[1] < 0
    assert colors(Volume(below.values, grid))[0] == "RdBu", "where nothing is known, values tell"
    blue = plot_surfaces(cation).data[0].color
    assert blue == "#3579b8"
    assert plot_surfaces(density.on(grid)).data[0].color != blue
