import re
import subprocess
import sys
import warnings
from base64 import b64decode

import numpy as np
import pytest
import torch
from ase.build import molecule
from ase.calculators.vasp import VaspChargeDensity
from ase.io import write
from ase.io.cube import read_cube
from ase.io.xsf import read_xsf
from rdkit import Chem
from torch_geometric.data import Data
from typer.testing import CliRunner

from tg_molfield import FieldAutoEncoder, Grid, MolField, Volume, from_smiles, read, to_ase, to_rdkit
from tg_molfield.cli.app import app, main
from tg_molfield.structures import StructureWarning

pytestmark = pytest.mark.usefixtures("seeded")


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str) -> str:
    return str(CliRunner().invoke(app, [*arguments]).exception)


def test_smiles_to_every_output(tmp_path):
    outputs = [tmp_path / name for name in ("a.cube", "a.npz", "a.dx", "a.ccp4", "a.png", "a.svg", "a.html")]
    text = run(
        "field", "CCO", "--channels", "C", "--spacing", "0.8", *(word for path in outputs for word in ("-o", str(path)))
    )
    assert "channels C" in text
    for path in outputs:
        assert path.stat().st_size > 100, path
    with open(tmp_path / "a.cube") as stream:
        assert read_cube(stream)["atoms"].get_chemical_formula() == "C2H6O"
    assert np.allclose(Volume.read(tmp_path / "a.dx").values, Volume.read(tmp_path / "a.npz").values, atol=1e-5)


def test_empty_channels_are_left_out_of_volumes_unless_they_are_named(tmp_path):
    default = ("H", "C", "N", "O", "F", "P", "S", "Cl", "other")

    def written(name, *options):
        text = run("field", "CCO", "--spacing", "0.9", *options, "-o", str(tmp_path / name))
        return Volume.read(tmp_path / name).channels, text

    channels, text = written("a.cube")
    assert channels == ("H", "C", "O")
    assert "channels H C O (N F P S Cl other left out as empty; --empty writes them too)" in text
    assert written("b.npz")[0] == default, "the molecules of a data set have the same channels"
    assert written("c.npz", "--no-empty")[0] == ("H", "C", "O")
    assert written("d.cube", "--empty")[0] == default
    assert written("e.cube", "--channels", "S C")[0] == ("S", "C")
    assert written("f.cube", "--channels", "S C", "--no-empty")[0] == ("C",)
    assert written("g.cube", "--channels", "S", "--no-empty")[0] == ("S",), "a file without channels is none"
    assert "(N F P S Cl other left out as empty)" in run("field", "CCO", "-o", str(tmp_path / "a.png"))
    with pytest.raises(ValueError, match="--empty: expected a volume file with it"):
        run("field", "CCO", "--empty", "-o", str(tmp_path / "a.png"))


def test_structure_file_and_preset(tmp_path):
    write(tmp_path / "thiophene.xyz", molecule("C4H4S"))
    run("field", str(tmp_path / "thiophene.xyz"), "--preset", "vdw", "--spacing", "0.5", "-o", str(tmp_path / "v.cube"))
    volume = Volume.read(tmp_path / "v.cube")
    assert float(volume.values.min()) < -1.5
    assert volume.channels == ("all",)


def test_features_of_a_file_with_bonds_and_of_one_without(tmp_path):
    data = from_smiles("OCC", color=True)
    Chem.MolToMolFile(to_rdkit(data), str(tmp_path / "ethanol.sdf"))
    write(tmp_path / "ethanol.xyz", to_ase(data))
    for source in ("OCC", str(tmp_path / "ethanol.sdf"), str(tmp_path / "ethanol.xyz")):
        run("field", source, "--preset", "color", "--spacing", "0.6", "-o", str(tmp_path / "c.npz"))
        volume = Volume.read(tmp_path / "c.npz")
        assert volume.channels == ("donor", "acceptor", "ring", "hydrophobe", "cation", "anion")
        assert (volume.values.flatten(1).amax(1) > 0).tolist() == [True, True, False, False, False, False]


TIP3P_MOL2 = """@<TRIPOS>MOLECULE
water
3 2 1 0 0
SMALL
USER_CHARGES

@<TRIPOS>ATOM
1 O  0.0000 0.0000 0.0000 O.3 1 HOH -0.834
2 H1 0.9572 0.0000 0.0000 H 1 HOH 0.417
3 H2 -0.2400 0.9266 0.0000 H 1 HOH 0.417
@<TRIPOS>BOND
1 1 2 1
2 1 3 1
"""
TIP3P_XYZ = """3
Properties=species:S:1:pos:R:3:partial_charge:R:1
O 0.0000 0.0000 0.0000 -0.834
H 0.9572 0.0000 0.0000 0.417
H -0.2400 0.9266 0.0000 0.417
"""


