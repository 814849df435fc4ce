"""What users leave on the last line of a cell is told in full and quickly."""

import importlib
import inspect
import re
import sys
import time
from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from torch import nn
from torch_geometric.data import Batch, Data

import tg_molfield
from tg_molfield.compare import (
    Alignments,
    PairOverlaps,
    align,
    align_many,
    interaction,
    pair_overlaps,
    screen,
    similarity,
)
from tg_molfield.compare.interactions.descriptors import Descriptor
from tg_molfield.datasets import MoleculeFields
from tg_molfield.display.card import short_numbers
from tg_molfield.fields import AtomList, Grid, MolField, RBFField, Volume, get_kernel
from tg_molfield.inverse.find_atoms import recover_atoms
from tg_molfield.inverse.superres import SuperresReport
from tg_molfield.metrics import PSNR, PSNRPerGraph, psnr
from tg_molfield.nn import FieldAutoEncoder, nearest
from tg_molfield.nn.cards import _rows_of_colors
from tg_molfield.paths import FieldPath, path_metrics
from tg_molfield.structures import from_smiles
from tg_molfield.training import AugmentedMolecules, FieldLoss, FlowLoss, InitialGuessLoss, MatchingLoss

ROOMS = (
    "compare", "datasets", "fields", "inverse.find_atoms", "inverse.fitting", "inverse.superres", "metrics", "nn",
    "paths", "training", "training.lightning", "transforms",
)  # fmt: skip
TOLD_AS_TEXT = {
    "AtomList", "AugmentedMolecules", "BuildProgress", "Channel", "ChannelReport", "CoulombGaussians", "Descriptor",
    "FailedRecord", "FeatureSizes", "FieldDataModule", "FieldLoss", "FlowLoss", "FormFactors", "GridSampler",
    "InitialGuessLoss", "MatchingLoss", "Metric", "MixtureSampler", "MolFieldTransform", "NearAtomsSampler",
    "ReconstructionPictures", "Sampler", "Scoring", "ScreenProgress", "UniformSampler", "Validation",
}  # fmt: skip
"""Options, which are written as they are made, and rows of numbers."""

WATER = Data(z=torch.tensor([8, 1, 1]), pos=torch.tensor([[0.0, 0, 0.1], [0, 0.76, -0.5], [0, -0.76, -0.5]]))
FIELD = MolField("H O")


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html))


def told(result):
    return text(result._repr_html_())


@pytest.fixture(scope="module")
def two():
    return [from_smiles(smiles, properties=()) for smiles in ("CCO", "CCN")]


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_class_is_told(room):
    if room == "training.lightning":
        pytest.importorskip("lightning", reason="lightning is not installed")
    module = importlib.import_module(f"tg_molfield.{room}")
    for name in getattr(module, "__all__", ()):
        found = getattr(module, name)
        if not inspect.isclass(found) or issubclass(found, Warning):
            continue
        if name in TOLD_AS_TEXT or (issubclass(found, nn.Module) and not hasattr(found, "_repr_html_")):
            assert found.__repr__ is not object.__repr__, name
        else:
            assert hasattr(found, "_repr_html_"), name


def test_an_alignment_tells_how_the_molecule_is_moved(two):
    found = align(two[1], two[0])
    shown = told(found)
    assert f"score {found.score:.4f}" in shown
    assert re.search(r"turned by [\d.]+°", shown)
    assert re.search(r"shift \(.*\) Å", shown)
    assert found._repr_html_().count("<circle") == len(two[1].z)
    hit = screen(two[0], two)[0]
    assert "rank 1 title CCO" in told(hit)


def test_alignments_list_the_best_first(two):
    many = align_many(two, two)
    assert "2 mobile with 2 fixed" in told(many)
    rows = re.findall(r"(\d) (\d) ([\d.]+)", told(many).partition("mobile fixed score")[2])
    scores = [float(score) for _, _, score in rows]
    assert scores == sorted(scores, reverse=True)
    for mobile, fixed, score in rows:
        assert float(score) == pytest.approx(float(many.score[int(mobile), int(fixed)]), abs=1e-4)
    nothing = Alignments(torch.zeros(0), torch.zeros(0, 1), ("shape",), torch.zeros(0, 3, 3), torch.zeros(0, 3))
    assert "0 pairs" in told(nothing)
    assert repr(nothing) == "Alignments(0, by shape)"


