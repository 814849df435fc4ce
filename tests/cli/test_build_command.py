import csv

import pytest
import torch
from ase import Atoms
from ase.io import write
from commands import refused, run, sdf

from tg_molfield import MolField, from_smiles
from tg_molfield.cli.data_sets import building
from tg_molfield.cli.data_sets.opening import opened
from tg_molfield.datasets import ComplexFields, EnsembleFields, MoleculeFields
from tg_molfield.structures import DroppedKeysWarning

TABLE = """name,smiles,measured log S (mol/l)
ethanol,CCO,1.1
broken,CC(,2
phenol,c1ccccc1O,-0.5
"""
PROTEIN = """\
ATOM      1  CA  GLY A   1       0.000   0.000   0.000  1.00  0.00           C
ATOM      2  CA  GLY A   2      -3.800   0.000   0.000  1.00  0.00           C
END
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "esol.csv"
    path.write_text(TABLE)
    return path


def test_a_table_becomes_a_data_set(tmp_path, table):
    root = tmp_path / "esol"
    text = run("build", table, "-o", root, "--labels", "measured log S (mol/l)", "--seed", 3)
    assert f"{root}: 2 molecules, labels measured log S (mol/l), " in text
    assert f"{root}/processed/failed.csv: 1 record failed" in text
    assert "valid SMILES" in text
    with (root / "processed" / "failed.csv").open() as stream:
        assert [row["name"] for row in csv.DictReader(stream)] == ["broken"]
    dataset = MoleculeFields(root)
    assert torch.equal(dataset[1].pos, from_smiles("c1ccccc1O", seed=3).pos)
    assert [data.y.item() for data in dataset] == pytest.approx([1.1, -0.5])
    again = run("build", table, "-o", root, "--labels", "measured log S (mol/l)", "--seed", 3)
    assert "2 molecules, labels measured log S (mol/l), built before" in again
    assert "kind        data set of molecules\n  molecules   2; records that failed: 1\n" in run("info", root)


def test_other_options_need_force(tmp_path, table):
    run("build", table, "-o", tmp_path / "a")
    message = refused("build", table, "-o", tmp_path / "a", "--conformers", 2)
    assert "give --force to build it again, or another --output" in message
    assert "4 molecules" in run("build", table, "-o", tmp_path / "a", "--conformers", 2, "--force")


def test_a_corrected_name_of_a_label_needs_no_force(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("smiles,logS\nCCO,1\n")
    assert "--labels: expected one column 'logs', got 0" in refused(
        "build", path, "-o", tmp_path / "a", "--labels", "logs"
    )
    assert "1 molecule, labels logS" in run("build", path, "-o", tmp_path / "a", "--labels", "logS")


@pytest.mark.parametrize(
    ("options", "attributes"),
    [
        (["--preset", "esp"], {"partial_charge"}),
        (["--channels", "C logp"], {"logp"}),
        (["--properties", "logp, aromatic", "--preset", "esp"], {"logp", "aromatic", "partial_charge"}),
        (["--preset", "color"], {"color_pos", "color_type", "color_count"}),
    ],
)
def test_what_a_field_reads_is_computed(tmp_path, options, attributes):
    path = sdf(tmp_path / "a.sdf", ["CCO", "CC(=O)N"])
    run("build", path, "-o", tmp_path / "a", *options)
    data = MoleculeFields(tmp_path / "a")[1]
    assert set(data.keys()) - {"z", "pos", "name", "smiles", "formal_charge"} == attributes
    if "color" in options:
        definition = MolField.preset("color")
        expected = definition(from_smiles("CC(=O)N", properties="auto", mol_field=definition))(data.pos)
        torch.testing.assert_close(definition(data)(data.pos), expected, rtol=0, atol=1e-3)


def test_several_files_and_folders(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    write(folder / "a.xyz", [Atoms("He"), Atoms("Ne", info={"gap": 2.0})], format="extxyz")
    other = sdf(tmp_path / "b.sdf", ["CCO"])
    with pytest.warns(DroppedKeysWarning, match="expected formal_charge, smiles in every molecule"):
        run("build", folder, other, "-o", tmp_path / "both")
    assert [data.z[0].item() for data in MoleculeFields(tmp_path / "both")] == [2, 10, 6]
    assert "1 molecule, labels gap" in run("build", folder, "-o", tmp_path / "one", "--labels", "gap")
    assert "expected different files" in refused("build", folder, folder / "a.xyz", "-o", tmp_path / "c")


def test_public_data_sets_by_name(tmp_path, data_dir):
    local = data_dir / "smallmol" / "freesolv.sdf.gz"
    text = run("build", "freesolv", "-o", tmp_path / "freesolv", "--local", local)
    assert "642 molecules, labels expt" in text
    for option in ("--labels", "--conformers", "--seed", "--timeout", "--dimension"):
        message = refused("build", "FreeSolv", "-o", tmp_path / "a", "--local", local, option, "3")
        assert f"{option}: expected molecules of your own with it, got freesolv; leave it out" in message
    assert "gdb9.sdf" in refused("build", "qm9", "-o", tmp_path / "a", "--local", tmp_path)
    assert not (tmp_path / "a").exists()


def test_complexes(tmp_path):
    folder = tmp_path / "set" / "1abc"
    folder.mkdir(parents=True)
    (folder / "1abc_protein.pdb").write_text(PROTEIN)
    (folder / "1abc_ligand.xyz").write_text("1\n\nO 3.0 0.0 0.0\n")
    (tmp_path / "labels.csv").write_text("name,affinity\n1abc,6.5\n")
    options = ("--pocket", 3.5, "--labels", "affinity", "--table", tmp_path / "labels.csv")
    text = run("build", tmp_path / "set", "-o", tmp_path / "a", *options)
    assert "1 complex, labels affinity" in text
    dataset = opened(tmp_path / "a")
    assert isinstance(dataset, ComplexFields)
    data = dataset[0]
    assert data.part.tolist() == [0, 1]
    assert data.y.item() == 6.5
    message = refused("build", tmp_path / "set", "-o", tmp_path / "b")
    assert "or --kind complexes for folders of complexes" in message
    message = refused("build", tmp_path / "set", "-o", tmp_path / "b", "--kind", "complexes", "--conformers", 2)
    assert "--conformers: expected a data set of molecules with it, got complexes" in message
    message = refused("build", tmp_path / "set", "-o", tmp_path / "b", "--kind", "molecules", "--pocket", 6)
    assert "--pocket: expected a data set of complexes with it, got molecules" in message
    assert "--kind: expected one of molecules, complexes" in refused(
        "build", folder, "-o", tmp_path / "b", "--kind", "x"
    )


def test_frames(tmp_path):
    frames = [Atoms("He", [[0.1 * step, 0, 0]], info={"gap": float(step)}) for step in range(7)]
    write(tmp_path / "a.xyz", frames, format="extxyz")
    text = run("build", tmp_path / "a.xyz", "-o", tmp_path / "a", "--stride", 2, "--labels", "gap")
    assert "4 frames, labels gap" in text
    dataset = opened(tmp_path / "a")
    assert isinstance(dataset, EnsembleFields)
    assert [data.y.item() for data in dataset] == [0, 2, 4, 6]
    run("build", tmp_path / "a.xyz", "-o", tmp_path / "b", "--kind", "frames")
    assert len(opened(tmp_path / "b")) == 7
    message = refused("build", tmp_path / "a.xyz", "-o", tmp_path / "c", "--kind", "frames", "--seed", 1)
    assert "--seed: expected a data set of molecules with it, got frames" in message


def test_options_without_effect_are_refused(tmp_path, table):
    path = sdf(tmp_path / "a.sdf", ["CCO"])
    cases = [
        ([table, "--local", tmp_path], "--local: expected freesolv or qm9 with it"),
        ([table, "--dimension", 3], "--dimension: expected an SDF or MOL file with it"),
        ([path, "--conformers", 2], "--conformers: expected a SMILES or a table of them with it"),
        ([path, "--preset", "mnf", "--channels", "C"], "expected none with --preset"),
        ([table, "--properties", "logq"], "properties: expected names among"),
        (["nix"], "nix: expected a file or folder of molecules, or freesolv or qm9, got none"),
        ([table, "--workers", -1], "--workers: expected 0 or more, got -1"),
    ]
    for arguments, message in cases:
        assert message in refused("build", *arguments, "-o", tmp_path / "a")
        assert not (tmp_path / "a").exists()


def test_a_file_is_no_folder_for_a_data_set(table):
    assert "Not a directory; give another --output" in refused("build", table, "-o", table)


def test_an_interrupted_build_says_how_to_go_on(tmp_path, table, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "built", interrupted)
    assert "stopped by Ctrl-C; the same command goes on where it was" in refused("build", table, "-o", tmp_path / "a")
