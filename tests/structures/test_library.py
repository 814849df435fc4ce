import gzip
import pickle
import re
import warnings

import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Batch, Data

from tg_molfield.files import Lines, distinct_names, read_bytes
from tg_molfield.structures import from_smiles, read
from tg_molfield.structures.library import (
    Library,
    Recipe,
    build_entry,
    constitution,
    smiles_entry,
    write_extxyz,
    write_sdf,
)

WATER = """water
  program         3D

  3  2  0  0  0  0  0  0  0  0999 V2000
    0.0000    0.0000    0.1170 O   0  0
    0.0000    0.7570   -0.4690 H   0  0
    0.0000   -0.7570   -0.4690 H   0  0
  1  2  1  0
  1  3  1  0
M  END
> <code>
W 1

$$$$
"""
WATER_MOL2 = """@<TRIPOS>MOLECULE
water
 3 2 0 0 0
SMALL
USER_CHARGES

@<TRIPOS>ATOM
1 O  0.0 0.0 0.117 O.3 1 W -0.834
2 H1 0.0 0.757 -0.469 H 1 W 0.417
3 H2 0.0 -0.757 -0.469 H 1 W 0.417
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""


def written(tmp_path, name: str, content: str | bytes):
    path = tmp_path / name
    raw = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


def molecules(source) -> list[Data]:
    return [data for entry in Library(source) for data in build_entry(entry, Recipe()).molecules]


def same(first: Data, second: Data) -> bool:
    return torch.equal(first.z, second.z) and torch.equal(first.pos, second.pos) and first.name == second.name


@pytest.mark.parametrize("name", ["decoys.mol2.gz", "actives.mol2.gz", "crystal_ligand.mol2"])
def test_records_of_a_library_are_those_that_read_gives(data_dir, tmp_path, name):
    path = data_dir / "screening" / "fabp4" / name
    text = read_bytes(path).decode()
    blocks = text.split("@<TRIPOS>MOLECULE\n")[1:201]
    path = written(tmp_path, name, "@<TRIPOS>MOLECULE\n" + "@<TRIPOS>MOLECULE\n".join(blocks))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = read(path)
    found = molecules(path)
    assert len(found) == len(expected) == len(blocks)
    assert all(map(same, found, expected))


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("suffix", [".sdf", ".sdf.gz"])
def test_line_ends_and_marks_of_byte_order_do_not_matter(tmp_path, ends, suffix):
    text = "\ufeff" + (WATER * 3).replace("\n", ends)
    path = written(tmp_path, "a" + suffix, text)
    assert [entry.title for entry in Library(path)] == ["water"] * 3
    assert all(map(same, molecules(path), read(path)))


def test_the_last_record_needs_no_line_of_dollars(tmp_path):
    text = WATER + WATER.partition("> <")[0]
    assert len(molecules(written(tmp_path, "a.sdf", text))) == 2
    assert len(molecules(written(tmp_path, "b.sdf", WATER + "\n\n"))) == 1


def test_titles_are_read_whatever_their_encoding(tmp_path):
    text = WATER.replace("water", "café", 1)
    path = written(tmp_path, "a.sdf", text.encode() + text.encode("latin-1"))
    assert [entry.title for entry in Library(path)] == ["café", "café"]


def test_what_lies_before_the_damage_of_a_gzip_file_is_read(data_dir):
    path = data_dir / "bad" / "corrupt_tail.sdf.gz"
    with pytest.warns(UserWarning, match="skipped"):
        expected = read(path, errors="skip")
    *good, cut, last = Library(path)
    assert all(map(same, [build_entry(entry, Recipe()).molecules[0] for entry in good], expected))
    assert len(good) == len(expected)
    with pytest.raises(ValueError, match="restore the missing lines"):
        build_entry(cut, Recipe())
    with pytest.raises(ValueError, match="all records from here on are lost"):
        build_entry(last, Recipe())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.sdf", "empty.sdf: expected content, got an empty file"),
        ("not_really_gz.sdf.gz", "expected a gzip file, got another format"),
        ("no_such.sdf", "expected an existing file"),
    ],
)
def test_what_is_no_library(data_dir, name, message):
    with pytest.raises((ValueError, OSError), match=message):
        list(Library(data_dir / "bad" / name))


def test_other_files_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"a\.mol2: expected a line @<TRIPOS>MOLECULE, got none"):
        list(Library(written(tmp_path, "a.mol2", WATER)))
    with pytest.raises(ValueError, match="expected a structure file"):
        Library(tmp_path / "a.txt")
    with pytest.raises(TypeError, match="library: expected files or molecules, got int"):
        Library(3)
    with pytest.raises(TypeError, match=r"library\[1\]: expected a Data, got int"):
        list(Library(iter([Data(z=torch.tensor([1]), pos=torch.zeros(1, 3)), 3])))


def test_a_record_without_end_is_given_up_in_bounded_memory(tmp_path):
    path = tmp_path / "a.sdf.gz"
    with gzip.open(path, "wt", compresslevel=1) as stream:
        stream.write(WATER)
        for _ in range(40):
            stream.write(("x" * 1023 + "\n") * 1024)
    first, last = Library(path)
    assert first.title == "water"
    assert last.content.startswith("expected records of at most 32 MiB")
    with gzip.open(path, "wt", compresslevel=1) as stream:
        for _ in range(20):
            stream.write("x" * 2**20)
    with pytest.raises(ValueError, match="expected lines of at most 16 MiB"):
        list(Lines(path))


def test_libraries_of_molecules_files_and_batches(tmp_path):
    water = from_smiles("O")
    methane = from_smiles("C")
    assert [entry.title for entry in Library(iter([water, methane]))] == ["O", "C"]
    assert [entry.title for entry in Library(Batch.from_data_list([water, methane]))] == ["O", "C"]
    assert [entry.title for entry in Library(water)] == ["O"]
    first, second = written(tmp_path, "a.sdf", WATER * 2), written(tmp_path, "b.mol2.gz", WATER_MOL2 * 2)
    library = Library([first, str(second)])
    places = [(entry.file, entry.record, library.done) for entry in library]
    assert [place[:2] for place in places] == [("a.sdf", 1), ("a.sdf", 2), ("b.mol2.gz", 1), ("b.mol2.gz", 2)]
    assert [place[2] for place in places] == [0.5, 0.5, 1.0, 1.0]


def test_one_of_several_files_that_is_none_of_its_format_is_told(tmp_path):
    files = [written(tmp_path, "a.sdf", WATER), written(tmp_path, "b.sdf", ""), written(tmp_path, "c.mol2", WATER)]
    files += [written(tmp_path, "d.cif", "data_x\nloop_\n_a\n"), written(tmp_path, "e.sdf", WATER * 2)]
    entries = list(Library(files))
    assert [(entry.file, entry.record, entry.kind) for entry in entries] == [
        ("a.sdf", 1, ".sdf"),
        ("b.sdf", 1, "failed"),
        ("c.mol2", 1, "failed"),
        ("d.cif", 1, "failed"),
        ("e.sdf", 1, ".sdf"),
        ("e.sdf", 2, ".sdf"),
    ]
    assert "expected content, got an empty file" in entries[1].content
    assert "expected a line @<TRIPOS>MOLECULE" in entries[2].content


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path):
    names = ["a/x.smi", "b/x.smi", "b/c/x.smi", "y.smi", "a/bad.sdf", "b/bad.sdf"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("CCO ethanol\n" if name.endswith("smi") else "")
    library = Library([tmp_path / name for name in names])
    assert [entry.file for entry in library] == ["a/x.smi", "b/x.smi", "c/x.smi", "y.smi", "a/bad.sdf", "b/bad.sdf"]
    assert [entry.file for entry in Library(tmp_path / "a" / "x.smi")] == ["x.smi"]
    assert distinct_names([tmp_path / "y.smi", tmp_path / "a" / ".." / "y.smi"]) == ["y.smi", "y.smi"]


def test_other_structure_files_are_read_whole(tmp_path):
    path = written(tmp_path, "a.xyz", "1\nfirst\nO 0 0 0\n1\nsecond\nX 0 0 0\n1\nthird\nNe 0 0 0\n")
    entries = list(Library(path))
    assert [entry.kind for entry in entries] == ["data", "failed", "data"]
    assert "dummy" in entries[1].content or "element" in entries[1].content
    assert [int(entry.content.z) for entry in entries if entry.kind == "data"] == [8, 10]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.smi", "CCO ethanol\n\nO\tdi hydrogen oxide\nC\n"),
        ("a.smi.gz", "SMILES Name\nCCO ethanol\nO di hydrogen oxide\nC\n"),
        ("a.csv", 'ID,SMILES,note\nethanol,CCO,"a, b"\ndi hydrogen oxide,O\n,C,\n'),
        ("a.csv", "smiles;activity;name\nCCO;1;ethanol\nO;2;di hydrogen oxide\nC;3;\n"),
        ("a.tsv", "smiles\tanything\nCCO\tethanol\nO\tdi hydrogen oxide\nC\n"),
    ],
)
def test_tables_of_smiles(tmp_path, name, text):
    path = written(tmp_path, name, text)
    assert [entry.title for entry in Library(path)] == ["ethanol", "di hydrogen oxide", ""]
    assert [data.name for data in molecules(path)] == ["ethanol", "di hydrogen oxide", "C"]
    assert [len(data.z) for data in molecules(path)] == [9, 3, 5]


def test_rows_that_hold_no_molecule(data_dir, tmp_path):
    entries = list(Library(data_dir / "bad" / "smiles_only.csv"))
    assert [entry.title for entry in entries] == ["a", "b", "c", "d"]
    assert [entry.kind for entry in entries] == ["smiles", "smiles", "smiles", "failed"]
    for entry, message in zip(entries[1:], ("not_a_smiles", "c1ccccc", "expected a SMILES, got nothing"), strict=True):
        with pytest.raises(ValueError, match=message):
            build_entry(entry, Recipe())
    with pytest.raises(ValueError, match=r"a\.csv: expected a column 'smiles' in the first row, got 'name, mol'"):
        list(Library(written(tmp_path, "a.csv", "name,mol\na,C\n")))


def test_conformers_and_what_is_noted_of_them():
    built = build_entry(smiles_entry("CCO"), Recipe(("partial_charge",), conformers=3, seed=5))
    expected = from_smiles("CCO", 3, seed=5, properties=("partial_charge",))
    assert all(map(same, built.molecules, expected))
    assert built.computed == {"partial_charge"}
    notes = build_entry(smiles_entry("F[As](F)(F)(F)F"), Recipe()).notes
    assert all(note.startswith("smiles: expected") for note in notes)
    assert "parameters for As" in notes[-1]


def test_written_molecules_keep_bonds_charges_and_tags(tmp_path):
    acetate = Chem.MolToMolBlock(Chem.MolFromSmiles("CC(=O)[O-]"))
    lines = acetate.split("\n")
    lines[0], lines[1] = "acetate", "     program        3D"
    sdf = written(tmp_path, "a.sdf", WATER + "\n".join(lines) + "> <activity>\n7\n\n$$$$\n")
    sources = [*Library([sdf, written(tmp_path, "b.mol2", WATER_MOL2)]), smiles_entry("c1ccccc1O")]
    sources += Library([Data(z=torch.tensor([8, 1, 1]), pos=molecules(sdf)[0].pos, name="bare")])
    rows = []
    for number, entry in enumerate(sources):
        (data,) = build_entry(entry, Recipe()).molecules
        data.pos = data.pos + 1
        rows.append((entry, data, {"rank": str(number)}))
    write_sdf(tmp_path / "out.sdf", rows)
    supplier = Chem.SDMolSupplier(str(tmp_path / "out.sdf"), removeHs=False)
    found = list(supplier)
    smiles = [Chem.MolToSmiles(Chem.RemoveHs(mol)) for mol in found]
    assert smiles == ["O", "CC(=O)[O-]", "O", "Oc1ccccc1", "O"]
    assert [mol.GetProp("_Name") for mol in found] == ["water", "acetate", "water", "c1ccccc1O", "bare"]
    assert [mol.GetProp("rank") for mol in found] == list("01234")
    assert found[0].GetProp("code") == "W 1"
    assert found[1].GetProp("activity") == "7"
    assert "_Tripos" not in (tmp_path / "out.sdf").read_text()
    for mol, (_, data, _) in zip(found, rows, strict=True):
        positions = torch.tensor(mol.GetConformer().GetPositions())
        assert (positions - data.pos).abs().max() < 1e-4  # four decimals in the file


def test_atoms_without_bonds_are_written_with_a_warning(tmp_path):
    data = Data(z=torch.tensor([7, 1]), pos=torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]), name="pair")
    (entry,) = Library([data])
    with pytest.warns(UserWarning, match=r"'pair': expected atoms whose bonds can be perceived"):
        write_sdf(tmp_path / "a.sdf", [(entry, data, {})])
    (mol,) = Chem.SDMolSupplier(str(tmp_path / "a.sdf"), sanitize=False)
    assert (mol.GetNumAtoms(), mol.GetNumBonds()) == (2, 0)


def test_doubtful_bonds_of_generated_molecules_are_told_once(tmp_path):
    ylide = from_smiles("C[S+]=CC[O-]", properties=())
    molecules = [Data(z=ylide.z, pos=ylide.pos, name=name) for name in ("sample 1", "sample 2")]
    told = r"'sample 1' \(and 1 more\): bonds: expected .* got S\+ .*, or draw a generated molecule again"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        write_sdf(tmp_path / "a.sdf", [(entry, entry.content, {}) for entry in Library(molecules)])
    (warning,) = caught
    assert re.search(told, str(warning.message))
    assert warning.filename == __file__
    assert len(list(Chem.SDMolSupplier(str(tmp_path / "a.sdf"), removeHs=False))) == 2


def test_conformers_have_one_constitution(tmp_path):
    def turned(text: str) -> str:
        return text.replace("0.7570", "0.7571").replace(" 0.757 ", " -1.5 ").replace("0.417", "0.35")

    def digests(name: str, *records: str) -> list[str]:
        return [constitution(entry) for entry in Library(written(tmp_path, name, "".join(records)))]

    sdf = digests("a.sdf", WATER, turned(WATER).replace("W 1", "W 2"), WATER.replace("  1  3  1", "  2  3  1"))
    assert sdf[0] == sdf[1] != sdf[2]
    comment = "##########  Score: -7.3\n"
    mol2 = digests("a.mol2", WATER_MOL2, comment, turned(WATER_MOL2), WATER_MOL2.replace("2 1 3 1", "2 1 3 2"))
    assert mol2[0] == mol2[1] != mol2[2]
    smiles = [constitution(smiles_entry(text)) for text in ("CCO one", "CCO two", "COC one")]
    assert smiles[0] == smiles[1] != smiles[2]
    first, second = from_smiles("CCO", 2)
    data = [constitution(entry) for entry in Library([first, second, from_smiles("CCN")])]
    assert data[0] == data[1] != data[2]
    bonds = [torch.tensor([[0], [1]]), torch.tensor([[0], [2]])]
    linked = [Data(z=first.z, pos=first.pos, edge_index=bonds[row]) for row in (0, 0, 1)]
    one, alike, other = [constitution(entry) for entry in Library(linked)]
    assert one == alike != other
    v3000 = "blank counts\n     program        3D\n\n                                 999 V3000\nM  V30 BEGIN CTAB\n"
    v3000 += "M  V30 COUNTS 1 0 0 0 0\nM  V30 BEGIN ATOM\nM  V30 1 O 0 0 0.1 0\nM  V30 END ATOM\n"
    v3000 += "M  V30 END CTAB\nM  END\n$$$$\n"
    oxygen, moved, neon = digests("b.sdf", v3000, v3000.replace("0.1", "7"), v3000.replace(" O ", " Ne "))
    assert oxygen == moved != neon


@pytest.mark.parametrize(("name", "text"), [("a.smi", "CCO ethanol\n"), ("a.csv", 'smiles,logP\nCCO,-0.3\n"x\n')])
def test_entries_of_tables_go_to_other_processes(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    entries = list(Library(path))
    assert pickle.loads(pickle.dumps(entries)) == entries


def test_the_other_columns_of_a_table_are_the_values_of_its_entries(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,SMILES,logP,note\nm1,CCO,-0.3,\nm2,C,1.1,gas\n")
    assert [dict(entry.values) for entry in Library(path)] == [{"logP": "-0.3"}, {"logP": "1.1", "note": "gas"}]
    path.write_text("smiles,logP\nCCO,-0.3\n")
    assert [(entry.title, entry.values) for entry in Library(path)] == [("", {"logP": "-0.3"})]


@pytest.mark.parametrize(
    ("table", "titles"),
    [
        ("smiles,logS\nCCO,-0.77\nC,nan\n", ["", ""]),
        ("smiles,id\nCCO,17\n", ["17"]),
        ("smiles,what\nCCO,ethanol\n", ["ethanol"]),
    ],
)
def test_numbers_are_no_titles_unless_the_column_is_one_of_titles(tmp_path, table, titles):
    path = tmp_path / "table.csv"
    path.write_text(table)
    assert [entry.title for entry in Library(path)] == titles


def test_labels_are_no_titles(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("smiles,y,what\nCCO,-,ethanol\nC,1.5,methane\n")
    assert [entry.title for entry in Library(path, labels=("y",))] == ["ethanol", "methane"]
    path.write_text("smiles,y\nCCO,-\nC,1.5\n")
    assert [entry.title for entry in Library(path, labels=("y",))] == ["", ""]


def test_titles_of_two_lines_break_no_file(tmp_path):
    (tmp_path / "a.csv").write_text('smiles,name\nO,"two\nlines"\nO,plain\n')
    rows = [(entry, from_smiles(entry.content), {"tag": "a\n\nb"}) for entry in Library(tmp_path / "a.csv")]
    write_sdf(tmp_path / "a.sdf", rows)
    assert [data.name for data in read(tmp_path / "a.sdf")] == ["two lines", "plain"]
    assert [mol.GetProp("tag") for mol in Chem.SDMolSupplier(str(tmp_path / "a.sdf"))] == ["a\nb"] * 2
    write_extxyz(tmp_path / "a.xyz", [(data, {"name": entry.title}) for entry, data, _ in rows])
    assert [data.name for data in read(tmp_path / "a.xyz")] == ["two lines", "plain"]
