import io
import sys

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.io.trajectory import Trajectory
from rdkit import Chem
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import MolField, MolFieldTransform
from tg_molfield.datasets import EnsembleFields, MoleculeFields
from tg_molfield.datasets.ensemble_building import FrameContent
from tg_molfield.structures import (
    SkippedRecordsWarning,
    StructureWarning,
    from_smiles,
    read,
    to_rdkit,
    with_color,
    with_properties,
)
from tg_molfield.structures.library import Entry
from tg_molfield.structures.library.chunks import chunked

ETHANOL = molecule("CH3CH2OH")


def frames(count=20, atoms=ETHANOL):
    """The molecule at positions that differ by up to 0.1 Å, [count, N, 3]."""
    return atoms.positions + np.random.default_rng(3).uniform(-0.1, 0.1, (count, len(atoms), 3))


def xyz(path, positions, atoms=ETHANOL):
    images = [Atoms(atoms.numbers, pos, info={"level": i / 2}) for i, pos in enumerate(positions)]
    write(path, images, format="extxyz")
    return path


def traj(path, positions, **options):
    with Trajectory(path, "w") as written:
        for number, pos in enumerate(positions):
            atoms = Atoms(ETHANOL.numbers, pos, info={"number": number}, **options)
            atoms.calc = SinglePointCalculator(atoms, energy=-number / 4, forces=np.full_like(pos, number))
            written.write(atoms)
    return path


def test_frames_of_xyz(tmp_path):
    positions = frames()
    dataset = EnsembleFields(tmp_path / "root", xyz(tmp_path / "a.xyz", positions), labels="level", dtype=torch.float64)
    assert len(dataset) == 20
    for number, data in enumerate(dataset):
        np.testing.assert_allclose(data.pos, positions[number], rtol=0, atol=1e-8)
        assert (data.frame, data.trajectory, data.name) == (number, 0, f"a frame {number}")
        assert data.y.tolist() == [[number / 2]]
    assert "time" not in dataset[0]
    again = EnsembleFields(tmp_path / "root", labels="level", dtype=torch.float64)
    assert torch.equal(again[3].pos, dataset[3].pos)
    with pytest.raises(ValueError, match=r"another kind \(frames, now molecules\)"):
        MoleculeFields(tmp_path / "root")


def test_some_frames_are_taken(tmp_path):
    path = xyz(tmp_path / "a.xyz", frames())
    kept = EnsembleFields(tmp_path / "root", [path, path], start=3, stop=15, stride=5)
    assert [(data.frame, data.trajectory) for data in kept] == [(3, 0), (8, 0), (13, 0), (3, 1), (8, 1), (13, 1)]
    assert torch.equal(kept[1].pos, read(path)[8].pos)
    with pytest.raises(ValueError, match=r"another frames \(3:15:5, now 3:15:4\)"):
        EnsembleFields(tmp_path / "root", [path, path], start=3, stop=15, stride=4)


def test_ase_trajectories_have_their_results(tmp_path):
    positions = frames()
    path = traj(tmp_path / "a.traj", positions)
    dataset = EnsembleFields(tmp_path / "root", path, labels=("number", "energy"), dtype=torch.float64, stride=3)
    assert [data.frame for data in dataset] == [0, 3, 6, 9, 12, 15, 18]
    for data in dataset:
        assert data.y.tolist() == [[data.frame, -data.frame / 4]]
        assert data.energy.tolist() == [-data.frame / 4]
        assert torch.equal(data.forces, torch.full((9, 3), float(data.frame), dtype=torch.float64))
        assert torch.equal(data.pos, torch.as_tensor(positions[data.frame]))


