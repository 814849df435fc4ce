"""A pair is aligned the same alone, in any batch, and from any pose."""

import pytest
import torch
from torch_geometric.data import Data

from tg_molfield import read
from tg_molfield.chem.rotations import random_rotations
from tg_molfield.compare import align_many, score_in_place
from tg_molfield.compare.alignment import posed_overlap
from tg_molfield.compare.alignment.posed_overlap import PosedOverlap
from tg_molfield.compare.alignment.search import PLANS
from tg_molfield.compare.alignment.starts import start_rotations
from tg_molfield.compare.terms import Terms

POSES = 3


@pytest.mark.parametrize("numbers", [100, 400, 2**17], ids=["many groups", "two groups", "one group"])
def test_parts_of_parts_are_those_pairs(numbers, seeded, monkeypatch):
    counts = torch.randint(1, 9, (2, 40))
    used = (torch.arange(8) < counts[..., None])[..., None]
    f, g = (Terms(torch.randn(40, 8, 3), torch.ones(40, 8), torch.rand(40, 8, 1) * some) for some in used)
    rotation, translation = random_rotations(80).view(40, 2, 3, 3).float(), torch.randn(40, 2, 3)
    expected = PosedOverlap.of_terms(f, g).value(rotation, translation)
    monkeypatch.setattr(posed_overlap, "NUMBERS_IN_GROUP", numbers)
    overlap, rows = PosedOverlap.of_terms(f, g), torch.arange(40)
    while len(rows) > 1:
        smallest = counts.sum(0)[rows].argsort(stable=True)[: 2 * len(rows) // 3]
        kept = smallest.sort().values
        overlap, rows = overlap.part(kept), rows[kept]
        torch.testing.assert_close(overlap.value(rotation[rows], translation[rows]), expected[rows])


@pytest.mark.parametrize("count", sorted({plan.starts for plan in PLANS.values()}))
def test_reversed_axes_have_the_same_starts(count):
    starts = start_rotations(count)
    assert starts.shape == (count, 3, 3)
    torch.testing.assert_close(torch.linalg.det(starts), torch.ones(count, dtype=torch.float64))
    assert float(torch.cdist(starts.flatten(1), starts.flatten(1)).fill_diagonal_(9).min()) > 0.1
    for signs in ((1.0, -1.0, -1.0), (-1.0, 1.0, -1.0)):
        reversal = torch.tensor(signs, dtype=torch.float64).diag()
        for other in (starts @ reversal, reversal @ starts):
            nearest = torch.cdist(other.flatten(1), starts.flatten(1)).amin(1)
            assert float(nearest.max()) < 1e-7


@pytest.mark.parametrize("search", PLANS)
def test_pairs_are_aligned_alike_alone_in_any_batch_and_from_any_pose(search, data_dir, seeded, monkeypatch):
    ligands = read(data_dir / "smallmol" / "pdb_ligands_300.sdf.gz", dtype=torch.float64)
    pairs = [(43, 115), (226, 286), (221, 87), *torch.randperm(300)[:60].view(-1, 2).tolist()]
    still = [_turned(ligands[fixed]) for _, fixed in pairs for _ in range(POSES)]
    moved = [_turned(ligands[mobile]) for mobile, _ in pairs for _ in range(POSES)]
    alone = torch.cat(
        [align_many([f], [g], paired=True, search=search).score for f, g in zip(moved, still, strict=True)]
    )
    monkeypatch.setattr(posed_overlap, "NUMBERS_IN_GROUP", 2**13)
    order = torch.randperm(len(moved))
    batch = align_many([moved[i] for i in order], [still[i] for i in order], paired=True, search=search)
    torch.testing.assert_close(batch.score, alone[order], rtol=0, atol=1e-9)
    assert float((alone.view(-1, POSES).amax(1) - alone.view(-1, POSES).amin(1)).max()) < 1e-9
    where_laid = [score_in_place(batch[n].moved, still[i]).score[0, 0] for n, i in enumerate(order)]
    torch.testing.assert_close(batch.score, torch.stack(where_laid), rtol=0, atol=1e-9)


def _turned(data: Data) -> Data:
    other = data.clone()
    other.pos = data.pos @ random_rotations(1)[0].T + 7 * torch.randn(3, dtype=torch.float64)
    return other
