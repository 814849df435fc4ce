"""Molecules are laid on each other in the best pose, from wherever they are."""

import math

import pytest
import torch
from torch_geometric.data import Batch, Data

from tg_molfield import Grid, MolField, RBFField, from_smiles, read
from tg_molfield.chem.rotations import random_rotations
from tg_molfield.compare import Metric, Scoring, align, align_many, score_in_place, similarity
from tg_molfield.compare.alignment import blocked_overlap, pair_group, posed_overlap
from tg_molfield.compare.alignment.blocked_overlap import BlockedOverlap
from tg_molfield.compare.alignment.coarse import coarsened
from tg_molfield.compare.alignment.mixture_tables import as_mixture
from tg_molfield.compare.alignment.objective import Objective
from tg_molfield.compare.alignment.posed_overlap import PosedOverlap
from tg_molfield.compare.alignment.rigid_motion import rotation_of
from tg_molfield.compare.alignment.trust_region import best_step
from tg_molfield.compare.terms import Terms, padded_terms

SHAPE = MolField.preset("shape")
ELEMENTS = MolField("C N O", width_scale=0.45)


def molecule(smiles):
    return from_smiles(smiles, dtype=torch.float64)


def turned(data, shift=7.0):
    """A copy of a molecule somewhere else."""
    other = data.clone()
    rotation = random_rotations(1)[0].to(data.pos)
    other.pos = data.pos @ rotation.T + shift * torch.randn(3, dtype=data.pos.dtype)
    return other


def deviation(first, second):
    return float((first.pos - second.pos).norm(dim=1).square().mean().sqrt())


def atoms_at(*positions, z=6):
    return Data(z=torch.full((len(positions),), z), pos=torch.tensor(positions, dtype=torch.float64))


@pytest.mark.parametrize("spread", [1.0, 0.0], ids=["different widths", "one width"])
@pytest.mark.parametrize("metric", ["tanimoto", "carbo", "hodgkin", Metric("tversky", 0.9, 0.2)], ids=str)
def test_derivatives_by_the_motion_are_those_of_autograd(metric, spread):
    generator = torch.Generator().manual_seed(0)

    def terms(count, channels):
        numbers = [torch.rand(2, count, n, generator=generator, dtype=torch.float64) for n in (3, 1, channels)]
        return Terms(2 * numbers[0], 0.5 + spread * numbers[1][..., 0], numbers[2] - 0.3)

    mobile, fixed = [terms(4, 1), terms(3, 2)], [terms(5, 1), terms(4, 2)]
    own = [(torch.full((2,), 6.0, dtype=torch.float64), torch.full((2,), 7.0, dtype=torch.float64))] * 2
    measure = metric if isinstance(metric, Metric) else Metric(metric)
    objective = Objective(mobile, fixed, own, (0.7, 0.3), measure)
    rotation = random_rotations(6).view(2, 3, 3, 3)
    translation = torch.randn(2, 3, 3, generator=generator, dtype=torch.float64)

    def score(motion):
        x, y, z = motion[..., :3].unbind(-1)
        zero = torch.zeros_like(x)
        turn = torch.linalg.matrix_exp(torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3)))
        moved = (turn @ translation[..., None])[..., 0] + motion[..., 3:]
        total = 0
        for f, g, (a, b), weight in zip(mobile, fixed, own, (0.7, 0.3), strict=True):
            places = f.pos[:, None] @ (turn @ rotation).transpose(-1, -2) + moved[:, :, None]
            square = (places[:, :, :, None] - g.pos[:, None, None]).square().sum(-1)
            spread = (f.variances[:, :, None] + g.variances[:, None])[:, None]
            product = (f.variances[:, :, None] * g.variances[:, None])[:, None]
            heights = (f.weights @ g.weights.transpose(1, 2))[:, None] * (2 * math.pi * product / spread) ** 1.5
            overlaps = (heights * torch.exp(-square / (2 * spread))).sum((2, 3))
            total = total + weight * measure(overlaps, a[:, None], b[:, None])
        return total

    motion = torch.zeros(2, 3, 6, dtype=torch.float64, requires_grad=True)
    found = objective.slopes(rotation, translation)
    torch.testing.assert_close(found.value, score(motion).detach())
    (gradient,) = torch.autograd.grad(score(motion).sum(), motion, create_graph=True)
    torch.testing.assert_close(found.gradient, gradient.detach(), rtol=1e-6, atol=1e-8)
    rows = [torch.autograd.grad(gradient[..., k].sum(), motion, retain_graph=True)[0] for k in range(6)]
    torch.testing.assert_close(found.curvature, torch.stack(rows, -2), rtol=1e-5, atol=1e-6)