@pytest.mark.parametrize(("suffix", "text"), [("mol2", TIP3P_MOL2), ("extxyz", TIP3P_XYZ)])
def test_a_preset_takes_the_charges_of_the_file(tmp_path, suffix, text):
    path = tmp_path / f"water.{suffix}"
    path.write_text(text)
    text = run("field", str(path), "--preset", "esp", "--spacing", "1.0", "-o", str(tmp_path / "esp.npz"))
    assert "partial charges: the file, sum 0.000 e" in text
    found = Volume.read(tmp_path / "esp.npz")
    water = Data(
        z=torch.tensor([8, 1, 1]),
        pos=torch.tensor([[0.0, 0.0, 0.0], [0.9572, 0.0, 0.0], [-0.24, 0.9266, 0.0]]),
        partial_charge=torch.tensor([-0.834, 0.417, 0.417]),
    )
    expected = MolField.preset("esp")(water).on(found.grid)
    assert torch.allclose(found.values, expected.values, rtol=1e-5, atol=1e-6)
    assert float(expected.values.abs().max()) > 0.1


def test_a_preset_without_charges_and_bonds_says_what_is_missing(tmp_path):
    write(tmp_path / "water.xyz", molecule("H2O"), plain=True)
    result = CliRunner().invoke(
        app, ["field", str(tmp_path / "water.xyz"), "--preset", "esp", "-o", str(tmp_path / "e.npz")]
    )
    assert result.exit_code
    assert "expected a format with bonds for properties" in str(result.exception)


def test_learned_field(tmp_path):
    FieldAutoEncoder("H C O", latent_dim=32, encoder_options={"num_layers": 0}, decoder_options={"num_slots": 8}).save(
        tmp_path / "m.safetensors"
    )
    arguments = ("--model", str(tmp_path / "m.safetensors"), "--spacing", "1.0", "-o", str(tmp_path / "l.npz"))
    run("field", "CO", *arguments)
    assert Volume.read(tmp_path / "l.npz").channels == ("H", "C", "O")


def test_a_model_gets_the_properties_that_it_reads(tmp_path):
    FieldAutoEncoder("C", 32, "atoms", properties="logp").save(tmp_path / "m.safetensors")
    run("field", "CO", "--model", str(tmp_path / "m.safetensors"), "--spacing", "1.0", "-o", str(tmp_path / "l.npz"))
    assert Volume.read(tmp_path / "l.npz").channels == ("C",)


def test_the_whole_smiles_is_the_title_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    smiles = "F/C=C/F"
    (tmp_path / "F" / "C=C").mkdir(parents=True)
    (tmp_path / smiles).write_text("a file named like the SMILES")
    run("field", smiles, "--spacing", "1", "-o", "a.html")
    assert f"<h1>{smiles}</h1>" in (tmp_path / "a.html").read_text()


def test_a_folder_named_like_the_smiles_is_no_structure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "CCO").mkdir()
    run("field", "CCO", "--spacing", "1", "-o", "a.cube")
    with open(tmp_path / "a.cube") as stream:
        assert read_cube(stream)["atoms"].get_chemical_formula() == "C2H6O"


def test_folders_and_devices_are_named(tmp_path):
    output = ("-o", str(tmp_path / "a.cube"))
    assert f"got the folder {tmp_path}; name a file in it" in refused("field", str(tmp_path), *output)
    assert f"got the folder {tmp_path}; name a file in it" in refused("align", "CCO", str(tmp_path))
    assert "got /dev/stdin, which is a pipe or device; save the structure" in refused("field", "/dev/stdin", *output)


def test_the_record_of_several_is_named(tmp_path):
    path = tmp_path / "frames.xyz"
    path.write_text("1\n\nO 0 0 0\n2\n\nC 0 0 0\nO 1.2 0 0\n")
    coarse = ("--spacing", "1", "-o", str(tmp_path / "a.npz"))
    assert "record 1 of 2; --record chooses another" in run("field", str(path), *coarse)
    assert "record 2 of 2" in run("field", str(path), "--record", "2", *coarse)
    assert len(Volume.read(tmp_path / "a.npz").atoms.z) == 2


