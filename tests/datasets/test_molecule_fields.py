import copy
import csv
import math
import pickle
import signal
import sqlite3
import subprocess
import sys

import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import MolField, MolFieldTransform
from tg_molfield.datasets import MoleculeFields
from tg_molfield.structures import DroppedKeysWarning, SkippedRecordsWarning, StructureWarning, from_smiles, read

SMILES = ["CCO", "c1ccccc1O", "CC(C)C", "OCC=O", "c1ccncc1", "Cc1ccccc1", "C1CCCCC1", "NCC(=O)O"]


def written(path, text: str):
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """72 molecules in three chunks, two of them broken."""
    rows = [f"m{i},{SMILES[i % 8]},{i / 4}" for i in range(72)]
    rows[5], rows[40] = "m5,c1ccccc,1", "m40,CCO,much"
    return written(tmp_path_factory.mktemp("table") / "table.csv", "\n".join(["name,smiles,logS", *rows]) + "\n")


@pytest.fixture(scope="module")
def root(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("root")
    with pytest.warns(SkippedRecordsWarning, match="expected 72 readable records, got 70"):
        MoleculeFields(folder, table, labels="logS")
    return folder


@pytest.fixture(scope="module")
def dataset(root):
    return MoleculeFields(root)


def same(first: Data, second: Data) -> bool:
    """Whether two molecules have the same attributes to the bit."""
    one, other = first.to_dict(), second.to_dict()
    return one.keys() == other.keys() and all(
        torch.equal(value, other[name]) if isinstance(value, torch.Tensor) else value == other[name]
        for name, value in one.items()
    )


def rows(root):
    """All that a data set holds."""
    connection = sqlite3.connect(root / "processed" / "molecules.db")
    found = [connection.execute(f"SELECT * FROM {name}").fetchall() for name in ("molecules", "failed")]
    state = dict(connection.execute("SELECT * FROM state"))
    connection.close()
    return found, state["records"], state["problems"], (root / "processed" / "failed.csv").read_text()


def test_molecules_are_those_of_the_table(dataset):
    assert len(dataset) == 70
    assert dataset.labels == ("logS",)
    for index, row in ((0, 0), (5, 6), (69, 71)):
        data, expected = dataset[index], from_smiles(SMILES[row % 8])
        assert (data.name, data.smiles) == (f"m{row}", SMILES[row % 8])
        assert torch.equal(data.y, torch.tensor([[row / 4]]))
        assert torch.equal(data.z, expected.z)
        assert torch.equal(data.pos, expected.pos)


def test_attributes_have_an_order(dataset):
    names = list(dataset[0].to_dict())
    assert names == ["y", "pos", "z", *sorted(names[3:-2]), "name", "smiles"]


def test_failed_records_are_in_a_table(root, dataset):
    assert [(one.record, one.title) for one in dataset.failed] == [(6, "m5"), (41, "m40")]
    assert "unclosed ring" in dataset.failed[0].reason
    assert dataset.failed[1].reason == "label 'logS': expected a number, got 'much'; leave it out of labels"
    with (root / "processed" / "failed.csv").open(newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [(row["file"], row["record"], row["name"]) for row in found] == [
        ("table.csv", "6", "m5"),
        ("table.csv", "41", "m40"),
    ]
    assert found[0]["reason"] == dataset.failed[0].reason


def test_a_data_set_that_is_there_is_opened_and_not_changed(root, table, dataset):
    path = root / "processed" / "molecules.db"
    before = path.stat().st_mtime_ns
    again = MoleculeFields(root, table, labels="logS", progress=lambda state: pytest.fail("built again"))
    assert all(same(one, other) for one, other in zip(again, dataset, strict=True))
    assert path.stat().st_mtime_ns == before


def test_a_copy_of_the_source_is_the_same_source(root, table, tmp_path):
    other = written(tmp_path / "table.csv", table.read_text())
    assert len(MoleculeFields(root, other, labels="logS")) == 70


def test_a_renamed_source_is_another_one(tmp_path):
    first, second = (written(tmp_path / f"{name}.xyz", "1\n\nHe 0 0 0\n") for name in ("a", "b"))
    assert MoleculeFields(tmp_path / "one", first)[0].name == "a"
    with pytest.raises(ValueError, match=r"another source \(1 file, 12 bytes, digest \w+ of a.xyz, now .* of b.xyz\)"):
        MoleculeFields(tmp_path / "one", second)
    MoleculeFields(tmp_path / "two", [first, second])
    with pytest.raises(ValueError, match=r"another source \(2 files, 24 bytes, digest \w+, now 2 files, 24 bytes, di"):
        MoleculeFields(tmp_path / "two", [second, first])


def test_processes_change_nothing(root, table, tmp_path):
    with pytest.warns(SkippedRecordsWarning):
        MoleculeFields(tmp_path, table, labels="logS", workers=2)
    assert rows(tmp_path) == rows(root)


def test_a_killed_build_goes_on_and_gives_the_same(root, table, tmp_path):
    script = (
        "import os, signal\n"
        "from tg_molfield.datasets import MoleculeFields\n"
        "def show(state):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"MoleculeFields({str(tmp_path)!r}, {str(table)!r}, labels='logS', progress=show)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    connection = sqlite3.connect(tmp_path / "processed" / "molecules.db")
    assert connection.execute("SELECT COUNT(*) FROM molecules").fetchone() == (31,)
    connection.close()
    with pytest.raises(ValueError, match="expected a complete data set, got one that is not; give its source to go on"):
        MoleculeFields(tmp_path)
    states = []
    with pytest.warns(SkippedRecordsWarning, match=r"72 readable records, got 70(?s:.*)'m5'(?s:.*)'m40'"):
        MoleculeFields(tmp_path, table, labels="logS", progress=states.append)
    assert [state[:4] for state in states] == [(64, 62, 2, states[0].done), (72, 70, 2, 1.0)]
    assert rows(tmp_path) == rows(root)


def test_what_an_interrupted_write_leaves_is_rolled_back(root, table, tmp_path):
    # the process is killed while a large transaction is half in the file: its journal stays behind
    script = (
        "import os, signal, sqlite3, sys\n"
        "from tg_molfield.datasets import MoleculeFields\n"
        "def show(state):\n"
        f"    connection = sqlite3.connect({str(tmp_path / 'processed' / 'molecules.db')!r})\n"
        "    connection.execute('PRAGMA cache_size = 1')\n"
        "    for number in range(2000):\n"
        "        row = (99, '[]', bytes(1000), '{}')\n"
        "        connection.execute('INSERT INTO molecules (record, keys, tensors, others) VALUES (?, ?, ?, ?)', row)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        f"MoleculeFields({str(tmp_path)!r}, {str(table)!r}, labels='logS', progress=show)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "processed" / "molecules.db-journal").stat().st_size > 0
    with pytest.warns(SkippedRecordsWarning):
        MoleculeFields(tmp_path, table, labels="logS")
    assert rows(tmp_path) == rows(root)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (
            {"labels": "logS", "conformers": 2},
            r"another conformers \(1 with seed 0 in 20 s, now 2 with seed 0 in 20 s\)",
        ),
        ({"labels": "logS", "seed": 7}, r"another conformers \(1 with seed 0 in 20 s, now 1 with seed 7 in 20 s\)"),
        ({}, r"another labels \(logS, now \)"),
        ({"labels": "logS", "properties": "logp"}, r"another properties \(, now logp\)"),
        ({"labels": "logS", "dtype": torch.float64}, r"another dtype \(torch.float32, now torch.float64\)"),
        ({"labels": "logS", "pre_filter": same}, r"another pre_filter \(None, now same, digest \w+\)"),
    ],
)
def test_another_data_set_is_refused_by_name(root, table, options, what):
    with pytest.raises(ValueError, match=rf"molecules\.db: expected a data set of the same .*, got {what}; give force"):
        MoleculeFields(root, table, **options)


def test_a_changed_source_is_refused_or_built_again(tmp_path):
    path = written(tmp_path / "a.csv", "smiles\nCCO\n")
    assert len(MoleculeFields(tmp_path / "root", path)) == 1
    written(path, "smiles\nCCO\nCCC\n")
    with pytest.raises(ValueError, match=r"got another source \(1 file, 11 bytes, digest .*, now 1 file, 15 bytes"):
        MoleculeFields(tmp_path / "root", path)
    assert [data.smiles for data in MoleculeFields(tmp_path / "root", path, force_reload=True)] == ["CCO", "CCC"]


def test_molecules_reach_batches_through_worker_processes(dataset):
    loaders = [DataLoader(dataset[10:30], batch_size=8, num_workers=workers) for workers in (0, 2)]
    alone, parallel = map(list, loaders)
    assert [batch.num_graphs for batch in parallel] == [8, 8, 4]
    for one, other in zip(alone, parallel, strict=True):
        assert torch.equal(one.pos, other.pos)
        assert one.name == other.name
    assert alone[0].y.shape == (8, 1)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_copies_read_the_same(dataset, duplicate):
    first = dataset[0]
    other = duplicate(dataset)
    assert same(other[0], first)
    assert len(other) == 70


def test_parts_are_selected_as_in_any_data_set(dataset):
    names = [data.name for data in dataset]
    assert [data.name for data in dataset[3:6]] == names[3:6]
    assert [data.name for data in dataset[torch.tensor([7, 1])]] == [names[7], names[1]]
    assert [data.name for data in dataset[5:][2:4]] == names[7:9]
    assert dataset[-1].name == names[-1]
    with pytest.raises(IndexError):
        _ = dataset[70]


def test_fields_are_made_at_reading_and_need_no_new_build(root, table):
    for elements in ("C N O", "H"):
        transform = MolFieldTransform(MolField(elements), num_queries=16, seed=0)
        data = MoleculeFields(root, table, labels="logS", transform=transform)[0]
        assert data.field.shape == (16, len(elements.split()))
        torch.testing.assert_close(data.field, MolField(elements)(data)(data.query_pos))


def test_an_access_changes_nothing_for_the_next(dataset):
    dataset[0].pos.add_(1)
    assert torch.equal(dataset[0].pos, from_smiles("CCO").pos)


def heavy(data: Data) -> bool:
    return bool((data.z == 8).any())


def centred(data: Data) -> Data:
    return Data(z=data.z, pos=data.pos - data.pos.mean(0), size=len(data.z), pairs=torch.zeros(2, 0))


def test_molecules_are_filtered_and_transformed_once(tmp_path):
    path = written(tmp_path / "a.smi", "".join(f"{smiles} {smiles}\n" for smiles in SMILES))
    dataset = MoleculeFields(tmp_path / "root", path, pre_filter=heavy, pre_transform=centred)
    expected = [centred(from_smiles(smiles)) for smiles in SMILES if "O" in smiles]
    assert all(same(one, other) for one, other in zip(dataset, expected, strict=True))
    with pytest.raises(ValueError, match="pre_filter: expected to keep a molecule, got none of 8; correct it"):
        MoleculeFields(tmp_path / "none", path, pre_filter=lambda data: False)
    with pytest.raises(ValueError, match="words: expected a dense tensor, a text or a number, got list; convert it in"):
        MoleculeFields(tmp_path / "list", path, pre_transform=lambda data: Data(words=["a"]))


def test_conformers_are_molecules_and_stay_together(tmp_path):
    path = written(tmp_path / "a.smi", "".join(f"{smiles} a\n" for smiles in ("CCO", "CCCC", "CCCO", "CCN")))
    dataset = MoleculeFields(tmp_path / "root", path, conformers=3, seed=4)
    expected = from_smiles("CCCC", 3, 4)
    assert [data.name for data in dataset] == ["a"] * 12
    assert all(torch.equal(dataset[3 + i].pos, expected[i].pos) for i in range(3))
    parts = dataset.split_idx((0.5, 0.25, 0.25))
    assert [len(part) for part in parts.values()] == [6, 3, 3]
    for part in parts.values():
        assert all(len({data.smiles for data in dataset[part[i : i + 3]]}) == 1 for i in range(0, len(part), 3))


@pytest.mark.filterwarnings("ignore:split. expected each molecule in one part")
def test_random_splits_are_partitions_that_the_seed_tells(dataset):
    parts = dataset.split_idx((0.7, 0.2, 0.1), seed=3)
    assert [len(part) for part in parts.values()] == [49, 14, 7]
    assert sorted(torch.cat([*parts.values()]).tolist()) == list(range(70))
    assert all(torch.equal(parts[name], part) for name, part in dataset.split_idx((0.7, 0.2, 0.1), seed=3).items())
    assert not torch.equal(parts["train"], dataset.split_idx((0.7, 0.2, 0.1), seed=4)["train"])
    assert [len(part) for part in dataset[:10].split_idx((1, 0, 0)).values()] == [10, 0, 0]


def test_scaffolds_are_in_one_part_each(dataset):
    parts = dataset.split_idx((0.6, 0.2, 0.2), by="scaffold", seed=1)
    scaffolds = {"c1ccccc1O": "benzene", "Cc1ccccc1": "benzene", "c1ccncc1": "pyridine", "C1CCCCC1": "cyclohexane"}
    found = [{scaffolds.get(data.smiles, "none") for data in dataset[part]} for part in parts.values()]
    assert sum(map(len, found)) == 4
    assert set.union(*found) == {"benzene", "pyridine", "cyclohexane", "none"}
    assert found[0] >= {"none"}
    with pytest.raises(ValueError, match="by: expected 'random' or 'scaffold', got 'size'; choose one of them"):
        dataset.split_idx(by="size")
    with pytest.raises(
        ValueError, match=r"fractions: expected three numbers from 0 with the sum 1, got \[0\.8, 0\.1\]"
    ):
        dataset.split_idx((0.8, 0.1))


def test_tables_of_bad_rows_keep_the_good_one(data_dir, tmp_path):
    with pytest.warns(SkippedRecordsWarning, match="expected 4 readable records, got 1"):
        dataset = MoleculeFields(tmp_path, data_dir / "bad" / "smiles_only.csv")
    assert [data.smiles for data in dataset] == ["CCO"]
    assert [one.title for one in dataset.failed] == ["b", "c", "d"]
    for again in (False, True):
        with pytest.raises(ValueError, match=r"smiles_only\.csv: record 2 \('b'\): smiles: expected a valid SMILES"):
            MoleculeFields(tmp_path, data_dir / "bad" / "smiles_only.csv", errors="raise", force_reload=again)


@pytest.mark.parametrize(
    ("text", "labels", "message"),
    [
        ("name,smiles\n", (), "source: expected at least one molecule, got none; check where it comes from"),
        ("name,smiles\na,C1\nb,\n", (), r"source: expected a readable record, got none among 2; correct the source\n"),
        ("name,formula\na,CH4\n", (), r"a\.csv: expected a column 'smiles' in the first row, got 'name, formula'"),
        ("smiles,a\nC,1\n", "b", r"a\.csv: labels: expected one column 'b', got 0 among smiles, a; correct the name"),
        ("smiles,b,b\nC,1,2\n", "b", r"labels: expected one column 'b', got 2 among smiles, b, b"),
    ],
)
def test_tables_without_molecules_are_refused_each_time(tmp_path, text, labels, message):
    path = written(tmp_path / "a.csv", text)
    for _ in range(2):
        with pytest.raises(ValueError, match=message):
            MoleculeFields(tmp_path / "root", path, labels=labels)


def test_missing_labels_are_not_a_number_and_told(tmp_path):
    path = written(tmp_path / "a.csv", "smiles,a,b\nC,1.5,-2e-3\nCC,,7\nCCC,NA\nCCCC,inf,1\n")
    with (
        pytest.warns(
            StructureWarning, match=r"label 'a': expected a number, got none; .* y has NaN for it \(and 1 more"
        ),
        pytest.warns(StructureWarning, match="label 'b': expected a number, got none"),
        pytest.warns(SkippedRecordsWarning, match="label 'a': expected a finite number within the range of"),
    ):
        dataset = MoleculeFields(tmp_path / "root", path, labels=("b", "a"))
    found = torch.cat([data.y for data in dataset])
    expected = torch.tensor([[-2e-3, 1.5], [7, math.nan], [math.nan, math.nan]])
    torch.testing.assert_close(found, expected, equal_nan=True, rtol=0, atol=0)


def test_equal_names_and_molecules_are_all_kept(tmp_path):
    dataset = MoleculeFields(tmp_path / "root", written(tmp_path / "a.csv", "name,smiles\na,CCO\na,CCO\na,CC\n"))
    assert [(data.name, data.smiles) for data in dataset] == [("a", "CCO"), ("a", "CCO"), ("a", "CC")]


def test_records_of_sdf_files_with_their_tags(data_dir, tmp_path):
    path = data_dir / "smallmol" / "freesolv.sdf.gz"
    dataset = MoleculeFields(tmp_path / "root", path, labels=["expt"], properties="partial_charge")
    expected = read(path, labels=["expt"], properties="partial_charge")
    assert len(dataset) == len(expected) == 642
    for one, other in zip(dataset, expected, strict=True):
        assert torch.equal(one.y, other.expt[None])
        assert all(torch.equal(one[name], other[name]) for name in ("z", "pos", "partial_charge"))
        assert one.name == other.name
    parts = dataset.split_idx(by="scaffold")
    assert [len(part) for part in parts.values()] == [514, 64, 64]


def test_folders_keep_what_can_be_read(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    written(folder / "b.xyz", "1\n\nHe 0 0 0\n")
    written(folder / "a.xyz", "2\n\nO 0 0 0\nH 0 0 1\n")
    written(folder / "c.pdb", "nothing\n")
    written(folder / "d.txt", "no molecule\n")
    with pytest.warns(SkippedRecordsWarning, match=r"expected 3 readable records, got 2(?s:.*)c\.pdb: record 1: "):
        dataset = MoleculeFields(tmp_path / "root", folder)
    assert [(data.name, data.z.tolist()) for data in dataset] == [("a", [8, 1]), ("b", [2])]
    with pytest.raises(ValueError, match=r"root: expected files of molecules \(.*\), got none; give the folder"):
        MoleculeFields(tmp_path / "other", tmp_path / "root")
    with pytest.raises(ValueError, match=r"labels: expected files that have labels \(.*\), got c\.pdb; leave out"):
        MoleculeFields(tmp_path / "other", folder, labels="energy")


def test_atoms_of_ase_and_crystals_beside_molecules(tmp_path):
    water, salt, broken = molecule("H2O"), bulk("NaCl", "rocksalt", 5.6), Atoms("X", [[0, 0, 0]])
    water.info["gap"], salt.info["gap"] = 7.5, 8
    with pytest.warns(SkippedRecordsWarning):
        dataset = MoleculeFields(tmp_path, [water, broken, salt], labels="gap", properties=())
    assert [one.record for one in dataset.failed] == [2]
    assert torch.equal(dataset[1].cell[0].double(), torch.tensor(salt.cell.array).float().double())
    assert not dataset[0].cell.any()
    assert dataset[0].pbc.tolist() == [[False] * 3]
    assert [data.y.item() for data in dataset] == [7.5, 8.0]
    with pytest.raises(
        ValueError, match="expected 'random' for molecules without SMILES, such as that of index 0, got"
    ):
        dataset.split_idx(by="scaffold")


def test_other_data_sets_are_sources(dataset, tmp_path):
    again = MoleculeFields(tmp_path, dataset[3:9], properties="logp")
    assert [data.name for data in again] == [data.name for data in dataset[3:9]]
    assert [data.y.item() for data in again] == [data.y.item() for data in dataset[3:9]]
    assert torch.equal(again[0].logp, from_smiles(dataset[3].smiles, properties="logp").logp)
    with pytest.raises(ValueError, match=r"got another source \(6 molecules, digest .*, now 5 molecules"):
        MoleculeFields(tmp_path, dataset[3:8], properties="logp")


def test_attributes_that_some_lack_are_left_out(tmp_path):
    pos = torch.zeros(1, 3)
    molecules = [Data(z=torch.tensor([2]), pos=pos, extra=pos), Data(z=torch.tensor([10]), pos=pos.double())]
    with pytest.warns(DroppedKeysWarning, match="expected extra in every molecule, got none in some"):
        dataset = MoleculeFields(tmp_path, molecules)
    assert [sorted(data.keys()) for data in dataset] == [["name", "pos", "z"]] * 2
    assert [data.pos.dtype for data in dataset] == [torch.float32, torch.float64]
    assert "extra" in molecules[0]
    assert "name" not in molecules[0]


def test_molecules_without_sound_atoms_fail(tmp_path):
    sound, nothing, dummy = (Data(z=torch.tensor(z), pos=torch.zeros(len(z), 3)) for z in ([6], [], [0]))
    nothing.z = nothing.z.long()
    far = Data(z=torch.tensor([1]), pos=torch.full((1, 3), math.inf))
    with pytest.warns(SkippedRecordsWarning):
        dataset = MoleculeFields(tmp_path, [nothing, dummy, sound, far])
    assert [data.name for data in dataset] == ["molecule 3"]
    assert [one.record for one in dataset.failed] == [1, 2, 4]


def test_frames_of_a_file_have_names_of_their_own(tmp_path):
    path = written(tmp_path / "frames.xyz", "1\nenergy=-1.5\nHe 0 0 0\n" * 2)
    dataset = MoleculeFields(tmp_path / "root", path, labels="energy")
    assert [data.name for data in dataset] == ["frames", "frames 2"]
    assert [data.y.tolist() for data in dataset] == [[[-1.5]]] * 2


def test_files_are_read_with_the_digits_of_the_type(tmp_path):
    path = written(tmp_path / "far.xyz", "1\n\nHe 1234567.123456 0 0\n")
    dataset = MoleculeFields(tmp_path / "root", path, dtype=torch.float64)
    assert dataset[0].pos[0, 0].item() == 1234567.123456


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (3, TypeError, "source: expected a path, or a list of Data or ASE Atoms, got int; put one"),
        (Data(z=torch.tensor([1])), TypeError, "source: expected a path, .* got Data; put one molecule in a list"),
        (molecule("H2"), TypeError, "source: expected a path, .* got Atoms; put one molecule in a list"),
        (iter([]), TypeError, "got list_iterator; put one molecule in a list, and make a list of an iterator"),
        ([], ValueError, "source: expected at least one molecule, got none"),
        ([Data(), "a"], TypeError, r"source\[1\]: expected a Data or ASE Atoms, got str; give molecules"),
        ("missing.csv", FileNotFoundError, r"missing\.csv: expected an existing file, got none"),
        ("a.png", ValueError, r"a\.png: expected a structure file"),
        (None, FileNotFoundError, r"molecules\.db: expected a data set, got none; give a source to build it from"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path, source, kind, message):
    with pytest.raises(kind, match=message):
        MoleculeFields(tmp_path, source)


def test_options_without_effect_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match="conformers: expected 1 for molecules that have positions, got 2; give a table"
    ):
        MoleculeFields(tmp_path, [molecule("H2")], conformers=2)
    with pytest.raises(ValueError, match=r"labels: expected files that have labels \(\.csv, .*\), got a\.smi; leave"):
        MoleculeFields(tmp_path, written(tmp_path / "a.smi", "C a\n"), labels="a")


def test_arguments_of_a_wrong_kind_are_named(tmp_path, table, dataset):
    for options, kind, message in (
        ({"progress": "x"}, TypeError, "progress: expected a function, True, False or None, got str"),
        ({"workers": -1}, ValueError, "workers: expected 0 or more, got -1"),
        ({"errors": "keep"}, ValueError, "errors: expected 'raise' or 'skip', got 'keep'"),
        ({"conformers": 0}, ValueError, "conformers: expected at least 1, got 0"),
        ({"labels": [3]}, TypeError, "labels: expected names, got int"),
        ({"dtype": torch.int64}, TypeError, "dtype: expected a floating type"),
        ({"properties": None}, TypeError, "properties: expected a list of names, got NoneType"),
        ({"properties": [5]}, TypeError, "properties: expected names, got int"),
        ({"seed": None}, ValueError, "seed: expected an integer, got None"),
        ({"conformers": None}, ValueError, "conformers: expected an integer, got None"),
        ({"workers": None}, ValueError, "workers: expected an integer, got None"),
        ({"pre_filter": 5}, TypeError, "pre_filter: expected a function, got int"),
        ({"pre_transform": "center"}, TypeError, "pre_transform: expected a function, got str"),
        ({"transform": 5}, TypeError, "transform: expected a function, got int"),
        ({"force_reload": "no"}, TypeError, "force_reload: expected True or False, got 'no'"),
    ):
        with pytest.raises(kind, match=message):
            MoleculeFields(tmp_path / "root", table, **options)
    with pytest.raises(ValueError, match=r"seed: expected 0 to 2⁶³ − 1, got -1; give one in this range"):
        dataset.split_idx(seed=-1)
    with pytest.raises(ValueError, match="seed: expected an integer, got None"):
        dataset.split_idx(seed=None)
    with pytest.raises(OSError, match=r"table\.csv/processed: expected a folder that can be written, got: Not a direc"):
        MoleculeFields(table, table)


def test_a_damaged_file_is_told(tmp_path, table):
    (tmp_path / "processed").mkdir()
    written(tmp_path / "processed" / "molecules.db", "no data set, but long enough to be read as one" * 9)
    with pytest.raises(ValueError, match=r"molecules\.db: expected a data set, got a damaged or other file"):
        MoleculeFields(tmp_path)
    with pytest.raises(ValueError, match="give force_reload=True to build it again"):
        MoleculeFields(tmp_path, table)


@pytest.mark.parametrize("preset", ["esp", "color"])
def test_what_a_definition_reads_is_computed(tmp_path, preset):
    definition = MolField.preset(preset)
    table = written(tmp_path / "a.csv", "smiles\nCCO\nc1ccccc1O\n")
    dataset = MoleculeFields(tmp_path / "table", table, properties="auto", mol_field=definition)
    expected = from_smiles("c1ccccc1O", properties="auto", mol_field=definition)
    points = expected.pos + 1.5
    assert torch.equal(definition(dataset[1])(points), definition(expected)(points))
    bare = [Data(z=data.z, pos=data.pos) for data in dataset]
    perceived = MoleculeFields(tmp_path / "list", bare, properties="auto", mol_field=definition)
    torch.testing.assert_close(definition(perceived[1])(points), definition(expected)(points), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="mol_field: expected a definition with properties='auto', got None"):
        MoleculeFields(tmp_path / "other", table, properties="auto")
    with pytest.raises(ValueError, match="another properties"):
        MoleculeFields(tmp_path / "table", table)


def test_a_build_that_does_not_begin_leaves_the_data_set_that_was_there(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,y\nCCO,1\nCCC,2\n")
    built = MoleculeFields(tmp_path / "set", tmp_path / "a.csv", labels="y")
    with pytest.raises(ValueError, match="labels: expected one column 'z'"):
        MoleculeFields(tmp_path / "set", tmp_path / "a.csv", labels="z", force_reload=True)
    kept = MoleculeFields(tmp_path / "set", tmp_path / "a.csv", labels="y")
    assert [float(data.y) for data in kept] == [float(data.y) for data in built] == [1.0, 2.0]
    assert not list((tmp_path / "set").rglob("*.before"))
    (tmp_path / "a.csv").write_text("smiles,y\nCCO,3\n")
    assert float(MoleculeFields(tmp_path / "set", tmp_path / "a.csv", labels="y", force_reload=True)[0].y) == 3.0
    assert not list((tmp_path / "set").rglob("*.before"))


def test_names_with_commas_shift_no_labels(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,name,y\nCCO,ethanol,1\nCCC,1,2,4-odd,2\nCC,ethane,3\n")
    with pytest.warns(UserWarning, match="expected 3 fields, as in the first row, got 5"):
        built = MoleculeFields(tmp_path / "set", tmp_path / "a.csv", labels="y")
    assert [(data.name, float(data.y)) for data in built] == [("ethanol", 1.0), ("ethane", 3.0)]