def test_steps_are_the_best_within_their_radius():
    generator = torch.Generator().manual_seed(1)
    curvature = torch.randn(50, 6, 6, generator=generator, dtype=torch.float64)
    curvature = curvature + curvature.transpose(1, 2) - 3 * torch.eye(6)
    gradient = torch.randn(50, 6, generator=generator, dtype=torch.float64)
    radius = torch.rand(50, generator=generator, dtype=torch.float64) + 0.1
    step, gain = best_step(gradient, curvature, radius)
    assert (step.norm(dim=1) <= radius * (1 + 1e-9)).all()

    def model(p):
        return (gradient * p).sum(-1) + 0.5 * torch.einsum("spi,pij,spj->sp", p, curvature, p)

    torch.testing.assert_close(gain, model(step[None])[0])
    others = torch.randn(20_000, 50, 6, generator=generator, dtype=torch.float64)
    others = others / others.norm(dim=-1, keepdim=True) * radius[:, None]
    assert (model(others) <= gain + 0.03 * gain.abs()).all()


@pytest.mark.parametrize(
    "smiles",
    ["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C", "c1ccccc1", "O=C=O", "CC#CC", "C1CC1"],
)  # fmt: skip
def test_a_molecule_is_found_again(smiles, seeded):
    data = molecule(smiles)
    found = align(turned(data), data, ELEMENTS)
    assert found.score == pytest.approx(1.0, abs=1e-9)
    moved = ELEMENTS(found.moved)
    assert float(similarity(moved, ELEMENTS(data)).total) == pytest.approx(1.0, abs=1e-9)
    assert float(torch.linalg.det(found.rotation)) == pytest.approx(1.0)


def test_without_symmetry_every_atom_comes_back(seeded):
    data = molecule("C[C@H](N)C(=O)O")
    found = align(turned(data), data, SHAPE)
    assert deviation(found.moved, data) < 1e-6


def test_the_result_does_not_depend_on_where_the_molecules_are(seeded):
    first, second = molecule("CC(=O)Oc1ccccc1C(=O)O"), molecule("CC(C)Cc1ccc(cc1)C(C)C(=O)O")
    scores = [align(turned(first), turned(second), SHAPE).score for _ in range(6)]
    assert max(scores) - min(scores) < 1e-9
    back = align(second, first, SHAPE).score
    assert back == pytest.approx(scores[0], abs=5e-3)


def test_the_score_is_that_of_the_moved_fields():
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)C")
    found = align(first, second, ELEMENTS)
    assert found.score == pytest.approx(float(similarity(ELEMENTS(found.moved), ELEMENTS(second)).total), abs=1e-12)
    assert score_in_place(found.moved, second, ELEMENTS)[0, 0].score == pytest.approx(found.score, abs=1e-12)
    assert score_in_place(first, second, ELEMENTS)[0, 0].score <= found.score


def test_no_pose_nearby_is_better(seeded):
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)CC")
    found = align(first, second, ELEMENTS)
    field = ELEMENTS(second)
    for _ in range(30):
        small = rotation_of(0.02 * torch.randn(3, dtype=torch.float64))
        nudged = found.moved.clone()
        nudged.pos = found.moved.pos @ small.T + 0.02 * torch.randn(3, dtype=torch.float64)
        assert float(similarity(ELEMENTS(nudged), field).total) < found.score


def test_mirror_images_are_not_laid_on_each_other():
    left, right = molecule("C[C@H](O)F"), molecule("C[C@@H](O)F")
    elements = MolField("C O F", width_scale=0.3)
    assert align(left, right, elements).score < 0.98
    mirrored = left.clone()
    mirrored.pos = left.pos * torch.tensor([1.0, 1.0, -1.0])
    assert align(mirrored, right, elements).score > align(left, right, elements).score