def test_charges_are_named(tmp_path):
    output = ("-o", str(tmp_path / "a.npz"), "-o", str(tmp_path / "a.html"))
    text = run("field", "CC(=O)[O-]", "--preset", "esp", "--spacing", "1", *output)
    assert "partial charges: Gasteiger, sum -1.000 e" in text
    assert "Partial charges: Gasteiger, sum -1.000 e.</figcaption>" in (tmp_path / "a.html").read_text()


@pytest.mark.parametrize("suffix", ["mol2", "sdf"])
def test_a_file_is_read_once_to_tell_whose_charges_it_has(tmp_path, monkeypatch, suffix):
    from rdkit import Chem

    path, reads = tmp_path / f"water.{suffix}", []
    without = re.sub(r"HOH \S+", "HOH", TIP3P_MOL2.replace("USER_CHARGES", "NO_CHARGES"))
    path.write_text(without if suffix == "mol2" else Chem.MolToMolBlock(to_rdkit(from_smiles("O"))))
    monkeypatch.setattr(
        "tg_molfield.structures.reading.read_text", lambda path, salvage: reads.append(path) or (path.read_text(), "")
    )
    text = run("field", str(path), "--preset", "esp", "--spacing", "1", "-o", str(tmp_path / "a.npz"))
    assert "partial charges: Gasteiger" in text
    assert len(reads) == 1


def test_a_drawing_can_be_taken_as_a_geometry(tmp_path):
    from rdkit import Chem
    from rdkit.Chem import rdDepictor

    mol = Chem.AddHs(Chem.MolFromSmiles("C=C"))
    rdDepictor.Compute2DCoords(mol)
    Chem.MolToMolFile(mol, str(tmp_path / "flat.mol"))
    arguments = ("field", str(tmp_path / "flat.mol"), "--spacing", "1", "-o", str(tmp_path / "a.npz"))
    with pytest.raises(ValueError, match="2D drawing"):
        run(*arguments)
    run(*arguments, "--dimension", "3")


def test_missing_hydrogens_are_told_once(tmp_path):
    write(
        tmp_path / "heavy.xyz", molecule("C2H6CHOH")[[atom.index for atom in molecule("C2H6CHOH") if atom.number > 1]]
    )
    arguments = ("field", str(tmp_path / "heavy.xyz"), "--spacing", "1", "-o", str(tmp_path / "a.npz"))
    with pytest.warns(StructureWarning, match="the channel H is empty"):
        run(*arguments)
    run(*arguments, "--channels", "C O")
    write(tmp_path / "polar.xyz", without_hydrogens_at_carbon(molecule("C2H6CHOH")))
    with pytest.warns(StructureWarning, match="got none at carbon, so the channel H lacks them"):
        run("field", str(tmp_path / "polar.xyz"), *arguments[2:])


def without_hydrogens_at_carbon(atoms):
    distances = atoms.get_all_distances()
    return atoms[[a.index for a in atoms if a.number > 1 or distances[a.index, atoms.numbers == 6].min() > 1.3]]


def colors_of(figure):
    """The values at the vertices of the coloured surface, and the vertices."""
    (trace,) = [trace for trace in figure["data"] if "intensity" in trace]
    arrays = [np.frombuffer(b64decode(trace[name]["bdata"]), "<f4") for name in ("intensity", "x", "y", "z")]
    return arrays[0], np.stack(arrays[1:], 1)


def test_the_van_der_waals_surface_coloured_by_the_potential(tmp_path, figures_of):
    (tmp_path / "water.mol2").write_text(TIP3P_MOL2)
    page = tmp_path / "a.html"
    arguments = ("field", str(tmp_path / "water.mol2"), "--preset", "vdw", "--color-by", "esp", "-o", str(page))
    assert "partial charges: the file, sum 0.000 e" in run(*arguments, "--spacing", "0.5")
    shown, vertices = colors_of(figures_of(page.read_text())[0])
    (water,) = read(tmp_path / "water.mol2")
    points = torch.from_numpy(vertices.copy())
    expected = MolField.preset("esp")(water)(points)[:, 0]
    assert np.abs(shown - expected.numpy()).max() < 5e-3  # coordinates are rounded to 0.001 Å
    assert float(MolField.preset("vdw")(water)(points).abs().max()) < 0.15
    layout = figures_of(page.read_text())[0]["layout"]
    assert layout["coloraxis"]["cmin"] == -layout["coloraxis"]["cmax"] < -0.5
    assert layout["coloraxis"]["colorbar"]["title"]["text"] == "esp (V)"
    assert (
        "<figcaption>The van der Waals surface, coloured by the electrostatic potential of the partial charges in V. "
        "Partial charges: the file, sum 0.000 e." in page.read_text()
    )