def test_similarities_of_two_and_of_many(two):
    field = MolField("C N O H")
    one = similarity(field(two[0]), field(two[1]))
    assert f"all channels {float(one.total):.4f}" in told(one)
    assert "N 0.0000" in told(one)
    batch = field(Batch.from_data_list(two))
    shown = similarity(batch, batch)._repr_html_()
    assert "2 with 2" in text(shown)
    assert shown.count("<img") == 1


def test_interactions_tell_their_units(two):
    own = Descriptor("charge", "heavy", "heavy", 2.0, "nm", "of my own")
    found = interaction(two[0], two[1], by=["contact", own], mol_field=_with_contact())
    assert found.descriptors[1] is own
    shown = told(found)
    assert re.search(r"contact [\d.]+ how many heavy atoms are near", shown)
    assert re.search(r"charge [\d.]+ nm of my own", shown)
    assert "exact to rounding" in shown
    many = interaction(Batch.from_data_list(two), Batch.from_data_list(two), by="contact")
    assert "2 ligands with 2 proteins" in told(many)


def _with_contact():
    from tg_molfield.fields import Channel

    return MolField([Channel("shape", "heavy", 1.4), Channel("heavy", "heavy", 1.4)], widths=1.4, width_scale=1.0)


def test_pair_overlaps_are_a_table(two):
    found = pair_overlaps(MolField("C O")(two[0]), MolField("C O")(two[0]))
    assert "1 × 1 × 2 × 2" in told(found)
    assert f"{float(found.values[0, 0, 0, 0]):.5g}" in told(found)
    assert told(PairOverlaps(torch.zeros(0, 1, 2, 2), torch.zeros(0, 1, 2, 2)))


def test_paths_show_their_ends(two):
    path = FieldPath([two[0], two[0]], times=[0.0, 2.5])
    assert "times 0 to 2.5" in told(path)
    assert "at 2.5" in told(path)
    assert path._repr_html_().count("<circle") == 2 * len(two[0].z)
    assert re.search(r"\d+ move, \d+ fade out, \d+ fade in, matched by mcs", told(FieldPath(two, match="mcs")))


def test_qualities_have_units():
    volume = FIELD(WATER).on(Grid.around(WATER.pos, 0.3, 2.0))
    metrics = told(path_metrics(WATER, [WATER, WATER], FIELD, volume))
    assert "drift of bond lengths 0 Å" in metrics
    assert "shortest contact beyond 4 Å" in metrics
    assert re.search(r"all nodes [\d.]+ dB", told(psnr(volume * 1.01, volume, volume.grid)))
    some = PSNRPerGraph(torch.tensor([40.0, torch.nan]), torch.tensor([torch.nan, torch.nan]))
    assert "all points 40.00 to 40.00 dB" in told(some)
    assert "occupied points none known" in told(some)
    found = recover_atoms(volume)
    assert re.search(r"O 1 1 0\.\d+ ", told(found))
    assert found._repr_html_().count("<circle") == 3


def test_a_superresolution_tells_the_method_of_each_channel():
    report = SuperresReport(
        "auto", PSNR(60.0, 50.0), 8, 8, 1.0, dict.fromkeys("CHO", True), {"C": 0, "H": 3, "O": 0},
        {"C": 0.0, "H": 2.0, "O": 0.0}, {"C": 1.0, "H": 1e-4, "O": 1.0},
        {"C": {"kriging": 1.0, "gaussians": 0.0}, "H": {"gaussians": 0.75, "kriging": 0.25}, "O": {}},
        {"C": {"kriging": 54.6, "mixture": 54.6}, "H": {"mixture": 60.0}, "O": {}},
    )  # fmt: skip
    shown = told(report)
    assert "C kriging 54.6 – – – – H gaussians 75%, kriging 25% 60.0 2 3 yes 0.0001 O auto – – – – –" in shown


def test_cards_have_six_digits():
    long = RBFField(torch.zeros(1, 3), torch.ones(1, 1)).with_mol_field(MolField("C", width_scale=0.48029212345678))
    assert "width_scale=0.480292)" in told(long)
    assert "0.48029212345678" in repr(long.mol_field)
    assert short_numbers("1.23456789e-05 C12.12345678 10.1234567 0.25 v1.12345678.2") == (
        "1.23457e-05 C12.12345678 10.1235 0.25 v1.12345678.2"
    )


