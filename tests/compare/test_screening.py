import gc
import os
import signal
import subprocess
import sys
import time
import warnings

import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data

from tg_molfield.compare import align_many, score_in_place, screen
from tg_molfield.fields import MolField
from tg_molfield.structures import SkippedRecordsWarning, StructureWarning, from_smiles, read
from tg_molfield.structures.library import Entry
from tg_molfield.structures.library.problems import KEPT, Problems

BY = MolField("heavy")
SMILES = ["CCO", "c1ccccc1O", "CC(=O)Nc1ccc(O)cc1", "CCCCCC", "C1CCCCC1", "CC(C)C", "OCC=O", "NCC(=O)O", "c1ccncc1"]


def block(data: Data, title: str) -> str:
    """The SDF record of a molecule whose name is its SMILES."""
    mol = Chem.AddHs(Chem.MolFromSmiles(data.name))
    conformer = Chem.Conformer(mol.GetNumAtoms())
    conformer.SetPositions(data.pos.double().numpy())
    mol.AddConformer(conformer)
    mol.SetProp("_Name", title)
    return Chem.MolToMolBlock(mol) + "$$$$\n"


def turned(data: Data, seed: int) -> Data:
    generator = torch.Generator().manual_seed(seed)
    rotation = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64)).Q
    rotation = rotation * torch.linalg.det(rotation).sign()
    return Data(z=data.z, pos=(data.pos.double() @ rotation.T).to(data.pos.dtype) + 3, name=data.name)


@pytest.fixture(scope="module")
def molecules():
    return [from_smiles(smiles, properties=()) for smiles in SMILES]


@pytest.fixture(scope="module")
def query(molecules):
    return molecules[2]


@pytest.fixture(scope="module")
def library(molecules, tmp_path_factory):
    """A file of 600 molecules, more than two batches, three of them broken."""
    path = tmp_path_factory.mktemp("library") / "many.sdf"
    records = [block(molecules[i % 9], f"m{i}") for i in range(600)]
    for i in (3, 300, 599):
        records[i] = records[i].replace("V2000", "V2000\n???", 1)
    path.write_text("".join(records))
    return path


def quick(query, library, **options):
    """A search of the quick kind, without its warnings of broken records."""
    with pytest.warns(SkippedRecordsWarning):
        return screen(query, library, BY, search="fast", **options)


def summary(hits):
    return [(hit.rank, hit.title, hit.record, hit.score, hit.by_term, hit.moved.pos.tolist()) for hit in hits]


@pytest.fixture(scope="module")
def expected(query, library):
    return quick(query, library, top=50)


def test_hits_are_what_alignments_of_all_molecules_give(query, molecules):
    hits = screen(query, iter(molecules), BY)
    found = align_many(molecules, query, BY)
    scores = found.score[:, 0]
    assert [hit.title for hit in hits] == [SMILES[i] for i in scores.argsort(descending=True).tolist()]
    assert (hits.score - scores.sort(descending=True).values).abs().max() < 1e-6
    for hit in hits:
        # positions are rounded to single precision, 2e-7 of them
        assert abs(float(score_in_place(hit.moved, query, BY).score) - hit.score) < 2e-6
        assert torch.allclose(hit.moved.pos, hit.alignment.apply(molecules[SMILES.index(hit.title)].pos))
    assert hits.records == 9
    assert hits.names == ("field 1",)


def test_a_file_gives_what_its_molecules_in_memory_give(library, query, expected):
    with pytest.warns(SkippedRecordsWarning):
        held = read(library, errors="skip")
    hits = screen(query, held, BY, search="fast", top=50)
    assert [hit.title for hit in hits] == [hit.title for hit in expected]
    assert (hits.score - expected.score).abs().max() < 1e-6  # the file has four decimals, and so do these


def test_equal_molecules_are_ordered_by_place(query, expected):
    assert [hit.rank for hit in expected] == list(range(1, 51))
    assert len({hit.score for hit in expected}) == 1
    assert [hit.record for hit in expected] == [i + 1 for i in range(600) if i % 9 == 2][:50]
    assert abs(expected[0].score - 1) < 1e-4  # positions have four decimals


def test_hits_do_not_depend_on_processes(query, library, expected):
    assert summary(quick(query, library, top=50, workers=2)) == summary(expected)