def test_a_channel_colours_a_surface_at_a_distance(tmp_path, figures_of):
    page = tmp_path / "a.html"
    coarse = ("--spacing", "0.8", "-o", str(page))
    run("field", "CCI", "--preset", "vdw", "--level", "3.5", "--color-by", "logp", "--color-range", "0.2", *coarse)
    layout = figures_of(page.read_text())[0]["layout"]
    assert (layout["coloraxis"]["cmin"], layout["coloraxis"]["cmax"]) == (-0.2, 0.2)
    assert not any(annotation["text"] for annotation in layout["annotations"])  # the surface is whole
    text = page.read_text()
    assert "The surface where the signed distance to the van der Waals surface is 3.5 Å, coloured by the field" in text
    assert "MolField(&#x27;logp&#x27;)" in text


def test_a_density_is_coloured_at_its_default_level(tmp_path, figures_of):
    page = tmp_path / "a.html"
    run("field", "O", "--channels", "all", "--color-by", "promolecule", "--spacing", "0.5", "-o", str(page))
    axis = figures_of(page.read_text())[0]["layout"]["coloraxis"]
    assert axis["cmin"] == 0
    assert axis["colorbar"]["title"]["text"] == "promolecule (e/Å³)"
    assert "The surface where the field MolField(&#x27;all&#x27;) is 0." in page.read_text()