@pytest.mark.parametrize(
    ("mobile", "fixed"),
    [
        (atoms_at((5.0, 1, 2)), atoms_at((0.0, 0, 0))),
        (atoms_at((0.0, 0, 0), (1.2, 0, 0)), atoms_at((9.0, 9, 9), (9.0, 9, 10.2))),
        (atoms_at((0.0, 0, 0), (2, 0, 0), (4, 0, 0)), atoms_at((0.0, 0, 7), (0, 2, 7), (0, 4, 7))),
        (atoms_at((0.0, 0, 0), (1, 0, 0), (0, 1, 0)), atoms_at((0.0, 0, 3), (0, 1, 3), (0, 0, 4))),
    ],
    ids=["one atom", "two atoms", "a line", "a triangle"],
)  # fmt: skip
def test_single_atoms_lines_and_planes(mobile, fixed):
    assert align(mobile, fixed, SHAPE).score == pytest.approx(1.0, abs=1e-9)


def test_one_atom_lies_on_the_middle_of_a_larger_molecule():
    found = align(atoms_at((3.0, 3, 3)), atoms_at((0.0, 0, 0), (1.0, 0, 0)), SHAPE)
    torch.testing.assert_close(found.moved.pos[0], torch.tensor([0.5, 0, 0], dtype=torch.float64), atol=1e-6, rtol=0)


def test_molecules_without_what_is_compared():
    hydrogen = atoms_at((0.0, 0, 0), (0.74, 0, 0), z=1)
    assert align(hydrogen, hydrogen, SHAPE).score == 1.0
    assert align(hydrogen, molecule("CCO"), SHAPE).score == 0.0


def test_many_are_aligned_as_one_by_one():
    molecules = [molecule(text) for text in ("CCO", "CC(=O)Oc1ccccc1C(=O)O", "C")]
    table = align_many(molecules, Batch.from_data_list(molecules[:2]), ELEMENTS)
    assert table.score.shape == (3, 2)
    for a in range(3):
        for b in range(2):
            one = align(molecules[a], molecules[b], ELEMENTS)
            assert table[a, b].score == pytest.approx(one.score, abs=1e-9)
    assert table.best().tolist() == [0, 1]
    pairs = align_many(molecules, molecules[::-1], ELEMENTS, paired=True)
    assert pairs[0].score == pytest.approx(align(molecules[0], molecules[2], ELEMENTS).score, abs=1e-9)
    with pytest.raises(ValueError, match="paired: expected as many"):
        align_many(molecules, molecules[:2], ELEMENTS, paired=True)


def test_a_library_against_itself():
    molecules = [molecule(text) for text in ("CCO", "CCCN", "CC(=O)C")]
    calls = []
    table = align_many(molecules, by=SHAPE, progress=lambda done, of: calls.append((done, of)))
    torch.testing.assert_close(table.score, table.score.T)
    torch.testing.assert_close(table.score.diagonal(), torch.ones(3, dtype=torch.float64))
    assert calls[-1] == (6, 6)
    for a, b in ((0, 2), (2, 0)):
        again = score_in_place(table[a, b].moved, molecules[b], SHAPE)
        assert float(again.score) == pytest.approx(float(table.score[a, b]), abs=1e-9)


def test_fields_are_aligned_as_molecules_are():
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)C")
    by_fields = align(ELEMENTS(first), ELEMENTS(second))
    assert by_fields.score == pytest.approx(align(first, second, ELEMENTS).score, abs=1e-12)
    assert by_fields.moved is None
    moved = RBFField(
        by_fields.apply(first.pos), ELEMENTS(first).weights, ELEMENTS(first).widths, channels=("C", "N", "O")
    )
    assert float(similarity(moved, ELEMENTS(second)).total) == pytest.approx(by_fields.score, abs=1e-12)


def test_results_are_shown_in_a_line():
    molecules = [molecule("CCO"), molecule("CCN")]
    table = align_many(molecules, by=SHAPE)
    assert repr(table) == "Alignments(2×2, by field 1, scores up to 1.0000)"
    assert repr(table[0, 0]).startswith("Alignment(score=")
    assert "tensor" not in repr(table[0, 1])


def test_results_are_found_by_number():
    molecules = [molecule("CCO"), molecule("CCN"), molecule("C")]
    table = align_many(molecules[:2], molecules, SHAPE, search="fast")
    assert table[-1, 2].score == table[torch.tensor(1), 2].score == float(table.score[1, 2])
    assert table.best().tolist() == [0, 1, int(table.score[:, 2].argmax())]
    pairs = align_many(molecules, molecules, SHAPE, search="fast", paired=True)
    for found, index, message in (
        (table, 0, r"found\[a, b\]"),
        (table, slice(1), "slice"),
        (pairs, (0, 1), r"found\[a\]"),
    ):
        with pytest.raises(TypeError, match=message):
            found[index]
    for found, index in ((table, (2, 0)), (table, (0, -4)), (pairs, 3)):
        with pytest.raises(IndexError, match="index: expected one within"):
            found[index]
    with pytest.raises(ValueError, match="got pairs"):
        pairs.best()