def test_broken_records_are_told_and_the_rest_kept(query, library, expected):
    assert (expected.records, expected.failed_count) == (600, 3)
    assert [(one.file, one.record, one.title) for one in expected.failed] == [
        ("many.sdf", 4, "m3"),
        ("many.sdf", 301, "m300"),
        ("many.sdf", 600, "m599"),
    ]
    assert "atom line 1" in expected.failed[0].reason
    with pytest.warns(SkippedRecordsWarning, match=r"expected 600 readable records, got 597; .*\n  many.sdf: record 4"):
        screen(query, library, BY, search="fast", top=1)
    with pytest.raises(ValueError, match=r"many\.sdf: record 4 \('m3'\): atom line 1"):
        screen(query, library, BY, search="fast", errors="raise")


class StopError(Exception):
    """Stands for the end of a process."""


def test_stopped_ten_times_it_gives_the_same_hits(query, molecules, tmp_path):
    records = [block(molecules[i % 9], "same" if i in (9, 10, 11) else f"m{i}") for i in range(60)]
    records[17] = "broken\n$$$$\n"
    (tmp_path / "a.sdf").write_text("".join(records))
    options = {"top": 7, "batch_size": 5, "checkpoint": tmp_path / "state", "checkpoint_seconds": 0}
    reached = []

    def stop(state):
        reached.append(state.records)
        raise StopError

    for _ in range(10):
        with pytest.raises(StopError):
            screen(query, tmp_path / "a.sdf", BY, search="fast", progress=stop, **options)
    assert reached == list(range(5, 55, 5))
    reached.clear()
    hits = quick(query, tmp_path / "a.sdf", progress=lambda state: reached.append(state.records), **options)
    assert reached == [55, 60]
    plain = quick(query, tmp_path / "a.sdf", top=7, batch_size=5)
    assert summary(hits) == summary(plain)
    assert hits.failed == plain.failed
    assert summary(quick(query, tmp_path / "a.sdf", **options)) == summary(plain)


def test_conformers_of_smiles_are_kept_in_checkpoints(query, tmp_path):
    (tmp_path / "a.smi").write_text("CCO one\nCCCN two\nc1ccccc1 three\n")
    options = {"conformers": 2, "batch_size": 2, "search": "fast"}
    checkpoint = {"checkpoint": tmp_path / "state", "checkpoint_seconds": 0}

    def stop(state):
        raise StopError

    with pytest.raises(StopError):
        screen(query, tmp_path / "a.smi", BY, progress=stop, **options, **checkpoint)
    assert summary(screen(query, tmp_path / "a.smi", BY, **options, **checkpoint)) == summary(
        screen(query, tmp_path / "a.smi", BY, **options)
    )


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a matter of POSIX")
def test_a_killed_process_goes_on_where_it_was(query, library, expected, tmp_path):
    state = tmp_path / "state"
    torch.save(query.to_dict(), tmp_path / "query.pt")
    script = f"""
import time, torch
from torch_geometric.data import Data
from tg_molfield.compare import screen
from tg_molfield.fields import MolField
query = Data(**torch.load({str(tmp_path / "query.pt")!r}))
screen(query, {str(library)!r}, MolField("heavy"), search="fast", top=50, checkpoint={str(state)!r},
       checkpoint_seconds=0, progress=lambda state: time.sleep(60))
"""
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", script])
    deadline = time.monotonic() + 60
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    reached = []
    hits = quick(query, library, top=50, checkpoint=state, progress=lambda state: reached.append(state.records))
    assert reached == [512, 600]
    assert summary(hits) == summary(expected)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"top": 5}, "top"),
        ({"metric": "carbo"}, "metric"),
        ({"search": "normal"}, "search"),
        ({"by": MolField("C")}, "by"),
        ({"query": 1}, "query"),
        ({"seed": 1}, "conformers"),
        ({"each_conformer": True}, "each_conformer"),
        ({"library": "b.sdf"}, "library"),
    ],
)
def test_checkpoints_of_other_screens_are_refused(molecules, tmp_path, change, name):
    for file in ("a.sdf", "b.sdf"):
        (tmp_path / file).write_text("".join(block(data, "m") for data in molecules[:3]))
    options = {"query": molecules[0], "library": tmp_path / "a.sdf", "by": BY, "search": "fast"}
    options["checkpoint"] = tmp_path / "state"
    screen(**options)
    options |= change
    if name == "query":
        options["query"] = molecules[1]
    if name == "library":
        options["library"] = tmp_path / "b.sdf"
    with pytest.raises(ValueError, match=rf"state: expected a checkpoint of this screen, got one with another {name} "):
        screen(**options)


