import csv
import re

import pytest
from commands import refused, run, sdf
from rdkit import Chem
from rdkit.Chem import rdDistGeom

from tg_molfield import from_smiles, read
from tg_molfield.compare import align, screen
from tg_molfield.structures import SkippedRecordsWarning, StructureWarning

ASPIRIN, SALICYLIC = "CC(=O)Oc1ccccc1C(=O)O", "OC(=O)c1ccccc1O"


@pytest.fixture
def library(tmp_path):
    return sdf(tmp_path / "library.sdf", [SALICYLIC, "CCO", "CCCCCC", ASPIRIN, "c1ccccc1"])


def table(path):
    with open(path) as stream:
        return list(csv.DictReader(stream))


def test_how_alike_two_smiles_are():
    text = run("similarity", ASPIRIN, ASPIRIN, "--by", "shape", "color")
    assert re.search(r"1\.0000 +1\.0000 +1\.0000", text)
    score = align(from_smiles("CCO", properties=()), from_smiles("CCN", properties=()), "shape").score
    assert f"{score:.4f}" in run("similarity", "CCO", "CCN")


def test_each_record_against_each(tmp_path, library):
    output = tmp_path / "table.csv"
    other = sdf(tmp_path / "two.sdf", [ASPIRIN, "CCO"])
    assert "10 pairs" in run("similarity", library, other, "--by", "shape", "-o", output)
    rows = table(output)
    assert [row["rank"] for row in rows] == [str(i) for i in range(1, 11)]
    assert {(row["molecule"], row["other molecule"]) for row in rows[:2]} == {(ASPIRIN, ASPIRIN), ("CCO", "CCO")}
    scores = [float(row["score"]) for row in rows]
    assert scores == sorted(scores, reverse=True)


def test_docked_poses_are_ranked_where_they_are(tmp_path):
    poses = sdf(tmp_path / "poses.sdf", [ASPIRIN] * 3, [2.0, 0.5, 8.0])
    reference = sdf(tmp_path / "crystal.sdf", [ASPIRIN])
    output = tmp_path / "ranked.csv"
    run("similarity", poses, reference, "--in-place", "--by", "shape", "color", "-o", output)
    rows = table(output)
    assert [row["record"] for row in rows] == ["2", "1", "3"]
    assert float(rows[0]["score"]) > 0.6
    assert float(rows[2]["score"]) < 0.1
    run("similarity", poses, reference, "-o", output)
    assert all(float(row["score"]) > 0.9999 for row in table(output))


def test_a_molecule_is_laid_on_another_and_written(tmp_path, figures_of):
    fixed = sdf(tmp_path / "fixed.sdf", [ASPIRIN])
    mobile = sdf(tmp_path / "mobile.sdf", [ASPIRIN], [7.0])
    text = run("align", mobile, fixed, "-o", tmp_path / "moved.sdf", "-o", tmp_path / "overlay.html")
    assert f"{ASPIRIN} on {ASPIRIN}: score 1.0000\n" in text
    assert f"{tmp_path / 'moved.sdf'}: the moved molecule\n{tmp_path / 'overlay.html'}: both molecules\n" in text
    (moved,), (expected,) = read(tmp_path / "moved.sdf"), read(fixed)
    assert (moved.pos - expected.pos).norm(dim=1).max() < 0.01
    (mol,) = Chem.SDMolSupplier(str(tmp_path / "moved.sdf"))
    assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(ASPIRIN)
    assert mol.GetProp("tg_molfield_score") == "1.000000"
    page = (tmp_path / "overlay.html").read_text()
    assert f"<h1>{ASPIRIN} on {ASPIRIN}</h1>" in page
    (figure,) = figures_of(page)
    assert [trace["type"] for trace in figure["data"]].count("mesh3d") == 2


