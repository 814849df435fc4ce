import csv
import re

import pytest
import torch
from rdkit import Chem
from torch_geometric.data import Data
from torch_geometric.loader import DataLoader

from tg_molfield import MolField, MolFieldTransform
from tg_molfield.compare import pocket
from tg_molfield.datasets import ComplexFields
from tg_molfield.structures import (
    DroppedKeysWarning,
    SkippedRecordsWarning,
    StructureWarning,
    from_smiles,
    read_complex,
    to_rdkit,
)

BACKBONE = (("N", 0.0, 0.0), ("CA", 1.4, 0.0), ("C", 2.0, 1.4), ("O", 1.2, 2.3))


def protein(*places, water=True):
    """A PDB file with the backbone of an alanine at each place on the z axis, in chain A from number 5, and a water."""
    rows = [
        f"ATOM  {4 * i + j:5d} {name:>3s}  ALA A{5 + i:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00{name[0]:>12s}"
        for i, z in enumerate(places)
        for j, (name, x, y) in enumerate(BACKBONE, start=1)
    ]
    hydration = "HETATM   99  O   HOH A  99       9.000   0.000   0.000  1.00  0.00           O"
    return "\n".join([*rows, *([hydration] if water else []), "END\n"])


def sdf(smiles="CO", shift=0.0, title="", **tags):
    """A record of an SDF with the molecule around the point (shift, 4, 0)."""
    data = from_smiles(smiles)
    data.pos += torch.tensor([shift, 4.5, 0.0]) - data.pos.mean(0)
    mol = to_rdkit(data)
    mol.SetProp("_Name", title)
    return Chem.MolToMolBlock(mol) + "".join(f"> <{k}>\n{v}\n\n" for k, v in tags.items()) + "$$$$\n"