def test_checkpoints_of_other_molecules_or_damaged_are_refused(molecules, tmp_path):
    options = {"by": BY, "search": "fast", "checkpoint": tmp_path / "state"}
    screen(molecules[0], molecules[:3], **options)
    with pytest.raises(ValueError, match=r"got one with another molecule at record 2"):
        screen(molecules[0], [molecules[i] for i in (0, 4, 2)], **options)
    with pytest.raises(ValueError, match=r"got one of 3 records or more, now 2"):
        screen(molecules[0], molecules[:2], **options)
    content = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(content.replace(b'\\"records\\": 3', b'\\"records\\": 2'))
    with pytest.raises(ValueError, match="remove the damaged checkpoint"):
        screen(molecules[0], molecules[:3], **options)


def test_a_molecule_counts_once_by_its_best_conformer(query, tmp_path):
    shapes = from_smiles("CCCCCCO", 4, properties=())
    titles = ["hexanol", "hexanol", "other", "hexanol", "", ""]
    records = [block(data, title) for title, data in zip(titles, [*shapes, *shapes[:2]], strict=True)]
    (tmp_path / "a.sdf").write_text("".join(records))
    best = align_many(shapes, query, BY).score[:, 0]
    hits = screen(query, tmp_path / "a.sdf", BY)
    first = int(best[1] > best[0])
    assert sorted((hit.record, hit.conformer) for hit in hits) == sorted(
        [(first + 1, first + 1), (3, 1), (4, 1), (5, 1), (6, 1)]
    )
    every = screen(query, tmp_path / "a.sdf", BY, each_conformer=True)
    assert sorted((hit.record, hit.conformer) for hit in every) == [(1, 1), (2, 2), (3, 1), (4, 1), (5, 1), (6, 1)]


def test_equal_titles_of_different_molecules_do_not_make_them_one(molecules, query, tmp_path):
    isomers = [from_smiles(smiles, properties=()) for smiles in ("CCCO", "CC(C)O", "CCOC")]
    (tmp_path / "a.sdf").write_text("".join(block(data, "untitled") for data in [*molecules, *isomers]))
    assert len(screen(query, tmp_path / "a.sdf", BY, search="fast")) == len(molecules) + 3


def test_conformers_made_of_smiles(query, tmp_path):
    (tmp_path / "a.csv").write_text("smiles,name\nCCCCCCO,hexanol\nnope,bad\nCC,ethane\n")
    with pytest.warns(SkippedRecordsWarning, match=r"a\.csv: record 2 \('bad'\): smiles: expected a valid SMILES"):
        hits = screen(query, tmp_path / "a.csv", BY, conformers=3, seed=7)
    shapes = from_smiles("CCCCCCO", 3, seed=7, properties=())
    scores = align_many(shapes, query, BY).score[:, 0]
    assert [hit.title for hit in hits] == ["hexanol", "ethane"]
    assert hits[0].conformer == int(scores.argmax()) + 1
    assert abs(hits[0].score - float(scores.max())) < 1e-6
    with pytest.warns(SkippedRecordsWarning):
        assert len(screen(query, tmp_path / "a.csv", BY, conformers=3, each_conformer=True)) == 6


def test_options_of_reading_without_effect_are_refused(molecules, query, tmp_path):
    (tmp_path / "a.sdf").write_text(block(molecules[0], "a"))
    for library in (molecules, tmp_path / "a.sdf"):
        with pytest.raises(ValueError, match="conformers: expected 1 for molecules that have positions, got 3"):
            screen(query, library, BY, conformers=3)
    with pytest.raises(ValueError, match="dimension: expected an SDF or MOL file with it, got none"):
        screen(query, molecules, BY, dimension=3)


def test_the_score_is_that_of_the_query_that_is_most_alike(molecules):
    hits = screen(molecules[:3], molecules, BY)
    scores = align_many(molecules, molecules[:3], BY).score
    for hit in hits:
        row = scores[SMILES.index(hit.title)]
        assert abs(hit.score - float(row.max())) < 1e-6
        assert hit.query == int(row.argmax())