def test_a_total_charge_of_0_has_no_sign(tmp_path):
    page = tmp_path / "a.html"
    smiles = "CC(=O)Oc1ccccc1C(=O)O"
    text = run("field", smiles, "--preset", "vdw", "--color-by", "esp", "--spacing", "1", "-o", str(page))
    assert "partial charges: Gasteiger, sum 0.000 e" in text
    assert "Partial charges: Gasteiger, sum 0.000 e." in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("CCO", "-o", "a.foo"), "--output: expected a file with one of the suffixes"),
        (("CC(", "-o", "a.cube"), "structure: expected a file or a SMILES, got CC("),
        (("c1cc[nH]c1X", "-o", "a.cube"), "c1cc[nH]c1X"),
        (("C[/x]", "-o", "a.cube"), "C[/x]"),
        (("C" * 300 + "(", "-o", "a.cube"), "SMILES Parse Error"),
        (("C", "-o", "a.png.gz"), "--output: expected a file with one of the suffixes"),
        (("C", "--spacing", "0.0005", "-o", "a.cube"), "larger --spacing"),
        (("C", "--spacing", "1e30", "-o", "a.cube"), "--spacing: expected less than the box around the atoms"),
        (("missing.sdf", "-o", "a.cube"), "missing.sdf: expected an existing file, got none"),
        (("CCO", "--preset", "nix", "-o", "a.cube"), "got 'nix'"),
        (("CCO", "--preset", "vdw", "--channels", "C", "-o", "a.cube"), "--channels: expected none with --preset"),
        (("CCO", "--model", "a", "--width-scale", "1", "-o", "a.cube"), "--width-scale: expected none with --model"),
        (("CCO", "--level", "1", "-o", "a.cube"), "--level: expected an .html file with it, got a.cube"),
        (("CCO", "--color-by", "esp", "-o", "a.png"), "--color-by: expected an .html file with it, got a.png"),
        (("CCO", "--color-by", "esp", "-o", "a.html"), "expected fields of one channel, got H, C, N, O"),
        (("CCO", "--preset", "vdw", "--color-by", "mnf", "-o", "a.html"), "mnf has several; name one channel"),
        (("CCO", "--preset", "vdw", "--color-by", "nix", "-o", "a.html"), "nix"),
        (("CCO", "--color-range", "1", "-o", "a.html"), "--color-range: expected --color-by with it, got 1.0"),
        (
            ("C", "--preset", "vdw", "--color-by", "C", "--color-range", "-1", "--spacing", "1", "-o", "a.html"),
            "--color-range: expected a positive, finite number, got -1.0",
        ),
        (
            ("C", "--preset", "vdw", "--level", "inf", "--spacing", "2", "-o", "a.html"),
            "level: expected a value between",
        ),
        (("CCO", "--model", "nix.safetensors", "-o", "a.cube"), "nix.safetensors"),
        (("C" * 250, "--timeout", "1", "-o", "a.cube"), "(752 atoms) within 1 s"),
        (("CCO", "--timeout", "0", "-o", "a.cube"), "timeout: expected a positive number of seconds"),
        (("CCO", "--timeout", "inf", "-o", "a.cube"), "timeout: expected a positive number of seconds up to 1000000"),
        (("C\nC(", "-o", "a.cube"), "expected one SMILES, got 2 lines"),
        (("a.sdf", "--timeout", "1", "-o", "a.cube"), "--timeout: expected a SMILES with it, got the file a.sdf"),
        (("CCO", "--record", "2", "-o", "a.cube"), "--record: expected a file with it, got CCO"),
        (("CCO", "--dimension", "3", "-o", "a.cube"), "--dimension: expected a file with it, got CCO"),
        (("FP(F)F.*", "-o", "a.cube"), "dummy atom"),
        (("", "-o", "a.cube"), "no atoms"),
        (("CC>>CO", "-o", "a.cube"), "CC>>CO"),
        (("CCO", "--channels", "C Qq", "-o", "a.cube"), "'Qq'"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(tmp_path, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tg-molfield", "field", *arguments])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 1
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    assert message in shown
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_command_itself(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from tg_molfield.cli import main; main()", "field", "CC(", "-o", "a.cube"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("error: structure: expected a file or a SMILES, got CC(")
    assert done.stderr.count("\n") == 1


def test_help_names_the_commands():
    text = run("--help")
    assert "demo" in text
    assert "field" in text
    assert "PyG" not in run("demo", "--help")


FLUORITE = """data_fluorite
_cell_length_a 5.4626
_cell_length_b 5.4626
_cell_length_c 5.4626
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ca1 Ca 0 0 0
F1 F 0.25 0.25 0.25
"""


@pytest.fixture
def fluorite(tmp_path):
    path = tmp_path / "fluorite.cif"
    path.write_text(FLUORITE)
    return path


def test_a_crystal_is_sampled_over_its_cell(tmp_path, fluorite):
    names = ("CHGCAR", "a.xsf", "a.cube", "a.ccp4", "a.html", "a.png")
    outputs = [word for name in names for word in ("-o", str(tmp_path / name))]
    assert "10×10×10 nodes" in run("field", str(fluorite), "--channels", "F", "--spacing", "0.6", *outputs)
    (data,) = read(fluorite)
    expected = MolField("F")(data).on(Grid.from_cell(data.cell, (10, 10, 10)))

    charges = VaspChargeDensity(str(tmp_path / "CHGCAR"))
    assert charges.atoms[0].get_chemical_formula() == "Ca4F8"
    assert np.allclose(charges.atoms[0].cell, 5.4626 * np.eye(3), atol=1e-6)
    assert np.allclose(charges.chg[0], expected.values[0], atol=1e-6)
    with open(tmp_path / "a.xsf") as stream:
        values, origin, _, atoms = read_xsf(stream, read_data=True)
    assert np.allclose(values[:-1, :-1, :-1], expected.values[0], atol=1e-6)
    assert np.allclose(origin, 0)
    assert np.allclose(atoms.cell, 5.4626 * np.eye(3), atol=1e-6)
    with open(tmp_path / "a.cube") as stream:
        cube = read_cube(stream)
    assert np.allclose(cube["data"], expected.values[0], atol=1e-5)
    assert np.allclose(cube["atoms"].cell, 5.4626 * np.eye(3), atol=1e-6)
    for name in names[:4]:
        assert Volume.read(tmp_path / name).periodic == (True, True, True)


def test_a_margin_gives_a_box_around_the_atoms_of_a_crystal(tmp_path, fluorite):
    arguments = ("field", str(fluorite), "--channels", "F", "--spacing", "1", "--margin", "2")
    run(*arguments, "-o", str(tmp_path / "a.npz"))
    box = Volume.read(tmp_path / "a.npz")
    (data,) = read(fluorite)
    assert box.grid == Grid.around(data.pos, 1.0, 2.0)
    assert box.periodic == (False, False, False)
    with pytest.raises(
        ValueError, match=r"expected a volume that is periodic .*on its cell, without --margin, or save as"
    ):
        run(*arguments, "-o", str(tmp_path / "CHGCAR"))
