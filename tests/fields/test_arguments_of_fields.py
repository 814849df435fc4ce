"""Arguments of fields, grids, volumes and definitions that are refused by their names before any work."""

import math

import numpy as np
import pytest
import torch
from house_errors import assert_refused
from torch_geometric.data import Data

from tg_molfield import Grid, MolField, Volume
from tg_molfield.fields import Channel, DistanceField, FunctionKernel, RBFField, UnionField, get_kernel
from tg_molfield.metrics import psnr, psnr_per_graph

AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]))
GRID = Grid.around(WATER.pos, 1.0, 1.0)
FIELD = MolField("H O")(WATER)
VOLUME = FIELD.on(GRID)
CENTERS = torch.zeros(2, 3)
HUGE = 10**400
META = torch.zeros(3, 3, device="meta")


def water(**attributes):
    return Data(z=WATER.z, pos=WATER.pos, **attributes)


def rbf(**options):
    return RBFField(CENTERS, torch.ones(2, 2), **options)


def preset(name, **options):
    return lambda: MolField.preset(name, **options)


GRIDS = [
    ("axes", lambda: Grid((0, 0, 0), None, (2, 2, 2))),
    *(("shape", lambda shape=shape: Grid((0, 0, 0), AXES, shape)) for shape in (None, 5, 1.5, (2, 2))),
    ("origin", lambda: Grid((HUGE, 0, 0), AXES, (2, 2, 2))),
    ("shape", lambda: Grid.from_cell(AXES, 8)),
    ("n", lambda: Grid.cube((0, 0, 0), 3.0, None)),
    ("n", lambda: MolField().grid(WATER, n=None)),
    ("threshold", lambda: MolField().grid(WATER, threshold=None)),
    ("threshold", lambda: MolField().grid(WATER, threshold="x")),
    ("margin", lambda: Grid.around(WATER.pos, margin=True)),
    ("margin", lambda: Grid.around(WATER.pos, margin=HUGE)),
    ("spacing", lambda: Grid.around(WATER.pos, HUGE)),
    ("side", lambda: Grid.cube((0, 0, 0), HUGE, 3)),
    ("cell", lambda: Grid.from_cell(torch.full((3, 3), math.nan), spacing=0.5)),
    ("cell", lambda: Grid.from_cell(torch.eye(3) * 1j, (2, 2, 2))),
    *(("periodic", lambda p=p: GRID.refined(2, p)) for p in (None, "abc", [True, False], [0, 1, 0])),
    ("pos", lambda: Grid.around(META)),
    ("center", lambda: Grid.cube(META[0], 3.0, 2)),
    ("cell", lambda: Grid.from_cell(META, (2, 2, 2))),
]
VOLUMES = [
    ("grid", lambda: Volume(VOLUME.values, None)),
    ("channels", lambda: Volume(VOLUME.values, GRID, 3)),
    ("channels", lambda: Volume(VOLUME.values, GRID, [1, 2])),
    ("atoms", lambda: Volume(VOLUME.values, GRID, atoms=WATER)),
    ("atoms", lambda: Volume(VOLUME.values, GRID, atoms="water")),
    ("interpolation", lambda: Volume(VOLUME.values, GRID, interpolation=[])),
    ("factor", lambda: VOLUME * math.nan),
    ("factor", lambda: FIELD * math.inf),
    ("factor", lambda: (FIELD + VOLUME) * math.nan),
    ("dtype", lambda: Volume.read("none.npz", dtype="float64")),
    ("dtype", lambda: Volume.read("none.npz", dtype=torch.int64)),
    *(("fill_nan", lambda v=v: Volume.read("none.npz", fill_nan=v)) for v in ("x", [0], math.nan)),
    ("expand", lambda: Volume.read("none.npz", expand=np.zeros(2))),
    ("device", lambda: VOLUME.to("abc")),
    ("device", lambda: FIELD.to(1.5)),
    ("dtype", lambda: FIELD.to(torch.int64)),
]
SUMS = [
    ("widths", lambda: rbf(widths=None)),
    ("widths", lambda: rbf(widths="x")),
    ("widths", lambda: rbf(widths=True)),
    ("widths", lambda: rbf(widths=torch.ones(2) * 1j)),
    ("widths", lambda: rbf(widths=torch.ones(2, device="meta"))),
    *(("num_graphs", lambda n=n: rbf(num_graphs=n)) for n in ("2", [2], True)),
    ("channels", lambda: rbf(channels=3)),
    ("channels", lambda: rbf(channels=[1, 2])),
    ("atoms", lambda: rbf(atoms=WATER)),
    ("out", lambda: FIELD.on(GRID, out="x")),
    ("grids", lambda: UnionField(FIELD).on_each(None)),
    ("grids", lambda: UnionField(FIELD).on_each("x")),
    ("smoothness", lambda: DistanceField(FIELD, None)),
    ("data.batch", lambda: MolField("H O")(water(batch=torch.zeros(0, dtype=torch.long)))),
    ("data.batch", lambda: MolField("H O")(water(batch=torch.zeros(3, dtype=torch.complex64)))),
    ("data.q", lambda: MolField("q")(water(q=torch.ones(3) * 1j))),
    ("data.q", lambda: MolField("q")(water(q=META[0]))),
    ("cell", lambda: MolField("H O")(water(cell=META, pbc=torch.ones(3, dtype=torch.bool)))),
    ("cell", lambda: MolField("H O")(water(cell=torch.eye(3) * 9j))),
    ("pbc", lambda: MolField("H O")(water(cell=torch.eye(3) * 9, pbc=META[0]))),
]
DEFINITIONS = [
    *(
        (name, lambda n=name, v=v: MolField("C", **{n: v}))
        for name in ("smoothness", "width_scale")
        for v in (None, "x")
    ),
    ("smoothness", lambda: MolField("C", aggregate="distance", smoothness=math.nan)),
    ("widths", lambda: MolField("C", widths=None)),
    ("widths", lambda: MolField("C", widths=1j)),
    ("order", lambda: MolField("C", order=None)),
    ("aggregate", lambda: MolField("C", aggregate=[])),
    ("centers", lambda: MolField("all", centers=[])),
    ("kernel", lambda: MolField("C", kernel=[])),
    ("split_parts", lambda: MolField("C", split_parts="no")),
    ("binary", preset("libmolgrid", binary="no")),
    ("vector", lambda: Channel("forces", vector="no")),
    ("weight", lambda: Channel("a", weight=3)),
    *((name, lambda n=name: Channel("a", **{n: [1.0]})) for name in ("width", "width_scale", "factor", "weight")),
    *(("factor", lambda f=f: Channel("a", factor=f)) for f in ("2", math.nan, None)),
    ("width", lambda: Channel("a", width=True)),
    ("beta", preset("mnf", beta=None)),
    ("beta", preset("mnf", beta="x")),
    ("properties", preset("mnf", properties=None)),
    ("properties", preset("mnf", properties=["weight"])),
    ("softening", preset("esp", softening="x")),
    ("decay", preset("mlp", decay=None)),
    ("radius", preset("funcmol", radius=None)),
    ("radius", preset("color", radius=None)),
    ("height", preset("color", height=None)),
    ("height", preset("color", height="x")),
    ("height", preset("shape", height=HUGE)),
    ("radii", preset("shape", radii=None)),
    ("order", preset("shape", order=None)),
    ("blur", preset("promolecule", blur=HUGE)),
    ("preset", preset([])),
]
KERNELS = [
    *(("radius", lambda r=r: FunctionKernel(torch.sinc, r)) for r in (math.nan, 0, -1, None, "x")),
    ("function", lambda: FunctionKernel(None)),
    ("name", lambda: FunctionKernel(torch.sinc, 1.0, 3)),
    *(
        ("tolerance", lambda k=k, t=t: get_kernel(k).reach(t))
        for k in ("gaussian", "slater", "occupancy")
        for t in (None, 0, -1)
    ),
]
VALUES, BATCH = torch.ones(4, 2), torch.zeros(4, dtype=torch.long)
QUALITY = [
    ("peak", lambda: psnr(FIELD, FIELD, GRID, peak="x")),
    ("peak", lambda: psnr_per_graph(VALUES, VALUES, BATCH, 1, peak="x")),
    ("values", lambda: psnr_per_graph(VALUES.tolist(), VALUES, BATCH, 1)),
    ("target", lambda: psnr_per_graph(VALUES, None, BATCH, 1)),
    ("values", lambda: psnr_per_graph(VALUES[:, :1], VALUES, BATCH, 1)),
    ("batch", lambda: psnr_per_graph(VALUES, VALUES, None, 1)),
    ("batch", lambda: psnr_per_graph(VALUES, VALUES, BATCH[:1], 1)),
    ("num_graphs", lambda: psnr_per_graph(VALUES, VALUES, BATCH, None)),
]