def test_properties_are_taken_from_the_bonds_of_the_library(tmp_path):
    mol = Chem.MolFromMolBlock(Chem.MolToMolBlock(Chem.MolFromSmiles("CC(=O)[O-]")))
    text = Chem.MolToMolBlock(mol).split("\n")
    text[0], text[1] = "acetate", "     program        3D"
    (tmp_path / "a.sdf").write_text("\n".join(text) + "$$$$\n")
    with pytest.warns(StructureWarning):
        (query,) = read(tmp_path / "a.sdf", properties=("partial_charge",))
    with pytest.warns(StructureWarning) as caught:  # of the missing hydrogens, once
        hits = screen(query, tmp_path / "a.sdf", MolField("partial_charge"))
    assert len(caught) == 1
    assert abs(hits[0].score - 1) < 1e-9
    assert torch.equal(hits[0].moved.partial_charge, query.partial_charge)


def test_charges_of_different_kinds_are_told(molecules, tmp_path):
    (tmp_path / "a.sdf").write_text("".join(block(one, f"m{i}") for i, one in enumerate(molecules[:3])))
    computed = from_smiles("CC(=O)Nc1ccc(O)cc1", properties=("partial_charge",))
    own = computed.clone()
    own.partial_charge = own.partial_charge * 1.3
    for query in (computed, molecules[2]):
        assert screen(query, tmp_path / "a.sdf", "esp", search="fast")[0].score > 0.9
    with pytest.warns(StructureWarning, match="partial charges: expected those of one kind, got the file's on one"):
        screen(own, tmp_path / "a.sdf", "esp", search="fast")
    lines = [
        f"{Chem.Atom(z).GetSymbol()} {x} {y} {w}" for z, (x, y, w) in zip(own.z.tolist(), own.pos.tolist(), strict=True)
    ]
    (tmp_path / "a.xyz").write_text("\n".join([str(len(lines)), "", *lines, ""]))
    screen(molecules[2], tmp_path / "a.xyz", "esp", search="fast")
    for library in (tmp_path / "a.xyz", [molecules[2]]):
        with pytest.warns(StructureWarning, match="partial charges"):
            screen(own, library, "esp", search="fast")
    screen(own, [own, computed], "esp", search="fast")
    screen(own, tmp_path / "a.sdf", search="fast")


def test_what_readers_warn_of_is_told_once(molecules, query, tmp_path):
    mol = Chem.MolFromMolBlock(block(molecules[0], "bare"))  # without hydrogens
    record = Chem.MolToMolBlock(mol) + "$$$$\n"
    (tmp_path / "a.sdf").write_text(record * 300)
    with pytest.warns(StructureWarning) as caught:
        screen(query, tmp_path / "a.sdf", BY, search="fast")
    assert len(caught) == 1
    assert "(and 299 more)" in str(caught[0].message)
    assert caught[0].filename == __file__


class Deadly:
    """Ends the process that unpickles it."""

    def __reduce__(self):
        return os._exit, (1,)


def test_a_process_that_ends_by_itself_is_told(molecules, query):
    molecule = molecules[0].clone()
    molecule.extra = Deadly()
    with pytest.raises(
        ChildProcessError, match="workers: expected results for the records 1 to 1 or later ones, got a"
    ):
        screen(query, [molecule], BY, workers=1)


def test_notes_of_whole_files_are_passed_on(query, tmp_path):
    row = "HETATM{0:5d} {1:<4s} LIG A   1    {2:8.3f}   0.000   0.000  1.00  0.00          {3:>2s}\n"
    atoms = [(1, " C1", 0.0, ""), (2, "CA", 1.5, "CA"), (3, "XX", 3.0, "C")]
    (tmp_path / "a.pdb").write_text("".join(row.format(*atom) for atom in atoms) + "END\n")
    with pytest.warns(StructureWarning) as expected:
        read(tmp_path / "a.pdb")
    with pytest.warns(StructureWarning) as caught:
        screen(query, [tmp_path / "a.pdb"] * 2, BY, search="fast")
    assert len(caught) == len(expected)
    assert "(and 1 more)" in str(caught[0].message)


