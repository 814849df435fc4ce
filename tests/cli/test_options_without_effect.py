import pytest
from commands import refused, run, sdf

from tg_molfield import FieldAutoEncoder, Volume, from_smiles

FILE, SMILES, DRAWING = "expected a file with it", "expected a SMILES", "expected an SDF or MOL file with it"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("field", "CCO", "--record", "1"), f"--record: {FILE}, got CCO"),
        (("field", "a.xyz", "--dimension", "3"), f"--dimension: {DRAWING}, got a.xyz"),
        (("field", "a.sdf", "--timeout", "20"), f"--timeout: {SMILES}"),
        (("align", "CCO", "a.sdf", "--record", "1"), f"--record: {FILE}, got CCO"),
        (("align", "a.sdf", "CCO", "--fixed-record", "4"), f"--fixed-record: {FILE}, got CCO"),
        (("align", "a.sdf", "a.xyz", "--conformers", "5"), f"--conformers: {SMILES} or a table of them with it"),
        (("align", "CCO", "a.xyz", "--dimension", "3"), f"--dimension: {DRAWING}, got CCO, a.xyz"),
        (("similarity", "a.sdf", "a.sdf", "--seed", "0"), f"--seed: {SMILES} or a table of them with it"),
        (
            ("similarity", "CCO", "CCO", "--in-place", "--search", "fast"),
            "--search: expected molecules that are aligned",
        ),
        (("screen", "a.sdf", "b.sdf", "--timeout", "9"), f"--timeout: {SMILES} or a table of them with it"),
        (("screen", "CCO", "a.smi", "--dimension", "3"), f"--dimension: {DRAWING}, got CCO, a.smi"),
        (("embed", "a.sdf", "--seed", "3"), f"--seed: {SMILES} or a table of them with it, got a.sdf"),
        (("embed", "a.smi", "--dimension", "3"), f"--dimension: {DRAWING}, got a.smi"),
    ],
)
def test_options_without_effect_are_refused(tmp_path, arguments, message):
    name = {"field": "a.cube", "screen": "hits.csv"}.get(arguments[0], "a.csv")
    output = tmp_path / ("a.sdf" if arguments[0] == "align" else name)
    assert message in refused(*arguments, "-o", output)
    assert not output.exists()


def test_options_with_effect_are_taken(tmp_path):
    path, table = sdf(tmp_path / "a.sdf", ["CCO", "CCN"]), tmp_path / "a.smi"
    table.write_text("CCC\n")
    run("align", path, "CCO", "--record", 2, "--dimension", 3, "--conformers", 2, "--seed", 1)
    run("similarity", path, table, "--seed", 1, "--search", "fast")
    run("embed", path, table, "--seed", 1, "--timeout", 9, "--dimension", 3, "-o", tmp_path / "a.csv")


def test_models_of_the_package_are_named(tmp_path):
    output = tmp_path / "a.npz"
    run("field", "CCO", "--model", "organic-small", "--spacing", "1", "-o", output)
    written = Volume.read(output)
    learned = FieldAutoEncoder.from_pretrained("organic-small").field(from_smiles("CCO"))
    assert written.channels == learned.channels
    assert (written.values - learned.on(written.grid).values).abs().max() < 1e-4
    message = refused("field", "CCO", "--model", "organic-large", "-o", output)
    assert "organic-large: expected a model of this package (organic-small, qm9-latent), a file or a folder" in message