def test_a_cut_trajectory_of_ase_has_what_was_read(tmp_path):
    path = traj(tmp_path / "a.traj", frames())
    content = path.read_bytes()
    (tmp_path / "cut.traj").write_bytes(content[: len(content) // 2])
    with pytest.warns(SkippedRecordsWarning, match=r"cut\.traj: record \d+: expected complete frames, got the end"):
        dataset = EnsembleFields(tmp_path / "root", tmp_path / "cut.traj")
    assert 5 < len(dataset) < 15
    assert [one.record for one in dataset.failed] == [len(dataset) + 1]
    assert torch.equal(dataset[-1].pos, EnsembleFields(tmp_path / "all", path)[len(dataset) - 1].pos)
    for size, message in ((30, "expected a complete trajectory of ASE"), (0, "expected a complete traj")):
        (tmp_path / "cut.traj").write_bytes(content[:size])
        with pytest.raises(ValueError, match=message):
            EnsembleFields(tmp_path / "other", tmp_path / "cut.traj")


def test_molecules_are_made_whole_and_surfaces_stay(tmp_path):
    cell = np.array([[6.0, 0, 0], [1.0, 6, 0], [0.5, 1, 6]])
    positions = frames(4) + np.array([[0, 0, 0], [3, 3, 3], [5.8, 1, 1], [-20, 7, 100.0]])[:, None]
    inside = (positions @ np.linalg.inv(cell) % 1) @ cell
    path = traj(tmp_path / "a.traj", inside, cell=cell, pbc=True)
    for root, whole in (("whole", True), ("wrapped", False)):
        dataset = EnsembleFields(tmp_path / root, path, whole=whole, dtype=torch.float64)
        for data, pos, there in zip(dataset, positions, inside, strict=True):
            assert torch.equal(data.cell[0], torch.as_tensor(cell))
            expected = pos - pos[0] + there[0] if whole else there
            np.testing.assert_allclose(data.pos, expected, rtol=0, atol=1e-9)
    definition = MolField("C O H")
    whole, wrapped = (
        EnsembleFields(tmp_path / name, path, whole=name == "whole", dtype=torch.float64)[1]
        for name in ("whole", "wrapped")
    )
    query = torch.tensor([[1.0, 2, 3], [4, 0, 1]], dtype=torch.float64)
    torch.testing.assert_close(definition(whole)(query), definition(wrapped)(query))
    slab = fcc111("Cu", (2, 2, 2), vacuum=5.0, periodic=True)
    slab.info.clear()
    slab.positions -= 0.3
    slab.wrap()
    write(tmp_path / "slab.xyz", [slab, slab], format="extxyz")
    data = EnsembleFields(tmp_path / "slab", tmp_path / "slab.xyz", dtype=torch.float64)[1]
    np.testing.assert_allclose(data.pos, slab.positions, rtol=0, atol=1e-7)
    assert data.pbc.tolist() == [[True] * 3]


@pytest.mark.parametrize(
    "crystal", [bulk("NaCl", "rocksalt", 5.6), bulk("C"), bulk("NaCl", "rocksalt", 5.6, cubic=True)]
)
def test_crystals_of_any_cell_stay_as_they_are(tmp_path, crystal):
    with Trajectory(tmp_path / "a.traj", "w") as file:
        for number in range(3):
            image = crystal.copy()
            image.rattle(0.05, seed=number)
            image.positions -= 0.2
            image.wrap()
            file.write(image)
    with Trajectory(tmp_path / "a.traj") as images:
        dataset = EnsembleFields(tmp_path / "root", tmp_path / "a.traj", dtype=torch.float64)
        for data, image in zip(dataset, images, strict=True):
            np.testing.assert_array_equal(data.pos, image.positions)


def test_directions_without_a_cell_are_not_periodic(tmp_path):
    path = traj(tmp_path / "a.traj", frames(2), cell=[0, 0, 0], pbc=True)
    dataset = EnsembleFields(tmp_path / "root", path, dtype=torch.float64)
    np.testing.assert_array_equal(dataset[1].pos, frames(2)[1])


def test_chunks_of_large_frames_are_short():
    large = Data(z=torch.zeros(10**6, dtype=torch.long), pos=torch.zeros(10**6, 3))
    content = FrameContent(Entry("a.xtc", 1, "", "data", large), 0, 0, None)
    chunks = chunked(enumerate([Entry("a.xtc", 1, "", "frame", content)] * 5))
    assert [len(chunk) for chunk in chunks] == [1] * 5


def test_frames_of_other_atoms_fail(tmp_path):
    other = Atoms(ETHANOL.numbers[::-1], ETHANOL.positions)
    write(tmp_path / "a.xyz", [ETHANOL, other, molecule("CH4"), ETHANOL])
    with pytest.warns(SkippedRecordsWarning, match="expected 4 readable records, got 2"):
        dataset = EnsembleFields(tmp_path / "root", tmp_path / "a.xyz")
    assert [data.frame for data in dataset] == [0, 3]
    assert [one.reason for one in dataset.failed] == [
        "z: expected the atoms of the first frame in their order, got another element for atom 0; take other molecules "
        "by MoleculeFields",
        "z: expected the 9 atoms of the first frame, got 5; take other molecules by MoleculeFields",
    ]


def test_models_of_different_atoms(data_dir, tmp_path):
    with pytest.warns(SkippedRecordsWarning, match="expected the 1137 atoms of the first frame, got 1125; take other"):
        assert len(EnsembleFields(tmp_path / "lcd", data_dir / "ensembles" / "1lcd_nmr.pdb.gz")) == 1
    path = data_dir / "ensembles" / "1l2y_nmr.pdb.gz"
    dataset = EnsembleFields(tmp_path / "nmr", path)
    assert all(torch.equal(one.pos, other.pos) for one, other in zip(dataset, read(path), strict=True))


def test_frames_that_are_not_sound_fail(tmp_path):
    positions = frames(6)
    positions[0, 4, 1] = np.nan
    positions[3] = 0
    path = traj(tmp_path / "a.traj", positions)
    with pytest.warns(SkippedRecordsWarning, match="expected 6 readable records, got 4"):
        dataset = EnsembleFields(tmp_path / "root", path)
    assert [data.frame for data in dataset] == [1, 2, 4, 5]
    assert [one.record for one in dataset.failed] == [1, 4]
    assert "atom 4" in dataset.failed[0].reason
    assert "pos: expected atoms at least 0.001 Å apart" in dataset.failed[1].reason


def test_properties_are_those_of_the_first_frame(tmp_path):
    path = xyz(tmp_path / "a.xyz", frames(3))
    dataset = EnsembleFields(tmp_path / "charges", path, properties="auto", mol_field=MolField.preset("esp"))
    expected = with_properties(read(path)[0], ["partial_charge"]).partial_charge
    assert all(torch.equal(data.partial_charge, expected) for data in dataset)
    dataset = EnsembleFields(tmp_path / "color", path, properties="auto", mol_field=MolField.preset("color"))
    for data, frame in zip(dataset, read(path), strict=True):
        assert torch.equal(data.color_pos, with_color(frame).color_pos)
    transform = MolFieldTransform(MolField.preset("esp"), num_queries=4, seed=0)
    dataset = EnsembleFields(tmp_path / "charges", transform=transform)
    data = dataset[1]
    torch.testing.assert_close(data.field, MolField.preset("esp")(data)(data.query_pos))


def test_blocks_follow_each_other_in_each_file(tmp_path):
    path = xyz(tmp_path / "a.xyz", frames())
    dataset = EnsembleFields(tmp_path / "root", [path, path])
    parts = dataset.split_idx((0.5, 0.25, 0.25))
    assert parts["train"].tolist() == [*range(10), *range(20, 30)]
    assert parts["valid"].tolist() == [*range(10, 15), *range(30, 35)]
    assert parts["test"].tolist() == [*range(15, 20), *range(35, 40)]
    parts = dataset[:20].split_idx((0.5, 0.25, 0.25), gap=2)
    assert [part.tolist() for part in parts.values()] == [[*range(10)], [12, 13, 14], [17, 18, 19]]
    assert [len(part) for part in dataset.split_idx((0.5, 0, 0.5), by="trajectory").values()] == [20, 0, 20]
    assert [len(part) for part in dataset.split_idx(by="random").values()] == [32, 4, 4]
    with pytest.raises(ValueError, match="gap: expected less than the 5 frames of a block, got 5; give fewer"):
        dataset.split_idx((0.5, 0.25, 0.25), gap=5)
    with pytest.raises(ValueError, match="gap: expected frames between blocks, got 1 by 'random'; leave it out"):
        dataset.split_idx(by="random", gap=1)
    with pytest.raises(ValueError, match="gap: expected an integer, got None"):
        dataset.split_idx(gap=None)
    with pytest.raises(ValueError, match="by: expected 'blocks', 'trajectory' or 'random', got 'scaffold'"):
        dataset.split_idx(by="scaffold")


def test_blocks_of_shuffled_selected_and_repeated_frames_do_not_mix(tmp_path):
    path = xyz(tmp_path / "a.xyz", frames(40))
    dataset = EnsembleFields(tmp_path / "root", [path, path], stride=2)
    torch.manual_seed(0)
    whole = dataset.split_idx(gap=1)
    shuffled = dataset.shuffle()
    for name, part in shuffled.split_idx(gap=1).items():
        found = sorted((data.trajectory, data.frame) for data in shuffled[part])
        assert found == [(data.trajectory, data.frame) for data in dataset[whole[name]]]
    repeated = torch.arange(40).repeat_interleave(3)[torch.randperm(120)]
    for view, gap in ((dataset[::3], 1), (dataset[repeated], 0), (dataset[repeated], 2)):
        parts = view.split_idx((0.5, 0.25, 0.25), gap=gap)
        for file in range(2):
            train, valid, test = (
                [data.frame for data in view[part] if data.trajectory == file] for part in parts.values()
            )
            assert min(len(train), len(valid), len(test)) > 0
            assert min(valid) - max(train) > 2 * gap
            assert min(test) - max(valid) > 2 * gap
    parts = [set(repeated[part].tolist()) for part in dataset[repeated].split_idx(by="random").values()]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 40


def test_blocks_without_numbers_of_frames_are_by_index(tmp_path):
    path = xyz(tmp_path / "a.xyz", frames())
    dataset = EnsembleFields(tmp_path / "root", path, pre_transform=lambda data: Data(z=data.z, pos=data.pos))
    order = torch.arange(20).flip(0)
    parts = dataset[order].split_idx((0.5, 0.25, 0.25), gap=1)
    assert [order[part].tolist() for part in parts.values()] == [
        [*range(9, -1, -1)],
        [14, 13, 12, 11],
        [19, 18, 17, 16],
    ]


def test_one_bad_file_among_several(tmp_path):
    good, bad = xyz(tmp_path / "a.xyz", frames(2)), tmp_path / "b.traj"
    bad.write_text("no trajectory, but long enough to be read as one")
    with pytest.warns(SkippedRecordsWarning, match=r"b\.traj: record 1: expected a complete trajectory of ASE"):
        dataset = EnsembleFields(tmp_path / "root", [bad, good])
    assert [data.trajectory for data in dataset] == [1, 1]


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"source": "a.xtc"}, ValueError, r"topology: expected a file that names the atoms of a\.xtc"),
        ({"topology": "a.pdb"}, ValueError, r"topology: expected None for files that name their atoms"),
        ({"selection": "protein"}, ValueError, "selection: expected 'all' for files without a topology, got 'protein'"),
        ({"selection": 3}, TypeError, "selection: expected a text, got int"),
        ({"source": "a.xtc.gz"}, ValueError, r"a\.xtc\.gz: expected an unpacked trajectory, got a \.gz file"),
        ({"source": "a.png"}, ValueError, r"a\.png: expected a trajectory \(\.xtc, .*\) or a structure file"),
        ({"source": "b.xyz"}, FileNotFoundError, r"b\.xyz: expected an existing file, got none"),
        ({"source": "b.traj"}, FileNotFoundError, r"b\.traj: expected an existing file, got none"),
        ({"source": []}, ValueError, "source: expected at least one file, got none"),
        ({"source": None}, FileNotFoundError, r"molecules\.db: expected a data set, got none"),
        ({"stride": 0}, ValueError, "stride: expected at least 1, got 0; frames are counted from 0"),
        ({"start": 4, "stop": 4}, ValueError, "stop: expected at least 5, got 4"),
        ({"start": -1}, ValueError, "start: expected at least 0, got -1"),
        ({"stride": None}, ValueError, "stride: expected an integer, got None"),
        ({"start": None}, ValueError, "start: expected an integer, got None"),
        ({"whole": "no"}, TypeError, "whole: expected True or False, got 'no'; give one of them"),
        ({"properties": None}, TypeError, "properties: expected a list of names, got NoneType"),
        ({"stride": 1.5}, ValueError, r"stride: expected an integer, got 1\.5"),
        ({"start": 5}, ValueError, "source: expected at least one molecule, got none"),
        ({"source": "a.pdb", "labels": "x"}, ValueError, r"labels: expected files that have labels .* got a\.pdb"),
    ],
)
def test_arguments_that_cannot_be(tmp_path, monkeypatch, options, kind, message):
    monkeypatch.chdir(tmp_path)
    xyz("a.xyz", frames(2))
    with pytest.raises(kind, match=message):
        EnsembleFields("root", **{"source": "a.xyz", **options})