def test_notes_of_more_than_50_kinds_are_counted():
    problems = Problems()
    entry = Entry("a.sdf", 7, "seven", "data", None)
    for number in range(60):
        problems.note(entry, f"kind {number}: expected none, got one; mend it")
    problems.note(entry, "kind 0: expected none, got one; mend it")
    with pytest.warns(StructureWarning) as caught:
        problems.warn(1, stacklevel=1)
    assert len(caught) == 51
    assert str(caught[0].message) == "a.sdf: record 7 ('seven'): kind 0: expected none, got one; mend it (and 1 more)"
    assert "expected warnings of at most 50 kinds, got 10 more" in str(caught[-1].message)


def test_molecules_that_cannot_be_scored(molecules, query):
    spoilt = Data(z=torch.tensor([6, 6]), pos=torch.tensor([[0.0, 0, 0], [float("nan"), 0, 0]]))
    crystal = Data(z=molecules[0].z, pos=molecules[0].pos, pbc=torch.ones(1, 3, dtype=torch.bool))
    crystal.cell = torch.eye(3)[None] * 9
    lacking = Data(pos=torch.zeros(1, 3))
    with pytest.warns(SkippedRecordsWarning):
        hits = screen(query, [molecules[0], spoilt, crystal, lacking, molecules[1]], BY)
    assert sorted(hit.record for hit in hits) == [1, 5]
    assert [one.record for one in hits.failed] == [2, 3, 4]
    assert "periodic" in hits.failed[1].reason


def test_hydrogen_alone_has_no_shape_but_a_score(query):
    pair = Data(z=torch.tensor([1, 1]), pos=torch.tensor([[0.0, 0, 0], [0.74, 0, 0]]))
    assert screen(query, pair, BY)[0].score == 0


def test_queries_without_features_of_colour_are_told(molecules):
    methane, ethanol = from_smiles("C"), from_smiles("CCO")
    with pytest.warns(
        StructureWarning, match=r"query: expected molecules with color .*, got none in molecule 1 \(1 of 2\)"
    ):
        hits = screen([ethanol, methane], [from_smiles("[Ne]"), ethanol], by=("shape", "color"))
    assert hits[0].score == pytest.approx(1, abs=1e-4)
    screen(ethanol, [methane], by=("shape", "color"))


def test_a_single_molecule_and_none(query):
    (hit,) = screen(query, turned(query, 1), BY)
    assert abs(hit.score - 1) < 1e-5  # positions in single precision
    assert (hit.moved.pos - query.pos).abs().max() < 1e-2
    for empty in ([], iter(())):
        with pytest.raises(ValueError, match="library: expected at least one molecule, got none"):
            screen(query, empty, BY)


@pytest.mark.parametrize("name", ["truncated.sdf", "nan_coords.sdf", "two_d_only.sdf", "unknown_element.sdf"])
def test_bad_files(data_dir, query, name):
    path = data_dir / "bad" / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            titles = [data.name for data in read(path, errors="skip")]
        except ValueError:
            with pytest.raises(ValueError, match="library: expected a readable record, got none"):
                screen(query, path, BY, search="fast")
            return
        assert sorted(hit.title for hit in screen(query, path, BY, search="fast")) == sorted(titles)


def test_a_gzip_file_that_is_cut_short(data_dir, query):
    path = data_dir / "bad" / "corrupt_tail.sdf.gz"
    with pytest.warns(SkippedRecordsWarning):
        good = read(path, errors="skip")
    hits = quick(query, path)
    assert {hit.title for hit in hits} == {data.name for data in good}
    assert "all records from here on are lost" in hits.failed[-1].reason


def test_memory_does_not_grow_with_the_library(molecules, query):
    def number():
        gc.collect()
        return sum(type(one) is Data for one in gc.get_objects())

    alive, count, before = [], 2600, number()

    def watch(state):
        if state.records % 1000 < 256:
            alive.append(number())

    def stream():
        for i in range(count):
            z = [6, 8] if i % 2 else [0, 6]
            yield Data(z=torch.tensor(z), pos=torch.tensor([[0.0, 0, 0], [1.2 + i * 1e-5, 0, 0]]))

    with pytest.warns(SkippedRecordsWarning, match="expected 2600 readable records, got 1300"):
        hits = screen(query, stream(), BY, search="fast", top=10, progress=watch)
    assert (len(hits), hits.failed_count, len(hits.failed)) == (10, 1300, KEPT)
    assert max(alive) < before + 50 + 2 * 256