def test_the_best_of_several_conformers_of_smiles():
    def score(text):
        return float(re.search(r"score ([0-9.]+)", text)[1])

    one = run("align", ASPIRIN, SALICYLIC, "--by", "shape=3", "color=1")
    five = run("align", ASPIRIN, SALICYLIC, "--by", "shape=3", "color=1", "--conformers", "5")
    assert score(five) >= score(one)
    shape, color = (float(found) for found in re.search(r"shape ([0-9.]+), color ([0-9.]+)", five).groups())
    assert abs((3 * shape + color) / 4 - score(five)) < 1e-4  # printed with four decimals


def test_molecules_without_a_name_are_called_by_their_files(tmp_path):
    for name, smiles in (("one", "CCO"), ("two", "CCN")):
        mol = Chem.AddHs(Chem.MolFromSmiles(smiles))
        rdDistGeom.EmbedMolecule(mol, randomSeed=1)
        Chem.MolToMolFile(mol, str(tmp_path / f"{name}.sdf"))
    text = run("align", tmp_path / "one.sdf", tmp_path / "two.sdf")
    assert text.startswith("record 1 of one.sdf on record 1 of two.sdf: score")
    (tmp_path / "a").mkdir()
    (tmp_path / "two.sdf").rename(tmp_path / "a" / "one.sdf")
    files = (tmp_path / "one.sdf", tmp_path / "a" / "one.sdf")
    names = (f"record 1 of {tmp_path.name}/one.sdf", "record 1 of a/one.sdf")
    assert run("align", *files).startswith(f"{names[0]} on {names[1]}: score")
    assert all(name in run("similarity", *files) for name in names)


def test_records_are_chosen(tmp_path, library):
    text = run("align", library, library, "--record", "2", "--fixed-record", "3")
    assert "CCO on CCCCCC: score" in text
    assert run("align", library, "CCO").startswith(
        f"library.sdf: record 1 of 5; --record chooses another\n{SALICYLIC} on CCO"
    )
    assert "--record: expected a readable record from 1 to 5, got 9" in refused("align", library, "CCO", "--record", 9)


def test_a_library_is_searched_and_the_hits_written(tmp_path, library):
    outputs = [tmp_path / f"hits.{suffix}" for suffix in ("sdf", "csv", "html", "sdf.gz")]
    options = [word for path in outputs for word in ("-o", path)]
    text = run("screen", ASPIRIN, library, "--by", "shape", "color", "--top", "3", *options)
    assert "5 records" in text
    assert "queries" not in text
    rows = table(outputs[1])
    expected = screen(from_smiles(ASPIRIN, properties=(), color=True), library, ("shape", "color"), top=3)
    assert [row["title"] for row in rows] == [hit.title for hit in expected]
    assert rows[0]["title"] == ASPIRIN
    assert float(rows[0]["score"]) > 0.999
    for path in (outputs[0], outputs[3]):
        found = read(path, labels=["tg_molfield_score", "tg_molfield_shape", "tg_molfield_color"])
        for data, hit in zip(found, expected, strict=True):
            assert data.name == hit.title
            assert abs(float(data.tg_molfield_color) - hit.by_term["color"]) < 1e-6
            assert (data.pos - hit.moved.pos).abs().max() < 1e-4
    page = outputs[2].read_text()
    assert page.count('class="plot"') == 3
    assert f"1. {ASPIRIN}, score 1.000: shape 1.000, color 1.000" in page
    assert outputs[2].stat().st_size < 5e6
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["library.sdf", *(one.name for one in outputs)])


def test_an_interrupted_search_goes_on_when_told_to(tmp_path, library):
    hits, state = tmp_path / "hits.csv", tmp_path / "hits.csv.checkpoint"
    screen(from_smiles(ASPIRIN, properties=()), library, {"shape": 1.0}, checkpoint=state)
    message = refused("screen", ASPIRIN, library, "-o", hits)
    assert "hits.csv.checkpoint: expected no unfinished run, got one; give --resume" in message
    message = refused("screen", "CCO", library, "-o", hits, "--resume")
    assert "expected a checkpoint of this screen, got one with another query" in message
    run("screen", ASPIRIN, library, "-o", hits, "--resume")
    assert not state.exists()
    assert len(table(hits)) == 5