def written(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def pdbbind(tmp_path):
    """Three complexes as in PDBbind, one of them without its ligand, and an index."""
    for number, code in enumerate(("1abc", "2xyz", "3def")):
        folder = tmp_path / "pdbbind" / "set" / code
        written(folder / f"{code}_protein.pdb", protein(0, 3.5, 30 + number))
        written(folder / f"{code}_pocket.pdb", protein(0))
        if code != "2xyz":
            written(folder / f"{code}_ligand.sdf", sdf(title=f"{code}_ligand"))
            written(folder / f"{code}_ligand.mol2", "not read beside an SDF\n")
    written(
        tmp_path / "pdbbind" / "index" / "INDEX_data.2020",
        "# PDB code, resolution, release year, -logKd/Ki, Kd/Ki, reference, ligand name\n"
        "3def  2.10  1999   4.31  Kd=49uM       // 3def.pdf (2-mer)\n"
        "1abc  NMR   2004  11.00  Ki<10pM       // 1abc.pdf (MOL)\n",
    )
    return tmp_path / "pdbbind"


def test_folders_as_in_pdbbind(pdbbind, tmp_path):
    index = pdbbind / "index" / "INDEX_data.2020"
    with (
        pytest.warns(SkippedRecordsWarning, match="3 readable records, got 2"),
        pytest.warns(StructureWarning, match="Kd/Ki: expected measured values, got bounds or estimates with '<'"),
    ):
        dataset = ComplexFields(tmp_path / "root", pdbbind, labels=("-logKd/Ki", "release year"), table=index)
    (failed,) = dataset.failed
    assert (failed.file, failed.title) == ("set/2xyz/2xyz_protein.pdb", "2xyz")
    assert failed.reason == "expected a ligand beside it, got none; add 2xyz_ligand.sdf"
    for data, code, y in zip(dataset, ("1abc", "3def"), ([11.0, 2004.0], [4.31, 1999.0]), strict=True):
        folder = pdbbind / "set" / code
        expected = read_complex(folder / f"{code}_protein.pdb", folder / f"{code}_ligand.sdf")
        assert all(torch.equal(data[key], expected[key]) for key in expected.keys() if key != "name")  # noqa: SIM118
        assert set(data.keys()) == {*expected.keys(), "protein", "smiles", "y"}
        assert (data.name, data.protein, data.smiles) == (code, f"set/{code}/{code}_protein.pdb", "CO")
        torch.testing.assert_close(data.y, torch.tensor([y]), rtol=0, atol=0)
    batch = next(iter(DataLoader(dataset, batch_size=2)))
    assert batch.part.tolist() == [*[0] * 6, *[1] * 12] * 2
    again = ComplexFields(tmp_path / "root", labels=("-logKd/Ki", "release year"))
    assert len(again) == 2


def test_pockets_have_whole_residues(pdbbind, tmp_path):
    folder = pdbbind / "set" / "1abc"
    whole = read_complex(folder / "1abc_protein.pdb", folder / "1abc_ligand.sdf")
    with pytest.warns(SkippedRecordsWarning):
        data = ComplexFields(tmp_path / "root", pdbbind, pocket=4.2)[0]
    assert torch.equal(data.pos, pocket(whole, 4.2).pos)
    near = torch.cdist(whole.pos[6:], whole.pos[:6]).amin(1) <= 4.2
    assert sorted(set(whole.residue_number[6:][near].tolist())) == [5, 6]
    assert torch.bincount(data.residue_number[data.part == 1]).tolist() == [0] * 5 + [4, 4]
    with pytest.raises(ValueError, match=r"another pocket \(4\.2, now 5\.0\)"):
        ComplexFields(tmp_path / "root", pdbbind, pocket=5)


def test_ligand_and_protein_are_apart_in_fields(pdbbind, tmp_path):
    definition = MolField("C O", split_parts=True)
    transform = MolFieldTransform(definition, num_queries=8, seed=0)
    with pytest.warns(SkippedRecordsWarning):
        data = ComplexFields(tmp_path / "root", pdbbind, transform=transform)[0]
    ligand = Data(z=data.z[data.part == 0], pos=data.pos[data.part == 0])
    torch.testing.assert_close(data.field[:, :2], MolField("C O")(ligand)(data.query_pos))
    assert list(definition(data).channels) == ["ligand.C", "ligand.O", "protein.C", "protein.O"]


def test_a_series_of_ligands_with_a_table_in_each_folder(tmp_path):
    for target in ("a", "b"):
        folder = tmp_path / "series" / target
        written(folder / "receptor.pdb", protein(0, 3.5))
        records = [sdf("CO", title="one"), sdf("CCO", 0.1, "two"), sdf("CO", 0.3, "Three")]
        written(
            folder / "ligands.sdf", "".join(records).replace("5.", "broken", 1) if target == "b" else "".join(records)
        )
        written(folder / "dG.csv", f"ligand,note,dG\none,x,-1.5\nthree,,{7 if target == 'a' else 8}\n")
    with (
        pytest.warns(
            SkippedRecordsWarning, match=r"6 readable records, got 5(?s:.*)b/ligands\.sdf: record 1 \('one'\)"
        ),
        pytest.warns(StructureWarning, match=r"\('two'\): label 'dG': expected a number, got none; .* \(and 1 more\)"),
    ):
        dataset = ComplexFields(tmp_path / "root", tmp_path / "series", labels="dG", table="dG.csv")
    assert [(data.name, data.protein) for data in dataset] == [
        *[(name, "a/receptor.pdb") for name in ("one", "two", "Three")],
        *[(name, "b/receptor.pdb") for name in ("two", "Three")],
    ]
    assert [data.y.item() for data in dataset][::2] == [-1.5, 7, 8]
    parts = dataset.split_idx((0.6, 0.4, 0), by="protein")
    assert [part.tolist() for part in parts.values()] == [[0, 1, 2], [3, 4], []]
    for seed in range(5):
        parts = dataset.split_idx((0.6, 0.4, 0), seed=seed)
        assert any({0, 2} <= set(part.tolist()) for part in parts.values())
    parts = dataset.split_idx((0.6, 0.4, 0), by="scaffold")
    assert sorted(map(len, parts.values())) == [0, 0, 5]
    with pytest.raises(ValueError, match="by: expected 'random', 'scaffold' or 'protein', got 'year'"):
        dataset.split_idx(by="year")


def test_tables_pair_files_and_residues(tmp_path):
    inside = protein(0, water=False).replace(
        "END", "HETATM   50  C1  LIG B   1       0.000   4.000   0.000  1.00  0.00           C\nEND"
    )
    written(tmp_path / "files" / "p.pdb", inside)
    written(tmp_path / "files" / "l.sdf", sdf(title="mine", pK="6.5"))
    table = written(
        tmp_path / "pairs.csv",
        "protein,ligand,name,kcal\nfiles/p.pdb,LIG,first,-3\nfiles/p.pdb,files/l.sdf,,-4\nfiles/p.pdb,files/m.sdf,third,1\n"
        "files/p.pdb,,,1\nfiles/p.pdb,NAN/C,fifth,1\n",
    )
    with (
        pytest.warns(SkippedRecordsWarning, match="expected 5 readable records, got 2"),
        pytest.warns(DroppedKeysWarning, match="expected smiles in every molecule"),
    ):
        dataset = ComplexFields(tmp_path / "root", table, labels="kcal")
    assert [(data.name, data.protein, data.y.item()) for data in dataset] == [
        ("first", "files/p.pdb", -3),
        ("mine", "files/p.pdb", -4),
    ]
    assert dataset[0].z.tolist() == [6, 7, 6, 6, 8]
    assert dataset[0].pos[0].tolist() == [0, 4, 0]
    assert "smiles" not in dataset[0]
    reasons = [one.reason for one in dataset.failed]
    assert reasons[0] == "m.sdf: expected an existing file, got none; correct the row"
    assert reasons[1] == "ligand: expected a file, got nothing; complete the row"
    assert "expected the residue 'NAN/C' as ligand, got a file without it" in reasons[2]
    with pytest.raises(ValueError, match="expected one column 'pK', got 0 among protein, ligand, name, kcal"):
        ComplexFields(tmp_path / "other", table, labels="pK")
    with pytest.raises(ValueError, match="table: expected None beside a source that is a table"):
        ComplexFields(tmp_path / "other", table, table=table)


def test_tags_of_the_ligand_are_labels(tmp_path):
    written(tmp_path / "set" / "1abc" / "protein.pdb", protein(0))
    written(tmp_path / "set" / "1abc" / "ligand.sdf", sdf(pK="6.5") + sdf(shift=0.2, pK="7"))
    dataset = ComplexFields(tmp_path / "root", tmp_path / "set", labels="pK")
    assert [(data.name, data.y.item()) for data in dataset] == [("1abc", 6.5), ("1abc 2", 7)]


def test_affinity_sets_by_another_process(data_dir, tmp_path):
    source = data_dir / "affinity" / "cmet"
    dataset = ComplexFields(tmp_path, source, pocket=6.0, labels="dG_kcal_per_mol", table="affinities.csv", workers=1)
    with (source / "affinities.csv").open(newline="") as stream:
        measured = {row["ligand"]: float(row["dG_kcal_per_mol"]) for row in csv.DictReader(stream)}
    assert {data.name for data in dataset} == set(measured)
    for data in dataset:
        assert data.y.item() == pytest.approx(measured[data.name], abs=1e-6)
        distance = torch.cdist(data.pos[data.part == 1], data.pos[data.part == 0]).amin(1)
        for number in data.residue_number[data.part == 1].unique():
            assert distance[data.residue_number[data.part == 1] == number].min() <= 6.0


def test_what_is_no_folder_of_complexes(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    written(empty / "readme.txt", "nothing")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"empty: expected complexes, got none; give a folder with NAME/NAME_prot"):
            ComplexFields(tmp_path / "root", empty)
    with pytest.raises(FileNotFoundError, match="absent: expected a folder or a table, got none"):
        ComplexFields(tmp_path / "root", tmp_path / "absent")
    with pytest.raises(ValueError, match=r"expected a folder or a table \(\.csv, \.tsv\), got 'readme\.txt'"):
        ComplexFields(tmp_path / "root", empty / "readme.txt")
    with pytest.raises(TypeError, match="source: expected the name of a file, got list"):
        ComplexFields(tmp_path / "root", [Data()])
    with pytest.raises(FileNotFoundError, match=r"molecules\.db: expected a data set, got none"):
        ComplexFields(tmp_path / "root")


def test_arguments_of_a_wrong_kind_are_named(pdbbind, tmp_path):
    for options, kind, message in (
        ({"pocket": -1}, ValueError, "pocket: expected a positive number of Å, got -1; give for example 6"),
        ({"pocket": float("nan")}, ValueError, "pocket: expected a positive number of Å, got nan"),
        ({"pocket": "6"}, TypeError, "pocket: expected a number, got str"),
        ({"waters": "no"}, TypeError, "waters: expected True or False, got 'no'; give one of them"),
        ({"hetero": None}, TypeError, "hetero: expected True or False, got NoneType; give one of them"),
        ({"table": "absent.csv"}, FileNotFoundError, r"absent\.csv: expected a file, or the name of one beside the"),
        (
            {"labels": "pK", "table": pdbbind / "index" / "INDEX_data.2020"},
            ValueError,
            r"expected a column of the index",
        ),
        (
            {"properties": "auto", "mol_field": MolField.preset("color")},
            ValueError,
            "mol_field: expected a definition that reads atoms, got one of pharmacophore features",
        ),
    ):
        with pytest.raises(kind, match=message):
            ComplexFields(tmp_path / "root", pdbbind, **options)


def test_properties_need_proteins_with_bonds(pdbbind, tmp_path):
    with pytest.raises(
        ValueError, match=r"(?s)expected a readable record, got none among 3.*protein: expected a format"
    ):
        ComplexFields(tmp_path / "root", pdbbind, properties="auto", mol_field=MolField.preset("esp"))
    for name, smiles, shift in (("ligand", "CO", 0.0), ("protein", "CCN", 5.0)):
        written(tmp_path / "bonds" / f"x_{name}.sdf", sdf(smiles, shift))
    data = ComplexFields(tmp_path / "sdf", tmp_path / "bonds", properties="logp")[0]
    assert torch.equal(data.logp[:6], from_smiles("CO", properties="logp").logp)
    assert len(data.logp) == data.num_nodes == 16
    with pytest.warns(StructureWarning, match="protein: expected residues to cut the pocket by, got a format without"):
        cut = ComplexFields(tmp_path / "cut", tmp_path / "bonds", pocket=4.0)[0]
    near = torch.cdist(data.pos[6:], data.pos[:6]).amin(1) <= 4.0
    assert cut.num_nodes == 6 + int(near.sum())


def test_names_of_other_programs(tmp_path):
    folder = tmp_path / "set"
    written(folder / "2abc_rec.pdb", protein(0, 4))
    written(folder / "2abc_lig.pdb", re.sub("ALA A", "LIG B", protein(8, water=False)))
    written(folder / "1a0q_protein_processed.pdb", protein(0))
    written(folder / "1a0q_protein.cif", "not as good as the PDB\n")
    written(folder / "1a0q_protein.pdb", protein(0, 4, 8))
    written(folder / "1a0q_ligand.mol2", "broken\n")
    written(folder / "3abc_ligand.sdf", sdf())
    with pytest.warns(SkippedRecordsWarning, match="expected 3 readable records, got 1"):
        dataset = ComplexFields(tmp_path / "root", folder)
    assert [(data.name, data.protein) for data in dataset] == [("2abc", "2abc_rec.pdb")]
    assert [one.title for one in dataset.failed] == ["1a0q", "3abc"]
    assert dataset.failed[1].reason == "expected a protein beside it, got none; add 3abc_protein.pdb"


def test_links_to_folders_are_followed_once(tmp_path):
    written(tmp_path / "set" / "1abc" / "protein.pdb", protein(0))
    written(tmp_path / "set" / "1abc" / "ligand.sdf", sdf())
    (tmp_path / "set" / "1abc" / "again").symlink_to(tmp_path / "set")
    assert [data.name for data in ComplexFields(tmp_path / "root", tmp_path / "set")] == ["1abc"]


def test_reasons_name_files_without_their_folders(tmp_path):
    written(tmp_path / "set" / "a_protein.pdb", protein(0) + protein(3))
    written(tmp_path / "set" / "a_ligand.sdf", sdf())
    written(tmp_path / "set" / "b_protein.pdb", protein(0, 4))
    written(tmp_path / "set" / "b_ligand.sdf", sdf())
    with pytest.warns(SkippedRecordsWarning):
        dataset = ComplexFields(tmp_path / "root", tmp_path / "set")
    assert dataset.failed[0].reason.startswith("a_protein.pdb: expected 1 model as protein, got 2; give one of them")


def test_a_table_with_two_rows_of_one_name(pdbbind, tmp_path):
    table = written(tmp_path / "t.csv", "pdb;pK\n1ABC;1\n1abc;2\n3def;5\n3def;5\n")
    with pytest.warns(SkippedRecordsWarning, match="expected 3 readable records, got 2"):
        dataset = ComplexFields(tmp_path / "root", pdbbind, table=table, labels="pK")
    assert [data.y.item() for data in dataset] == [2, 5]
    written(table, "pdb;pK\n1abc;1\n1abc;2\n3def;5\n")
    with pytest.warns(SkippedRecordsWarning, match=r"t\.csv: expected one row of '1abc', got 2; remove the others"):
        dataset = ComplexFields(tmp_path / "root", pdbbind, table=table, labels="pK", force_reload=True)
    assert [data.name for data in dataset] == ["3def"]