def test_sums_of_fields_are_aligned():
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)C")
    field = ELEMENTS(first)
    total = align(0.5 * field + field, ELEMENTS(second))
    assert total.score == pytest.approx(align(field * 1.5, ELEMENTS(second)).score, abs=1e-9)
    with pytest.raises(ValueError, match="expected a sum of Gaussians, got a Volume"):
        align(field.on(Grid.around(first.pos, 1.0, 2.0)), field)


def test_terms_are_weighted():
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)C")
    found = align(first, second, {SHAPE: 3, ELEMENTS: 1})
    shape, elements = found.by_term.values()
    assert list(found.by_term) == ["field 1", "field 2"]
    assert found.score == pytest.approx(0.75 * shape + 0.25 * elements, abs=1e-12)
    assert align(first, second, SHAPE).score >= shape - 1e-9


def test_the_whole_of_a_drug_like_ligand_set_comes_back(data_dir, seeded):
    ligands = read(data_dir / "smallmol" / "pdb_ligands_300.sdf.gz")[::6]
    away = [turned(data, shift=10.0) for data in ligands]
    found = align_many(away, ligands, SHAPE, paired=True)
    off = [deviation(found[i].moved, data) for i, data in enumerate(ligands)]
    assert max(off) < 0.02
    assert float(found.score.min()) > 1 - 1e-6


@pytest.mark.parametrize(
    ("mobile", "options", "error", "message"),
    [
        ("CCO", {}, TypeError, "mobile: expected a Data or an RBFField, got str"),
        (None, {"by": "volume"}, ValueError, "by: expected shape"),
        (None, {"by": []}, ValueError, "by: expected at least one"),
        (None, {"by": {SHAPE: -1.0}}, ValueError, "by: expected positive weights"),
        (None, {"by": MolField("C", kernel="slater")}, ValueError, "by: expected a sum of Gaussians"),
        (None, {"by": MolField.preset("mnf")}, ValueError, "normalize_grid_size=None"),
        (None, {"by": SHAPE, "search": "slow"}, ValueError, "search: expected one of fast, normal"),
        (None, {"by": SHAPE, "metric": "euclid"}, ValueError, "metric: expected one of"),
    ],
)
def test_wrong_arguments_are_refused(mobile, options, error, message):
    fixed = atoms_at((0.0, 0, 0), (1.5, 0, 0))
    with pytest.raises(error, match=message):
        align(fixed if mobile is None else mobile, fixed, **options)


def test_molecules_that_cannot_be_aligned_are_refused():
    data = atoms_at((0.0, 0, 0), (1.5, 0, 0))
    crystal = data.clone()
    crystal.cell, crystal.pbc = 5 * torch.eye(3)[None], torch.ones(1, 3, dtype=torch.bool)
    broken = data.clone()
    broken.pos[0, 0] = math.nan
    for other, message in ((crystal, "pbc"), (broken, "finite"), (Data(z=data.z), "data.pos")):
        with pytest.raises(ValueError, match=message):
            align(data, other, SHAPE)
    with pytest.raises(ValueError, match="one of each"):
        align(SHAPE(data), data)
    with pytest.raises(ValueError, match="by: expected nothing"):
        align(SHAPE(data), SHAPE(data), SHAPE)
    with pytest.raises(ValueError, match="channels"):
        align(SHAPE(data), ELEMENTS(data))
    assert Scoring.of({SHAPE: 1, ELEMENTS: 3}).measure.weights == (0.25, 0.75)


