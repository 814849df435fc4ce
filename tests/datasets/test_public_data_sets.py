import io
import shutil
import tarfile
import urllib.error
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from rdkit import Chem
from torch_geometric.datasets import QM9

from tg_molfield.datasets import FreeSolvFields, QM9Fields
from tg_molfield.structures import from_smiles, read, to_rdkit

SMILES = ["C", "N", "O", "C#C", "C=O", "CCO", "c1ccoc1", "NC(=O)F"]
COLUMNS = "mol_id,A,B,C,mu,alpha,homo,lumo,gap,r2,zpve,u0,u298,h298,g298,cv,u0_atom,u298_atom,h298_atom,g298_atom"


def block(smiles: str, title: str) -> str:
    mol = to_rdkit(from_smiles(smiles))
    mol.SetProp("_Name", title)
    return Chem.MolToMolBlock(mol)


@pytest.fixture
def web(tmp_path, monkeypatch):
    """Files by the last part of their URL, and what has been asked for."""
    files: dict[str, bytes] = {}
    asked: list[str] = []

    def download_url(url, folder, filename):
        asked.append(url.rpartition("/")[2])
        if asked[-1] not in files:
            (Path(folder) / filename).write_bytes(b"half")
            raise urllib.error.URLError("no route to host")
        (Path(folder) / filename).write_bytes(files[asked[-1]])
        return str(Path(folder) / filename)

    monkeypatch.setattr("tg_molfield.datasets.downloading.download_url", download_url)
    return files, asked


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Eight molecules as the files of QM9, the third of which fails the check."""
    folder = tmp_path_factory.mktemp("raw")
    names = [f"gdb_{number}" for number in range(1, 9)]
    blocks = [block(smiles, name) for smiles, name in zip(SMILES, names, strict=True)]
    (folder / "gdb9.sdf").write_text("".join(f"{text}$$$$\n" for text in blocks))
    rows = [f"{name}," + ",".join(str(row + column / 8) for column in range(19)) for row, name in enumerate(names)]
    (folder / "gdb9.sdf.csv").write_text("\n".join([COLUMNS, *rows]) + "\n")
    skipped = "".join(f"{number:6d} C C 0.1\n" for number in (3, *range(1000, 4053)))
    (folder / "uncharacterized.txt").write_text("header\n" * 9 + skipped + "3054 compounds\n")
    return folder


def test_raw_files_of_qm9_give_what_pyg_gives(raw, tmp_path):
    shutil.copytree(raw, tmp_path / "pyg" / "raw")
    expected = QM9(str(tmp_path / "pyg"))
    dataset = QM9Fields(tmp_path / "root", raw)
    assert len(dataset) == len(expected) == 7
    for one, other in zip(dataset, expected, strict=True):
        assert torch.equal(one.z, other.z)
        assert torch.equal(one.pos, other.pos)
        assert one.name == other.name
        # PyG multiplies float32
        torch.testing.assert_close(one.y, other.y[:, :12], rtol=2e-7, atol=0)
    assert [Chem.CanonSmiles(smiles) for smiles in SMILES if smiles != "O"] == [data.smiles for data in dataset]


def test_arrays_of_qm9(data_dir, tmp_path):
    for name in ("geometries", "properties"):
        with np.load(data_dir / "qm9" / f"{name}.npz") as found:
            arrays = {key: found[key] for key in found}
        atoms = int(arrays["n"][:300].astype(int).sum()) if "n" in arrays else 0
        ends = {"z": atoms, "pos_milliangstrom": atoms, "names": 12}
        np.savez(tmp_path / name, **{key: array[: ends.get(key, 300)] for key, array in arrays.items()})
    dataset = QM9Fields(tmp_path / "root", tmp_path, dtype=torch.float64)
    assert len(dataset) == 300
    assert dataset.labels == ("mu", "alpha", "homo", "lumo", "gap", "r2", "zpve", "U0", "U", "H", "G", "Cv")
    others = read(data_dir / "smallmol" / "qm9_100.xyz.gz", dtype=torch.float64, labels=("mu", "U0"))
    for number, other in enumerate(others[:20], start=1):
        data = dataset[number - 1]
        assert data.name == f"gdb_{number}"
        assert torch.equal(data.z, other.z)
        torch.testing.assert_close(data.pos, other.pos, rtol=0, atol=5.1e-4)
        torch.testing.assert_close(data.y[0, [0, 7]], torch.cat([other.mu, other.U0 * 27.211386246]), rtol=1e-7, atol=0)
    with pytest.raises(ValueError, match="expected 'random' for molecules without SMILES"):
        dataset.split_idx(by="scaffold")


def test_qm9_is_downloaded_once(raw, tmp_path, web):
    files, asked = web
    with pytest.raises(ConnectionError, match=r"qm9\.zip: expected a file to download, got: no route to host; save it"):
        QM9Fields(tmp_path)
    assert list((tmp_path / "raw").iterdir()) == []
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.write(raw / "gdb9.sdf", "gdb9.sdf")
        archive.write(raw / "gdb9.sdf.csv", "gdb9.sdf.csv")
    files["qm9.zip"], files["3195404"] = content.getvalue(), (raw / "uncharacterized.txt").read_bytes()
    assert len(QM9Fields(tmp_path)) == 7
    assert asked == ["qm9.zip", "qm9.zip", "3195404"]
    assert len(QM9Fields(tmp_path)) == len(QM9Fields(tmp_path, force_reload=True)) == 7
    assert asked == ["qm9.zip", "qm9.zip", "3195404"]
    with pytest.raises(ValueError, match=r"got another properties \(, now logp\)"):
        QM9Fields(tmp_path, properties="logp")


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        (
            "gdb9.sdf.csv",
            "gdb_4,",
            "gdb_5,",
            r"gdb9\.sdf\.csv: expected the row of 'gdb_4', got that of 'gdb_5'; download",
        ),
        (
            "gdb9.sdf.csv",
            "homo",
            "gone",
            r"gdb9\.sdf\.csv: expected numbers in the columns mu, .*, got others for gdb_1",
        ),
        ("uncharacterized.txt", "  1000 C C 0.1\n", "", r"uncharacterized\.txt: expected 3054 molecules, got 3053"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(raw, tmp_path, name, old, new, message):
    folder = shutil.copytree(raw, tmp_path / "raw")
    path = folder / name
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        QM9Fields(tmp_path / "root", folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"expected gdb9\.sdf, .*, or geometries\.npz, .*, got no such files"):
        QM9Fields(tmp_path / "root", folder)


def test_freesolv_from_a_local_copy(data_dir, tmp_path):
    path = data_dir / "smallmol" / "freesolv.sdf.gz"
    dataset = FreeSolvFields(tmp_path, path)
    first = dataset[0]
    assert len(dataset) == 642
    assert (first.name, first.smiles) == ("mobley_1017962", "CCCCCC(=O)OC")
    assert torch.equal(first.y, torch.tensor([[-2.49]]))
    assert len(FreeSolvFields(tmp_path)) == 642


def test_freesolv_is_downloaded_once(tmp_path, web):
    files, asked = web
    table = (
        "# a comment; of; the; database\nmobley_1; CCO; ethanol; -5.00; 0.60; more\nmobley_2; C; methane; 2.00; 0.2\n"
    )
    files["database.txt"] = table.encode()
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, smiles in (("mobley_2", "C"), ("mobley_1", "CCO")):
            text = (block(smiles, "untitled") + "> <other>\n1\n\n$$$$\n").encode()
            entry = tarfile.TarInfo(f"sdffiles/{name}.sdf")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    with pytest.raises(ConnectionError, match=r"sdffiles\.tar\.gz: expected a file to download"):
        FreeSolvFields(tmp_path)
    files["sdffiles.tar.gz"] = content.getvalue()
    dataset = FreeSolvFields(tmp_path)
    assert [(data.name, data.smiles, data.y.item()) for data in dataset] == [
        ("mobley_1", "CCO", -5),
        ("mobley_2", "C", 2),
    ]
    assert torch.equal(FreeSolvFields(tmp_path, force_reload=True)[1].pos, dataset[1].pos)
    assert asked == ["database.txt", "sdffiles.tar.gz", "sdffiles.tar.gz"]
    files["database.txt"] = table.replace("mobley_2", "mobley_3").encode()
    with pytest.raises(
        ValueError, match=r"database\.txt: expected compounds of sdffiles\.tar\.gz, got 'mobley_3'; downl"
    ):
        FreeSolvFields(tmp_path / "other")