def test_a_table_of_smiles_is_searched(tmp_path):
    (tmp_path / "a.csv").write_text(f"id,smiles\nfirst,CCO\nbad,C1\nlast,{SALICYLIC}\n")
    with pytest.warns(SkippedRecordsWarning, match=r"a\.csv: record 2 \('bad'\): smiles: expected a valid SMILES"):
        text = run("screen", SALICYLIC, tmp_path / "a.csv", "--conformers", "2", "-o", tmp_path / "h.csv")
    assert "3 records, 1 of them not readable" in text
    assert "2 queries; the score of a molecule is that of the most alike" in text
    assert [row["title"] for row in table(tmp_path / "h.csv")] == ["last", "first"]


def test_broken_records_of_a_query_are_told(tmp_path, library):
    broken = tmp_path / "query.sdf"
    broken.write_text("nothing\n$$$$\n" + library.read_text())
    with pytest.warns(SkippedRecordsWarning, match="expected 6 readable records, got 5"):
        run("similarity", broken, "CCO")
    broken.write_text("nothing\n$$$$\n")
    assert "query.sdf: expected a readable record, got none among 1" in refused(
        "screen", broken, library, "-o", "h.csv"
    )


def test_what_is_read_is_not_overwritten(tmp_path, library):
    content = library.read_bytes()
    (tmp_path / "link.sdf").symlink_to(library)
    for output in (library, tmp_path / "link.sdf"):
        assert "--output: expected another file than those to read" in refused("screen", "CCO", library, "-o", output)
        assert "--output: expected another file than those to read" in refused("align", "CCO", library, "-o", output)
    assert library.read_bytes() == content


def test_missing_hydrogens_are_told_once(tmp_path):
    mol = Chem.MolFromMolBlock(sdf(tmp_path / "full.sdf", ["CCO"]).read_text())
    (tmp_path / "bare.sdf").write_text((Chem.MolToMolBlock(mol) + "$$$$\n") * 3)
    with pytest.warns(StructureWarning, match=r"\(and 2 more\)") as caught:
        run("similarity", tmp_path / "bare.sdf", "CCO")
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("align", "CCO", "nope"), "structure: expected a file or a SMILES, got nope, which is no file"),
        (("align", "CCO", "nope.sdf"), "nope.sdf: expected an existing file"),
        (("align", "CCO", "CCN", "--by", "form"), "--by: expected some of shape, color, esp, got form; choose"),
        (("align", "CCO", "CCN", "--by", "shape", "shape=2"), "--by: expected different terms, got shape twice"),
        (("align", "CCO", "CCN", "--by", "shape=much"), "--by: expected a number after shape=, got 'much'"),
        (("align", "CCO", "CCN", "--by", "shape=-1"), "by: expected positive weights"),
        (("align", "CCO", "CCN", "-o", "a.pdb"), "--output: expected a file with one of the suffixes .sdf, .html"),
        (("align", "CCO", "CCN", "--search", "best"), "search: expected one of fast"),
        (("align", "CCO", "CCN", "--conformers", "0"), "conformers: expected at least 1"),
        (("similarity", "a.sdf", "a.sdf", "--dimension", "2"), "dimension: expected 3"),
        (("similarity", "CCO", "CCN", "-o", "a.sdf"), "--output: expected a file with one of the suffixes .csv"),
        (("similarity", "CCO", "CCN", "--metric", "cosine"), "metric: expected one of"),
        (("screen", "CCO", "nope.sdf", "-o", "a.csv"), "nope.sdf: expected an existing file"),
        (("screen", "CCO", "nope.txt", "-o", "a.csv"), "expected a structure file"),
        (("screen", "CCO", "a.sdf", "-o", "a.html.gz"), "--output: expected a file with one of the suffixes"),
        (("screen", "CCO", "a.sdf"), "Missing option"),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert not list(tmp_path.iterdir())