def test_points_with_several_gaussians_are_summed_together(seeded):
    options = {"properties": ["partial_charge"], "dtype": torch.float64}
    molecules = [from_smiles(text, **options) for text in ("CCO", "CC(=O)N", "C")]
    (field,) = Scoring.of("esp").fields(molecules)
    terms = padded_terms(field)
    mixture = as_mixture(terms)
    assert mixture.pos.shape[1] == terms.pos.shape[1] // 3
    rotation, translation = random_rotations(6).view(3, 2, 3, 3), torch.randn(3, 2, 3, dtype=torch.float64)
    plain = PosedOverlap.of_terms(terms, terms).derivatives(rotation, translation)
    together = PosedOverlap.of_mixtures(mixture, mixture).derivatives(rotation, translation)
    for one, other in zip(together, plain, strict=True):
        torch.testing.assert_close(one, other)
    assert as_mixture(padded_terms(SHAPE(molecules[0]))) is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pairs_of_any_sizes_are_summed_together(dtype, seeded, monkeypatch):
    def terms():
        count = torch.randint(1, 9, (40,))
        used = (torch.arange(8) < count[:, None])[..., None]
        variances = torch.where(used[..., 0], 0.5 + 0.3 * torch.rand(40, 8), 1.0)
        return Terms(*(one.to(dtype) for one in (torch.randn(40, 8, 3), variances, torch.rand(40, 8, 2) * used)))

    f, g = terms(), terms()
    rotation = random_rotations(120).view(40, 3, 3, 3).to(dtype)
    translation = torch.randn(40, 3, 3, dtype=dtype)
    whole = PosedOverlap.of_terms(f, g)
    expected = whole.derivatives(rotation, translation)
    monkeypatch.setattr(posed_overlap, "NUMBERS_IN_GROUP", 200)
    monkeypatch.setattr(pair_group, "NUMBERS_AT_ONCE", 300)
    monkeypatch.setattr(pair_group, "POINTS_AT_ONCE", 60)
    grouped = PosedOverlap.of_terms(f, g)
    torch.testing.assert_close(grouped.value(rotation, translation), expected.value)
    for rows in (torch.arange(40), torch.arange(1, 40, 3), torch.tensor([2, 7]), torch.tensor([39])):
        for overlap in (grouped.part(rows), whole.part(rows)):
            for one, other in zip(overlap.derivatives(rotation[rows], translation[rows]), expected, strict=True):
                torch.testing.assert_close(one, other[rows])


def test_many_gaussians_are_summed_in_blocks(seeded, monkeypatch):
    terms = padded_terms(ELEMENTS(molecule("CC(=O)Oc1ccccc1C(=O)O")))
    rotation, translation = random_rotations(2)[None], torch.randn(1, 2, 3, dtype=torch.float64)
    whole = PosedOverlap.of_terms(terms, terms).derivatives(rotation, translation)
    monkeypatch.setattr(blocked_overlap, "PAIRS_AT_ONCE", 40)
    blocks = BlockedOverlap(terms, terms)
    for one, other in zip(blocks.derivatives(rotation, translation), whole, strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(blocks.value(rotation, translation), whole.value)


def test_large_molecules_are_found_again(seeded):
    generator = torch.Generator().manual_seed(3)
    places = 14 * torch.rand(900, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 1.3, 1.6])
    large = Data(z=torch.full((900,), 6), pos=places)
    found = align(turned(large), large, SHAPE)
    assert deviation(found.moved, large) < 1e-5
    coarse = coarsened(padded_terms(SHAPE(large)))
    assert coarse.pos.shape[1] <= 400
    volumes = [(one.weights[..., 0] * one.variances**1.5).sum() for one in (coarse, padded_terms(SHAPE(large)))]
    torch.testing.assert_close(*volumes)


@pytest.mark.parametrize("by", ["color", ("shape", "color"), ("shape", "esp"), {"shape": 2, "esp": 1}])
def test_molecules_are_compared_by_name(by, seeded):
    smiles = "C[C@H](N)C(=O)Nc1ccccc1"
    data = from_smiles(smiles, dtype=torch.float64)
    away = turned(data)
    found = align(away, data, by)
    assert found.score == pytest.approx(1.0, abs=1e-6)
    assert deviation(found.moved, data) < 1e-3
    assert found.moved.pos is not away.pos


def test_mixed_precision_changes_nothing():
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)C")
    plain = align(first, second, ELEMENTS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = align(first, second, ELEMENTS)
        assert float(similarity(ELEMENTS(mixed.moved), ELEMENTS(second)).total) == pytest.approx(plain.score, abs=1e-9)
    assert mixed.score == pytest.approx(plain.score, abs=1e-12)


def test_positions_that_record_gradients_are_aligned():
    first, second = molecule("CCOC(=O)C"), molecule("CCNC(=O)C")
    first.pos = first.pos.clone().requires_grad_()
    found = align(first, second, ELEMENTS)
    similarity(ELEMENTS(found.moved), ELEMENTS(second)).total.backward()
    assert float(first.pos.grad.sum(0).norm()) < 1e-6 < float(first.pos.grad.norm())