def test_kernels_are_drawn_with_their_values():
    assert "φ from 1 at the centre to 0.00034 at 4 widths" in told(get_kernel("gaussian"))


def test_codes_and_what_belongs_to_them():
    model = FieldAutoEncoder(FIELD, latent_dim=8, summary_channels=3, encoder_options={"num_layers": 1}).eval()
    codes = model.embed([WATER, Data(z=torch.tensor([8]), pos=torch.full((1, 3), torch.nan))], errors="skip")
    assert "molecules 1, 1 more without a code" in told(codes)
    assert "1 pos: expected finite" in told(codes)
    assert codes._repr_html_().count("<img") == 1
    none = model.embed([])
    assert "molecules 0" in told(none)
    near = nearest(torch.tensor([[0.0], [1.0], [3.0]]), 1, "euclidean")
    assert "0 1 (1) 1 0 (1) 2 1 (2)" in told(near)
    assert repr(near) == "Neighbors(the 1 nearest of each of 3 codes)"
    assert told(nearest(torch.zeros(0, 3), 2))
    atoms = model.encoder(WATER.z, WATER.pos, torch.zeros(3, dtype=torch.int64), 1)
    assert repr(atoms).startswith("AtomFeatures(3 atoms of 1 molecules, 64 scalars")
    assert atoms._repr_html_().count("<circle") == 3
    assert "frames up to" in told(model.encode(WATER).pose)


def test_data_sets_tell_what_a_molecule_has(tmp_path, two):
    for data, label in zip(two, (0.5, 1.5), strict=True):
        data.gap = label
    made = MoleculeFields(tmp_path, two, labels="gap", progress=False)
    shown = told(made)
    assert "molecules 2" in shown
    assert "labels y gap" in shown
    assert "pos float32 [9, 3]" in shown
    assert re.search(r"y float32 \[1, 1\] 0\.5", shown)
    assert "molecules 1 of 2" in told(made[:1])
    assert "molecules 0 of 2" in told(made[:0])


def test_options_of_training_are_told(two):
    assert repr(AugmentedMolecules(two, 4)) == "AugmentedMolecules(2 molecules, batches of 4, without end)"
    assert repr(FieldLoss()) == "FieldLoss()"
    assert "MolField('H O'), position=2" in repr(MatchingLoss(FIELD))
    assert repr(FlowLoss()) == "FlowLoss(kinds=0.3, number=0.05, own_prediction=0.5, bonds=0.2)"
    assert repr(InitialGuessLoss()) == "InitialGuessLoss(scale=0.25, repeats=2)"


def test_cards_of_large_results_are_quick_and_small():
    atoms = AtomList(torch.full((10_000,), 6), 40 * torch.rand(10_000, 3))
    many = torch.rand(1000, 1000)
    results = [
        RBFField(atoms.pos, torch.ones(10_000, 1), atoms=atoms),
        MolField.preset("vdw")(Data(z=atoms.z, pos=atoms.pos)),
        Volume(torch.rand(4, 90, 90, 90), Grid.cube((0, 0, 0), 40.0, 90)).with_atoms(atoms),
        Alignments(many, many[..., None], ("a",), torch.eye(3).expand(1000, 1000, 3, 3), torch.zeros(1000, 1000, 3)),
        FieldPath([Data(z=atoms.z, pos=atoms.pos)] * 3, kind="spline"),
    ]  # fmt: skip
    for result in results:
        start = time.process_time()
        shown = result._repr_html_()
        assert time.process_time() - start < 0.3, type(result).__name__
        assert len(shown) < 200_000


def test_cards_do_not_need_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "<img" in FIELD(WATER)._repr_html_()
    assert tg_molfield.Grid.cube((0, 0, 0), 1.0, 3)._repr_html_()


@pytest.mark.parametrize(
    ("codes", "words", "first"),
    [([-1.0, 1.0], "red below 0, blue above", [103, 0, 31]), ([0.0, 1.0], "from 0 in violet to yellow", [68, 1, 84])],
)
def test_colours_of_codes_are_told_as_they_are(codes, words, first):
    (picture,) = _rows_of_colors(torch.tensor([codes]))
    assert picture.caption == f"its numbers: {words}, by their roots"
    pixels = imread(BytesIO(b64decode(re.search(r"base64,([^\"]*)", picture.html)[1])))
    assert np.round(255 * pixels[0, 0, :3]).tolist() == first
