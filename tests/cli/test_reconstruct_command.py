import re

import pytest
import torch
from commands import refused, run, sdf

from tg_molfield import FieldAutoDecoder, FieldAutoEncoder, Grid, MolField, Volume, from_smiles, psnr
from tg_molfield.inverse.superres import superresolve


def ratios(text):
    """The PSNR of all channels together, and of each."""
    found = re.search(r"PSNR against (.*): (\S+) dB, occupied (\S+) dB", text)
    rows = re.findall(r"^ *(?:channel )?(\w+) +([\d.]+|inf) +([\d.]+|inf) *$", text, re.M)
    return found[1], (float(found[2]), float(found[3])), {name: (float(a), float(b)) for name, a, b in rows}


def model_with(folder, mol_field, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = FieldAutoEncoder(mol_field, 16, encoder_options={"num_layers": 1, "out_channels": 8}, **options)
    model.save(folder / "model.safetensors")
    return model.eval()


def test_a_molecule_and_its_exact_field(tmp_path):
    output = tmp_path / "a.cube"
    text = run("reconstruct", "CCO", "-o", output, "-o", tmp_path / "a.npz", "--spacing", 0.5)
    against, both, channels = ratios(text)
    assert against == "the exact field"
    model = FieldAutoEncoder.from_pretrained("organic-small")
    data = from_smiles("CCO")
    written = Volume.read(tmp_path / "a.npz")
    learned, exact = model.field(data), model.mol_field(data)
    assert (learned.on(written.grid).values - written.values).abs().max() < 1e-5
    assert both == pytest.approx(psnr(written, exact, written.grid), abs=0.01)
    assert set(channels) == {"H", "C", "O", "all"}
    assert channels["C"] == pytest.approx(psnr(written[["C"]], exact[["C"]], written.grid), abs=0.01)
    assert re.search(r"^ *channel all +\d", text, re.M)
    assert text.splitlines()[-3].endswith("; the first counts 6 empty channels, too")
    assert re.search(r"the exact field: 0 in N, F, P, S, Cl, other; reconstructed at most \S+ there", text)
    assert Volume.read(output).atoms.z.tolist() == data.z.tolist()


def test_refined_codes_come_nearer(tmp_path):
    model_with(tmp_path, MolField("C O"))
    path = sdf(tmp_path / "a.sdf", ["CC", "CCO"])
    options = ("-o", tmp_path / "a.npz", "--model", tmp_path, "--spacing", 0.5, "--record", 2)
    text = run("reconstruct", path, *options)
    assert "record 2 of 2; --record chooses another" in text
    plain, refined = ratios(text)[1], ratios(run("reconstruct", path, *options, "--refine", 20))[1]
    assert refined[0] > plain[0] + 0.1


def test_pictures_and_pages_show_both_fields(tmp_path):
    pytest.importorskip("plotly")
    model_with(tmp_path, MolField("C O"))
    run(
        "reconstruct", "CCO", "--model", tmp_path, "--spacing", 0.5, "-o", tmp_path / "a.html", "-o", tmp_path / "a.svg"
    )
    assert (tmp_path / "a.svg").read_text().count("reconstructed") >= 1
    page = (tmp_path / "a.html").read_text()
    assert all(text in page for text in ("exact", "reconstructed", "PSNR, dB<", "occupied, dB"))
    run("reconstruct", "CCO", "--spacing", 1, "-o", tmp_path / "b.html")
    assert "PSNR, dB, with 6 empty channels" in (tmp_path / "b.html").read_text()


def test_what_the_model_and_its_field_read_is_computed(tmp_path):
    model_with(tmp_path, MolField.preset("esp"), properties="logp")
    text = run("reconstruct", "CCO", "--model", tmp_path, "-o", tmp_path / "a.npz", "--spacing", 1)
    assert "PSNR against the exact field" in text


def test_a_model_without_a_definition_has_nothing_to_compare_with(tmp_path):
    model_with(tmp_path, "density")
    text = run("reconstruct", "CCO", "--model", tmp_path, "-o", tmp_path / "a.npz", "--spacing", 1)
    assert "no exact field to compare with" in text
    assert "PSNR" not in text
    message = refused("reconstruct", "CCO", "--model", tmp_path, "-o", tmp_path / "a.npz", "--refine", 5)
    assert "--refine: expected a model that knows the definition of its field" in message


@pytest.fixture
def volume(tmp_path):
    data = from_smiles("CCO")
    volume = MolField("C O")(data).on(Grid.around(data.pos, 0.5, 2.5))
    volume.save(tmp_path / "a.npz")
    return volume


def test_a_fitted_field_and_its_volume(tmp_path, volume):
    fitted, _ = superresolve(volume, method="spline")
    fitted.save(tmp_path / "fitted.safetensors")
    options = ("--model", tmp_path / "fitted.safetensors", "--finer", 2)
    text = run("reconstruct", tmp_path / "a.npz", "-o", tmp_path / "b.npz", *options)
    against, both, channels = ratios(text)
    assert against == "the values of the volume"
    assert both == pytest.approx(psnr(fitted, volume, volume.grid), abs=0.01)
    assert set(channels) == {"C", "O"}
    finer = Volume.read(tmp_path / "b.npz")
    assert finer.grid.shape == volume.grid.refined(2).shape
    assert (fitted.on(finer.grid).values - finer.values).abs().max() < 1e-5


def test_one_of_the_fields_of_an_autodecoder(tmp_path, volume):
    model = FieldAutoDecoder("C O", 2, 4, decoder_options={"width": 8, "num_layers": 2})
    model.fit([volume, volume], max_steps=1)
    model.save(tmp_path / "model.safetensors")
    text = run("reconstruct", tmp_path / "a.npz", "-o", tmp_path / "b.npz", "--model", tmp_path, "--record", 2)
    assert ratios(text)[1] == pytest.approx(psnr(model.field(1), volume, volume.grid), abs=0.01)
    message = refused("reconstruct", tmp_path / "a.npz", "-o", tmp_path / "b.npz", "--model", tmp_path, "--record", 3)
    assert "--record: expected 1 to 2" in message


def test_what_does_not_go_together_is_refused(tmp_path, volume):
    fitted, _ = superresolve(volume, method="spline")
    fitted.save(tmp_path / "fitted.safetensors")
    volume[["C"]].save(tmp_path / "c.npz")
    cases = [
        ((tmp_path / "a.npz",), "got a volume; tg-molfield superres reconstructs volumes"),
        (("CCO", "--model", tmp_path / "fitted.safetensors"), "was fitted to, got a molecule; give that volume"),
        ((tmp_path / "c.npz", "--model", tmp_path / "fitted.safetensors"), "C O, got C; give the volume"),
        (("CCO", "--finer", 2), "--finer: expected a volume with it, got CCO"),
        ((tmp_path / "a.npz", "--spacing", 1), "--spacing: expected a molecule with it"),
        (("CCO", "--record", 2), "--record: expected a file with it"),
        (("CCO", "--level", 1), "--level: expected an .html file with it"),
    ]
    for arguments, message in cases:
        assert message in refused("reconstruct", *arguments, "-o", tmp_path / "b.npz")
        assert not (tmp_path / "b.npz").exists()