def test_the_extra_is_named_where_it_is_missing(tmp_path, monkeypatch):
    for name in ("MDAnalysis", "MDAnalysis.lib.formats.libmdaxdr"):
        monkeypatch.setitem(sys.modules, name, None)
    write(tmp_path / "a.pdb", ETHANOL)
    (tmp_path / "a.xtc").write_bytes(b"x")
    with pytest.raises(
        ImportError, match=r"MDAnalysis: expected an installed package, got none; run pip install 'tg_m"
    ):
        EnsembleFields(tmp_path / "root", tmp_path / "a.xtc", tmp_path / "a.pdb")


def test_a_build_goes_on_with_the_next_frame(tmp_path, monkeypatch):
    path = traj(tmp_path / "a.traj", frames(600))

    class StopError(Exception):
        pass

    def stop(state):
        raise StopError

    with pytest.raises(StopError):
        EnsembleFields(tmp_path / "root", path, progress=stop)
    states = []
    dataset = EnsembleFields(tmp_path / "root", path, progress=states.append)
    assert [state.records for state in states] == [512, 600]
    expected = EnsembleFields(tmp_path / "other", path)
    assert [data.frame for data in dataset] == list(range(600))
    assert all(torch.equal(dataset[index].pos, expected[index].pos) for index in (255, 256, 599))