def test_tables_and_files_of_hits(query, library, tmp_path):
    hits = quick(query, library, top=3)
    hits.to_csv(tmp_path / "hits.csv")
    lines = (tmp_path / "hits.csv").read_text().splitlines()
    assert lines[0] == "rank,title,file,record,conformer,query,score"
    assert lines[1].startswith("1,m2,many.sdf,3,1,1,")
    assert len(lines) == 4
    hits.to_sdf(tmp_path / "hits.sdf")
    back = read(tmp_path / "hits.sdf", labels=["tg_molfield_score", "tg_molfield_rank"])
    for data, hit in zip(back, hits, strict=True):
        assert (data.pos - hit.moved.pos).abs().max() < 1e-4
        assert abs(float(data.tg_molfield_score) - hit.score) < 1e-6
        assert (int(data.tg_molfield_rank), data.name) == (hit.rank, hit.title)


def test_libraries_without_end_are_told_by_progress(molecules, query, library):
    states = []
    quick(query, library, progress=states.append)
    assert [state.records for state in states] == [256, 512, 600]
    assert 0 < states[0].done <= states[-1].done == 1
    assert states[-1].failed == 3
    states.clear()
    screen(query, iter(molecules), BY, search="fast", progress=states.append)
    assert states[-1].done is None


def test_wrong_queries(molecules):
    with pytest.raises(TypeError, match="query: expected molecules, got RBFField"):
        screen(BY(molecules[0]), molecules, BY)
    with pytest.raises(TypeError, match="query"):
        screen(3, molecules, BY)
    with pytest.raises(ValueError, match="query: expected at least one molecule, got none"):
        screen([], molecules, BY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top: expected at least 1, got 0"),
        ({"top": 2.5}, "top: expected an integer"),
        ({"conformers": 0}, "conformers: expected at least 1"),
        ({"batch_size": 0}, "batch_size: expected at least 1"),
        ({"workers": -1}, "workers: expected 0 or more"),
        ({"search": "best"}, "search: expected one of fast"),
        ({"errors": "ignore"}, "errors: expected one of raise, skip"),
        ({"checkpoint_seconds": -1}, "checkpoint_seconds: expected 0 or more"),
        ({"seed": -1}, "seed: expected"),
        ({"timeout": 0}, "timeout: expected"),
        ({"dimension": 2}, "dimension: expected"),
        ({"metric": "cosine"}, "metric: expected one of"),
    ],
)
def test_wrong_options(molecules, query, options, message):
    with pytest.raises(ValueError, match=message):
        screen(query, molecules, BY, **options)


def test_a_search_without_a_readable_record_leaves_no_checkpoint(query, tmp_path):
    library, checkpoint = tmp_path / "library.smi", tmp_path / "state"
    library.write_text("C1CC unclosed\nnonsense\n")
    for _ in range(2):
        with pytest.raises(ValueError, match="expected a readable record, got none among 2"):
            screen(query, library, checkpoint=checkpoint, checkpoint_seconds=0.0)
        assert not checkpoint.exists()


def test_hits_are_shown_in_a_line(query, molecules):
    hits = screen(query, molecules, BY)
    assert repr(hits).startswith(f"Hits({len(molecules)} of {len(molecules)} records, the best ")
    assert "tensor" not in repr(hits[0])


def test_hits_without_titles_are_named_by_their_smiles(tmp_path):
    (tmp_path / "a.csv").write_text("smiles,name\nCCCO,\nCC,ethane\n")
    hits = screen(from_smiles("CCCO", properties=()), tmp_path / "a.csv", BY)
    assert [(hit.title, hit.name) for hit in hits] == [("", "CCCO"), ("ethane", "ethane")]
    assert [row[1] for row in hits.rows()] == ["CCCO", "ethane"]
    assert "the best 'CCCO' with" in repr(hits)
    assert "CCCO" in hits[0]._repr_html_()


def test_hits_of_files_without_titles_are_named_by_the_smiles_of_their_bonds(tmp_path):
    propanol = from_smiles("CCCO", properties=())
    (tmp_path / "a.sdf").write_text(block(propanol, ""))
    hits = screen(propanol, tmp_path / "a.sdf", BY)
    assert [(hit.title, hit.name) for hit in hits] == [("", "CCCO")]
    (tmp_path / "a.xyz").write_text("1\n\nC 0 0 0\n")
    assert [hit.name for hit in screen(propanol, tmp_path / "a.xyz", ["shape"])] == [""]