@pytest.mark.parametrize(("name", "call"), [*GRIDS, *VOLUMES, *SUMS, *DEFINITIONS, *KERNELS, *QUALITY])
def test_arguments_are_refused_by_name(name, call):
    assert_refused(name, call)


def test_numbers_of_other_libraries_are_numbers():
    plain = MolField("C", widths=1.0, width_scale=1.0)
    for number in (np.float32(1), torch.tensor(1.0), np.array(1.0), 1):
        other = MolField("C", widths=number, width_scale=number, split_parts=np.bool_(False))
        assert other == plain
        assert hash(other) == hash(plain)
        assert repr(other) == repr(plain)
        assert Channel("C", width=number, factor=number) == Channel("C", width=1.0)
    assert Grid.around(WATER.pos, np.float64(0.5), torch.tensor(1.0)) == Grid.around(WATER.pos, 0.5, 1.0)
    assert GRID.refined(2, np.array([True, False, True])) == GRID.refined(2, (True, False, True))
    assert GRID.refined(2, True) == GRID.refined(2, (True, True, True))


def test_kernels_reach_nowhere_where_anything_is_tolerated():
    assert get_kernel("gaussian").reach(2.0) == get_kernel("slater").reach(1.0) == 0.0


def test_widths_of_no_property_are_named():
    water = Data(z=torch.tensor([8, 1]), pos=torch.eye(3)[:2])
    with pytest.raises(
        ValueError, match=r"widths: expected a number in Å, an element property \(vdw_radius, .*, got 'radii'"
    ):
        MolField("O H", widths="radii")(water)
    with pytest.raises(ValueError, match=r"widths: expected .*, got 'radii'"):
        MolField([Channel("O", width="radii")])(water)
    with pytest.raises(ValueError, match=r"channels: expected an element, .*, got 'radii'"):
        MolField("O radii")(water)