def test_conformers_of_an_sdf(data_dir, tmp_path):
    mol = to_rdkit(from_smiles("CCO"))
    block = Chem.MolToMolBlock(mol)
    texts = [
        block.replace("C  ", "Xx ", 1),
        block,
        block + "> <E>\n-3.5\n\n",
        Chem.MolToMolBlock(to_rdkit(from_smiles("CO"))),
    ]
    (tmp_path / "a.sdf").write_text("".join(f"{text}$$$$\n" for text in texts))
    with (
        pytest.warns(SkippedRecordsWarning, match="expected 4 readable records, got 2"),
        pytest.warns(StructureWarning, match="label 'E': expected a number, got none"),
    ):
        dataset = EnsembleFields(tmp_path / "root", tmp_path / "a.sdf", properties="logp", labels="E")
    assert [(data.frame, data.smiles) for data in dataset] == [(1, "CCO"), (2, "CCO")]
    assert dataset[1].y.tolist() == [[-3.5]]
    assert torch.equal(dataset[0].logp, from_smiles("CCO", properties="logp").logp)
    assert "expected a chemical element" in dataset.failed[0].reason
    batch = next(iter(DataLoader(dataset, batch_size=2)))
    assert batch.frame.tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"(?s)expected a readable record, got none among 1.*nan_coords\.sdf"):
        EnsembleFields(tmp_path / "nan", data_dir / "bad" / "nan_coords.sdf")


def test_notes_are_told_once(tmp_path):
    text = io.StringIO()
    write(text, [ETHANOL, ETHANOL], format="extxyz")
    (tmp_path / "a.xyz").write_text(text.getvalue().replace("Properties", 'unit="bohr" Properties'))
    with pytest.warns(StructureWarning, match=r"unit: expected positions in Å, got 'bohr'; .*\(and 1 more\)"):
        EnsembleFields(tmp_path / "root", tmp_path / "a.xyz")
