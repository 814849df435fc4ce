import csv
import gzip
import io
import json
import re
import sys
from base64 import b64decode

import numpy as np
import pytest
import torch
from commands import refused, run, sdf

from tg_molfield import from_smiles
from tg_molfield.nn import FieldAutoEncoder, OutOfDomainWarning
from tg_molfield.nn.embedding.nearest import nearest
from tg_molfield.structures import StructureWarning

TABLE = """Name,SMILES,logP,Class,ID,code_1
ethanol,CCO,-0.3,a,001,x
broken,CC(,1,b,002,
iron,[Fe],1,b,003,
benzene,c1ccccc1,2.1,c,004,
"acid, acetic",CC(=O)O,,c,005,
"""
XYZ = """3
energy=-76.5 name=water label=0012
O 0 0 0.117
H 0 0.757 -0.469
H 0 -0.757 -0.469
2

H 0 0 0
H 0 0 0.74
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "molecules.csv"
    path.write_text(TABLE)
    return path


def rows(path):
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def numbers(row, name, count):
    return torch.tensor([float(row[f"{name}_{place}"]) for place in range(count)])


def test_codes_with_what_the_table_says(tmp_path, table):
    output = tmp_path / "codes.csv.gz"
    text = run("embed", table, "-o", output)
    assert "5 records, 2 of them without a code" in text
    found = rows(output)
    assert [row["name"] for row in found] == ["ethanol", "benzene", "acid, acetic"]
    assert [row["record"] for row in found] == ["1", "4", "5"]
    assert [row["smiles"] for row in found] == ["CCO", "c1ccccc1", "CC(=O)O"]
    assert [row["logP"] for row in found] == ["-0.3", "2.1", ""]
    assert [row["ID"] for row in found] == ["001", "004", "005"]
    assert found[0]["code_1_in_file"] == "x"
    expected = FieldAutoEncoder.from_pretrained("organic-small").encode(from_smiles("c1ccccc1")).code[0]
    torch.testing.assert_close(numbers(found[1], "code", 512), expected.detach(), rtol=0, atol=1e-5)
    failed = rows(tmp_path / "codes.failed.csv")
    assert [(row["file"], row["record"], row["name"]) for row in failed] == [
        ("molecules.csv", "2", "broken"),
        ("molecules.csv", "3", "iron"),
    ]
    assert "valid SMILES" in failed[0]["reason"]
    assert "Fe" in failed[1]["reason"]


def test_numbers_survive_the_table(tmp_path, table):
    run("embed", table, "-o", tmp_path / "a.csv", "-o", tmp_path / "a.npz", "--summary")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        content = dict(arrays)
    assert "code" not in content
    written = torch.stack([numbers(row, "summary", 64) for row in rows(tmp_path / "a.csv")])
    assert torch.equal(written, torch.from_numpy(content["summary"]))
    np.testing.assert_array_equal(content["logP"], [-0.3, 2.1, np.nan])
    assert content["ID"].tolist() == ["001", "004", "005"]
    assert content["record"].tolist() == [1, 4, 5]


def test_neighbors(tmp_path, table):
    with pytest.warns(UserWarning, match="--neighbors: expected more than 5 molecules with a code, got 3; each has 2"):
        text = run("embed", table, "-o", tmp_path / "a.csv", "-o", tmp_path / "a.npz", "--neighbors", 5)
    with np.load(tmp_path / "a.npz") as content:
        expected = nearest(torch.from_numpy(content["code"][:, -64:]), 2)
        assert content["neighbors"].tolist() == expected.index.tolist()
        np.testing.assert_allclose(content["distances"], expected.distance, atol=1e-12)
    for row, near in zip(rows(tmp_path / "a.csv"), expected.index.tolist(), strict=True):
        assert [int(row["neighbor_1"]) - 1, int(row["neighbor_2"]) - 1] == near
    assert re.search(r"ethanol +0\.\d{4} acid, acetic", text)
    run("embed", table, "-o", tmp_path / "b.npz", "--neighbors", 1, "--distance", "euclidean")
    with np.load(tmp_path / "b.npz") as content:
        other = nearest(torch.from_numpy(content["code"][:, -64:]), 1, "euclidean")
        np.testing.assert_allclose(content["distances"], other.distance, atol=1e-12)


def test_a_single_molecule_has_no_neighbors(tmp_path):
    sdf(tmp_path / "one.sdf", ["CCO"])
    with pytest.warns(UserWarning, match="expected more than 1 molecule with a code, got 1; each has 0"):
        text = run("embed", tmp_path / "one.sdf", "-o", tmp_path / "a.csv", "--neighbors", 1)
    assert f"{tmp_path / 'a.csv'}: 1 molecule, codes of 512 numbers" in text
    assert "neighbor_1" not in rows(tmp_path / "a.csv")[0]
    assert not (tmp_path / "a.csv.checkpoint").exists()


def test_tags_and_smiles_of_an_sdf_file(tmp_path):
    path = sdf(tmp_path / "library.sdf", ["C[C@H](N)C(=O)O", "F/C=C/F"])
    text = path.read_text().replace("M  END\n", "M  END\n>  <smiles>\nown\n\n>  <pKa>\n2.34\n\n", 1)
    path.write_text(text)
    run("embed", path, "-o", tmp_path / "a.csv")
    found = rows(tmp_path / "a.csv")
    assert [row["smiles"] for row in found] == ["C[C@H](N)C(=O)O", "F/C=C/F"]
    assert [row["pKa"] for row in found] == ["2.34", ""]
    assert [row["smiles_in_file"] for row in found] == ["own", ""]
    assert not (tmp_path / "a.failed.csv").exists()


def test_values_of_xyz_comments_and_several_files(tmp_path, table):
    path = tmp_path / "frames.xyz"
    path.write_text(XYZ)
    run("embed", path, table, "-o", tmp_path / "a.csv")
    found = rows(tmp_path / "a.csv")
    assert [(row["file"], row["record"]) for row in found][:3] == [
        ("frames.xyz", "1"),
        ("frames.xyz", "2"),
        ("molecules.csv", "1"),
    ]
    assert [row["energy"] for row in found][:3] == ["-76.5", "", ""]
    assert found[0]["label"] == "0012"
    assert found[0]["smiles"] == ""
    assert found[0]["name"] == "water"
    assert [row["row"] for row in found] == ["1", "2", "3", "4", "5"]


def test_coordinates_of_all_files_are_read_in_double_precision(tmp_path):
    path = tmp_path / "far.xyz"
    atoms = [("C", 0.0, 0.1, 0.2), ("O", 1.2, 0.3, 0.1), ("H", -0.6, 0.9, 0.4), ("H", -0.5, -0.8, 0.3)]
    path.write_text(
        "".join(
            "4\n\n" + "".join(f"{symbol} {x + shift:.4f} {y:.4f} {z:.4f}\n" for symbol, x, y, z in atoms)
            for shift in (0, 100_000)
        )
    )
    run("embed", path, "-o", tmp_path / "codes.npz")
    with np.load(tmp_path / "codes.npz") as found:
        here, there = found["code"]
    np.testing.assert_allclose(here, there, atol=1e-5)


def test_a_later_run_without_failures_leaves_no_old_table_of_them(tmp_path, table):
    output = tmp_path / "a.csv"
    run("embed", table, "-o", output)
    table.write_text("smiles\nCCO\n")
    run("embed", table, "-o", output)
    assert rows(tmp_path / "a.failed.csv") == []


def test_properties_that_the_model_reads_are_computed(tmp_path, table):
    torch.manual_seed(0)
    model = FieldAutoEncoder(latent_dim=8, properties="partial_charge", encoder_options={"num_layers": 1}).eval()
    model.save(tmp_path / "model.safetensors")
    run("embed", table, "-o", tmp_path / "a.csv", "--model", tmp_path)
    found = rows(tmp_path / "a.csv")[0]
    expected = model.encode(from_smiles("CCO", properties="partial_charge")).code[0].detach()
    torch.testing.assert_close(numbers(found, "code", 8), expected, rtol=0, atol=1e-5)
    options = ("-o", tmp_path / "b.csv", "--model", tmp_path)
    assert "expected a model with a summary" in refused("embed", table, *options, "--summary")
    assert not (tmp_path / "b.csv").exists()


def test_a_model_without_summaries_has_neighbors_by_codes(tmp_path, table):
    torch.manual_seed(0)
    FieldAutoEncoder(latent_dim=8, encoder_options={"num_layers": 1}).save(tmp_path / "model.safetensors")
    run("embed", table, "-o", tmp_path / "a.npz", "--model", tmp_path, "--neighbors", 1)
    with np.load(tmp_path / "a.npz") as content:
        expected = nearest(torch.from_numpy(content["code"]), 1)
        assert content["neighbors"].tolist() == expected.index.tolist()


def test_a_data_set(tmp_path, table):
    with pytest.warns(StructureWarning, match="y has NaN for it"):
        run("build", table, "-o", tmp_path / "set", "--labels", "logP", "--seed", 4)
    run("embed", tmp_path / "set", "-o", tmp_path / "a.csv")
    found = rows(tmp_path / "a.csv")
    assert [row["name"] for row in found] == ["ethanol", "benzene", "acid, acetic"]
    assert [row["smiles"] for row in found] == ["CCO", "c1ccccc1", "CC(=O)O"]
    assert [row["logP"] for row in found] == ["-0.3", "2.1", ""]
    expected = FieldAutoEncoder.from_pretrained("organic-small").encode(from_smiles("CC(=O)O", seed=4)).code[0]
    torch.testing.assert_close(numbers(found[2], "code", 512), expected.detach(), rtol=0, atol=1e-5)
    options = ("-o", tmp_path / "b.csv")
    assert "--seed: expected files with it" in refused("embed", tmp_path / "set", *options, "--seed", 1)
    assert "expected one data set alone" in refused("embed", tmp_path / "set", table, *options)


def test_molecules_outside_the_training_set_are_named_by_record(tmp_path):
    path = tmp_path / "long.smi"
    path.write_text(f"CCO\n{'C' * 40} chain\n")
    with pytest.warns(OutOfDomainWarning, match=r"long\.smi: record 2.*at most 96 atoms"):
        run("embed", path, "-o", tmp_path / "a.csv")


def test_parquet(tmp_path, table):
    parquet = pytest.importorskip("pyarrow.parquet")
    run("embed", table, "-o", tmp_path / "a.parquet", "-o", tmp_path / "a.npz", "--neighbors", 2)
    found = parquet.read_table(tmp_path / "a.parquet").to_pydict()
    with np.load(tmp_path / "a.npz") as content:
        np.testing.assert_array_equal(np.array(found["code"], dtype=np.float32), content["code"])
        assert (np.array(found["neighbor_1"]) - 1).tolist() == content["neighbors"][:, 0].tolist()
    assert found["name"] == ["ethanol", "benzene", "acid, acetic"]


def test_a_map_of_the_molecules(tmp_path, table):
    frames = tmp_path / "frames.xyz"
    frames.write_text(XYZ)
    text = run("embed", table, frames, "-o", tmp_path / "map.html", "-o", tmp_path / "codes.csv")
    assert "map.html: a map of 5 molecules" in text
    html = (tmp_path / "map.html").read_text()
    data = json.loads(gzip.decompress(b64decode(re.search(r'type="application/gzip">([^<]*)', html)[1])))
    assert data["names"] == ["ethanol", "benzene", "acid, acetic", "water", "frames.xyz: record 2"]
    assert [svg.count("<circle") for svg in data["svgs"]] == [0, 0, 0, 3, 2]
    columns = {column["name"]: column for column in data["columns"]}
    assert columns["logP"]["values"] == [-0.3, 2.1, None, None, None]
    assert columns["Class"]["values"] == ["a", "c", "c", "", ""]
    assert columns["smiles"]["kind"] == "text"
    assert data["columns"][data["color"]]["name"] == "logP"
    assert len(rows(tmp_path / "codes.csv")) == 5


def test_a_map_by_umap_without_its_package_names_the_extra(tmp_path, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    message = refused("embed", table, "-o", tmp_path / "map.html", "--projection", "pca", "umap")
    assert "tg_molfield[maps]" in message
    assert not (tmp_path / "map.html").exists()


def test_parquet_without_its_package_names_the_extra(tmp_path, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert "tg_molfield[parquet]" in refused("embed", table, "-o", tmp_path / "a.parquet")


def test_no_molecule_with_a_code_is_an_error(tmp_path):
    path = tmp_path / "iron.smi"
    path.write_text("[Fe] iron\nCC( broken\n")
    message = refused("embed", path, "-o", tmp_path / "a.csv")
    assert "expected a molecule with a code, got none among 2 records" in message
    assert "record 1 ('iron')" in message
    assert not (tmp_path / "a.csv").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "{0}/a.csv", "-o", "{0}/../{1}/a.csv"], "twice"),
        (["-o", "{0}/molecules.csv"], "another file than those to read"),
        (["-o", "{0}/a.txt"], "one of the suffixes .csv, .npz, .parquet"),
        (["-o", "{0}/a.npz.gz"], "one of the suffixes"),
        (["-o", "{0}/a.csv", "--model", "organic-large"], "organic-small"),
        (["-o", "{0}/a.csv", "--neighbors", "0"], "1 or more"),
        (["-o", "{0}/a.csv", "--distance", "cosine"], "--neighbors with it"),
        (["-o", "{0}/a.csv", "--neighbors", "1", "--distance", "l1"], "cosine, euclidean"),
        (["-o", "{0}/a.csv", "--batch-size", "0"], "1 or more"),
        (["-o", "{0}/a.csv", "--projection", "pca"], "--projection: expected an output .html with it"),
        (["-o", "{0}/a.html", "--projection", "tsne"], "--projection: expected pca or umap, got tsne"),
        (["-o", "{0}/a.html.gz"], "one of the suffixes"),
        (["-o", "{0}/a.html", "--summary"], "--summary: expected a table (.csv, .npz or .parquet) with it"),
    ],
)
def test_options_that_do_not_fit_are_refused(tmp_path, table, options, message):
    assert message in refused("embed", table, *(one.format(tmp_path, tmp_path.name) for one in options))
    assert table.read_text() == TABLE


def test_a_file_to_read_is_named_once(tmp_path, table):
    other = tmp_path / ".." / tmp_path.name / table.name
    assert "expected different files" in refused("embed", table, other, "-o", tmp_path / "a.csv")


def test_the_table_of_failures_never_replaces_what_is_read(tmp_path, table):
    source = table.rename(tmp_path / "a.failed.csv")
    assert "another file than those to read" in refused("embed", source, "-o", tmp_path / "a.csv")
